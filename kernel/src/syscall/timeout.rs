//! How long a call waits at most, and telling the program what was left.

use abi::Result;
use abi::time::Timespec;
use hal::ucopy::UserPtr;
use sync::Instant;

use super::clock::{nanoseconds, timespec};

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
    /// Waits for so many nanoseconds from now.
    fn after(ns: u64) -> Self {
        if ns == 0 {
            return Self::Now;
        }
        let end = Instant::now().as_nanos().saturating_add(ns);
        Self::At(Instant::from_nanos(end))
    }

    /// The program's `struct timespec`; `NULL` is for ever.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL`: negative, or a billion nanoseconds and more.
    pub fn read(time: UserPtr<Timespec>) -> Result<Self> {
        if time.is_null() {
            return Ok(Self::Never);
        }
        Ok(Self::after(nanoseconds(time.read()?)?))
    }

    /// `epoll_wait`'s milliseconds; negative is for ever.
    #[must_use]
    pub fn from_millis(millis: i32) -> Self {
        u64::try_from(millis).map_or(Self::Never, |ms| Self::after(ms * 1_000_000))
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
        time.write(&timespec(left.as_nanos() as u64)).is_ok()
    }
}
