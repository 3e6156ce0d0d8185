//! What comes: bytes in their order, those that came too early, and the window told to the other end.

use super::memory::{Supply, supply};
use super::segment::{RANGES, Range};
use super::sequence::{Seq, Steps};
use crate::room;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use core::time::Duration;
use mm::io::IoSrc;
use net::bytes::ByteQueue;
use sync::Instant;

/// Bytes the other end may send at first, and the most (`net.ipv4.tcp_rmem`: half is room for what surrounds them).
pub const FIRST_LIMIT: usize = 65_536;
pub const LARGEST_LIMIT: usize = 3_145_728;
/// The least: a page.
const LEAST_LIMIT: usize = 4096;
/// How far windows are shifted: enough for the largest.
pub const SCALE: u8 = 7;
/// What a segment that came too early costs besides its bytes.
const PIECE: usize = 64;
/// With more pieces than this only the newest range is told.
const MANY: usize = 256;

/// See the module's page.
#[derive(Debug)]
pub struct Inbox {
    /// Bytes in their order.
    pub queue: ByteQueue,
    /// The number of the byte wanted next.
    pub next: Seq,
    /// The first number the other end may not use.
    edge: Seq,
    /// What came too early, in order, without overlaps.
    early: VecDeque<(Seq, Vec<u8>)>,
    early_bytes: usize,
    /// The last of them.
    latest: Option<Seq>,
    /// The number of the other end's FIN.
    end: Option<Seq>,
    /// Bytes that may wait, and a size the program chose for that.
    pub limit: usize,
    pub chosen: Option<usize>,
    /// How far windows told are shifted.
    pub scale: u8,
    /// Bytes read since the last measure, and when that was.
    read: usize,
    measured: Instant,
}

impl Inbox {
    /// Wants `next`.
    #[must_use]
    pub fn new(next: Seq, scale: u8, now: Instant) -> Self {
        Self {
            queue: ByteQueue::new(),
            next,
            edge: next,
            early: VecDeque::new(),
            early_bytes: 0,
            latest: None,
            end: None,
            limit: FIRST_LIMIT,
            chosen: None,
            scale,
            read: 0,
            measured: now,
        }
    }

    /// The program chose a size, or did not.
    pub fn choose(&mut self, chosen: Option<usize>) {
        self.chosen = chosen;
        if let Some(bytes) = chosen {
            self.limit = bytes;
        }
    }

    /// The other end was told of so many bytes.
    pub fn tell(&mut self, bytes: usize) {
        self.edge = self.edge.max(self.next.plus(bytes));
    }

    fn free(&self) -> usize {
        let limit = match supply() {
            Supply::None => self.limit.min(LEAST_LIMIT),
            _ => self.limit,
        };
        limit.saturating_sub(self.queue.len())
    }

    /// Bytes the other end was told it may send.
    #[must_use]
    pub fn told(&self) -> usize {
        self.edge.since(self.next)
    }

