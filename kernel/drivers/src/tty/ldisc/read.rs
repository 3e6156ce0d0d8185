//! What a read takes out of the queue.

use super::LineDiscipline;

/// What one attempt to read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// Nothing there that may be read now.
    Empty,
    /// So many bytes; 0 is an end of file typed at the start of a line.
    Bytes(usize),
    /// The sink took fewer bytes than offered (a fault); these many are gone from the queue.
    Short(usize),
}

impl LineDiscipline {
    /// Reads at most `want` (not 0) bytes into `sink`, which says how many it took. In canonical mode: at most one
    /// line. Otherwise: at least `least` bytes or nothing.
    pub fn read(
        &mut self,
        want: usize,
        least: usize,
        sink: &mut dyn FnMut(&[u8]) -> usize,
    ) -> ReadOutcome {
        if self.canonical() {
            return self.read_line(want, sink);
        }
        let queued = self.ring.len();
        if queued == 0 || queued < least.min(want) {
            return ReadOutcome::Empty;
        }
        let length = queued.min(want);
        let taken = self.drain(length, sink);
        if taken < length {
            ReadOutcome::Short(taken)
        } else {
            ReadOutcome::Bytes(taken)
        }
    }

    fn read_line(&mut self, want: usize, sink: &mut dyn FnMut(&[u8]) -> usize) -> ReadOutcome {
        let finished = self.ring.finished();
        if finished == 0 {
            return ReadOutcome::Empty;
        }
        let limit = want.min(finished);
        let end = self.ring.line_end(limit);
        let (data, marker) = match end {
            Some(at) if self.ring.peek(at) == super::ring::EOF_MARK => (at, 1),
            Some(at) => (at + 1, 0),
            None => (limit, 0),
        };
        let taken = self.drain(data, sink);
        if taken < data {
            return ReadOutcome::Short(taken);
        }
        self.ring.consume(marker);
        // A read that ends right before an end-of-file mark takes the mark too: the next read must not see a second
        // end of file for one typed character.
        if end.is_none() && self.ring.eof_at_tail() {
            self.ring.consume(1);
        }
        ReadOutcome::Bytes(taken)
    }

    fn drain(&mut self, length: usize, sink: &mut dyn FnMut(&[u8]) -> usize) -> usize {
        let (first, second) = self.ring.front(length);
        let mut taken = sink(first);
        if taken == first.len() && !second.is_empty() {
            taken += sink(second);
        }
        self.ring.consume(taken);
        taken
    }

    /// Whether poll says readable: a line, or VMIN bytes (one when VTIME is set).
    #[must_use]
    pub fn input_ready(&self) -> bool {
        if self.canonical() {
            return self.ring.finished() > 0;
        }
        let least = if self.vtime() == 0 {
            self.vmin().max(1)
        } else {
            1
        };
        self.ring.len() >= least
    }

    /// Whether a read would get any byte at all.
    #[must_use]
    pub fn input_queued(&self) -> bool {
        if self.canonical() {
            self.ring.finished() > 0
        } else {
            self.ring.len() > 0
        }
    }

    /// FIONREAD: readable bytes.
    #[must_use]
    pub fn readable_bytes(&self) -> usize {
        if self.canonical() {
            self.ring.finished() - self.ring.eof_marks()
        } else {
            self.ring.len()
        }
    }
}
