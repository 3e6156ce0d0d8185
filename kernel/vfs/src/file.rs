//! Open files and what can be done with them.
//!
//! Operations never wait for readiness: what is not there yet is `EAGAIN`, and [`FileOps::pollee`] tells
//! when to try again. They copy without faulting user memory in; a copy that stops short at a fault
//! says so through the [`IoDst`] or [`IoSrc`], and who called faults in and calls again.

use abi::fcntl::OFlags;
use abi::inotify::InotifyMask;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use mm::MemObject;
use mm::io::{IoDst, IoSrc};
use sync::{
    Credentials, Events, Instant, Mutex, MutexGuard, Once, Pollee, Registration, SpinLock, rank,
};

use crate::Caller;
use crate::attr::FileType;
use crate::epoll::Epoll;
use crate::inode::Inode;
use crate::notify;
use crate::owner::{Owner, Ownership};
use crate::path::Path;

/// In place of a position of [`FileOps::write`]: the end, wherever it is by then.
pub const AT_END: u64 = u64::MAX;

/// Where `lseek` counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The start.
    Set,
    /// The present position.
    Cur,
    /// The end.
    End,
    /// The next data.
    Data,
    /// The next hole.
    Hole,
}

/// What a mapping of a file wants.
#[derive(Clone, Copy, Debug)]
pub struct MmapRequest {
    /// Shared or private.
    pub shared: bool,
    /// To be written now.
    pub write: bool,
    /// First byte of the file.
    pub offset: u64,
    /// Bytes.
    pub len: usize,
}

/// Takes directory entries.
pub trait DirSink {
    /// One entry. `next` is the position after it, which reading may go on from. Answers `false` when
    /// there is no room: the entry was not taken.
    fn entry(&mut self, name: &[u8], ino: u64, kind: FileType, next: u64) -> bool;
}

