//! File attributes: modes, `struct stat`, `struct statx`, `struct statfs` and what `statx`,
//! `utimensat` and `renameat2` take (`man 2 stat`, `man 2 statx`, `man 2 statfs`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The bits of `st_mode` that hold the type of a file.
pub const S_IFMT: u32 = 0o170_000;
/// Socket.
pub const S_IFSOCK: u32 = 0o140_000;
/// Symbolic link.
pub const S_IFLNK: u32 = 0o120_000;
/// Regular file.
pub const S_IFREG: u32 = 0o100_000;
/// Block device.
pub const S_IFBLK: u32 = 0o060_000;
/// Directory.
pub const S_IFDIR: u32 = 0o040_000;
/// Character device.
pub const S_IFCHR: u32 = 0o020_000;
/// FIFO.
pub const S_IFIFO: u32 = 0o010_000;
/// Set-user-ID.
pub const S_ISUID: u32 = 0o4000;
/// Set-group-ID.
pub const S_ISGID: u32 = 0o2000;
/// Sticky.
pub const S_ISVTX: u32 = 0o1000;
/// Group may execute (with `S_ISGID`: the program gains the group).
pub const S_IXGRP: u32 = 0o010;
/// The group may write.
pub const S_IWGRP: u32 = 0o020;
/// Others may write.
pub const S_IWOTH: u32 = 0o002;
/// Read, write and execute for everybody.
pub const S_IRWXUGO: u32 = 0o777;
/// All bits `chmod` may set.
pub const S_IALLUGO: u32 = 0o7777;

/// `struct stat` of AArch64 (asm-generic).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Stat {
    /// Device of the file system.
    pub st_dev: u64,
    /// Inode number.
    pub st_ino: u64,
    /// Type and permissions.
    pub st_mode: u32,
    /// Number of names.
    pub st_nlink: u32,
    /// Owner.
    pub st_uid: u32,
    /// Group.
    pub st_gid: u32,
    /// Device a special file stands for.
    pub st_rdev: u64,
    #[doc(hidden)]
    pub __pad1: u64,
    /// Bytes.
    pub st_size: i64,
    /// Best size of a transfer.
    pub st_blksize: i32,
    #[doc(hidden)]
    pub __pad2: i32,
    /// Blocks of 512 bytes.
    pub st_blocks: i64,
    /// Last access, seconds.
    pub st_atime: i64,
    /// Last access, nanoseconds.
    pub st_atime_nsec: u64,
    /// Last change of the data, seconds.
    pub st_mtime: i64,
    /// Last change of the data, nanoseconds.
    pub st_mtime_nsec: u64,
    /// Last change of the inode, seconds.
    pub st_ctime: i64,
    /// Last change of the inode, nanoseconds.
    pub st_ctime_nsec: u64,
    #[doc(hidden)]
    pub __unused: [u32; 2],
}
const _: () = assert!(size_of::<Stat>() == 128);
const _: () = assert!(core::mem::offset_of!(Stat, st_size) == 48);
const _: () = assert!(core::mem::offset_of!(Stat, st_atime) == 72);

/// A time stamp of `struct statx`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StatxTimestamp {
    /// Seconds.
    pub tv_sec: i64,
    /// Nanoseconds.
    pub tv_nsec: u32,
    #[doc(hidden)]
    pub __reserved: i32,
}

/// `struct statx`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Statx {
    /// Which fields are filled (`STATX_*`).
    pub stx_mask: u32,
    /// Best size of a transfer.
    pub stx_blksize: u32,
    /// `STATX_ATTR_*`.
    pub stx_attributes: u64,
    /// Number of names.
    pub stx_nlink: u32,
    /// Owner.
    pub stx_uid: u32,
    /// Group.
    pub stx_gid: u32,
    /// Type and permissions.
    pub stx_mode: u16,
    #[doc(hidden)]
    pub __spare0: u16,
    /// Inode number.
    pub stx_ino: u64,
    /// Bytes.
    pub stx_size: u64,
    /// Blocks of 512 bytes.
    pub stx_blocks: u64,
    /// Which bits of `stx_attributes` the file system knows.
    pub stx_attributes_mask: u64,
    /// Last access.
    pub stx_atime: StatxTimestamp,
    /// Birth.
    pub stx_btime: StatxTimestamp,
    /// Last change of the inode.
    pub stx_ctime: StatxTimestamp,
    /// Last change of the data.
    pub stx_mtime: StatxTimestamp,
    /// Device a special file stands for, major number.
    pub stx_rdev_major: u32,
    /// The same, minor number.
    pub stx_rdev_minor: u32,
    /// Device of the file system, major number.
    pub stx_dev_major: u32,
    /// The same, minor number.
    pub stx_dev_minor: u32,
    /// Identity of the mount.
    pub stx_mnt_id: u64,
    /// Alignment of memory for direct I/O.
    pub stx_dio_mem_align: u32,
    /// Alignment of offsets for direct I/O.
    pub stx_dio_offset_align: u32,
    /// Subvolume.
    pub stx_subvol: u64,
    /// Least unit of an atomic write.
    pub stx_atomic_write_unit_min: u32,
    /// Greatest unit of an atomic write.
    pub stx_atomic_write_unit_max: u32,
    /// Segments of an atomic write.
    pub stx_atomic_write_segments_max: u32,
    #[doc(hidden)]
    pub __spare1: u32,
    #[doc(hidden)]
    pub __spare3: [u64; 9],
}
const _: () = assert!(size_of::<Statx>() == 256);
const _: () = assert!(core::mem::offset_of!(Statx, stx_rdev_major) == 0x80);
const _: () = assert!(core::mem::offset_of!(Statx, stx_mnt_id) == 0x90);

