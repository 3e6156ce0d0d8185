//! Time: the counter, this processor's deadline, the wall clock's offset.
//!
//! Nothing here sleeps.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::machine;

/// Nanoseconds in a second.
pub const NANOS_PER_SEC: u64 = 1_000_000_000;

/// Nanoseconds since the machine started; never goes back, the same on every processor. Cost: the
/// counter, a barrier and a multiplication.
#[inline]
pub fn now_ns() -> u64 {
    machine::now_ns()
}

/// The counter as it stands, without the barrier of [`now_ns`]: for accounts, which lose nothing when a
/// reading is a few instructions early. Cost: one instruction.
#[inline(always)]
pub fn ticks() -> u64 {
    machine::ticks()
}

/// Nanoseconds of a span of [`ticks`].
#[inline]
pub fn ticks_to_ns(ticks: u64) -> u64 {
    machine::ticks_to_ns(ticks)
}

/// Ticks of the counter a second.
pub fn frequency() -> u64 {
    machine::counter_frequency()
}

/// Sets when this processor's timer interrupts next, in nanoseconds of [`now_ns`]; `None` never. A time
/// that has passed interrupts at once. Cost: two register writes.
pub fn set_deadline(at: Option<u64>) {
    machine::set_deadline(at);
}

/// What added to [`now_ns`] gives nanoseconds since 1970.
static REALTIME_OFFSET: AtomicU64 = AtomicU64::new(0);

/// What added to [`now_ns`] gives nanoseconds since 1970: from the clock chip at start, then as last set.
#[inline]
pub fn realtime_offset() -> u64 {
    REALTIME_OFFSET.load(Ordering::Relaxed)
}

/// Sets the wall clock, and what programs read of it through the vDSO.
pub fn set_realtime_offset(offset: u64) {
    REALTIME_OFFSET.store(offset, Ordering::Relaxed);
    machine::publish_realtime(offset);
}

/// Nanoseconds since 1970 by the wall clock.
#[inline]
pub fn realtime_ns() -> u64 {
    now_ns().wrapping_add(realtime_offset())
}