/// The operations of an open file. The defaults are Linux's answers of a file that has not got them.
pub trait FileOps: Any + Send + Sync {
    /// Reads at `pos` and moves it (a stream leaves it alone). `Ok(0)` is the end of the file.
    ///
    /// # Errors
    /// `EAGAIN` when there is nothing yet, `EINVAL` for what cannot be read.
    fn read(&self, _file: &OpenFile, _dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    /// Until when a read that began at `began` and found nothing (`EAGAIN`) waits at most; asked again after each
    /// notification. `None`: for ever.
    fn read_deadline(&self, _file: &OpenFile, _began: Instant) -> Option<Instant> {
        None
    }

    /// What a read gets that may wait no longer, its deadline having passed or a signal come: perhaps nothing.
    fn read_rest(&self, _file: &OpenFile, _dst: &mut IoDst<'_>) -> usize {
        0
    }

    /// Writes at `pos` and moves it. A file of pages gets [`AT_END`] for a write at its end and puts the
    /// position after what it wrote in its place.
    ///
    /// # Errors
    /// `EAGAIN` when there is no room yet, `EINVAL` for what cannot be written.
    fn write(&self, _file: &OpenFile, _src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    /// Whether a write that may wait goes on until everything has gone: pipes and terminals.
    fn writes_all(&self) -> bool {
        false
    }

    /// What the file is ready for now.
    fn ready(&self, _file: &OpenFile) -> Events {
        Events::READABLE | Events::WRITABLE
    }

    /// Who tells of readiness; `None`: always ready.
    fn pollee(&self) -> Option<&Pollee> {
        None
    }

    /// Whether `O_ASYNC` has a meaning: the owner is signalled when the file becomes ready.
    fn signals(&self) -> bool {
        false
    }

    /// The epoll instance behind the file, without a search by type: `epoll_wait` asks each time.
    fn as_epoll(&self) -> Option<&Epoll> {
        None
    }

    /// What is left of opening: a FIFO waits for its peer (`EAGAIN` until it is there).
    ///
    /// # Errors
    /// `EAGAIN`: not yet; others end the opening.
    fn finish_open(&self, _file: &OpenFile) -> Result<()> {
        Ok(())
    }

    /// Whether the file has positions: `pread`, `pwrite` and `lseek` work.
    fn positioned(&self) -> bool {
        false
    }

    /// Moves the position.
    ///
    /// # Errors
    /// `ESPIPE`, `EINVAL`, `ENXIO`, `EOVERFLOW`.
    fn seek(&self, _file: &OpenFile, _pos: &mut u64, _offset: i64, _whence: Whence) -> Result<u64> {
        Err(Errno::ESPIPE)
    }

    /// Device control.
    ///
    /// # Errors
    /// `ENOTTY` for a command that is not the file's.
    fn ioctl(
        &self,
        _file: &OpenFile,
        _cmd: u32,
        _arg: usize,
        _caller: &dyn Caller,
    ) -> Result<usize> {
        Err(Errno::ENOTTY)
    }

    /// The memory behind the file, to be mapped.
    ///
    /// # Errors
    /// `ENODEV`, `EPERM` by a seal.
    fn mmap(&self, _file: &OpenFile, _request: &MmapRequest) -> Result<Arc<MemObject>> {
        Err(Errno::ENODEV)
    }

    /// Lists a directory from `pos`, which moves past what the sink took.
    ///
    /// # Errors
    /// `ENOTDIR`; `ENOENT` in a removed directory.
    fn readdir(&self, _file: &OpenFile, _pos: &mut u64, _sink: &mut dyn DirSink) -> Result<()> {
        Err(Errno::ENOTDIR)
    }

    /// Writes back what is not on the device.
    ///
    /// # Errors
    /// `EINVAL` for what has no device, `EIO`.
    fn fsync(&self, _file: &OpenFile, _data_only: bool) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// Allocates, zeroes or frees a range; `mode` is `FALLOC_FL_*`.
    ///
    /// # Errors
    /// `ENODEV`, `EOPNOTSUPP`, `ENOSPC`.
    fn fallocate(&self, _file: &OpenFile, _mode: u32, _offset: u64, _len: u64) -> Result<()> {
        Err(Errno::ENODEV)
    }

    /// The flags of `F_SETFL` change from what the file has to `flags`.
    ///
    /// # Errors
    /// `EINVAL` for `O_DIRECT` where there is none.
    fn set_flags(&self, _file: &OpenFile, _flags: OFlags) -> Result<()> {
        Ok(())
    }

    /// Lines of `/proc/<pid>/fdinfo/<fd>` after the common ones.
    ///
    /// # Errors
    /// As the writer.
    fn show_info(&self, _file: &OpenFile, _out: &mut dyn fmt::Write) -> fmt::Result {
        Ok(())
    }

    /// The last descriptor of the open file is gone.
    fn release(&self, _file: &OpenFile) {}
}

/// An open file ("open file description").
pub struct OpenFile {
    ops: Arc<dyn FileOps>,
    path: Path,
    flags: AtomicU32,
    positioned: bool,
    /// A read or write holds the position to its end: of files and directories, not of devices, whose reads may
    /// wait for ever.
    holds_position: bool,
    /// Counted as a writer of its mount and inode.
    counted: bool,
    position: Mutex<(), { rank::FILE_POSITION }>,
    /// The position as the last one to hold the lock left it.
    position_seen: AtomicU64,
    cred: Arc<Credentials>,
    /// Made when somebody asks for signals.
    ownership: Once<Arc<Ownership>>,
    /// The observer that signals the owner (`O_ASYNC`).
    signalling: SpinLock<Option<Registration>, { rank::LEAF }>,
    /// Opening made the file.
    created: AtomicBool,
}

impl OpenFile {
    /// An open file of `ops` at `path`. `O_CLOEXEC` and what only opening needs is left out of `flags`.
    /// With `counted`, the caller has counted it as a writer (`Mount::begin_write`,
    /// `Attributes::begin_write`), which ends with the file.
    #[must_use]
    pub fn new(
        ops: Arc<dyn FileOps>,
        path: Path,
        flags: OFlags,
        cred: Arc<Credentials>,
        counted: bool,
    ) -> Arc<Self> {
        let transient =
            OFlags::CREAT | OFlags::EXCL | OFlags::NOCTTY | OFlags::TRUNC | OFlags::CLOEXEC;
        let positioned = ops.positioned();
        let attr = path.inode().attr();
        let holds_position = attr.is_regular() || attr.is_dir();
        OPEN_FILES.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            ops,
            path,
            flags: AtomicU32::new(flags.difference(transient).bits()),
            positioned,
            holds_position,
            counted,
            position: Mutex::new(()),
            position_seen: AtomicU64::new(0),
            cred,
            ownership: Once::new(),
            signalling: SpinLock::new(None),
            created: AtomicBool::new(false),
        })
    }

