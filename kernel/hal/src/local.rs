//! Values each CPU has for itself, reached with interrupts off: under the allocators.

use core::cell::UnsafeCell;

use crate::cpu::{self, MAX_CPUS};
use crate::irq::IrqMask;

/// One `T` a CPU, reached with interrupts off.
pub(crate) struct PerCpuCell<T> {
    cells: [Padded<T>; MAX_CPUS],
}

/// A value on cache lines of its own.
#[repr(align(64))]
pub(crate) struct Padded<T> {
    /// Host threads may share a CPU number, so there the cell needs a lock of its own.
    #[cfg(not(target_os = "none"))]
    lock: crate::lock::RawLock<()>,
    value: UnsafeCell<T>,
}

// SAFETY: a cell is reached by its own CPU only, with interrupts off (on the host: under its lock).
unsafe impl<T: Send> Sync for PerCpuCell<T> {}

impl<T> PerCpuCell<T> {
    /// One cell a CPU: `PerCpuCell::new([const { Padded::new(value) }; MAX_CPUS])`.
    pub(crate) const fn new(cells: [Padded<T>; MAX_CPUS]) -> Self {
        PerCpuCell { cells }
    }

    /// Runs `f` on this CPU's value. `f` must not come back to the same cell.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _irq = IrqMask::new();
        let cell = &self.cells[cpu::current().index()];
        #[cfg(not(target_os = "none"))]
        let _held = cell.lock.lock();
        // SAFETY: interrupts are off and the cell is this CPU's, so no other reference exists.
        f(unsafe { &mut *cell.value.get() })
    }

    /// A racy look at each CPU's value, for counters.
    pub(crate) fn peek(&self, mut f: impl FnMut(*const T)) {
        for c in &self.cells {
            f(c.value.get());
        }
    }
}

impl<T> Padded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Padded {
            #[cfg(not(target_os = "none"))]
            lock: crate::lock::RawLock::new(()),
            value: UnsafeCell::new(value),
        }
    }
}
