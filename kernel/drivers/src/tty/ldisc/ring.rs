//! The input queue of a terminal: 4096 bytes and, beside each, a mark for "a line ends here".

use alloc::{boxed::Box, vec};
use core::ops::Range;

/// Bytes the queue holds; a power of two. One byte is kept back for the end of a line.
pub const CAPACITY: usize = 4096;

/// What an end-of-file character leaves in the queue, together with a line mark.
pub const EOF_MARK: u8 = 0;

/// Positions count up for ever; `tail ≤ canon_head ≤ head ≤ tail + CAPACITY`.
pub struct InputRing {
    bytes: Box<[u8]>,
    marks: [u64; CAPACITY / 64],
    tail: usize,
    canon_head: usize,
    head: usize,
}

impl InputRing {
    pub fn new() -> Self {
        Self {
            bytes: vec![0; CAPACITY].into_boxed_slice(),
            marks: [0; CAPACITY / 64],
            tail: 0,
            canon_head: 0,
            head: 0,
        }
    }

    /// Bytes in the queue, unfinished line included.
    pub fn len(&self) -> usize {
        self.head.wrapping_sub(self.tail)
    }

    /// Bytes in finished lines.
    pub fn finished(&self) -> usize {
        self.canon_head.wrapping_sub(self.tail)
    }

    /// Bytes of the line being typed.
    pub fn unfinished(&self) -> usize {
        self.head.wrapping_sub(self.canon_head)
    }

    /// Appends; in a full queue the newest byte gives way.
    pub fn push(&mut self, byte: u8) {
        if self.len() >= CAPACITY {
            self.head = self.head.wrapping_sub(1);
        }
        let at = self.head & (CAPACITY - 1);
        if let Some(slot) = self.bytes.get_mut(at) {
            *slot = byte;
        }
        self.set_mark(self.head, false);
        self.head = self.head.wrapping_add(1);
    }

    /// Appends a byte that ends a line and makes the line readable.
    pub fn push_line_end(&mut self, byte: u8) {
        self.push(byte);
        self.set_mark(self.head.wrapping_sub(1), true);
        self.canon_head = self.head;
    }

    /// The last byte of the unfinished line.
    pub fn last_unfinished(&self) -> Option<u8> {
        (self.unfinished() > 0).then(|| self.byte(self.head.wrapping_sub(1)))
    }

    /// Takes back the last byte of the unfinished line.
    pub fn pop_unfinished(&mut self) -> Option<u8> {
        let byte = self.last_unfinished()?;
        self.head = self.head.wrapping_sub(1);
        Some(byte)
    }

    /// Takes back the newest byte, whatever it is.
    pub fn overwrite_last(&mut self) {
        if self.len() > 0 {
            self.head = self.head.wrapping_sub(1);
        }
    }

    /// Forgets the unfinished line.
    pub fn kill_line(&mut self) {
        self.head = self.canon_head;
    }

    /// The unfinished line, oldest byte first.
    pub fn unfinished_line(&self) -> impl DoubleEndedIterator<Item = u8> + '_ {
        let from = self.canon_head;
        (0..self.unfinished()).map(move |i| self.byte(from.wrapping_add(i)))
    }

    /// Empties the queue.
    pub fn clear(&mut self) {
        self.tail = self.head;
        self.canon_head = self.head;
        self.marks = [0; CAPACITY / 64];
    }

    /// Leaves canonical mode: all bytes are just bytes.
    pub fn forget_lines(&mut self) {
        self.marks = [0; CAPACITY / 64];
        self.canon_head = self.tail;
    }

    /// Enters canonical mode: what is queued becomes one finished line.
    pub fn close_as_line(&mut self) {
        self.marks = [0; CAPACITY / 64];
        if self.len() > 0 {
            self.set_mark(self.head.wrapping_sub(1), true);
        }
        self.canon_head = self.head;
    }

    /// How far from the tail the first line end stands, if within `limit` bytes.
    pub fn line_end(&self, limit: usize) -> Option<usize> {
        let mut i = 0;
        while i < limit {
            let at = self.tail.wrapping_add(i) & (CAPACITY - 1);
            let word = self.marks.get(at / 64).copied().unwrap_or(0) >> (at % 64);
            if word == 0 {
                i += 64 - at % 64;
                continue;
            }
            i += word.trailing_zeros() as usize;
            return (i < limit).then_some(i);
        }
        None
    }

    /// Whether the byte at the tail is an end-of-file mark.
    pub fn eof_at_tail(&self) -> bool {
        self.finished() > 0 && self.line_end(1).is_some() && self.byte(self.tail) == EOF_MARK
    }

    /// The byte `offset` from the tail.
    pub fn peek(&self, offset: usize) -> u8 {
        self.byte(self.tail.wrapping_add(offset))
    }

    /// The first `len` queued bytes, in the two pieces they lie in.
    pub fn front(&self, len: usize) -> (&[u8], &[u8]) {
        let at = self.tail & (CAPACITY - 1);
        let first = len.min(CAPACITY - at);
        let piece = |range: Range<usize>| self.bytes.get(range).unwrap_or(&[]);
        (piece(at..at + first), piece(0..len - first))
    }

    /// Drops `len` bytes from the front, with their marks.
    pub fn consume(&mut self, len: usize) {
        let mut done = 0;
        while done < len {
            let at = self.tail.wrapping_add(done) & (CAPACITY - 1);
            let span = (64 - at % 64).min(len - done);
            if let Some(word) = self.marks.get_mut(at / 64) {
                *word &= !(u64::MAX >> (64 - span) << (at % 64));
            }
            done += span;
        }
        self.tail = self.tail.wrapping_add(len);
        if self.canon_head.wrapping_sub(self.tail) > CAPACITY {
            self.canon_head = self.tail;
        }
    }

    /// End-of-file marks among the finished lines; they are no data (FIONREAD).
    pub fn eof_marks(&self) -> usize {
        (0..self.finished())
            .filter(|i| {
                let at = self.tail.wrapping_add(*i);
                self.mark(at) && self.byte(at) == EOF_MARK
            })
            .count()
    }

    fn byte(&self, position: usize) -> u8 {
        let at = position & (CAPACITY - 1);
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn mark(&self, position: usize) -> bool {
        let at = position & (CAPACITY - 1);
        self.marks
            .get(at / 64)
            .is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn set_mark(&mut self, position: usize, on: bool) {
        let at = position & (CAPACITY - 1);
        if let Some(word) = self.marks.get_mut(at / 64) {
            let bit = 1 << (at % 64);
            *word = if on { *word | bit } else { *word & !bit };
        }
    }
}
