//! What was sent and is not answered, and which of it came. [`lost`] finds what did not, and says how much may be on
//! its way at once.

mod lost;

use super::rtt::Rtt;
use super::segment::Range;
use super::sequence::{Seq, Steps};
use alloc::collections::VecDeque;
use core::time::Duration;
use sync::Instant;

/// Segments that may be on their way at first (RFC 6928).
const FIRST_WINDOW: usize = 10;

/// One segment on its way.
#[derive(Clone, Copy, Debug)]
struct Record {
    seq: Seq,
    end: Seq,
    at: Instant,
    /// The other end told of it out of its order.
    came: bool,
    /// It is taken to be lost, and was not sent again yet.
    lost: bool,
    /// It was sent more than once.
    again: bool,
}

impl Record {
    fn len(&self) -> usize {
        self.end.since(self.seq)
    }

    fn waits(&self) -> bool {
        !self.came && !self.lost
    }

    /// Whether it was sent before another that has the time and end given.
    fn sent_before(&self, at: Instant, end: Seq) -> bool {
        self.at < at || self.at == at && self.end.before(end)
    }
}

/// The last of those sent that came.
#[derive(Clone, Copy, Debug)]
struct Newest {
    at: Instant,
    end: Seq,
    took: Duration,
}

/// See the module's page.
#[derive(Debug)]
pub struct Flight {
    records: VecDeque<Record>,
    /// Bytes of all, of those that came, of those that are lost.
    total: usize,
    came: usize,
    lost: usize,
    newest: Option<Newest>,
    /// The furthest end that came.
    furthest: Option<Seq>,
    /// Segments came in another order than they were sent.
    reordered: bool,
    same_answers: u32,
    /// Until this is answered, losses are those already answered to.
    recover: Option<Seq>,
    /// Time was up: the window opens from the beginning.
    starts_again: bool,
    pub rtt: Rtt,
    /// Bytes that may be on their way at once.
    pub window: usize,
    /// From here on the window opens slowly.
    pub threshold: usize,
    /// Segments sent again, ever, and when the last of them went.
    pub resent: u32,
    resent_at: Option<Instant>,
}

/// What an answer brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Brought {
    /// Bytes that came.
    pub bytes: usize,
    /// Something that had waited is answered in its order.
    pub progress: bool,
    /// It told how long the way is.
    pub measured: bool,
}

impl Flight {
    /// Nothing is on its way. `mss`: bytes of a segment.
    #[must_use]
    pub fn new(mss: usize) -> Self {
        Self {
            records: VecDeque::new(),
            total: 0,
            came: 0,
            lost: 0,
            newest: None,
            furthest: None,
            reordered: false,
            same_answers: 0,
            recover: None,
            starts_again: false,
            rtt: Rtt::default(),
            window: mss * FIRST_WINDOW,
            threshold: usize::MAX,
            resent: 0,
            resent_at: None,
        }
    }

    /// Whether everything is answered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// When the last that was sent again went.
    #[must_use]
    pub fn resent_at(&self) -> Option<Instant> {
        self.resent_at
    }

