//! Opening files, what `fcntl` does, locks, and the flags of the `*at` calls (`man 2 open`,
//! `man 2 fcntl`, `man 2 openat2`); values of AArch64, which differ from x86 in four `O_*` bits.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitflags::bitflags! {
    /// Flags of `open` and of an open file.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct OFlags: u32 {
        /// Open for writing only.
        const WRONLY = 0o1;
        /// Open for reading and writing.
        const RDWR = 0o2;
        /// Create the file.
        const CREAT = 0o100;
        /// The file must not exist.
        const EXCL = 0o200;
        /// Do not gain a controlling terminal.
        const NOCTTY = 0o400;
        /// Cut the file to length 0.
        const TRUNC = 0o1000;
        /// Write at the end.
        const APPEND = 0o2000;
        /// Do not wait.
        const NONBLOCK = 0o4000;
        /// Data reaches the disk before `write` returns.
        const DSYNC = 0o10000;
        /// Signal when the file is ready.
        const ASYNC = 0o20000;
        /// Must be a directory.
        const DIRECTORY = 0o40000;
        /// The last component must not be a symbolic link.
        const NOFOLLOW = 0o100_000;
        /// Past the page cache.
        const DIRECT = 0o200_000;
        /// Files of more than 2 GiB.
        const LARGEFILE = 0o400_000;
        /// Do not change the access time.
        const NOATIME = 0o1_000_000;
        /// Close on `execve`.
        const CLOEXEC = 0o2_000_000;
        /// With `DSYNC`: attributes too.
        const SYNC_BIT = 0o4_000_000;
        /// A place in the tree, not a file to read.
        const PATH = 0o10_000_000;
        /// An unnamed file in this directory (together with `DIRECTORY`).
        const TMPFILE_BIT = 0o20_000_000;
        const _ = !0;
    }
}

impl OFlags {
    /// Open for reading only.
    pub const RDONLY: Self = Self::empty();
    /// The bits that hold the access mode.
    pub const ACCMODE: Self = Self::WRONLY.union(Self::RDWR);
    /// Data and attributes reach the disk before `write` returns.
    pub const SYNC: Self = Self::DSYNC.union(Self::SYNC_BIT);
    /// An unnamed file in this directory.
    pub const TMPFILE: Self = Self::TMPFILE_BIT.union(Self::DIRECTORY);
    /// Every flag `open` knows.
    pub const VALID: Self = Self::from_bits_retain(0o37_777_703);
    /// What `F_SETFL` may change.
    pub const SETFL: Self = Self::from_bits_retain(
        Self::APPEND.bits()
            | Self::NONBLOCK.bits()
            | Self::ASYNC.bits()
            | Self::DIRECT.bits()
            | Self::NOATIME.bits(),
    );

    /// Whether the access mode allows reading. (Mode 3 opens for neither: for `ioctl` alone.)
    #[must_use]
    pub const fn reads(self) -> bool {
        matches!(self.bits() & 3, 0 | 2)
    }

    /// Whether the access mode allows writing.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self.bits() & 3, 1 | 2)
    }
}

/// The current directory in place of a descriptor.
pub const AT_FDCWD: i32 = -100;
/// Do not follow a symbolic link at the end.
pub const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
/// `faccessat`: check with the effective ids.
pub const AT_EACCESS: u32 = 0x200;
/// `unlinkat`: remove a directory.
pub const AT_REMOVEDIR: u32 = 0x200;
/// Follow a symbolic link at the end.
pub const AT_SYMLINK_FOLLOW: u32 = 0x400;
/// Do not trigger automounts.
pub const AT_NO_AUTOMOUNT: u32 = 0x800;
/// An empty path means the descriptor itself.
pub const AT_EMPTY_PATH: u32 = 0x1000;
/// `statx`: attributes must be as fresh as on the server.
pub const AT_STATX_FORCE_SYNC: u32 = 0x2000;
/// `statx`: cached attributes will do.
pub const AT_STATX_DONT_SYNC: u32 = 0x4000;
/// The bits of the two.
pub const AT_STATX_SYNC_TYPE: u32 = 0x6000;

