//! `mount`, `umount2` and `statfs` (`man 2 mount`).

/// Read-only.
pub const MS_RDONLY: u64 = 1;
/// Ignore set-user-ID and set-group-ID.
pub const MS_NOSUID: u64 = 2;
/// No device files.
pub const MS_NODEV: u64 = 4;
/// No programs.
pub const MS_NOEXEC: u64 = 8;
/// Write through.
pub const MS_SYNCHRONOUS: u64 = 16;
/// Change the flags of a mount.
pub const MS_REMOUNT: u64 = 32;
/// Mandatory locks (gone from Linux).
pub const MS_MANDLOCK: u64 = 64;
/// Write directories through.
pub const MS_DIRSYNC: u64 = 128;
/// Do not follow symbolic links.
pub const MS_NOSYMFOLLOW: u64 = 256;
/// Leave access times alone.
pub const MS_NOATIME: u64 = 1024;
/// Leave access times of directories alone.
pub const MS_NODIRATIME: u64 = 2048;
/// Make a part of the tree visible at another place.
pub const MS_BIND: u64 = 4096;
/// Move a mount.
pub const MS_MOVE: u64 = 8192;
/// With `MS_BIND`: with all mounts below.
pub const MS_REC: u64 = 16384;
/// Do not report some errors.
pub const MS_SILENT: u64 = 32768;
/// POSIX access lists.
pub const MS_POSIXACL: u64 = 1 << 16;
/// Cannot be bound.
pub const MS_UNBINDABLE: u64 = 1 << 17;
/// Does not propagate.
pub const MS_PRIVATE: u64 = 1 << 18;
/// Receives propagation.
pub const MS_SLAVE: u64 = 1 << 19;
/// Propagates both ways.
pub const MS_SHARED: u64 = 1 << 20;
/// Change access times when older than the last change.
pub const MS_RELATIME: u64 = 1 << 21;
/// Count changes of the inode.
pub const MS_I_VERSION: u64 = 1 << 23;
/// Always change access times.
pub const MS_STRICTATIME: u64 = 1 << 24;
/// Write times lazily.
pub const MS_LAZYTIME: u64 = 1 << 25;
/// Only the kernel mounts so.
pub const MS_NOUSER: u64 = 1 << 31;
/// The magic number old programs put in the upper half.
pub const MS_MGC_VAL: u64 = 0xc0ed_0000;
/// The mask of that number.
pub const MS_MGC_MSK: u64 = 0xffff_0000;

/// Unmount even if busy where the file system can.
pub const MNT_FORCE: u32 = 1;
/// Take out of the tree now, let go when unused.
pub const MNT_DETACH: u32 = 2;
/// Mark as expired; unmount when it is already.
pub const MNT_EXPIRE: u32 = 4;
/// Do not follow a symbolic link.
pub const UMOUNT_NOFOLLOW: u32 = 8;

/// Magic number of namespaces.
pub const NSFS_MAGIC: i64 = 0x6e73_6673;
/// Magic number of tmpfs.
pub const TMPFS_MAGIC: i64 = 0x0102_1994;
/// Magic number of ramfs.
pub const RAMFS_MAGIC: i64 = 0x8584_58f6;
/// Magic number of proc.
pub const PROC_SUPER_MAGIC: i64 = 0x9fa0;
/// Magic number of sysfs.
pub const SYSFS_MAGIC: i64 = 0x6265_6572;
/// Magic number of devpts.
pub const DEVPTS_SUPER_MAGIC: i64 = 0x1cd1;
/// Magic number of pipefs.
pub const PIPEFS_MAGIC: i64 = 0x5049_5045;
/// Magic number of sockfs.
pub const SOCKFS_MAGIC: i64 = 0x534f_434b;
/// Magic number of anonymous inodes.
pub const DMA_BUF_MAGIC: i64 = 0x444d_4142;
/// Of files without a kind.
pub const ANON_INODE_FS_MAGIC: i64 = 0x0904_1934;
