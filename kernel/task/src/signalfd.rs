//! Signals read from a descriptor (`man 2 signalfd`): always those of whoever reads.

use alloc::sync::Arc;

use abi::fcntl::OFlags;
use abi::signal::{SigSet, SignalfdSigInfo};
use abi::{Errno, Result};
use mm::IoDst;
use sync::{Events, Pollee, SpinLock, rank};
use vfs::{Abilities, FileOps, OpenFile, Whence, anon_file};
use zerocopy::IntoBytes;

use crate::signal::{pending, take_pending};
use crate::thread::{Thread, with_current};

struct SignalFd {
    mask: SpinLock<SigSet, { rank::LEAF }>,
    /// Told by the processes that poll.
    pollee: Arc<Pollee>,
}

impl FileOps for SignalFd {
    fn abilities(&self) -> Abilities {
        Abilities::USUAL - Abilities::WRITE
    }

    fn read(&self, _: &OpenFile, dst: &mut IoDst<'_>, _: &mut u64) -> Result<usize> {
        const RECORD: usize = size_of::<SignalfdSigInfo>();
        if dst.remaining() < RECORD {
            return Err(Errno::EINVAL);
        }
        let wanted = *self.mask.lock();
        let mut done = 0;
        while dst.remaining() >= RECORD {
            // A signal is taken only when there is a place for it: pages that are to be brought in first come
            // before it.
            let waits = with_current(|thread| !pending(thread).and(wanted).is_empty());
            let mark = dst.mark();
            if waits.unwrap_or(false) && dst.put_zeros(RECORD) < RECORD {
                dst.rewind(mark);
                return if done > 0 {
                    Ok(done)
                } else {
                    Err(Errno::EFAULT)
                };
            }
            dst.rewind(mark);
            let taken = with_current(|thread| take_pending(thread, wanted)).flatten();
            let Some(info) = taken else { break };
            let put = dst.put(info.to_signalfd().as_bytes());
            if put < RECORD {
                // Taken signals are gone, as in Linux, when the buffer went bad since.
                return if done > 0 {
                    Ok(done)
                } else {
                    Err(Errno::EFAULT)
                };
            }
            done += put;
        }
        if done == 0 {
            return Err(Errno::EAGAIN);
        }
        Ok(done)
    }

    fn ready(&self, _: &OpenFile) -> Events {
        let wanted = *self.mask.lock();
        let waiting = with_current(|thread| !pending(thread).and(wanted).is_empty());
        if waiting.unwrap_or(false) {
            Events::IN
        } else {
            Events::empty()
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.pollee)
    }

    fn seek(&self, _: &OpenFile, pos: &mut u64, _: i64, _: Whence) -> Result<u64> {
        Ok(*pos)
    }

    fn show_info(&self, _: &OpenFile, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        writeln!(out, "sigmask:\t{:016x}", self.mask.lock().0)
    }
}

/// A new descriptor for a set of signals.
///
/// # Errors
/// None.
pub fn open(thread: &Thread, mask: SigSet, nonblocking: bool) -> Result<Arc<OpenFile>> {
    let mut flags = OFlags::RDWR;
    flags.set(OFlags::NONBLOCK, nonblocking);
    let ops = SignalFd {
        mask: SpinLock::new(mask.minus(SigSet::UNBLOCKABLE)),
        pollee: thread.process().signal_events.clone(),
    };
    Ok(anon_file("[signalfd]", Arc::new(ops), flags, thread.cred()))
}

/// Changes the set of an existing descriptor.
///
/// # Errors
/// `EINVAL` when it is no signalfd.
pub fn set_mask(file: &OpenFile, mask: SigSet) -> Result<()> {
    let fd = file.ops_as::<SignalFd>().ok_or(Errno::EINVAL)?;
    *fd.mask.lock() = mask.minus(SigSet::UNBLOCKABLE);
    fd.pollee.notify(Events::IN);
    Ok(())
}
