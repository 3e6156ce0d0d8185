//! Interrupts between processors.
//!
//! Translation shootdown needs none: the machine broadcasts its invalidations.

use crate::cpu::CpuMask;
use crate::machine;

/// What one processor asks of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Ipi {
    /// Run the scheduler.
    Reschedule = 0,
    /// Run the installed `call_function` hook.
    CallFunction = 1,
    /// Stop for good: the kernel is going down.
    Stop = 2,
}

/// Interrupts every processor of `to`, this one too if it is in it. Never waits. What was written to
/// memory before is seen by the receiver. Cost: a barrier and one or two device writes.
pub fn send(to: CpuMask, what: Ipi) {
    machine::ipi_send(to, what);
}
