//! The sleeping lock of one holder.

use core::fmt;
use core::ops::{Deref, DerefMut};

use spin::mutex::{SpinMutex, SpinMutexGuard};

use crate::events::Events;
use crate::lockdep::{self, Kind};
use crate::machine::{self, Relax};
use crate::pollee::Pollee;
use crate::wait;

/// A lock that may be held across sleep; who finds it taken sleeps, uninterruptibly. Unfair: a running
/// thread may take it before the one that was woken.
pub struct Mutex<T, const RANK: u8> {
    waiters: Pollee,
    data: SpinMutex<T, Relax>,
}

impl<T, const RANK: u8> Mutex<T, RANK> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            waiters: Pollee::new(),
            data: SpinMutex::new(value),
        }
    }

    /// Takes the lock, sleeping until it is free.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T, RANK> {
        self.take(false)
    }

    /// Takes the lock while another of the same rank is held; the caller keeps an order.
    #[inline]
    pub fn lock_nested(&self) -> MutexGuard<'_, T, RANK> {
        self.take(true)
    }

    #[inline]
    fn take(&self, nested: bool) -> MutexGuard<'_, T, RANK> {
        lockdep::acquire(RANK, Kind::Sleep, nested);
        machine::interleave();
        let inner = match self.data.try_lock() {
            Some(inner) => inner,
            None => wait::for_lock(&self.waiters, true, |_| self.data.try_lock()),
        };
        MutexGuard {
            inner,
            _unlock: Unlock {
                waiters: &self.waiters,
            },
        }
    }

    /// Takes the lock if it is free at this moment.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, RANK>> {
        machine::interleave();
        let inner = self.data.try_lock()?;
        lockdep::acquire(RANK, Kind::Sleep, true);
        Some(MutexGuard {
            inner,
            _unlock: Unlock {
                waiters: &self.waiters,
            },
        })
    }

    /// The value, without locking: nobody else can have it.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// Gives the value back.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: Default, const RANK: u8> Default for Mutex<T, RANK> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T, const RANK: u8> fmt::Debug for Mutex<T, RANK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

/// The lock is held while this lives.
#[must_use = "the lock is free again when the guard goes"]
pub struct MutexGuard<'a, T, const RANK: u8> {
    // Dropped in this order: the lock is free before those who wait hear of it.
    inner: SpinMutexGuard<'a, T, Relax>,
    _unlock: Unlock<'a, RANK>,
}

impl<T, const RANK: u8> Deref for MutexGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T, const RANK: u8> DerefMut for MutexGuard<'_, T, RANK> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// The end of holding a sleeping lock: tells those who wait.
pub(crate) struct Unlock<'a, const RANK: u8> {
    pub(crate) waiters: &'a Pollee,
}

impl<const RANK: u8> Drop for Unlock<'_, RANK> {
    #[inline]
    fn drop(&mut self) {
        lockdep::release(RANK, Kind::Sleep);
        self.waiters.notify(Events::UNLOCKED);
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
#[allow(clippy::unwrap_used, reason = "tests say where they fail")]
mod tests {
    use super::Mutex;
    use alloc::sync::Arc;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn who_waits_for_a_lock_is_told_from_who_sleeps() {
        let lock = Arc::new(Mutex::<(), { crate::rank::SOCKET_TABLE }>::new(()));
        let guard = lock.lock();
        let (tell, hear) = mpsc::channel();
        let waiter = thread::spawn({
            let lock = lock.clone();
            move || {
                tell.send(crate::task::current()).unwrap();
                drop(lock.lock());
            }
        });
        let task = hear.recv().unwrap();
        while !(task.waits_for_lock() && task.is_parked()) {
            thread::yield_now();
        }
        drop(guard);
        waiter.join().unwrap();
        assert!(!task.waits_for_lock());
    }
}
