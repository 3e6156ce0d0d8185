//! epoll (man 7 epoll).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `epoll_create1` flag: close on exec.
pub const EPOLL_CLOEXEC: u32 = 0o2000000;

/// `epoll_ctl` operation: add a descriptor.
pub const EPOLL_CTL_ADD: i32 = 1;
/// `epoll_ctl` operation: remove a descriptor.
pub const EPOLL_CTL_DEL: i32 = 2;
/// `epoll_ctl` operation: change the event mask.
pub const EPOLL_CTL_MOD: i32 = 3;

/// Wake only one of several waiting epolls.
pub const EPOLLEXCLUSIVE: u32 = 1 << 28;
/// Keep the system awake while events are handled (needs CAP_BLOCK_SUSPEND).
pub const EPOLLWAKEUP: u32 = 1 << 29;
/// Disarm after one event.
pub const EPOLLONESHOT: u32 = 1 << 30;
/// Edge triggered.
pub const EPOLLET: u32 = 1 << 31;

/// `struct epoll_event`; packed on x86 only.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct EpollEvent {
    /// EPOLLIN and friends, with the behaviour bits above.
    pub events: u32,
    /// Zero on the way out, ignored on the way in.
    pub pad: u32,
    /// The program's own.
    pub data: u64,
}

const _: () = assert!(size_of::<EpollEvent>() == 16);
const _: () = assert!(core::mem::offset_of!(EpollEvent, data) == 8);
