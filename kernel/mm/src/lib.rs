//! Memory objects and address spaces.
//!
//! A [`MemObject`] is the page cache of one inode, or anonymous shared memory: one sparse index of
//! frames that `read`, `write`, `mmap` and the display all see. An [`AddressSpace`] is what the
//! addresses of a process mean: its VMAs, and the page table they are faulted into. Files, paths
//! and processes do not enter: what is mapped is an object, its name a trait.
//!
//! Order of locks: the space (a sleeping read-write lock), the object (likewise: faults and I/O
//! against truncation), the object's list of mappings, then the page table's own lock in `hal`.
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )
)]

extern crate alloc;

pub mod barrier;
pub mod io;
mod object;
pub mod pressure;
mod space;

pub use io::{IoDst, IoSrc};
pub use object::{MemObject, PageError, Pager, Quota, cached_pages};
pub use space::{
    ALL_IS_PROMISED, AddressLimits, AddressSpace, Backing, FaultCode, FaultError, FutexKey, Habits,
    Layout, MAX_MAP_COUNT, MMAP_MIN, MapName, MapRequest, Placement, SpaceStats, VmaFlags, VmaView,
};
