//! Vertical blanks of a display that has none: a count that follows the clock, so that it costs nothing while nobody
//! waits for it.

use sync::Instant;

/// The count of one display.
#[derive(Clone, Copy, Debug)]
pub struct Vblank {
    /// A moment of a blank, and its number.
    at: u64,
    number: u64,
    /// Nanoseconds between two.
    period: u64,
}

impl Vblank {
    /// Counts from `number` at `now`, with this many nanoseconds between two blanks.
    #[must_use]
    pub fn new(now: Instant, period: u64, number: u64) -> Self {
        Self {
            at: now.as_nanos(),
            number,
            period: period.max(1),
        }
    }

    /// Number and moment of the last blank before or at `now`.
    #[must_use]
    pub fn last(&self, now: Instant) -> (u64, Instant) {
        let passed = now.as_nanos().saturating_sub(self.at) / self.period;
        (self.number + passed, self.moment(self.number + passed))
    }

    /// When blank `number` is.
    #[must_use]
    pub fn moment(&self, number: u64) -> Instant {
        let after = number.saturating_sub(self.number);
        Instant::from_nanos(self.at.saturating_add(after.saturating_mul(self.period)))
    }

    /// The same count with another distance between blanks.
    #[must_use]
    pub fn with_period(&self, now: Instant, period: u64) -> Self {
        let (number, _) = self.last(now);
        Self::new(now, period, number)
    }
}

/// The full number of a blank whose lower 32 bits a program named: the one nearest to `now`.
#[must_use]
pub fn widen(now: u64, low: u32) -> u64 {
    let difference = low.wrapping_sub(now as u32).cast_signed();
    now.saturating_add_signed(difference.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_with_the_clock() {
        let start = Instant::from_nanos(1000);
        let count = Vblank::new(start, 10, 7);
        let at = |ns| count.last(Instant::from_nanos(ns));
        assert_eq!(at(1000), (7, start));
        assert_eq!(at(1009), (7, start));
        assert_eq!(at(1035), (10, Instant::from_nanos(1030)));
        assert_eq!(at(0), (7, start));
        assert_eq!(count.moment(9), Instant::from_nanos(1020));
        let slower = count.with_period(Instant::from_nanos(1021), 100);
        assert_eq!(slower.last(Instant::from_nanos(1121)).0, 10);
    }

    #[test]
    fn numbers_of_32_bits_are_near() {
        assert_eq!(widen(5, 7), 7);
        assert_eq!(widen(7, 5), 5);
        assert_eq!(widen(0xffff_fffe, 1), 0x1_0000_0001);
        assert_eq!(widen(0x1_0000_0001, 0xffff_ffff), 0xffff_ffff);
    }
}
