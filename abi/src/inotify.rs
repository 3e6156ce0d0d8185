//! inotify (man 7 inotify).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bitflags::bitflags! {
    /// Events, watch behaviour and event marks.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct InotifyMask: u32 {
        /// File was read.
        const ACCESS = 0x1;
        /// File was written.
        const MODIFY = 0x2;
        /// Metadata changed.
        const ATTRIB = 0x4;
        /// Closed after writing.
        const CLOSE_WRITE = 0x8;
        /// Closed without writing.
        const CLOSE_NOWRITE = 0x10;
        /// Opened.
        const OPEN = 0x20;
        /// Renamed away.
        const MOVED_FROM = 0x40;
        /// Renamed to here.
        const MOVED_TO = 0x80;
        /// Created in the watched directory.
        const CREATE = 0x100;
        /// Removed from the watched directory.
        const DELETE = 0x200;
        /// The watched object itself was removed.
        const DELETE_SELF = 0x400;
        /// The watched object itself was renamed.
        const MOVE_SELF = 0x800;
        /// The file system was unmounted (event only).
        const UNMOUNT = 0x2000;
        /// Events were lost (event only).
        const Q_OVERFLOW = 0x4000;
        /// The watch is gone (event only).
        const IGNORED = 0x8000;
        /// Fail unless it is a directory.
        const ONLYDIR = 0x0100_0000;
        /// Do not follow a symbolic link.
        const DONT_FOLLOW = 0x0200_0000;
        /// No events for children after they were unlinked.
        const EXCL_UNLINK = 0x0400_0000;
        /// Fail if the watch exists.
        const MASK_CREATE = 0x1000_0000;
        /// Add to the mask of an existing watch.
        const MASK_ADD = 0x2000_0000;
        /// The subject is a directory (event only).
        const ISDIR = 0x4000_0000;
        /// One event, then the watch goes.
        const ONESHOT = 0x8000_0000;
        /// Every event a program may ask for.
        const ALL_EVENTS = 0xfff;
    }
}

/// `inotify_init1` flag: nonblocking.
pub const IN_NONBLOCK: u32 = 0o4000;
/// `inotify_init1` flag: close on exec.
pub const IN_CLOEXEC: u32 = 0o2000000;
/// ioctl: the descriptor the next new watch gets.
pub const INOTIFY_IOC_SETNEXTWD: u32 = 0x4004_4900;

/// `struct inotify_event`, followed by `len` bytes of name with NULs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct InotifyEvent {
    /// Watch descriptor, -1 for an overflow.
    pub wd: i32,
    /// What happened.
    pub mask: u32,
    /// Joins the two halves of a rename.
    pub cookie: u32,
    /// Bytes of name that follow, a multiple of 16.
    pub len: u32,
}

const _: () = assert!(size_of::<InotifyEvent>() == 16);
