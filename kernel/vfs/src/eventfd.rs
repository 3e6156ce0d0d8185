//! eventfd(2): a counter that can be waited for.

use abi::eventfd::{EFD_NONBLOCK, EFD_SEMAPHORE};
use abi::fcntl::OFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use mm::io::{IoDst, IoSrc};
use sync::{Credentials, Events, Pollee};

use crate::anon::anon_file;
use crate::file::OpenFile;
use crate::file_ops::{FileOps, Whence};

/// The counter never reaches this.
const FULL: u64 = u64::MAX;

/// A counter without a lock: every operation is one exchange.
pub struct EventFd {
    /// What tells it from others.
    id: u32,
    count: AtomicU64,
    semaphore: bool,
    pollee: Pollee,
}

impl EventFd {
    /// A counter that starts at `count`.
    #[must_use]
    pub fn new(count: u64, semaphore: bool) -> Self {
        static NEXT_ID: AtomicU32 = AtomicU32::new(0);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            count: AtomicU64::new(count),
            semaphore,
            pollee: Pollee::new(),
        }
    }

    /// A file over a new counter; `flags` are eventfd2's, checked by the caller.
    #[must_use]
    pub fn file(count: u32, flags: u32, cred: Arc<Credentials>) -> Arc<OpenFile> {
        let counter = Self::new(u64::from(count), flags & EFD_SEMAPHORE != 0);
        let mut open = OFlags::RDWR;
        open.set(OFlags::NONBLOCK, flags & EFD_NONBLOCK != 0);
        anon_file("[eventfd]", Arc::new(counter), open, cred)
    }

    /// Adds without waiting, up to the most there can be: for the kernel's own use (aio, KVM-like signalling).
    pub fn signal(&self, add: u64) {
        let sum = |count: u64| Some(count.saturating_add(add));
        let _ = self
            .count
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, sum);
        self.pollee.notify(Events::READABLE);
    }

    /// Takes the count, or one of it for a semaphore.
    ///
    /// # Errors
    /// `EAGAIN` at zero.
    pub fn take(&self) -> Result<u64> {
        let rest = |count: u64| match count {
            0 => None,
            _ if self.semaphore => Some(count - 1),
            _ => Some(0),
        };
        let before = self
            .count
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, rest)
            .map_err(|_| Errno::EAGAIN)?;
        self.pollee.notify_sync(Events::WRITABLE);
        Ok(if self.semaphore { 1 } else { before })
    }

    /// Adds.
    ///
    /// # Errors
    /// `EINVAL` for the largest number there is, `EAGAIN` when the sum would be too much.
    pub fn add(&self, add: u64) -> Result<()> {
        if add == FULL {
            return Err(Errno::EINVAL);
        }
        let sum = |count: u64| count.checked_add(add).filter(|sum| *sum < FULL);
        self.count
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, sum)
            .map_err(|_| Errno::EAGAIN)?;
        self.pollee.notify_sync(Events::READABLE);
        Ok(())
    }

    fn events(&self) -> Events {
        let count = self.count.load(Ordering::SeqCst);
        let mut events = Events::empty();
        events.set(Events::IN, count > 0);
        events.set(Events::ERR, count == FULL);
        events.set(Events::OUT, count < FULL - 1);
        events
    }
}

impl FileOps for EventFd {
    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        if dst.remaining() < 8 {
            return Err(Errno::EINVAL);
        }
        let value = self.take()?;
        let mark = dst.mark();
        let put = dst.put(&value.to_ne_bytes());
        if put < 8 {
            // The page is not there: nothing has happened, and the caller comes again with it.
            dst.rewind(mark);
            self.signal(value);
            return Ok(0);
        }
        Ok(8)
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        if src.remaining() != 8 {
            return Err(Errno::EINVAL);
        }
        let mark = src.mark();
        let mut value = [0; 8];
        if src.take(&mut value) < 8 {
            src.rewind(mark);
            return Ok(0);
        }
        if let Err(error) = self.add(u64::from_ne_bytes(value)) {
            src.rewind(mark);
            return Err(error);
        }
        Ok(8)
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        self.events()
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.pollee)
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, _offset: i64, _whence: Whence) -> Result<u64> {
        Ok(*pos)
    }

    fn show_info(&self, _file: &OpenFile, out: &mut dyn fmt::Write) -> fmt::Result {
        let count = self.count.load(Ordering::SeqCst);
        writeln!(out, "eventfd-count: {count:16x}")?;
        writeln!(out, "eventfd-id: {}", self.id)?;
        writeln!(out, "eventfd-semaphore: {}", u8::from(self.semaphore))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let counter = EventFd::new(3, false);
        assert_eq!(counter.add(4), Ok(()));
        assert_eq!(counter.take(), Ok(7));
        assert_eq!(counter.take(), Err(Errno::EAGAIN));
        assert_eq!(counter.events(), Events::OUT);
    }

    #[test]
    fn a_semaphore_gives_ones() {
        let counter = EventFd::new(2, true);
        assert_eq!(counter.take(), Ok(1));
        assert_eq!(counter.take(), Ok(1));
        assert_eq!(counter.take(), Err(Errno::EAGAIN));
    }

    #[test]
    fn it_does_not_overflow() {
        let counter = EventFd::new(0, false);
        assert_eq!(counter.add(u64::MAX), Err(Errno::EINVAL));
        assert_eq!(counter.add(u64::MAX - 1), Ok(()));
        assert_eq!(counter.events(), Events::IN);
        assert_eq!(counter.add(1), Err(Errno::EAGAIN));
        counter.signal(5);
        assert_eq!(counter.events(), Events::IN | Events::ERR);
    }
}
