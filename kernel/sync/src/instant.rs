//! A moment of the monotonic clock.

use core::time::Duration;

/// A moment: nanoseconds since the machine started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// The machine's start.
    pub const BOOT: Self = Self(0);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// The present.
    #[inline]
    #[must_use]
    pub fn now() -> Self {
        Self(crate::machine::now_ns())
    }

    /// The moment `ns` nanoseconds after the machine's start.
    #[inline]
    #[must_use]
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the machine's start.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// `duration` from now, [`Instant::NEVER`] when that is past counting.
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self::now().saturating_add(duration)
    }

    /// This moment and `duration`, [`Instant::NEVER`] when that is past counting.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).map_or(u64::MAX, |ns| self.0.saturating_add(ns)))
    }

    /// How long from `earlier` to this moment; nothing when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Whether the moment has passed.
    #[must_use]
    pub fn is_past(self) -> bool {
        self <= Self::now()
    }
}