    /// The operations.
    #[must_use]
    pub fn ops(&self) -> &Arc<dyn FileOps> {
        &self.ops
    }

    /// The operations as what they are.
    #[must_use]
    pub fn ops_as<T: FileOps>(&self) -> Option<&T> {
        let any: &dyn Any = &*self.ops;
        any.downcast_ref()
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The inode.
    #[must_use]
    pub fn inode(&self) -> &Arc<dyn Inode> {
        self.path.inode()
    }

    /// Who opened it.
    #[must_use]
    pub fn cred(&self) -> &Arc<Credentials> {
        &self.cred
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> OFlags {
        OFlags::from_bits_retain(self.flags.load(Ordering::Relaxed))
    }

    /// Whether opening it made the file (`F_CREATED_QUERY`).
    #[must_use]
    pub fn created(&self) -> bool {
        self.created.load(Ordering::Relaxed)
    }

    /// Opening it made the file.
    pub(crate) fn set_created(&self) {
        self.created.store(true, Ordering::Relaxed);
    }

    /// Sets and clears flags.
    pub fn change_flags(&self, set: OFlags, clear: OFlags) {
        // Two at once may lose one's change of another bit, as the last one to write wins on Linux too.
        self.flags
            .store(((self.flags() - clear) | set).bits(), Ordering::Relaxed);
    }

    /// Whether operations of this file must not wait.
    #[must_use]
    pub fn nonblocking(&self) -> bool {
        self.flags().contains(OFlags::NONBLOCK)
    }

    /// Whether it may be read.
    #[must_use]
    pub fn readable(&self) -> bool {
        let flags = self.flags();
        flags.reads() && !flags.contains(OFlags::PATH)
    }

    /// Whether it may be written.
    #[must_use]
    pub fn writable(&self) -> bool {
        let flags = self.flags();
        flags.writes() && !flags.contains(OFlags::PATH)
    }

    /// Whether it is a place only (`O_PATH`).
    #[must_use]
    pub fn is_path_only(&self) -> bool {
        self.flags().contains(OFlags::PATH)
    }

    /// Whether it has positions.
    #[must_use]
    pub fn positioned(&self) -> bool {
        self.positioned
    }

    /// Whether a read or write that moves the position holds it to its end.
    #[inline]
    #[must_use]
    pub fn holds_position(&self) -> bool {
        self.holds_position
    }

    /// Sets the position of a file that does not hold it ([`OpenFile::holds_position`]).
    #[inline]
    pub fn set_position_loosely(&self, at: u64) {
        self.position_seen.store(at, Ordering::Relaxed);
    }

    /// The position, held against others.
    pub fn position(&self) -> Position<'_> {
        let guard = self.position.lock();
        Position {
            value: self.position_seen.load(Ordering::Relaxed),
            file: self,
            _guard: guard,
        }
    }

    /// The position as it was a moment ago: asked without a lock, by who may be reading this very file.
    #[must_use]
    pub fn position_seen(&self) -> u64 {
        self.position_seen.load(Ordering::Relaxed)
    }

    /// Who gets a signal when the file is ready.
    #[must_use]
    pub fn owner(&self) -> Owner {
        self.ownership
            .get()
            .map(|ownership| ownership.get())
            .unwrap_or_default()
    }

    /// The owner, for who signals him and for who sets him.
    pub fn ownership(&self) -> &Arc<Ownership> {
        self.ownership.get_or_init(Arc::default)
    }

    /// Sets or clears `O_ASYNC`, with the observer that signals the owner: none for what is always ready.
    pub fn set_signalling(&self, on: bool, observer: Option<Registration>) {
        let old = core::mem::replace(&mut *self.signalling.lock(), observer);
        drop(old);
        if on {
            self.change_flags(OFlags::ASYNC, OFlags::empty());
        } else {
            self.change_flags(OFlags::empty(), OFlags::ASYNC);
        }
    }

    /// What the file is ready for.
    #[must_use]
    pub fn ready(&self) -> Events {
        self.ops.ready(self)
    }

    /// Reads, at `at` or at the file's position.
    ///
    /// # Errors
    /// As [`FileOps::read`]; `EBADF` when not open for reading.
    pub fn read(&self, dst: &mut IoDst<'_>, at: Option<&mut u64>) -> Result<usize> {
        if !self.readable() {
            return Err(Errno::EBADF);
        }
        let done = match at {
            Some(at) => self.ops.read(self, dst, at)?,
            None if self.positioned => self.ops.read(self, dst, &mut self.position())?,
            None => self.ops.read(self, dst, &mut 0)?,
        };
        if done != 0 {
            notify::on(self.path.dentry(), InotifyMask::ACCESS);
        }
        Ok(done)
    }

    /// Writes, at `at` or at the file's position; with `O_APPEND` at the end.
    ///
    /// # Errors
    /// As [`FileOps::write`]; `EBADF` when not open for writing.
    pub fn write(&self, src: &mut IoSrc<'_>, at: Option<&mut u64>) -> Result<usize> {
        let append = self.flags().contains(OFlags::APPEND);
        match at {
            Some(at) => self.write_at(src, at, append),
            None if self.positioned => self.write_at(src, &mut self.position(), append),
            None => self.write_at(src, &mut 0, append),
        }
    }

    /// Writes at `at`, or with `append` at the end, whatever `O_APPEND` says (`RWF_APPEND`, `RWF_NOAPPEND`).
    ///
    /// # Errors
    /// As [`OpenFile::write`].
    pub fn write_at(&self, src: &mut IoSrc<'_>, at: &mut u64, append: bool) -> Result<usize> {
        if !self.writable() {
            return Err(Errno::EBADF);
        }
        let done = if append && self.inode().object().is_some() {
            let mut end = AT_END;
            let done = self.ops.write(self, src, &mut end)?;
            if end != AT_END {
                *at = end;
            }
            done
        } else {
            self.ops.write(self, src, at)?
        };
        if done != 0 {
            notify::on(self.path.dentry(), InotifyMask::MODIFY);
        }
        Ok(done)
    }
}

static OPEN_FILES: AtomicUsize = AtomicUsize::new(0);

/// How many open files there are (`/proc/sys/fs/file-nr`).
#[must_use]
pub fn open_files() -> usize {
    OPEN_FILES.load(Ordering::Relaxed)
}

/// The position of an open file, held against others; stored when let go.
pub struct Position<'a> {
    value: u64,
    file: &'a OpenFile,
    _guard: MutexGuard<'a, (), { rank::FILE_POSITION }>,
}

