//! What `ioctl` asks of files of any file system (`man 2 ioctl_iflags`, `man 2 ioctl_ficlone`,
//! `man 2 ioctl_fideduperange`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The disk block of a block of the file.
pub const FIBMAP: u32 = 1;
/// The block size of a file system.
pub const FIGETBSZ: u32 = 2;
/// Stop changes of the file system.
pub const FIFREEZE: u32 = 0xc004_5877;
/// Let them go on.
pub const FITHAW: u32 = 0xc004_5878;
/// Share another file's blocks.
pub const FICLONE: u32 = 0x4004_9409;
/// Share a range of them.
pub const FICLONERANGE: u32 = 0x4020_940d;
/// Share the blocks of ranges that are equal.
pub const FIDEDUPERANGE: u32 = 0xc018_9436;
/// Where the file lies.
pub const FS_IOC_FIEMAP: u32 = 0xc020_660b;
/// Read the flags `chattr` sets.
pub const FS_IOC_GETFLAGS: u32 = 0x8008_6601;
/// Set them.
pub const FS_IOC_SETFLAGS: u32 = 0x4008_6602;
/// Read them and more.
pub const FS_IOC_FSGETXATTR: u32 = 0x801c_581f;
/// Set them and more.
pub const FS_IOC_FSSETXATTR: u32 = 0x401c_5820;
/// The number of the file system.
pub const FS_IOC_GETFSUUID: u32 = 0x8011_1500;
/// Allocate, the XFS way.
pub const FS_IOC_RESVSP: u32 = 0x4030_5828;
/// Punch a hole, the XFS way.
pub const FS_IOC_UNRESVSP: u32 = 0x4030_5829;
/// As [`FS_IOC_RESVSP`].
pub const FS_IOC_RESVSP64: u32 = 0x4030_582a;
/// As [`FS_IOC_UNRESVSP`].
pub const FS_IOC_UNRESVSP64: u32 = 0x4030_582b;
/// Zero a range, the XFS way.
pub const FS_IOC_ZERO_RANGE: u32 = 0x4030_5839;

/// Of `FS_IOC_SETFLAGS`: nothing changes.
pub const FS_IMMUTABLE_FL: u32 = 0x10;
/// Writes go to the end only.
pub const FS_APPEND_FL: u32 = 0x20;
/// Not for backups.
pub const FS_NODUMP_FL: u32 = 0x40;
/// The access time stays.
pub const FS_NOATIME_FL: u32 = 0x80;

/// The same in `fsx_xflags`.
pub const FS_XFLAG_IMMUTABLE: u32 = 0x8;
/// See [`FS_APPEND_FL`].
pub const FS_XFLAG_APPEND: u32 = 0x10;
/// See [`FS_NOATIME_FL`].
pub const FS_XFLAG_NOATIME: u32 = 0x40;
/// See [`FS_NODUMP_FL`].
pub const FS_XFLAG_NODUMP: u32 = 0x80;
/// A hint of how much to allocate at once.
pub const FS_XFLAG_EXTSIZE: u32 = 0x800;
/// The hint is for what is made in the directory.
pub const FS_XFLAG_EXTSZINHERIT: u32 = 0x1000;
/// A hint of how much to copy at once.
pub const FS_XFLAG_COWEXTSIZE: u32 = 0x1_0000;

/// `struct fsxattr`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FsxAttr {
    /// `FS_XFLAG_*`.
    pub xflags: u32,
    /// How much to allocate at once.
    pub extsize: u32,
    /// In how many pieces the file is.
    pub nextents: u32,
    /// Its project.
    pub projid: u32,
    /// How much to copy at once.
    pub cowextsize: u32,
    #[doc(hidden)]
    pub __pad: [u8; 8],
}
const _: () = assert!(size_of::<FsxAttr>() == 28);

/// `struct file_clone_range`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FileCloneRange {
    /// The file to share.
    pub src_fd: i64,
    /// From where.
    pub src_offset: u64,
    /// Bytes.
    pub src_length: u64,
    /// To where.
    pub dest_offset: u64,
}
const _: () = assert!(size_of::<FileCloneRange>() == 32);

/// The head of `struct file_dedupe_range`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FileDedupeRange {
    /// From where.
    pub src_offset: u64,
    /// Bytes.
    pub src_length: u64,
    /// How many ranges follow.
    pub dest_count: u16,
    #[doc(hidden)]
    pub reserved1: u16,
    #[doc(hidden)]
    pub reserved2: u32,
}
const _: () = assert!(size_of::<FileDedupeRange>() == 24);

/// `struct space_resv`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SpaceResv {
    /// Unused.
    pub l_type: i16,
    /// What `l_start` counts from.
    pub l_whence: i16,
    #[doc(hidden)]
    pub __pad: u32,
    /// First byte.
    pub l_start: i64,
    /// Bytes.
    pub l_len: i64,
    #[doc(hidden)]
    pub rest: [u32; 6],
}
const _: () = assert!(size_of::<SpaceResv>() == 48);

/// `struct fsuuid2` of a number of 16 bytes.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FsUuid {
    /// Bytes of the number.
    pub len: u8,
    /// The number.
    pub uuid: [u8; 16],
}
