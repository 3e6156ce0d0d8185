//! What is lost (RFC 8985; RFC 6582 where ranges are not told), and how much may be on its way at once (RFC 5681).

use super::super::sequence::{Seq, Steps};
use super::{Brought, Flight};
use core::time::Duration;
use sync::Instant;

/// Answers that say the same after which something is lost, where ranges are not told.
const SAME_ANSWERS: u32 = 3;

impl Flight {
    /// An answer said the same as the one before, to an end that tells no ranges.
    pub fn same_answer(&mut self) {
        self.same_answers = self.same_answers.saturating_add(1);
        if self.same_answers == SAME_ANSWERS && self.recover.is_none() {
            self.lose_first();
        }
    }

    /// The first is lost: the other end waits for it.
    pub fn lose_first(&mut self) {
        if let Some(record) = self.records.front_mut()
            && record.waits()
        {
            record.lost = true;
            self.lost += record.len();
        }
    }

    /// Who was sent before what came, and long enough ago, is lost. When to look again.
    pub fn find_lost(&mut self, now: Instant) -> Option<Instant> {
        let newest = self.newest?;
        if self.came == 0 && self.recover.is_none() {
            return None;
        }
        let patience = if self.reordered {
            let quarter = self.rtt.least().unwrap_or_default() / 4;
            let most = self.rtt.smooth().unwrap_or_default();
            quarter.max(Duration::from_millis(1)).min(most)
        } else {
            Duration::ZERO
        };
        let mut later: Option<Instant> = None;
        let mut lost = 0;
        for record in &mut self.records {
            if !record.waits() || !record.sent_before(newest.at, newest.end) {
                continue;
            }
            let due = record
                .at
                .saturating_add(newest.took)
                .saturating_add(patience);
            if due <= now {
                record.lost = true;
                lost += record.len();
            } else {
                later = Some(later.map_or(due, |other| other.min(due)));
            }
        }
        self.lost += lost;
        later
    }

    /// The window follows an answer. `next`: the first number not sent. `limited`: more would have been sent.
    pub fn adapt(&mut self, ack: Seq, brought: &Brought, next: Seq, mss: usize, limited: bool) {
        if self.recover.is_some_and(|until| !ack.before(until)) {
            self.recover = None;
            if !self.starts_again {
                self.window = self.threshold.max(2 * mss);
            }
            self.starts_again = false;
        }
        if self.lost > 0 && self.recover.is_none() {
            self.recover = Some(next);
            let flight = self.window.min(self.total);
            self.threshold = (flight / 2).max(2 * mss);
            self.window = self.threshold;
            return;
        }
        let opens = brought.bytes > 0 && (self.recover.is_none() && limited || self.starts_again);
        if !opens {
            return;
        }
        if self.window < self.threshold {
            self.window = self.window.saturating_add(brought.bytes.min(2 * mss));
        } else {
            let more = mss * brought.bytes.min(self.window) / self.window.max(1);
            self.window = self.window.saturating_add(more.max(1));
        }
    }

    /// Time is up: everything that did not come is lost. `first`: time was not up for it before.
    pub fn lose_all(&mut self, next: Seq, mss: usize, first: bool) {
        if first {
            self.threshold = (self.bytes() / 2).max(2 * mss);
        }
        // Who told of a range may have thought better of it.
        let reneged = self.records.front().is_some_and(|record| record.came);
        let mut lost = 0;
        let mut came = 0;
        for record in &mut self.records {
            if reneged {
                record.came = false;
            }
            if record.came {
                came += record.len();
            } else {
                record.lost = true;
                lost += record.len();
            }
        }
        self.lost = lost;
        self.came = came;
        self.window = mss;
        self.same_answers = 0;
        self.recover = Some(next);
        self.starts_again = true;
    }

    /// Segments became smaller on the way: those that were longer are sent again.
    pub fn shrink(&mut self, mss: usize) {
        let mut lost = 0;
        for record in &mut self.records {
            if record.waits() && record.len() > mss {
                record.lost = true;
                lost += record.len();
            }
        }
        self.lost += lost;
    }
}
