//! What every inode carries besides its data: type, permissions, owners, names, times, and the locks
//! and watches that hang on it. Kept as atomics so that a path walk reads permissions without a lock.

use abi::stat::{
    S_IALLUGO, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, Ordering};
use sync::{SpinLock, rank};

use crate::attached::Attached;

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileType {
    /// Regular file.
    Regular,
    /// Directory.
    Directory,
    /// Symbolic link.
    Symlink,
    /// Character device.
    Char,
    /// Block device.
    Block,
    /// FIFO.
    Fifo,
    /// Socket.
    Socket,
}

impl FileType {
    /// The type in a mode; `None` when the bits name none.
    #[must_use]
    pub const fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & S_IFMT {
            S_IFREG => Self::Regular,
            S_IFDIR => Self::Directory,
            S_IFLNK => Self::Symlink,
            S_IFCHR => Self::Char,
            S_IFBLK => Self::Block,
            S_IFIFO => Self::Fifo,
            S_IFSOCK => Self::Socket,
            _ => return None,
        })
    }

    /// The bits of `st_mode`.
    #[must_use]
    pub const fn mode_bits(self) -> u32 {
        match self {
            Self::Regular => S_IFREG,
            Self::Directory => S_IFDIR,
            Self::Symlink => S_IFLNK,
            Self::Char => S_IFCHR,
            Self::Block => S_IFBLK,
            Self::Fifo => S_IFIFO,
            Self::Socket => S_IFSOCK,
        }
    }

    /// The type as `getdents64` reports it.
    #[must_use]
    pub const fn dirent_type(self) -> u8 {
        (self.mode_bits() >> 12) as u8
    }
}

/// A point in time as files carry it: seconds since 1970 and nanoseconds below 10^9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970, may be negative.
    pub sec: i64,
    /// Nanoseconds, below 10^9.
    pub nsec: u32,
}

impl Timestamp {
    /// The present time.
    #[must_use]
    pub fn now() -> Self {
        let ns = crate::clock::realtime_ns();
        Self {
            sec: (ns / 1_000_000_000) as i64,
            nsec: (ns % 1_000_000_000) as u32,
        }
    }
}

/// The four times of an inode.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Last access.
    pub accessed: Timestamp,
    /// Last change of the data.
    pub modified: Timestamp,
    /// Last change of the inode.
    pub changed: Timestamp,
    /// Birth.
    pub born: Timestamp,
}

/// What `stat` shows, without the device of the file system, which the mount knows.
#[derive(Clone, Copy, Debug)]
pub struct Metadata {
    /// Inode number.
    pub ino: u64,
    /// Type and permissions.
    pub mode: u32,
    /// Number of names.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device a special file stands for.
    pub rdev: u64,
    /// Bytes.
    pub size: u64,
    /// Best size of a transfer.
    pub blksize: u32,
    /// Blocks of 512 bytes in use.
    pub blocks: u64,
    /// Times.
    pub times: Times,
    /// Whether the birth time is known.
    pub has_birth: bool,
}

bitflags::bitflags! {
    /// What `chattr` sets and this kernel keeps to (`man 2 ioctl_iflags`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct InodeFlags: u8 {
        /// Nothing about it changes (`FS_IMMUTABLE_FL`).
        const IMMUTABLE = 1;
        /// It only grows (`FS_APPEND_FL`).
        const APPEND = 2;
        /// Not to be backed up (`FS_NODUMP_FL`).
        const NODUMP = 4;
        /// Reading leaves the access time alone (`FS_NOATIME_FL`).
        const NOATIME = 8;
    }
}

/// The attributes of an inode.
pub struct Attributes {
    ino: u64,
    rdev: u64,
    mode: AtomicU32,
    uid: AtomicU32,
    gid: AtomicU32,
    nlink: AtomicU32,
    /// Without a name, but may get one (`O_TMPFILE`).
    linkable: AtomicBool,
    /// [`InodeFlags`].
    flags: AtomicU8,
    /// How long what is written is said to live (`F_SET_RW_HINT`).
    life_hint: AtomicU8,
    times: SpinLock<Times, { rank::LEAF }>,
    /// Open files that may write, or, below 0, programs that run from this file (`ETXTBSY`).
    writers: AtomicI32,
    /// Open files that may only read: a lease looks at them.
    readers: AtomicI32,
    attached: SpinLock<Option<Arc<Attached>>, { rank::LEAF }>,
}

