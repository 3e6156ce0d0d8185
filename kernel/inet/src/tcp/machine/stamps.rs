//! Times told in segments (RFC 7323): the other end tells ours back, and by its own old segments are known.

use super::Machine;
use super::segment::{Bits, Header};
use super::sequence::{Seq, Steps};
use core::time::Duration;
use sync::Instant;

/// Bytes of the option, with those that make it end where a word does.
pub const LENGTH: usize = 12;
/// The clock knows no shorter times.
const TICK: Duration = Duration::from_millis(1);
/// So long after the last of them, a time says nothing about the next (`TCP_PAWS_24DAYS`).
const FORGOTTEN: Duration = Duration::from_secs(24 * 24 * 60 * 60);

/// The times of a connection whose ends tell them.
#[derive(Clone, Copy, Debug)]
pub struct Stamps {
    /// What is added to the clock: nobody is told how long the machine runs.
    pub offset: u32,
    /// The other end's latest, and when it came.
    recent: u32,
    at: Instant,
    /// The number wanted when something was answered last.
    answered: Seq,
}

impl Stamps {
    /// Those of an end that has told nothing yet.
    #[must_use]
    pub fn new(offset: u32, now: Instant) -> Self {
        Self {
            offset,
            recent: 0,
            at: now,
            answered: Seq(0),
        }
    }

    /// The other end's SYN came: its time, and the number wanted after it.
    #[must_use]
    pub fn with(self, recent: u32, wanted: Seq, now: Instant) -> Self {
        Self {
            recent,
            at: now,
            answered: wanted,
            ..self
        }
    }

    /// The time to tell: milliseconds, as Linux counts them.
    #[must_use]
    pub fn value(&self, at: Instant) -> u32 {
        ((at.as_nanos() / 1_000_000) as u32).wrapping_add(self.offset)
    }

    /// What a segment says: the time, and the other end's.
    #[must_use]
    pub fn pair(&self, now: Instant) -> (u32, u32) {
        (self.value(now), self.recent)
    }

    /// Whether a time is older than one that came before.
    #[must_use]
    pub fn is_old(&self, value: u32, now: Instant) -> bool {
        self.recent != 0
            && (self.recent.wrapping_sub(value) as i32) > 0
            && now.saturating_since(self.at) < FORGOTTEN
    }

    /// Whether a time is later than all that came before.
    #[must_use]
    pub fn is_later(&self, value: u32) -> bool {
        (value.wrapping_sub(self.recent) as i32) > 0
    }

    /// A segment of its place came that is not old. What begins after the last answer is told later: the answer
    /// measures the way of the first it is for.
    fn came(&mut self, seq: Seq, value: u32, now: Instant) {
        if !seq.after(self.answered) && !self.is_old(value, now) {
            self.recent = value;
            self.at = now;
        }
    }

    /// How long ago an own time was told; `None` when it never was.
    fn age(&self, echo: u32, now: Instant) -> Option<Duration> {
        let age = self.value(now).wrapping_sub(echo);
        let known = echo != 0 && age < i32::MAX as u32;
        known.then(|| TICK * age.max(1))
    }
}

impl Machine {
    /// Whether a segment is of an earlier time of the same connection (PAWS). A reset counts at any time.
    pub(super) fn is_of_old(&self, header: &Header, now: Instant) -> bool {
        match (&self.stamps, header.stamps) {
            (Some(stamps), Some((value, _))) => {
                // One less than the latest passes (`TCP_PAWS_WINDOW`).
                let value = value.wrapping_add(1);
                !header.bits.contains(Bits::RST) && stamps.is_old(value, now)
            }
            _ => false,
        }
    }

    /// A segment that counts came with its time.
    pub(super) fn note_stamp(&mut self, header: &Header, now: Instant) {
        if let (Some(stamps), Some((value, _))) = (&mut self.stamps, header.stamps) {
            stamps.came(header.seq, value, now);
        }
    }

    /// How long the way took of what a segment answers though it was sent twice: when it tells back the time of the
    /// last that was sent again. An earlier one tells how long answers were lost, not how long the way is.
    pub(super) fn echoed(&self, header: &Header, now: Instant) -> Option<Duration> {
        let (_, echo) = header.stamps?;
        let age = self.stamps.as_ref()?.age(echo, now)?;
        let resent = now.saturating_since(self.flight.resent_at()?);
        // Both ends of the age were cut to whole milliseconds.
        (age <= resent.saturating_add(TICK)).then_some(age)
    }

    /// Whether the answer to a SYN tells back a time that no SYN told.
    pub(super) fn echoes_nothing(&self, header: &Header, now: Instant) -> bool {
        let (Some(stamps), Some((_, echo))) = (&self.stamps, header.stamps) else {
            return false;
        };
        let first = stamps.value(self.syn_at);
        let most = stamps.value(now).wrapping_sub(first);
        echo != 0 && echo.wrapping_sub(first) > most
    }

    /// The times to tell in a segment that goes now.
    pub(super) fn stamp(&mut self, now: Instant) -> Option<(u32, u32)> {
        let wanted = self.inbox.next;
        let stamps = self.stamps.as_mut()?;
        stamps.answered = wanted;
        Some(stamps.pair(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(5_000_000_000);

    #[test]
    fn a_time_is_old_by_the_circle_and_not_for_ever() {
        let stamps = Stamps::new(0, NOW).with(3, Seq(1), NOW);
        assert!(stamps.is_old(2, NOW) && stamps.is_old(u32::MAX, NOW));
        assert!(!stamps.is_old(3, NOW) && !stamps.is_old(4, NOW));
        assert!(stamps.is_later(4) && !stamps.is_later(3));
        let later = NOW.saturating_add(FORGOTTEN);
        assert!(!stamps.is_old(2, later));
        assert!(!Stamps::new(0, NOW).is_old(u32::MAX, NOW));
    }

    #[test]
    fn the_first_of_those_answered_together_is_told_back() {
        let mut stamps = Stamps::new(0, NOW).with(10, Seq(100), NOW);
        stamps.came(Seq(100), 11, NOW);
        stamps.came(Seq(101), 12, NOW);
        assert_eq!(stamps.pair(NOW).1, 11);
    }

    #[test]
    fn an_echo_measures_the_way() {
        let stamps = Stamps::new(u32::MAX - 2, NOW);
        let told = stamps.value(NOW);
        let later = NOW.saturating_add(Duration::from_millis(70));
        assert_eq!(stamps.age(told, later), Some(Duration::from_millis(70)));
        assert_eq!(stamps.age(told, NOW), Some(Duration::from_millis(1)));
        assert_eq!(stamps.age(told.wrapping_add(9), NOW), None);
        assert_eq!(stamps.age(0, NOW), None);
    }
}
