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
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use hal::PAGE_SIZE;
use sync::{Capability, Credentials, Events, Mutex, PerUser, Pollee, UserCount, rank};

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

/// Pages the pipes of a user may take (`fs.pipe-user-pages-soft`): past them new pipes are small and none grows; 0:
/// any number. Who may administrate or has resources without limit is asked nothing.
pub static SOFT_PAGES: AtomicU32 = AtomicU32::new(16384);
/// The same (`fs.pipe-user-pages-hard`), past which there are no new pipes.
pub static HARD_PAGES: AtomicU32 = AtomicU32::new(0);
/// Slots of a pipe made past the soft limit.
const FEWEST_SLOTS: usize = 2;

static PAGES: PerUser = PerUser::new();

/// Whether `pages` are past the limit.
fn past(limit: &AtomicU32, pages: u64) -> bool {
    let limit = u64::from(limit.load(Ordering::Relaxed));
    limit != 0 && pages > limit
}

fn is_limited(cred: &Credentials) -> bool {
    !cred.has(Capability::SYS_RESOURCE) && !cred.has(Capability::SYS_ADMIN)
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
    /// Whose pages are counted.
    user: UserCount,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let slots = self.state.get_mut().buffer.limit() as u64;
        self.user.change(slots, 0);
    }
}

impl Pipe {
    /// An empty pipe without ends.
    ///
    /// # Errors
    /// `ENFILE` when the pipes of `cred`'s user have all pages they may have.
    pub fn new(cred: &Credentials) -> Result<Arc<Self>> {
        let mut slots = DEFAULT_SLOTS;
        if slots * PAGE_SIZE > max_size() && !cred.has(Capability::SYS_RESOURCE) {
            slots = max_size() / PAGE_SIZE;
        }
        let user = PAGES.find(cred.uid);
        let mut pages = user.change(0, slots as u64);
        if past(&SOFT_PAGES, pages) && is_limited(cred) {
            pages = user.change(slots as u64, FEWEST_SLOTS as u64);
            slots = FEWEST_SLOTS;
        }
        let pipe = Arc::new(Self {
            state: Mutex::new(State {
                buffer: PipeBuffer::new(slots),
                readers: 0,
                writers: 0,
                reader_visits: 0,
                writer_visits: 0,
            }),
            pollee: Pollee::new(),
            user,
        });
        if past(&HARD_PAGES, pages) && is_limited(cred) {
            return Err(Errno::ENFILE);
        }
        Ok(pipe)
    }

    /// Capacity in bytes (F_GETPIPE_SZ).
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.state.lock().buffer.limit() * PAGE_SIZE
    }

    /// F_SETPIPE_SZ; the answer is the new capacity, a power of two of pages.
    ///
    /// # Errors
    /// `EINVAL` above 2 GiB, `EPERM` above [`max_size`] without CAP_SYS_RESOURCE and past the user's limit, `EBUSY` when more is queued.
    pub fn set_capacity(&self, size: usize, cred: &Credentials) -> Result<usize> {
        if size > 1 << 31 {
            return Err(Errno::EINVAL);
        }
        let pages = size.div_ceil(PAGE_SIZE).max(1).next_power_of_two();
        let mut state = self.state.lock();
        let before = state.buffer.limit();
        let grows = pages > before;
        if grows && pages * PAGE_SIZE > max_size() && !cred.has(Capability::SYS_RESOURCE) {
            return Err(Errno::EPERM);
        }
        let (had, has) = (before as u64, pages as u64);
        let all = self.user.change(had, has);
        let limited = grows && (past(&HARD_PAGES, all) || past(&SOFT_PAGES, all));
        let refused = if limited && is_limited(cred) {
            Some(Errno::EPERM)
        } else if !state.buffer.set_limit(pages) {
            Some(Errno::EBUSY)
        } else {
            None
        };
        if let Some(error) = refused {
            self.user.change(has, had);
            return Err(error);
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
///
/// # Errors
/// `ENFILE` when the user's pipes have all pages they may have.
pub fn pair(flags: OFlags, cred: &Arc<Credentials>) -> Result<(Arc<OpenFile>, Arc<OpenFile>)> {
    let pipe = Pipe::new(cred)?;
    let inode = AnonInode::new(FileType::Fifo, cred);
    inode.attr().attached().object_or_insert(pipe.clone());
    let reader = PipeEnd::new(pipe.clone(), OFlags::RDONLY);
    let writer = PipeEnd::new(pipe, OFlags::WRONLY);
    let nonblock = flags & OFlags::NONBLOCK;
    let read = pipe_file(inode.clone(), Arc::new(reader), nonblock, cred.clone());
    let write_flags = flags & (OFlags::NONBLOCK | OFlags::DIRECT) | OFlags::WRONLY;
    let write = pipe_file(inode, Arc::new(writer), write_flags, cred.clone());
    Ok((read, write))
}