    /// Segments not answered, those that came out of order, those taken to be lost.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let came = self.records.iter().filter(|record| record.came).count();
        let lost = self.records.iter().filter(|record| record.lost).count();
        (self.records.len(), came, lost)
    }

    /// Bytes on their way.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.total.saturating_sub(self.came + self.lost)
    }

    /// Room for so many more bytes.
    #[must_use]
    pub fn room(&self) -> usize {
        self.window.saturating_sub(self.bytes())
    }

    /// Whether something was lost and is not made good yet.
    #[must_use]
    pub fn recovers(&self) -> bool {
        self.recover.is_some()
    }

    /// Whether nothing was told of out of order.
    #[must_use]
    pub fn in_order(&self) -> bool {
        self.came == 0
    }

    /// A segment goes.
    pub fn sent(&mut self, seq: Seq, end: Seq, at: Instant) {
        let record = Record {
            seq,
            end,
            at,
            came: false,
            lost: false,
            again: false,
        };
        self.total += record.len();
        self.records.push_back(record);
    }

    /// The first that is to be sent again, with those that follow it as far as `most` bytes go; it counts as sent. A
    /// window that is full lets it wait.
    pub fn send_again(&mut self, most: usize, at: Instant) -> Option<Range> {
        if self.lost == 0 || self.bytes() > 0 && self.room() < most {
            return None;
        }
        let index = self.records.iter().position(|record| record.lost)?;
        self.join_lost(index, most);
        let record = self.records.get_mut(index)?;
        let end = record.end;
        let cut = record.len() > most;
        if cut {
            record.end = record.seq.plus(most);
        }
        record.lost = false;
        record.again = true;
        record.at = at;
        let sent = *record;
        self.lost = self.lost.saturating_sub(sent.len());
        self.resent = self.resent.wrapping_add(1);
        self.resent_at = Some(at);
        if cut {
            let rest = Record {
                seq: sent.end,
                end,
                lost: true,
                ..sent
            };
            self.records.insert(index + 1, rest);
        }
        Some((sent.seq, sent.end))
    }

    /// Makes one of a lost segment and the lost ones after it, up to `most` bytes.
    fn join_lost(&mut self, index: usize, most: usize) {
        let mut joined = 0;
        let mut end = None;
        let mut length = 0;
        for record in self.records.iter().skip(index) {
            if !record.lost || length + record.len() > most {
                break;
            }
            length += record.len();
            end = Some(record.end);
            joined += 1;
        }
        if joined > 1
            && let (Some(record), Some(end)) = (self.records.get_mut(index), end)
        {
            record.end = end;
            self.records.drain(index + 1..index + joined);
        }
    }

    /// The last that was sent, to be sent again as a probe of whether the end was lost.
    pub fn probe(&mut self, at: Instant) -> Option<Range> {
        let record = self
            .records
            .iter_mut()
            .rev()
            .find(|record| record.waits())?;
        record.again = true;
        record.at = at;
        self.resent = self.resent.wrapping_add(1);
        self.resent_at = Some(at);
        Some((record.seq, record.end))
    }

    fn came(&mut self, record: &Record, now: Instant) {
        let took = now.saturating_since(record.at);
        if !record.again && self.furthest.is_some_and(|far| record.end.before(far)) {
            self.reordered = true;
        }
        self.furthest = Some(self.furthest.map_or(record.end, |far| far.max(record.end)));
        // The answer may be to what was sent first.
        if record.again && self.rtt.least().is_some_and(|least| took < least) {
            return;
        }
        let newer = self.newest.is_none_or(|newest| {
            newest.at < record.at || newest.at == record.at && newest.end.before(record.end)
        });
        if newer {
            self.newest = Some(Newest {
                at: record.at,
                end: record.end,
                took,
            });
        }
    }

    /// An answer came: everything before `ack`, and these ranges. `next`: the first number not sent.
    pub fn answered(&mut self, ack: Seq, ranges: &[Range], next: Seq, now: Instant) -> Brought {
        let mut brought = Brought::default();
        let mut sample = None;
        while let Some(front) = self.records.front_mut() {
            if front.end.after(ack) {
                if front.seq.before(ack) {
                    let cut = ack.since(front.seq);
                    front.seq = ack;
                    let (came, lost) = (front.came, front.lost);
                    self.uncount(cut, came, lost);
                    brought.bytes += if came { 0 } else { cut };
                    brought.progress = true;
                }
                break;
            }
            let Some(record) = self.records.pop_front() else {
                break;
            };
            self.uncount(record.len(), record.came, record.lost);
            brought.progress = true;
            if !record.came {
                brought.bytes += record.len();
                if self.measures(&record) && sample.is_none() {
                    sample = Some(now.saturating_since(record.at));
                }
                self.came(&record, now);
            }
        }
        for (start, end) in ranges {
            if start.before(ack) || end.after(next) || !start.before(*end) {
                continue;
            }
            brought.bytes += self.mark(*start, *end, now, &mut sample);
        }
        if let Some(sample) = sample {
            self.rtt.measured(sample);
            brought.measured = true;
        }
        if brought.progress {
            self.same_answers = 0;
        }
        brought
    }

    /// Whether a segment's answer tells how long the way is. What went before something was sent again may have come
    /// long ago, and the answer be the other's.
    fn measures(&self, record: &Record) -> bool {
        !record.again && self.resent_at.is_none_or(|at| at <= record.at)
    }

    fn uncount(&mut self, bytes: usize, came: bool, lost: bool) {
        self.total = self.total.saturating_sub(bytes);
        if came {
            self.came = self.came.saturating_sub(bytes);
        }
        if lost {
            self.lost = self.lost.saturating_sub(bytes);
        }
    }

    fn mark(&mut self, start: Seq, end: Seq, now: Instant, sample: &mut Option<Duration>) -> usize {
        let mut bytes = 0;
        let mut index = self
            .records
            .partition_point(|record| record.seq.before(start));
        while let Some(record) = self.records.get_mut(index) {
            if record.end.after(end) {
                break;
            }
            index += 1;
            if record.came {
                continue;
            }
            if record.lost {
                self.lost = self.lost.saturating_sub(record.len());
            }
            record.lost = false;
            record.came = true;
            let record = *record;
            self.came += record.len();
            bytes += record.len();
            if self.measures(&record) {
                *sample = Some(now.saturating_since(record.at));
            }
            self.came(&record, now);
        }
        bytes
    }
}

#[cfg(test)]
impl Flight {
    /// The counts are those of the records, which follow each other from the first number not answered to the first
    /// not sent.
    pub(super) fn check(&self, una: Seq, nxt: Seq, connected: bool) {
        let sum = |is: fn(&Record) -> bool| -> usize {
            let those = self.records.iter().filter(|record| is(record));
            those.map(Record::len).sum()
        };
        assert_eq!(self.total, sum(|_| true), "{self:#?}");
        assert_eq!(self.came, sum(|record| record.came), "{self:#?}");
        assert_eq!(self.lost, sum(|record| record.lost), "{self:#?}");
        assert!(!self.records.iter().any(|record| record.came && record.lost));
        if !connected {
            return;
        }
        let mut at = una;
        for record in &self.records {
            assert_eq!(record.seq, at, "{self:#?}");
            assert!(record.len() > 0, "{self:#?}");
            at = record.end;
        }
        assert_eq!(at, nxt, "{self:#?}");
    }
}