    /// Bytes all of this takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.queue.len() + self.early_bytes
    }

    /// The window to tell now, as it stands in a header; a SYN's is not shifted.
    pub fn window(&mut self, mss: usize, syn: bool) -> u16 {
        let free = self.free();
        let told = self.told();
        let unit = if syn { 1 } else { 1usize << self.scale };
        // What was told stands; a window that opens by little does not open.
        let opens = free > told && (free - told >= mss.min(self.limit / 2) || told == 0);
        let opens = opens && (told > 0 || free >= mss.min(self.limit / 2));
        let units = if opens {
            (free / unit).max(told.div_ceil(unit))
        } else {
            told.div_ceil(unit)
        };
        let units = u16::try_from(units).unwrap_or(u16::MAX);
        self.edge = self.edge.max(self.next.plus(usize::from(units) * unit));
        units
    }

    /// Whether a segment lies in the window at least in part.
    #[must_use]
    pub fn accepts(&self, seq: Seq, span: usize) -> bool {
        let end = seq.plus(span);
        if span == 0 {
            return seq == self.next || !seq.before(self.next) && seq.before(self.edge);
        }
        end.after(self.next) && (seq.before(self.edge) || seq == self.next)
    }

    /// Takes bytes in; whether they were in their order.
    pub fn take(&mut self, seq: Seq, bytes: &[u8]) -> bool {
        let skip = self.next.since(seq).min(bytes.len());
        let seq = seq.plus(skip);
        let fits = self.edge.since(seq);
        let bytes = bytes.get(skip..).unwrap_or_default();
        let bytes = bytes.get(..fits.min(bytes.len())).unwrap_or(bytes);
        if bytes.is_empty() {
            return skip > 0;
        }
        if seq != self.next {
            self.keep(seq, bytes);
            return false;
        }
        self.append(bytes);
        while let Some((at, _)) = self.early.front()
            && !at.after(self.next)
            && let Some((at, bytes)) = self.early.pop_front()
        {
            self.early_bytes = self.early_bytes.saturating_sub(bytes.len() + PIECE);
            let skip = self.next.since(at).min(bytes.len());
            self.append(bytes.get(skip..).unwrap_or_default());
        }
        if self.early.is_empty() {
            self.early = VecDeque::new();
            self.latest = None;
        }
        true
    }

    fn append(&mut self, bytes: &[u8]) {
        // Where memory ends so does what is answered: the rest comes again.
        let taken = self.queue.push(&mut IoSrc::kernel(bytes), bytes.len());
        self.next = self.next.plus(taken);
    }

    fn keep(&mut self, mut seq: Seq, mut bytes: &[u8]) {
        self.latest = Some(seq);
        while !bytes.is_empty() {
            let index = self.early.partition_point(|(at, _)| !at.after(seq));
            if let Some((at, piece)) = index.checked_sub(1).and_then(|last| self.early.get(last)) {
                let known = at.plus(piece.len()).since(seq).min(bytes.len());
                seq = seq.plus(known);
                bytes = bytes.get(known..).unwrap_or_default();
            }
            if bytes.is_empty() {
                return;
            }
            let room = self
                .early
                .get(index)
                .map_or(bytes.len(), |(at, _)| at.since(seq).min(bytes.len()));
            let (piece, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            if !piece.is_empty() {
                let cost = piece.len() + PIECE;
                let most = if supply() == Supply::Plenty {
                    2 * self.limit
                } else {
                    LEAST_LIMIT
                };
                if self.early_bytes + cost > most {
                    return;
                }
                // What there is no room for comes again.
                let (Ok(piece), Ok(())) = (room::copy(piece), self.early.try_reserve(1)) else {
                    return;
                };
                self.early_bytes += cost;
                self.early.insert(index, (seq, piece));
            }
            seq = seq.plus(piece.len());
            bytes = rest;
            if room == 0 {
                // The next piece begins right here: it is passed over.
                let known = self.early.get(index).map_or(1, |(_, piece)| piece.len());
                let known = known.min(bytes.len());
                seq = seq.plus(known);
                bytes = bytes.get(known..).unwrap_or_default();
            }
        }
    }

    /// The other end's FIN has this number.
    pub fn ends_at(&mut self, seq: Seq) {
        if self.end.is_none() && !seq.after(self.edge) {
            self.end = Some(seq);
        }
    }

    /// Takes the FIN when everything before it came; whether it did now.
    pub fn take_end(&mut self) -> bool {
        let ends = self.end == Some(self.next);
        if ends {
            self.end = None;
            self.next = self.next.plus(1);
            self.edge = self.edge.max(self.next);
        }
        ends
    }

    /// What came too early, the newest first.
    #[must_use]
    pub fn ranges(&self) -> ArrayVec<Range, RANGES> {
        let mut ranges = ArrayVec::new();
        let Some(latest) = self.latest else {
            return ranges;
        };
        let index = self.early.partition_point(|(at, _)| !at.after(latest));
        let index = index.saturating_sub(1);
        let mut newest = None;
        if let Some((at, bytes)) = self.early.get(index) {
            let (mut start, mut end) = (*at, at.plus(bytes.len()));
            for (at, bytes) in self.early.range(..index).rev() {
                if at.plus(bytes.len()) != start {
                    break;
                }
                start = *at;
            }
            for (at, bytes) in self.early.range(index + 1..) {
                if *at != end {
                    break;
                }
                end = at.plus(bytes.len());
            }
            newest = Some((start, end));
            ranges.push((start, end));
        }
        if self.early.len() > MANY {
            return ranges;
        }
        let mut run: Option<Range> = None;
        for (at, bytes) in &self.early {
            let end = at.plus(bytes.len());
            match &mut run {
                Some((_, until)) if *until == *at => *until = end,
                other => {
                    if let Some(done) = other.replace((*at, end))
                        && Some(done) != newest
                        && ranges.try_push(done).is_err()
                    {
                        return ranges;
                    }
                }
            }
        }
        if let Some(done) = run
            && Some(done) != newest
        {
            // Three are enough.
            let _ = ranges.try_push(done);
        }
        ranges
    }

    /// The number after the last of what came too early.
    #[must_use]
    pub fn last(&self) -> Option<Seq> {
        let (at, bytes) = self.early.back()?;
        Some(at.plus(bytes.len()))
    }

    /// Whether there is a hole.
    #[must_use]
    pub fn has_hole(&self) -> bool {
        !self.early.is_empty()
    }

    /// The program read bytes; whether the other end is to hear of the room at once. `way`: how long the way there
    /// and back takes.
    pub fn was_read(&mut self, bytes: usize, mss: usize, way: Duration, now: Instant) -> bool {
        self.read += bytes;
        if now.saturating_since(self.measured) >= way {
            // Twice what is read in that time lets the other end go on without a pause, and faster.
            let wanted = (2 * self.read).min(LARGEST_LIMIT);
            if self.chosen.is_none() && wanted > self.limit && supply() == Supply::Plenty {
                self.limit = wanted;
            }
            self.read = 0;
            self.measured = now;
        }
        let (free, told) = (self.free(), self.told());
        free >= 2 * told && free - told >= mss.min(self.limit / 2)
    }

    /// Nobody will read any more.
    pub fn discard(&mut self) {
        self.queue = ByteQueue::new();
    }
}

