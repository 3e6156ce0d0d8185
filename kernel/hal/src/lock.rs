//! The lock under every other: used by the frame and heap allocators and by page tables, which
//! stand below the ranked locks of `sync`. Test-and-set, unfair on purpose: a virtual CPU that
//! holds a ticket may not be running.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::irq::IrqMask;

/// A value behind a test-and-set lock held with interrupts off.
pub(crate) struct RawLock<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the lock hands out one exclusive reference at a time.
unsafe impl<T: Send> Sync for RawLock<T> {}

impl<T> RawLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        RawLock {
            held: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> RawGuard<'_, T> {
        let irq = IrqMask::new();
        while self.held.swap(true, Ordering::Acquire) {
            while self.held.load(Ordering::Relaxed) {
                core::hint::spin_loop();
            }
        }
        RawGuard {
            lock: self,
            _irq: irq,
        }
    }

    /// The lock if nobody holds it.
    #[cfg(target_os = "none")]
    pub(crate) fn try_lock(&self) -> Option<RawGuard<'_, T>> {
        let irq = IrqMask::new();
        let taken = !self.held.swap(true, Ordering::Acquire);
        taken.then_some(RawGuard {
            lock: self,
            _irq: irq,
        })
    }
}

pub(crate) struct RawGuard<'a, T> {
    lock: &'a RawLock<T>,
    _irq: IrqMask,
}

impl<T> Deref for RawGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists only while the lock is held.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for RawGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard exists only while the lock is held.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for RawGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.held.store(false, Ordering::Release);
    }
}