/// Duplicate a descriptor.
pub const F_DUPFD: u32 = 0;
/// Read the descriptor's flags.
pub const F_GETFD: u32 = 1;
/// Set the descriptor's flags.
pub const F_SETFD: u32 = 2;
/// Read the file's flags.
pub const F_GETFL: u32 = 3;
/// Set the file's flags.
pub const F_SETFL: u32 = 4;
/// Who holds a lock.
pub const F_GETLK: u32 = 5;
/// Lock or unlock.
pub const F_SETLK: u32 = 6;
/// Lock, waiting.
pub const F_SETLKW: u32 = 7;
/// Who gets SIGIO.
pub const F_SETOWN: u32 = 8;
/// Read the same.
pub const F_GETOWN: u32 = 9;
/// Which signal in place of SIGIO.
pub const F_SETSIG: u32 = 10;
/// Read the same.
pub const F_GETSIG: u32 = 11;
/// Who gets SIGIO, a thread, process or group.
pub const F_SETOWN_EX: u32 = 15;
/// Read the same.
pub const F_GETOWN_EX: u32 = 16;
/// The user ids that count for SIGIO.
pub const F_GETOWNER_UIDS: u32 = 17;
/// Like `F_GETLK` for locks of open files.
pub const F_OFD_GETLK: u32 = 36;
/// Like `F_SETLK` for locks of open files.
pub const F_OFD_SETLK: u32 = 37;
/// Like `F_SETLKW` for locks of open files.
pub const F_OFD_SETLKW: u32 = 38;
/// Set a lease.
pub const F_SETLEASE: u32 = 1024;
/// Read a lease.
pub const F_GETLEASE: u32 = 1025;
/// Watch a directory by signals.
pub const F_NOTIFY: u32 = 1026;
/// Whether two descriptors share an open file.
pub const F_DUPFD_QUERY: u32 = 1027;
/// Whether this open made the file.
pub const F_CREATED_QUERY: u32 = 1028;
/// Duplicate a descriptor, closed on `execve`.
pub const F_DUPFD_CLOEXEC: u32 = 1030;
/// Set a pipe's capacity.
pub const F_SETPIPE_SZ: u32 = 1031;
/// Read a pipe's capacity.
pub const F_GETPIPE_SZ: u32 = 1032;
/// Add seals.
pub const F_ADD_SEALS: u32 = 1033;
/// Read seals.
pub const F_GET_SEALS: u32 = 1034;
/// Read a file's write life time hint.
pub const F_GET_RW_HINT: u32 = 1035;
/// Set a file's write life time hint.
pub const F_SET_RW_HINT: u32 = 1036;
/// The descriptor's one flag.
pub const FD_CLOEXEC: u32 = 1;

/// No more seals.
pub const F_SEAL_SEAL: u32 = 1;
/// The file must not shrink.
pub const F_SEAL_SHRINK: u32 = 2;
/// The file must not grow.
pub const F_SEAL_GROW: u32 = 4;
/// No writes.
pub const F_SEAL_WRITE: u32 = 8;
/// No writes from now on; mappings that exist may.
pub const F_SEAL_FUTURE_WRITE: u32 = 16;
/// The execute bits must not change.
pub const F_SEAL_EXEC: u32 = 32;

/// A read lock.
pub const F_RDLCK: i16 = 0;
/// A write lock.
pub const F_WRLCK: i16 = 1;
/// No lock.
pub const F_UNLCK: i16 = 2;
/// `F_SETOWN_EX`: a thread.
pub const F_OWNER_TID: i32 = 0;
/// `F_SETOWN_EX`: a process.
pub const F_OWNER_PID: i32 = 1;
/// `F_SETOWN_EX`: a process group.
pub const F_OWNER_PGRP: i32 = 2;

/// Shared lock.
pub const LOCK_SH: u32 = 1;
/// Exclusive lock.
pub const LOCK_EX: u32 = 2;
/// Do not wait.
pub const LOCK_NB: u32 = 4;
/// Unlock.
pub const LOCK_UN: u32 = 8;
/// Mandatory, which Linux has no more.
pub const LOCK_MAND: u32 = 32;

/// `struct flock`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Flock {
    /// `F_RDLCK`, `F_WRLCK` or `F_UNLCK`.
    pub l_type: i16,
    /// What `l_start` counts from.
    pub l_whence: i16,
    #[doc(hidden)]
    pub __pad1: u32,
    /// First byte.
    pub l_start: i64,
    /// Bytes; 0: to the end, whatever it becomes.
    pub l_len: i64,
    /// Who holds the lock that is in the way.
    pub l_pid: i32,
    #[doc(hidden)]
    pub __pad2: u32,
}
const _: () = assert!(size_of::<Flock>() == 32);

