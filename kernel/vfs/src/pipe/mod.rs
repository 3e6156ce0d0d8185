//! Pipes and FIFOs (`man 7 pipe`, `man 7 fifo`).
//!
//! A [`Pipe`] is a queue of pages under one sleeping lock, with one list of observers for both sides. An open end is a
//! [`PipeEnd`]; the two kinds of pipe differ only in how their ends come to be.

mod buffer;
mod end;
mod fifo;
mod splice;
#[cfg(all(test, not(feature = "shuttle")))]
mod tests;

use abi::fcntl::OFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use buffer::{DEFAULT_SLOTS, PipeBuffer};
use core::sync::atomic::{AtomicUsize, Ordering};
use hal::PAGE_SIZE;
use sync::{Capability, Credentials, Events, Mutex, Pollee, rank};

pub use buffer::{PIPE_BUF, Slot};
pub use end::PipeEnd;
pub use fifo::install;
pub use splice::{fill, link, transfer};

use crate::anon::{AnonInode, pipe_file};
use crate::attr::FileType;
use crate::file::OpenFile;
use crate::inode::Inode;

static MAX_SIZE: AtomicUsize = AtomicUsize::new(1 << 20);

/// Largest capacity without CAP_SYS_RESOURCE (`/proc/sys/fs/pipe-max-size`).
pub fn max_size() -> usize {
    MAX_SIZE.load(Ordering::Relaxed)
}

/// Sets the largest capacity without CAP_SYS_RESOURCE, in bytes; a power of two of whole pages is made of it.
///
/// # Errors
/// `EINVAL` for more than 2 GiB.
pub fn set_max_size(bytes: usize) -> Result<()> {
    if bytes > 1 << 31 {
        return Err(Errno::EINVAL);
    }
    MAX_SIZE.store(bytes.max(PAGE_SIZE).next_power_of_two(), Ordering::Relaxed);
    Ok(())
}

struct State {
    buffer: PipeBuffer,
    readers: u32,
    writers: u32,
    /// Readers and writers that ever came; tells a waiting opener that its partner was here.
    reader_visits: u64,
    writer_visits: u64,
}

/// A pipe.
pub struct Pipe {
    state: Mutex<State, { rank::FILE }>,
    pollee: Pollee,
}

impl Pipe {
    /// An empty pipe without ends.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                buffer: PipeBuffer::new(DEFAULT_SLOTS),
                readers: 0,
                writers: 0,
                reader_visits: 0,
                writer_visits: 0,
            }),
            pollee: Pollee::new(),
        })
    }

    /// Capacity in bytes (F_GETPIPE_SZ).
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.state.lock().buffer.limit() * PAGE_SIZE
    }

    /// F_SETPIPE_SZ; the answer is the new capacity, a power of two of pages.
    ///
    /// # Errors
    /// `EINVAL` above 2 GiB, `EPERM` above [`max_size`] without CAP_SYS_RESOURCE, `EBUSY` when more is queued.
    pub fn set_capacity(&self, size: usize, cred: &Credentials) -> Result<usize> {
        if size > 1 << 31 {
            return Err(Errno::EINVAL);
        }
        let pages = size.div_ceil(PAGE_SIZE).max(1).next_power_of_two();
        let mut state = self.state.lock();
        let grows = pages > state.buffer.limit();
        if grows && pages * PAGE_SIZE > max_size() && !cred.has(Capability::SYS_RESOURCE) {
            return Err(Errno::EPERM);
        }
        if !state.buffer.set_limit(pages) {
            return Err(Errno::EBUSY);
        }
        drop(state);
        if grows {
            self.pollee.notify(Events::WRITABLE);
        }
        Ok(pages * PAGE_SIZE)
    }

    /// Bytes that can be read (FIONREAD).
    #[must_use]
    pub fn queued(&self) -> usize {
        self.state.lock().buffer.len()
    }
}

/// The two files of pipe2: reading end, writing end. `flags` are those of pipe2 without O_CLOEXEC.
#[must_use]
pub fn pair(flags: OFlags, cred: &Arc<Credentials>) -> (Arc<OpenFile>, Arc<OpenFile>) {
    let pipe = Pipe::new();
    let inode = AnonInode::new(FileType::Fifo, cred);
    inode.attr().attached().object_or_insert(pipe.clone());
    let reader = PipeEnd::new(pipe.clone(), OFlags::RDONLY);
    let writer = PipeEnd::new(pipe, OFlags::WRONLY);
    let nonblock = flags & OFlags::NONBLOCK;
    let read = pipe_file(inode.clone(), Arc::new(reader), nonblock, cred.clone());
    let write_flags = flags & (OFlags::NONBLOCK | OFlags::DIRECT) | OFlags::WRONLY;
    let write = pipe_file(inode, Arc::new(writer), write_flags, cred.clone());
    (read, write)
}
