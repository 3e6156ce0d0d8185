//! poll and select (man 2 poll, man 2 select).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

#[allow(missing_docs, reason = "names of poll(2)")]
mod bits {
    pub const POLLIN: u32 = 0x1;
    pub const POLLPRI: u32 = 0x2;
    pub const POLLOUT: u32 = 0x4;
    pub const POLLERR: u32 = 0x8;
    pub const POLLHUP: u32 = 0x10;
    pub const POLLNVAL: u32 = 0x20;
    pub const POLLRDNORM: u32 = 0x40;
    pub const POLLRDBAND: u32 = 0x80;
    pub const POLLWRNORM: u32 = 0x100;
    pub const POLLWRBAND: u32 = 0x200;
    pub const POLLMSG: u32 = 0x400;
    pub const POLLREMOVE: u32 = 0x1000;
    pub const POLLRDHUP: u32 = 0x2000;
}
pub use bits::*;

/// `struct pollfd`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PollFd {
    /// Descriptor; negative entries are skipped.
    pub fd: i32,
    /// What is asked for.
    pub events: i16,
    /// What was found.
    pub revents: i16,
}

const _: () = assert!(size_of::<PollFd>() == 8);

/// The two words `pselect6` packs behind its sixth argument.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SigSetArg {
    /// Address of the signal set, 0 for none.
    pub set: u64,
    /// Its size in bytes.
    pub size: u64,
}

const _: () = assert!(size_of::<SigSetArg>() == 16);