/// The fields that `stat` fills.
pub const STATX_BASIC_STATS: u32 = 0x7ff;
/// Birth time.
pub const STATX_BTIME: u32 = 0x800;
/// Identity of the mount, the old number.
pub const STATX_MNT_ID: u32 = 0x1000;
/// Identity of the mount that is never used again.
pub const STATX_MNT_ID_UNIQUE: u32 = 0x4000;
/// A bit `statx` refuses in its mask.
pub const STATX_RESERVED: u32 = 0x8000_0000;
/// Nothing about the file changes.
pub const STATX_ATTR_IMMUTABLE: u64 = 0x10;
/// The file only grows.
pub const STATX_ATTR_APPEND: u64 = 0x20;
/// The file is not to be backed up.
pub const STATX_ATTR_NODUMP: u64 = 0x40;
/// The file is the root of a mount.
pub const STATX_ATTR_MOUNT_ROOT: u64 = 0x2000;

/// `struct statfs`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Statfs {
    /// Magic number of the file system.
    pub f_type: i64,
    /// Size of a block.
    pub f_bsize: i64,
    /// Blocks.
    pub f_blocks: u64,
    /// Free blocks.
    pub f_bfree: u64,
    /// Free blocks for everybody.
    pub f_bavail: u64,
    /// Inodes.
    pub f_files: u64,
    /// Free inodes.
    pub f_ffree: u64,
    /// Identity of the file system.
    pub f_fsid: [i32; 2],
    /// Longest name.
    pub f_namelen: i64,
    /// Fragment size.
    pub f_frsize: i64,
    /// `ST_*` flags.
    pub f_flags: i64,
    #[doc(hidden)]
    pub f_spare: [i64; 4],
}
const _: () = assert!(size_of::<Statfs>() == 120);

/// `f_flags` is filled.
pub const ST_VALID: i64 = 0x20;

/// `utimensat`: take the present time.
pub const UTIME_NOW: i64 = 0x3fff_ffff;
/// `utimensat`: leave this time alone.
pub const UTIME_OMIT: i64 = 0x3fff_fffe;

/// Do not replace what the new name stands for.
pub const RENAME_NOREPLACE: u32 = 1;
/// Exchange the two names.
pub const RENAME_EXCHANGE: u32 = 2;
/// Leave a whiteout behind.
pub const RENAME_WHITEOUT: u32 = 4;

/// Fail if the attribute exists.
pub const XATTR_CREATE: u32 = 1;
/// Fail if the attribute does not exist.
pub const XATTR_REPLACE: u32 = 2;
/// Longest name of an extended attribute.
pub const XATTR_NAME_MAX: usize = 255;
/// Greatest value of an extended attribute, bytes.
pub const XATTR_SIZE_MAX: usize = 65536;
/// Greatest list of names, bytes.
pub const XATTR_LIST_MAX: usize = 65536;

/// Combines a device's major and minor number as `st_rdev` holds them.
#[must_use]
pub const fn makedev(major: u32, minor: u32) -> u64 {
    let (major, minor) = (major as u64, minor as u64);
    ((major & 0xffff_f000) << 32)
        | ((major & 0xfff) << 8)
        | ((minor & 0xffff_ff00) << 12)
        | (minor & 0xff)
}

/// The major number in `st_rdev`.
#[must_use]
pub const fn major(dev: u64) -> u32 {
    (((dev >> 32) & 0xffff_f000) | ((dev >> 8) & 0xfff)) as u32
}

/// The minor number in `st_rdev`.
#[must_use]
pub const fn minor(dev: u64) -> u32 {
    (((dev >> 12) & 0xffff_ff00) | (dev & 0xff)) as u32
}
