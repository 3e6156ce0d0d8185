//! The wall clock: reading it, setting it, moments of it as moments of the monotonic clock.
//!
//! Boot time and monotonic time are one: the machine is never suspended. The wall clock is monotonic time
//! and an offset. Setting it changes the offset, so whoever sleeps to a moment of the wall clock must
//! look again: [`changes`] is told, [`generation`] has moved.

use abi::{Errno, Result};

use crate::events::Events;
use crate::instant::Instant;
use crate::pollee::Pollee;
use crate::rank;
use crate::spin_lock::SpinLock;

static CHANGES: Pollee = Pollee::new();
static GENERATION: SpinLock<u64, { rank::LEAF }> = SpinLock::new(0);

/// A moment one can wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// Of monotonic or boot time.
    Monotonic(Instant),
    /// Of the wall clock: nanoseconds since 1970.
    Realtime(u64),
}

impl Moment {
    /// When it is, as the wall clock stands now.
    #[must_use]
    pub fn instant(self) -> Instant {
        match self {
            Self::Monotonic(at) => at,
            Self::Realtime(u64::MAX) => Instant::NEVER,
            Self::Realtime(at) => Instant::from_nanos(at.saturating_sub(realtime_offset())),
        }
    }

    /// Whether setting the wall clock changes when it is.
    #[must_use]
    pub fn is_realtime(self) -> bool {
        matches!(self, Self::Realtime(_))
    }
}

/// Nanoseconds since 1970.
#[must_use]
pub fn realtime_ns() -> u64 {
    Instant::now().as_nanos().wrapping_add(realtime_offset())
}

/// What added to monotonic time gives nanoseconds since 1970.
#[must_use]
pub fn realtime_offset() -> u64 {
    hal::time::realtime_offset()
}

/// The latest wall clock that can be set: Linux keeps thirty years for what is counted from it.
pub const LATEST: u64 = (i64::MAX as u64) - 30 * 365 * 24 * 3600 * hal::time::NANOS_PER_SEC;

/// Sets the wall clock.
///
/// # Errors
/// `EINVAL` for a time that is past counting, or by which the machine would have started before 1970.
pub fn set_realtime(ns: u64) -> Result<()> {
    if ns > LATEST {
        return Err(Errno::EINVAL);
    }
    let mut generation = GENERATION.lock();
    let offset = ns
        .checked_sub(Instant::now().as_nanos())
        .ok_or(Errno::EINVAL)?;
    hal::time::set_realtime_offset(offset);
    *generation = generation.wrapping_add(1);
    drop(generation);
    CHANGES.notify(Events::IN);
    Ok(())
}

/// Told of [`Events::IN`] when the wall clock has been set.
#[must_use]
pub fn changes() -> &'static Pollee {
    &CHANGES
}

/// How often the wall clock has been set.
#[must_use]
pub fn generation() -> u64 {
    *GENERATION.lock()
}
