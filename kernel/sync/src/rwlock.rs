//! The sleeping lock of many readers or one writer.

use core::fmt;
use core::ops::{Deref, DerefMut};

use spin::rwlock::{RwLockReadGuard, RwLockWriteGuard};

use crate::atomic::{AtomicU32, Ordering};
use crate::events::Events;
use crate::lockdep::{self, Kind};
use crate::machine::{self, Relax};
use crate::pollee::Pollee;
use crate::wait;

/// A lock that many may read under or one write under, across sleep. New readers let a waiting writer
/// go first; a reader that has slept once does not, so neither side starves.
///
/// A reader that is refused has been counted for a moment, and a writer that tried in that moment was refused by
/// nobody who would tell it when to try again: so the reader tells it. Readers and writers wait apart, or a reader
/// would wake itself.
pub struct RwLock<T, const RANK: u8> {
    readers: Pollee,
    writers: Pollee,
    writers_waiting: AtomicU32,
    data: spin::rwlock::RwLock<T, Relax>,
}

impl<T, const RANK: u8> RwLock<T, RANK> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            readers: Pollee::new(),
            writers: Pollee::new(),
            writers_waiting: AtomicU32::new(0),
            data: spin::rwlock::RwLock::new(value),
        }
    }

    /// Takes the lock to read, sleeping until it may.
    #[inline]
    pub fn read(&self) -> ReadGuard<'_, T, RANK> {
        self.take_read(false)
    }

    /// As [`RwLock::read`], while another of the same rank is held; the caller keeps an order.
    #[inline]
    pub fn read_nested(&self) -> ReadGuard<'_, T, RANK> {
        self.take_read(true)
    }

    #[inline]
    fn take_read(&self, nested: bool) -> ReadGuard<'_, T, RANK> {
        lockdep::acquire(RANK, Kind::Sleep, nested);
        machine::interleave();
        let inner = match self.first_read() {
            Some(inner) => inner,
            None => wait::for_lock(&self.readers, false, |slept| {
                if slept {
                    self.count_in()
                } else {
                    self.first_read()
                }
            }),
        };
        ReadGuard {
            inner,
            _unlock: Unlock {
                writers: &self.writers,
                readers: &self.readers,
            },
        }
    }

    #[inline]
    fn first_read(&self) -> Option<RwLockReadGuard<'_, T, Relax>> {
        if self.writers_waiting.load(Ordering::Relaxed) == 0 {
            self.count_in()
        } else {
            None
        }
    }

    fn count_in(&self) -> Option<RwLockReadGuard<'_, T, Relax>> {
        let inner = self.data.try_read();
        if inner.is_none() {
            self.writers.notify(Events::UNLOCKED);
        }
        inner
    }

    /// Takes the lock to write, sleeping until it may.
    #[inline]
    pub fn write(&self) -> WriteGuard<'_, T, RANK> {
        self.take_write(false)
    }

    /// As [`RwLock::write`], while another of the same rank is held; the caller keeps an order.
    #[inline]
    pub fn write_nested(&self) -> WriteGuard<'_, T, RANK> {
        self.take_write(true)
    }

    #[inline]
    fn take_write(&self, nested: bool) -> WriteGuard<'_, T, RANK> {
        lockdep::acquire(RANK, Kind::Sleep, nested);
        machine::interleave();
        let inner = match self.data.try_write() {
            Some(inner) => inner,
            None => {
                self.writers_waiting.fetch_add(1, Ordering::Relaxed);
                let inner = wait::for_lock(&self.writers, true, |_| self.data.try_write());
                self.writers_waiting.fetch_sub(1, Ordering::Relaxed);
                inner
            }
        };
        WriteGuard {
            inner,
            _unlock: Unlock {
                writers: &self.writers,
                readers: &self.readers,
            },
        }
    }

    /// Takes the lock to read if it may at this moment.
    pub fn try_read(&self) -> Option<ReadGuard<'_, T, RANK>> {
        machine::interleave();
        let inner = self.count_in()?;
        lockdep::acquire(RANK, Kind::Sleep, true);
        Some(ReadGuard {
            inner,
            _unlock: Unlock {
                writers: &self.writers,
                readers: &self.readers,
            },
        })
    }

    /// Takes the lock to write if it may at this moment.
    pub fn try_write(&self) -> Option<WriteGuard<'_, T, RANK>> {
        machine::interleave();
        let inner = self.data.try_write()?;
        lockdep::acquire(RANK, Kind::Sleep, true);
        Some(WriteGuard {
            inner,
            _unlock: Unlock {
                writers: &self.writers,
                readers: &self.readers,
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

impl<T: Default, const RANK: u8> Default for RwLock<T, RANK> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T, const RANK: u8> fmt::Debug for RwLock<T, RANK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RwLock")
    }
}

/// The end of holding the lock: tells a writer, and the readers.
struct Unlock<'a, const RANK: u8> {
    writers: &'a Pollee,
    readers: &'a Pollee,
}

impl<const RANK: u8> Drop for Unlock<'_, RANK> {
    #[inline]
    fn drop(&mut self) {
        lockdep::release(RANK, Kind::Sleep);
        self.writers.notify(Events::UNLOCKED);
        self.readers.notify(Events::UNLOCKED);
    }
}

/// The lock is held for reading while this lives.
#[must_use = "the lock is free again when the guard goes"]
pub struct ReadGuard<'a, T, const RANK: u8> {
    inner: RwLockReadGuard<'a, T, Relax>,
    _unlock: Unlock<'a, RANK>,
}

impl<T, const RANK: u8> Deref for ReadGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

/// The lock is held for writing while this lives.
#[must_use = "the lock is free again when the guard goes"]
pub struct WriteGuard<'a, T, const RANK: u8> {
    inner: RwLockWriteGuard<'a, T, Relax>,
    _unlock: Unlock<'a, RANK>,
}

impl<T, const RANK: u8> Deref for WriteGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T, const RANK: u8> DerefMut for WriteGuard<'_, T, RANK> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;
    use crate::rank;
    use std::thread;

    /// A reader that is refused counts itself in for a moment, which no model of interleavings sees: threads of the host
    /// do. A lost wake-up hangs here.
    #[test]
    fn writers_are_not_left_asleep_by_refused_readers() {
        const ROUNDS: u32 = 200_000;
        let lock: RwLock<u32, { rank::MM }> = RwLock::new(0);
        thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| (0..ROUNDS).for_each(|_| *lock.write() += 1));
                threads.spawn(|| (0..ROUNDS).for_each(|_| assert!(*lock.read() <= 2 * ROUNDS)));
            }
        });
        assert_eq!(lock.into_inner(), 2 * ROUNDS);
    }
}
