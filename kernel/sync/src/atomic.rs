//! The atomics of this build: the machine's, or shuttle's which yield at each access.

#[cfg(not(feature = "shuttle"))]
pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
