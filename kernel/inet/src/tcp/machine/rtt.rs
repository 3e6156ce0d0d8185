//! How long the way there and back takes (RFC 6298), and how long to wait for an answer.

use core::time::Duration;

/// The first wait, without a measure.
pub const FIRST: Duration = Duration::from_secs(1);
/// The least and the longest wait (`TCP_RTO_MIN`, `TCP_RTO_MAX`).
pub const LEAST: Duration = Duration::from_millis(200);
pub const LONGEST: Duration = Duration::from_secs(120);

/// What was measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rtt {
    smooth: Option<Duration>,
    deviation: Duration,
    least: Option<Duration>,
}

impl Rtt {
    /// One more measure.
    pub fn measured(&mut self, sample: Duration) {
        self.least = Some(self.least.map_or(sample, |least| least.min(sample)));
        match self.smooth {
            None => {
                self.smooth = Some(sample);
                self.deviation = sample / 2;
            }
            Some(smooth) => {
                let off = smooth.abs_diff(sample);
                self.deviation = (self.deviation * 3 + off) / 4;
                self.smooth = Some((smooth * 7 + sample) / 8);
            }
        }
    }

    /// The smoothed time; `None` before the first measure.
    #[must_use]
    pub fn smooth(&self) -> Option<Duration> {
        self.smooth
    }

    /// How much it varies.
    #[must_use]
    pub fn deviation(&self) -> Duration {
        self.deviation
    }

    /// The shortest time there was.
    #[must_use]
    pub fn least(&self) -> Option<Duration> {
        self.least
    }

    /// How long to wait for an answer before sending again, the first time.
    #[must_use]
    pub fn wait(&self) -> Duration {
        match self.smooth {
            None => FIRST,
            Some(smooth) => (smooth + (self.deviation * 4).max(LEAST)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_follows_what_is_measured() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.wait(), FIRST);
        rtt.measured(Duration::from_millis(100));
        assert_eq!(rtt.smooth(), Some(Duration::from_millis(100)));
        assert_eq!(rtt.wait(), Duration::from_millis(300));
        for _ in 0..100 {
            rtt.measured(Duration::from_millis(1));
        }
        assert!(rtt.wait() < Duration::from_millis(203));
        assert_eq!(rtt.least(), Some(Duration::from_millis(1)));
        rtt.measured(Duration::from_secs(10_000));
        assert_eq!(rtt.wait(), LONGEST);
    }
}