impl core::ops::Deref for Position<'_> {
    type Target = u64;
    fn deref(&self) -> &u64 {
        &self.value
    }
}

impl core::ops::DerefMut for Position<'_> {
    fn deref_mut(&mut self) -> &mut u64 {
        &mut self.value
    }
}

impl Drop for Position<'_> {
    fn drop(&mut self) {
        self.file.position_seen.store(self.value, Ordering::Relaxed);
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        OPEN_FILES.fetch_sub(1, Ordering::Relaxed);
        let flags = self.flags();
        if !flags.contains(OFlags::PATH) {
            let mask = if flags.writes() {
                InotifyMask::CLOSE_WRITE
            } else {
                InotifyMask::CLOSE_NOWRITE
            };
            notify::on(self.path.dentry(), mask);
        }
        // Its own end is no news to signal.
        drop(self.signalling.get_mut().take());
        self.ops.release(self);
        if let Some(attached) = self.inode().attr().existing_attached() {
            attached.locks.file_closed(self);
        }
        if self.counted {
            self.inode().attr().end_write();
            self.path.mount().end_write();
        }
    }
}

/// The operations of a file opened with `O_PATH`: none (`EBADF` comes before they are asked).
pub struct PathOnly;

impl FileOps for PathOnly {
    fn read(&self, _file: &OpenFile, _dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EBADF)
    }

    fn write(&self, _file: &OpenFile, _src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EBADF)
    }
}
