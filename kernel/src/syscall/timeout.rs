//! How long a call waits at most, and telling the program what was left.

use abi::time::{NSEC_PER_SEC, Timespec};
use abi::{Errno, Result};
use core::time::Duration;
use hal::ucopy::UserPtr;
use sync::Instant;

/// A call's patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// Until something happens.
    Never,
    /// Not at all.
    Now,
    /// Until then.
    At(Instant),
}

impl Timeout {
    /// Waits for `span` from now.
    #[must_use]
    pub fn after(span: Duration) -> Self {
        if span.is_zero() {
            Self::Now
        } else {
            Self::At(Instant::after(span))
        }
    }

    /// The program's `struct timespec`; `NULL` is for ever.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL`: negative, or a billion nanoseconds and more.
    pub fn read(time: UserPtr<Timespec>) -> Result<Self> {
        if time.is_null() {
            return Ok(Self::Never);
        }
        Ok(Self::after(span(time.read()?)?))
    }

    /// `epoll_wait`'s milliseconds; negative is for ever.
    #[must_use]
    pub fn from_millis(millis: i32) -> Self {
        u64::try_from(millis).map_or(Self::Never, |ms| Self::after(Duration::from_millis(ms)))
    }

    /// The moment the wait ends; `None` for never.
    #[must_use]
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Self::Never => None,
            Self::Now => Some(Instant::BOOT),
            Self::At(end) => Some(end),
        }
    }

    /// Writes what is left to where the timeout came from. False when that cannot be written, and the call made
    /// again would wait for the whole time anew.
    #[must_use]
    pub fn write_left(self, time: UserPtr<Timespec>) -> bool {
        let Self::At(end) = self else {
            return true;
        };
        let left = end.saturating_since(Instant::now());
        time.write(&timespec(left)).is_ok()
    }
}

/// A span of time as the program gave it.
///
/// # Errors
/// `EINVAL`: negative, or a billion nanoseconds and more.
pub fn span(time: Timespec) -> Result<Duration> {
    let sec = u64::try_from(time.sec).map_err(|_| Errno::EINVAL)?;
    if !(0..NSEC_PER_SEC).contains(&time.nsec) {
        return Err(Errno::EINVAL);
    }
    Ok(Duration::new(sec, time.nsec as u32))
}

/// A span of time for the program.
#[must_use]
pub fn timespec(span: Duration) -> Timespec {
    Timespec {
        sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nsec: i64::from(span.subsec_nanos()),
    }
}