impl Attributes {
    /// Attributes of a new inode with `mode` (type and permissions), one name (two for a directory)
    /// and all times at present.
    #[must_use]
    pub fn new(ino: u64, mode: u32, uid: u32, gid: u32, rdev: u64) -> Self {
        let now = Timestamp::now();
        let nlink = if mode & S_IFMT == S_IFDIR { 2 } else { 1 };
        Self {
            ino,
            rdev,
            mode: AtomicU32::new(mode),
            uid: AtomicU32::new(uid),
            gid: AtomicU32::new(gid),
            nlink: AtomicU32::new(nlink),
            linkable: AtomicBool::new(false),
            flags: AtomicU8::new(0),
            life_hint: AtomicU8::new(0),
            times: SpinLock::new(Times {
                accessed: now,
                modified: now,
                changed: now,
                born: now,
            }),
            writers: AtomicI32::new(0),
            readers: AtomicI32::new(0),
            attached: SpinLock::new(None),
        }
    }

    /// Inode number.
    #[must_use]
    pub fn ino(&self) -> u64 {
        self.ino
    }

    /// Device a special file stands for.
    #[must_use]
    pub fn rdev(&self) -> u64 {
        self.rdev
    }

    /// Type and permissions.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.mode.load(Ordering::Relaxed)
    }

    /// The type; a mode without one (cannot be made) counts as regular.
    #[must_use]
    pub fn file_type(&self) -> FileType {
        FileType::from_mode(self.mode()).unwrap_or(FileType::Regular)
    }

    /// Whether this is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.mode() & S_IFMT == S_IFDIR
    }

    /// Whether this is a regular file; an object without a type is none.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        self.mode() & S_IFMT == S_IFREG
    }

    /// Whether this is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.mode() & S_IFMT == S_IFLNK
    }

    /// Replaces the permission bits; the type stays.
    pub fn set_permissions(&self, bits: u32) {
        let kind = self.mode() & S_IFMT;
        self.mode
            .store(kind | (bits & S_IALLUGO), Ordering::Relaxed);
    }

    /// Owner.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid.load(Ordering::Relaxed)
    }

    /// Group.
    #[must_use]
    pub fn gid(&self) -> u32 {
        self.gid.load(Ordering::Relaxed)
    }

    /// Sets the owner.
    pub fn set_uid(&self, uid: u32) {
        self.uid.store(uid, Ordering::Relaxed);
    }

    /// Sets the group.
    pub fn set_gid(&self, gid: u32) {
        self.gid.store(gid, Ordering::Relaxed);
    }

    /// Number of names.
    #[must_use]
    pub fn nlink(&self) -> u32 {
        self.nlink.load(Ordering::Relaxed)
    }

    /// Sets the number of names.
    pub fn set_nlink(&self, count: u32) {
        self.nlink.store(count, Ordering::Relaxed);
    }

    /// Whether a name may be given to it: it has one, or never had.
    #[must_use]
    pub fn may_be_linked(&self) -> bool {
        self.nlink() != 0 || self.linkable.load(Ordering::Relaxed)
    }

    /// Says whether a file without a name may get one.
    pub fn set_linkable(&self, may: bool) {
        self.linkable.store(may, Ordering::Relaxed);
    }

    /// One more name; the caller holds the directory's lock.
    pub fn add_link(&self) {
        self.nlink.fetch_add(1, Ordering::Relaxed);
    }

    /// One name less, never below none.
    pub fn drop_link(&self) {
        self.set_nlink(self.nlink().saturating_sub(1));
    }

    /// What `chattr` set.
    #[must_use]
    pub fn flags(&self) -> InodeFlags {
        InodeFlags::from_bits_truncate(self.flags.load(Ordering::Relaxed))
    }

    /// Sets what `chattr` sets.
    pub fn set_flags(&self, flags: InodeFlags) {
        self.flags.store(flags.bits(), Ordering::Relaxed);
    }

    /// Whether nothing about it may change.
    ///
    /// # Errors
    /// `EPERM`.
    pub fn ensure_changeable(&self) -> Result<()> {
        if self.flags().contains(InodeFlags::IMMUTABLE) {
            return Err(Errno::EPERM);
        }
        Ok(())
    }

    /// Whether what is there must stay as it is, be it that it may grow.
    ///
    /// # Errors
    /// `EPERM`.
    pub fn ensure_replaceable(&self) -> Result<()> {
        let fixed = InodeFlags::IMMUTABLE | InodeFlags::APPEND;
        if self.flags().intersects(fixed) {
            return Err(Errno::EPERM);
        }
        Ok(())
    }

    /// How long what is written is said to live.
    #[must_use]
    pub fn life_hint(&self) -> u8 {
        self.life_hint.load(Ordering::Relaxed)
    }

    /// Says how long what is written will live.
    pub fn set_life_hint(&self, hint: u8) {
        self.life_hint.store(hint, Ordering::Relaxed);
    }

    /// The four times.
    #[must_use]
    pub fn times(&self) -> Times {
        *self.times.lock()
    }

    /// Changes the times.
    pub fn update_times(&self, change: impl FnOnce(&mut Times)) {
        change(&mut self.times.lock());
    }

    /// The inode changed (ctime).
    pub fn touch_changed(&self) {
        let now = Timestamp::now();
        self.times.lock().changed = now;
    }

    /// The data changed (mtime and ctime).
    pub fn touch_modified(&self) {
        let now = Timestamp::now();
        let mut times = self.times.lock();
        times.modified = now;
        times.changed = now;
    }

    /// The data was read: the access time moves when it is not later than the last change or is a day
    /// old (`relatime`), or always when `strict`.
    pub fn touch_accessed(&self, strict: bool) {
        const DAY: i64 = 24 * 60 * 60;
        let mut times = self.times.lock();
        let stale = times.accessed <= times.modified || times.accessed <= times.changed;
        if stale || strict {
            times.accessed = Timestamp::now();
        } else {
            let now = Timestamp::now();
            if now.sec.saturating_sub(times.accessed.sec) >= DAY {
                times.accessed = now;
            }
        }
    }

    /// What `stat` shows of these attributes, with `size` bytes in `blocks` blocks of 512.
    #[must_use]
    #[inline]
    pub fn metadata(&self, size: u64, blocks: u64) -> Metadata {
        let times = self.times.lock();
        Metadata {
            ino: self.ino,
            mode: self.mode(),
            nlink: self.nlink(),
            uid: self.uid(),
            gid: self.gid(),
            rdev: self.rdev,
            size,
            blksize: 4096,
            blocks,
            times: *times,
            has_birth: true,
        }
    }

    /// What hangs on the inode, made when first asked for.
    #[must_use]
    pub fn attached(&self) -> Arc<Attached> {
        self.attached
            .lock()
            .get_or_insert_with(|| Arc::new(Attached::new()))
            .clone()
    }

    /// What hangs on the inode, if anything ever did.
    #[must_use]
    pub fn existing_attached(&self) -> Option<Arc<Attached>> {
        self.attached.lock().clone()
    }

    /// One more writer.
    ///
    /// # Errors
    /// `ETXTBSY` while a program runs from the file.
    pub fn begin_write(&self) -> Result<()> {
        self.count(|writers| (writers >= 0).then(|| writers.saturating_add(1)))
    }

    /// One writer less.
    pub fn end_write(&self) {
        self.writers.fetch_sub(1, Ordering::Release);
    }

    /// One more open file that only reads.
    pub(crate) fn begin_read(&self) {
        self.readers.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub(crate) fn end_read(&self) {
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the file is open in no way that a lease forbids: for writing, or, for an `exclusive` one, at all
    /// but through the asker's own open file.
    #[must_use]
    pub fn may_be_leased(&self, exclusive: bool, writes: bool, reads: bool) -> bool {
        let writers = self.writers.load(Ordering::SeqCst);
        if !exclusive {
            return writers <= 0;
        }
        let own_reader = i32::from(reads && !writes);
        writers == i32::from(writes) && self.readers.load(Ordering::SeqCst) == own_reader
    }

    /// A program starts from the file; writers are refused until [`Self::end_exec`].
    ///
    /// # Errors
    /// `ETXTBSY` while the file is open for writing.
    pub fn begin_exec(&self) -> Result<()> {
        self.count(|writers| (writers <= 0).then(|| writers.saturating_sub(1)))
    }

    /// A program that ran from the file has gone.
    pub fn end_exec(&self) {
        self.writers.fetch_add(1, Ordering::Release);
    }

    fn count(&self, next: impl FnMut(i32) -> Option<i32>) -> Result<()> {
        self.writers
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, next)
            .map_or(Err(Errno::ETXTBSY), |_| Ok(()))
    }
}
