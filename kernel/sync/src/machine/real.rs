//! hal's guards, clock and processor number.

pub(crate) use hal::irq::IrqGuard;
pub(crate) use hal::preempt::PreemptGuard;
#[cfg(any(debug_assertions, feature = "lockdep"))]
pub(crate) use hal::preempt::{count as preempt_count, in_interrupt};

/// How a spin lock passes the time until it is free.
pub(crate) struct Relax;

impl spin::relax::RelaxStrategy for Relax {
    #[inline]
    fn relax() {
        core::hint::spin_loop();
    }
}

/// Nanoseconds since the machine started.
#[inline]
pub(crate) fn now_ns() -> u64 {
    hal::time::now_ns()
}

/// This processor's number.
#[inline]
pub(crate) fn cpu() -> hal::cpu::CpuId {
    hal::cpu::current()
}

/// Where a model checker may switch threads.
#[inline]
pub(crate) fn interleave() {}