/// `struct f_owner_ex`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FOwnerEx {
    /// `F_OWNER_*`.
    pub r#type: i32,
    /// The number.
    pub pid: i32,
}

/// `struct open_how` of `openat2`, its first version.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct OpenHow {
    /// `O_*`.
    pub flags: u64,
    /// Permissions of a new file.
    pub mode: u64,
    /// `RESOLVE_*`.
    pub resolve: u64,
}
const _: () = assert!(size_of::<OpenHow>() == 24);

/// Do not cross mounts.
pub const RESOLVE_NO_XDEV: u64 = 1;
/// Do not follow `/proc`'s magic links.
pub const RESOLVE_NO_MAGICLINKS: u64 = 2;
/// Do not follow symbolic links.
pub const RESOLVE_NO_SYMLINKS: u64 = 4;
/// Stay beneath the starting point.
pub const RESOLVE_BENEATH: u64 = 8;
/// The starting point is the root.
pub const RESOLVE_IN_ROOT: u64 = 16;
/// Only what is cached.
pub const RESOLVE_CACHED: u64 = 32;

/// From the start.
pub const SEEK_SET: i32 = 0;
/// From the present position.
pub const SEEK_CUR: i32 = 1;
/// From the end.
pub const SEEK_END: i32 = 2;
/// The next data at or after.
pub const SEEK_DATA: i32 = 3;
/// The next hole at or after.
pub const SEEK_HOLE: i32 = 4;

/// Keep the size.
pub const FALLOC_FL_KEEP_SIZE: u32 = 1;
/// Make a hole.
pub const FALLOC_FL_PUNCH_HOLE: u32 = 2;
/// Cut a range out.
pub const FALLOC_FL_COLLAPSE_RANGE: u32 = 8;
/// Zero a range.
pub const FALLOC_FL_ZERO_RANGE: u32 = 16;
/// Insert a range.
pub const FALLOC_FL_INSERT_RANGE: u32 = 32;
/// Make shared extents one's own.
pub const FALLOC_FL_UNSHARE_RANGE: u32 = 64;

/// High priority (polls the device).
pub const RWF_HIPRI: u32 = 1;
/// As with `O_DSYNC`.
pub const RWF_DSYNC: u32 = 2;
/// As with `O_SYNC`.
pub const RWF_SYNC: u32 = 4;
/// Do not wait.
pub const RWF_NOWAIT: u32 = 8;
/// As with `O_APPEND`.
pub const RWF_APPEND: u32 = 16;
/// Not as with `O_APPEND`.
pub const RWF_NOAPPEND: u32 = 32;
/// One write that cannot be torn.
pub const RWF_ATOMIC: u32 = 64;

/// Move pages.
pub const SPLICE_F_MOVE: u32 = 1;
/// Do not wait.
pub const SPLICE_F_NONBLOCK: u32 = 2;
/// More will come.
pub const SPLICE_F_MORE: u32 = 4;
/// `vmsplice`: the pages are a gift.
pub const SPLICE_F_GIFT: u32 = 8;
/// Every flag of the splice family.
pub const SPLICE_F_ALL: u32 = 15;

/// Every flag of `sync_file_range`.
pub const SYNC_FILE_RANGE_ALL: u32 = 7;
/// The last of the advices of `fadvise64`: the data is used once.
pub const POSIX_FADV_NOREUSE: i32 = 5;

/// `close_range`: work on a copy of the table.
pub const CLOSE_RANGE_UNSHARE: u32 = 2;
/// `close_range`: mark in place of closing.
pub const CLOSE_RANGE_CLOEXEC: u32 = 4;

/// Longest path, with its NUL.
pub const PATH_MAX: usize = 4096;
/// Longest name.
pub const NAME_MAX: usize = 255;
/// Most buffers of `readv` and its kin.
pub const IOV_MAX: usize = 1024;
/// Most bytes one call moves.
pub const MAX_RW_COUNT: usize = 0x7fff_f000;

/// Clear the close-on-exec flag.
pub const FIONCLEX: u32 = 0x5450;
/// Set the close-on-exec flag.
pub const FIOCLEX: u32 = 0x5451;
/// Set or clear `O_ASYNC`.
pub const FIOASYNC: u32 = 0x5452;
/// Set or clear `O_NONBLOCK`.
pub const FIONBIO: u32 = 0x5421;
/// How many bytes can be read.
pub const FIONREAD: u32 = 0x541b;
/// The allocated size of a file.
pub const FIOQSIZE: u32 = 0x5460;
