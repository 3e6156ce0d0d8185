//! Spin locks: unfair test-and-set, for sections of a few instructions that never sleep.
//!
//! Unfair, because virtual processors get descheduled: a ticket held by a stopped one would stop all
//! the others. What the guard keeps off is in the type: preemption, or interrupts too.

use core::ops::{Deref, DerefMut};

use spin::mutex::{SpinMutex, SpinMutexGuard};

use crate::lockdep::{self, Kind};
use crate::machine::{self, IrqGuard, PreemptGuard, Relax};

macro_rules! spin_lock {
    ($(#[$doc:meta])* $lock:ident, $guard:ident, $pin:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $lock<T, const RANK: u8>(SpinMutex<T, Relax>);

        impl<T, const RANK: u8> $lock<T, RANK> {
            /// A free lock around `value`.
            pub const fn new(value: T) -> Self {
                Self(SpinMutex::new(value))
            }

            /// Takes the lock, spinning until it is free.
            #[inline]
            pub fn lock(&self) -> $guard<'_, T, RANK> {
                self.take(false)
            }

            /// Takes the lock while another of the same rank is held; the caller keeps an order.
            #[inline]
            pub fn lock_nested(&self) -> $guard<'_, T, RANK> {
                self.take(true)
            }

            #[inline]
            fn take(&self, nested: bool) -> $guard<'_, T, RANK> {
                let pin = $pin::new();
                lockdep::acquire(RANK, Kind::Spin, nested);
                machine::interleave();
                $guard { inner: self.0.lock(), _pin: pin }
            }

            /// Takes the lock if it is free at this moment.
            #[inline]
            pub fn try_lock(&self) -> Option<$guard<'_, T, RANK>> {
                let pin = $pin::new();
                machine::interleave();
                let inner = self.0.try_lock()?;
                lockdep::acquire(RANK, Kind::Spin, true);
                Some($guard { inner, _pin: pin })
            }

            /// The value, without locking: nobody else can have it.
            pub fn get_mut(&mut self) -> &mut T {
                self.0.get_mut()
            }

            /// Gives the value back.
            pub fn into_inner(self) -> T {
                self.0.into_inner()
            }
        }

        impl<T: Default, const RANK: u8> Default for $lock<T, RANK> {
            fn default() -> Self {
                Self::new(T::default())
            }
        }

        /// The lock is held while this lives.
        #[must_use = "the lock is free again when the guard goes"]
        pub struct $guard<'a, T, const RANK: u8> {
            // Dropped in this order: the lock is free before the pin may run the scheduler.
            inner: SpinMutexGuard<'a, T, Relax>,
            _pin: $pin,
        }

        impl<T, const RANK: u8> Deref for $guard<'_, T, RANK> {
            type Target = T;
            #[inline]
            fn deref(&self) -> &T {
                &self.inner
            }
        }

        impl<T, const RANK: u8> DerefMut for $guard<'_, T, RANK> {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                &mut self.inner
            }
        }

        impl<T, const RANK: u8> Drop for $guard<'_, T, RANK> {
            #[inline]
            fn drop(&mut self) {
                lockdep::release(RANK, Kind::Spin);
            }
        }
    };
}

spin_lock! {
    /// A lock whose holder is not preempted. Not for data that an interrupt handler touches.
    SpinLock, SpinLockGuard, PreemptGuard
}

spin_lock! {
    /// A lock whose holder takes no interrupts: for data that handlers touch too.
    IrqLock, IrqLockGuard, IrqGuard
}
