//! Wall-clock time for time stamps.

/// Nanoseconds since 1970.
#[must_use]
pub fn realtime_ns() -> u64 {
    hal::time::realtime_ns()
}
