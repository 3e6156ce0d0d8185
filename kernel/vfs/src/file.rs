//! Open files.

use abi::fcntl::OFlags;
use abi::inotify::InotifyMask;
use abi::stat::{S_IFMT, S_IFSOCK};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use mm::io::{IoDst, IoSrc};
use sync::{Credentials, Events, Mutex, MutexGuard, Once, Registration, SpinLock, rank};

use crate::abilities::Abilities;
use crate::file_ops::{AT_END, FileOps};
use crate::inode::Inode;
use crate::owner::{Owner, Ownership};
use crate::path::Path;
use crate::{dnotify, notify};

/// An open file ("open file description").
pub struct OpenFile {
    ops: Arc<dyn FileOps>,
    path: Path,
    flags: AtomicU32,
    positioned: bool,
    /// Its operations, but for reading and writing when it was not opened for that.
    abilities: Abilities,
    /// Its inode is a socket's; it may still be a mere place.
    socket: bool,
    /// A read or write holds the position to its end: of files and directories, not of devices, whose reads may
    /// wait for ever.
    holds_position: bool,
    /// Counted as a writer of its mount and inode.
    counted: bool,
    /// Counted as a reader of its inode.
    counted_reader: bool,
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
        let mut abilities = ops.abilities();
        let place = flags.contains(OFlags::PATH);
        abilities.set(
            Abilities::READ,
            abilities.contains(Abilities::READ) && flags.reads() && !place,
        );
        abilities.set(
            Abilities::WRITE,
            abilities.contains(Abilities::WRITE) && flags.writes() && !place,
        );
        if attr.is_dir() {
            abilities.remove(Abilities::READ_FLAGS);
        }
        let holds_position = attr.is_regular() || attr.is_dir();
        let socket = attr.mode() & S_IFMT == S_IFSOCK;
        OPEN_FILES.fetch_add(1, Ordering::Relaxed);
        let counted_reader =
            abilities.contains(Abilities::READ) && !flags.writes() && attr.is_regular();
        if counted_reader {
            attr.begin_read();
        }
        Arc::new(Self {
            ops,
            path,
            flags: AtomicU32::new(flags.difference(transient).bits()),
            positioned,
            abilities,
            socket,
            holds_position,
            counted,
            counted_reader,
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

    /// Whether it has all of these operations, and was opened for them.
    #[inline]
    #[must_use]
    pub fn can(&self, abilities: Abilities) -> bool {
        self.abilities.contains(abilities)
    }

    /// Whether it has positions.
    #[must_use]
    pub fn positioned(&self) -> bool {
        self.positioned
    }

    /// Whether its inode is a socket's.
    #[inline]
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.socket
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

    /// Reads at the position of a file that does not hold it and that the caller found readable.
    ///
    /// # Errors
    /// As [`FileOps::read`].
    #[inline(always)]
    pub fn read_loosely(&self, dst: &mut IoDst<'_>) -> Result<usize> {
        let mut at = self.position_seen();
        let done = self.ops.read(self, dst, &mut at)?;
        self.set_position_loosely(at);
        if done != 0 {
            notify::on(self.path.dentry(), InotifyMask::ACCESS);
        }
        Ok(done)
    }

    /// Writes at the position of a file that does not hold it and that the caller found writable.
    ///
    /// # Errors
    /// As [`FileOps::write`].
    #[inline(always)]
    pub fn write_loosely(&self, src: &mut IoSrc<'_>) -> Result<usize> {
        let mut at = self.position_seen();
        let done = self.ops.write(self, src, &mut at)?;
        self.set_position_loosely(at);
        if done != 0 {
            notify::on(self.path.dentry(), InotifyMask::MODIFY);
        }
        Ok(done)
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

    /// The owner, if one was ever set or signalled.
    pub(crate) fn existing_ownership(&self) -> Option<&Arc<Ownership>> {
        self.ownership.get()
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
        dnotify::end(self);
        self.ops.release(self);
        if let Some(attached) = self.inode().attr().existing_attached() {
            attached.locks.file_closed(self);
            // One that has none is told so.
            let _ = attached.leases.unset(self);
        }
        if self.counted {
            self.inode().attr().end_write();
            self.path.mount().end_write();
        } else if self.counted_reader {
            self.inode().attr().end_read();
        }
    }
}
