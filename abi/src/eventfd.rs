//! eventfd (man 2 eventfd).

/// A read takes one instead of all.
pub const EFD_SEMAPHORE: u32 = 1;
/// Close on exec.
pub const EFD_CLOEXEC: u32 = 0o2000000;
/// Nonblocking.
pub const EFD_NONBLOCK: u32 = 0o4000;
