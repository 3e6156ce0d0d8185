//! The machine under shuttle: one processor number, a clock that stands, no interrupts.

/// Interrupts do not exist here; the lock alone excludes.
pub(crate) struct IrqGuard;

impl IrqGuard {
    pub(crate) fn new() -> Self {
        Self
    }
}

/// Every thread may be preempted at any point shuttle likes.
pub(crate) struct PreemptGuard;

impl PreemptGuard {
    pub(crate) fn new() -> Self {
        Self
    }
}

/// A spinning thread lets the others run, or shuttle would spin for ever.
pub(crate) struct Relax;

impl spin::relax::RelaxStrategy for Relax {
    fn relax() {
        shuttle::hint::spin_loop();
    }
}

pub(crate) fn now_ns() -> u64 {
    0
}

pub(crate) fn cpu() -> hal::cpu::CpuId {
    hal::cpu::CpuId::BOOT
}

/// A lock is about to be tried: another thread may get it first.
pub(crate) fn interleave() {
    shuttle::thread::yield_now();
}

/// No interrupt handlers in a model.
#[cfg(any(debug_assertions, feature = "lockdep"))]
pub(crate) fn in_interrupt() -> bool {
    false
}

#[cfg(any(debug_assertions, feature = "lockdep"))]
pub(crate) fn preempt_count() -> u32 {
    0
}
