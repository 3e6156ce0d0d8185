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

#[allow(missing_docs, reason = "names of inotify(7), for who only tells")]
mod words {
    use super::InotifyMask as M;
    pub const IN_ACCESS: u32 = M::ACCESS.bits();
    pub const IN_MODIFY: u32 = M::MODIFY.bits();
    pub const IN_ATTRIB: u32 = M::ATTRIB.bits();
    pub const IN_CLOSE_WRITE: u32 = M::CLOSE_WRITE.bits();
    pub const IN_CLOSE_NOWRITE: u32 = M::CLOSE_NOWRITE.bits();
    pub const IN_OPEN: u32 = M::OPEN.bits();
    pub const IN_MOVED_FROM: u32 = M::MOVED_FROM.bits();
    pub const IN_MOVED_TO: u32 = M::MOVED_TO.bits();
    pub const IN_CREATE: u32 = M::CREATE.bits();
    pub const IN_DELETE: u32 = M::DELETE.bits();
    pub const IN_DELETE_SELF: u32 = M::DELETE_SELF.bits();
    pub const IN_MOVE_SELF: u32 = M::MOVE_SELF.bits();
    pub const IN_UNMOUNT: u32 = M::UNMOUNT.bits();
    pub const IN_Q_OVERFLOW: u32 = M::Q_OVERFLOW.bits();
    pub const IN_IGNORED: u32 = M::IGNORED.bits();
    pub const IN_ONLYDIR: u32 = M::ONLYDIR.bits();
    pub const IN_DONT_FOLLOW: u32 = M::DONT_FOLLOW.bits();
    pub const IN_EXCL_UNLINK: u32 = M::EXCL_UNLINK.bits();
    pub const IN_MASK_CREATE: u32 = M::MASK_CREATE.bits();
    pub const IN_MASK_ADD: u32 = M::MASK_ADD.bits();
    pub const IN_ISDIR: u32 = M::ISDIR.bits();
    pub const IN_ONESHOT: u32 = M::ONESHOT.bits();
}
pub use words::*;