#[cfg(test)]
impl Inbox {
    /// Forgets what came too early, as an end may that needs the memory.
    pub(super) fn forget_early(&mut self) {
        self.early.clear();
        self.early_bytes = 0;
        self.latest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use mm::io::IoDst;

    fn inbox() -> Inbox {
        let mut inbox = Inbox::new(Seq(-6), SCALE, Instant::from_nanos(0));
        inbox.window(1460, false);
        inbox
    }

    fn read(inbox: &mut Inbox) -> Vec<u8> {
        let mut bytes = vec![0; inbox.queue.len()];
        let count = bytes.len();
        inbox.queue.pop(&mut IoDst::kernel(&mut bytes), count);
        bytes
    }

    #[test]
    fn pieces_in_any_order_are_a_stream() {
        let mut inbox = inbox();
        let start = inbox.next;
        assert!(!inbox.take(start.plus(4), b"efgh"));
        assert!(!inbox.take(start.plus(10), b"kl"));
        assert_eq!(inbox.ranges()[0], (start.plus(10), start.plus(12)));
        assert_eq!(inbox.ranges()[1], (start.plus(4), start.plus(8)));
        // Overlaps on both sides.
        assert!(!inbox.take(start.plus(6), b"ghijklmn"));
        assert_eq!(inbox.ranges()[..], [(start.plus(4), start.plus(14))]);
        assert!(inbox.take(start, b"abcdef"));
        assert_eq!(read(&mut inbox), b"abcdefghijklmn");
        assert!(!inbox.has_hole());
    }

    #[test]
    fn an_end_waits_for_what_is_before_it() {
        let mut inbox = inbox();
        let start = inbox.next;
        inbox.ends_at(start.plus(3));
        assert!(!inbox.take_end());
        inbox.take(start, b"abc");
        assert!(inbox.take_end());
        assert!(!inbox.take_end());
        assert_eq!(inbox.next, start.plus(4));
    }

    #[test]
    fn what_was_told_stands_and_nothing_beyond_it_is_taken() {
        let mut inbox = inbox();
        inbox.choose(Some(1000));
        let told = inbox.told();
        assert!(told >= FIRST_LIMIT);
        let start = inbox.next;
        assert!(inbox.accepts(start.plus(told - 1), 1));
        assert!(!inbox.accepts(start.plus(told), 1));
        let bytes = vec![7; told + 100];
        inbox.take(start, &bytes);
        assert_eq!(inbox.queue.len(), told);
        assert_eq!(inbox.window(1460, false), 0);
        read(&mut inbox);
        assert!(inbox.was_read(told, 1460, Duration::ZERO, Instant::from_nanos(9)));
        assert_eq!(inbox.window(1460, false), 1000 >> SCALE);
    }
}
