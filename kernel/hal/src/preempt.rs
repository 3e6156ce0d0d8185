//! Preemption: the count that keeps a thread on its processor, and the wish to reschedule.
//!
//! The count belongs to the thread, so raising it needs no interrupt lock: a thread that moves between
//! the load and the store takes its count along. Nothing here sleeps except, when the last guard goes
//! and a reschedule is due, the scheduler it calls.

use core::marker::PhantomData;
use core::sync::atomic::{Ordering, compiler_fence};

use crate::cpu::{self, CpuId, Pinned, sealed};
use crate::{head, hooks, irq, machine};

/// One interrupt level in the count.
pub(crate) const HARD_IRQ: u32 = 1 << 16;

/// Keeps this thread on its processor while it lives. Cost: four instructions to take, six to give
/// back; giving back the last one may run the scheduler.
#[derive(Debug)]
pub struct PreemptGuard {
    here: PhantomData<*mut ()>,
}

impl PreemptGuard {
    /// Raises the count.
    #[inline]
    #[must_use]
    pub fn new() -> PreemptGuard {
        head().enter(1);
        compiler_fence(Ordering::SeqCst);
        PreemptGuard { here: PhantomData }
    }
}

impl Default for PreemptGuard {
    fn default() -> Self {
        PreemptGuard::new()
    }
}

impl Drop for PreemptGuard {
    #[inline]
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        if head().leave(1) {
            reschedule_if_allowed();
        }
    }
}

impl sealed::Sealed for PreemptGuard {}
impl Pinned for PreemptGuard {}

/// How many guards hold this thread on its processor; interrupt handlers count as one more each.
/// 0 means it may sleep and may be preempted.
#[inline]
pub fn count() -> u32 {
    let raw = head().count();
    (raw % HARD_IRQ) + raw / HARD_IRQ
}

/// Whether an interrupt handler runs here.
#[inline]
pub fn in_interrupt() -> bool {
    head().count() >= HARD_IRQ
}

/// Asks `cpu` to run its scheduler soon: at the end of its interrupt or guard. Another processor is
/// sent an interrupt.
pub fn set_need_resched(cpu: CpuId) {
    // The pin makes "this processor" and the flag of its thread one moment.
    let _pin = irq::IrqMask::new();
    if cpu == cpu::current() {
        head().want_resched(true);
    } else {
        crate::ipi::send(cpu.mask(), crate::ipi::Ipi::Reschedule);
    }
}

/// Whether the scheduler has been asked for on this processor.
#[inline]
pub fn need_resched() -> bool {
    head().wants_resched()
}

/// The scheduler has taken notice.
#[inline]
pub fn clear_need_resched() {
    head().want_resched(false);
}

/// Runs the scheduler if one is wanted and nothing forbids it. For long loops: call it now and then.
#[inline]
pub fn check() {
    if head().due() {
        reschedule_if_allowed();
    }
}

#[cold]
#[inline(never)]
pub(crate) fn reschedule_if_allowed() {
    while machine::irqs_enabled() && head().due() && hooks::reschedule() {}
}
