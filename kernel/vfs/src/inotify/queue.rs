//! The events that wait to be read.

use abi::inotify::{InotifyEvent, InotifyMask};
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use zerocopy::IntoBytes;

const HEADER: usize = size_of::<InotifyEvent>();

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub wd: i32,
    pub mask: InotifyMask,
    pub cookie: u32,
    pub name: Option<Arc<[u8]>>,
}

impl Record {
    pub fn name_len(&self) -> usize {
        self.name.as_ref().map_or(0, |name| name.len())
    }

    /// Bytes of name as a program sees them: with a NUL at least, a multiple of the header's size.
    fn padded(&self) -> usize {
        match self.name_len() {
            0 => 0,
            len => (len + 1).next_multiple_of(HEADER),
        }
    }

    fn size(&self) -> usize {
        HEADER + self.padded()
    }

    /// The header, and how long the name's field is.
    pub fn encode(&self) -> ([u8; HEADER], usize) {
        let len = self.padded();
        let event = InotifyEvent {
            wd: self.wd,
            mask: self.mask.bits(),
            cookie: self.cookie,
            len: u32::try_from(len).unwrap_or(0),
        };
        let mut bytes = [0; HEADER];
        bytes.copy_from_slice(event.as_bytes());
        (bytes, len)
    }

    /// Whether a reader need not hear of `next` after this.
    fn repeats(&self, next: &Self) -> bool {
        let same = self.mask == next.mask && self.wd == next.wd && self.name == next.name;
        same && !self.mask.contains(InotifyMask::IGNORED)
    }
}

/// First in, first out, with an end: past `limit` one overflow event tells that events are lost.
pub struct Queue {
    events: VecDeque<Record>,
    limit: usize,
    overflowed: bool,
}

impl Queue {
    pub const fn new(limit: usize) -> Self {
        Self {
            events: VecDeque::new(),
            limit,
            overflowed: false,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Queues an event; true if there is something new to read.
    pub fn push(&mut self, record: Record) -> bool {
        if self.overflowed {
            return false;
        }
        if self.events.back().is_some_and(|last| last.repeats(&record)) {
            return false;
        }
        // One place more is kept for the record of what is lost.
        let full = self.events.len() >= self.limit || self.events.try_reserve(2).is_err();
        if full {
            self.lose();
        } else {
            self.events.push_back(record);
        }
        true
    }

    /// The next event if it fits into `room` bytes.
    ///
    /// # Errors
    /// `EINVAL` when it does not.
    pub fn pop(&mut self, room: usize) -> Result<Option<Record>> {
        if !self.events.is_empty() && !self.front_fits(room) {
            return Err(Errno::EINVAL);
        }
        let record = self.events.pop_front();
        if record
            .as_ref()
            .is_some_and(|record| record.mask.contains(InotifyMask::Q_OVERFLOW))
        {
            self.overflowed = false;
        }
        Ok(record)
    }

    /// Events were lost: the last record says so.
    fn lose(&mut self) {
        self.overflowed = true;
        let lost = Record {
            wd: -1,
            mask: InotifyMask::Q_OVERFLOW,
            cookie: 0,
            name: None,
        };
        let room = self.events.len() < self.events.capacity();
        match self.events.back_mut() {
            Some(last) if !room => *last = lost,
            // Into room that is there, or the first of all: a few words.
            _ => self.events.push_back(lost),
        }
    }

    /// Puts back what could not be copied out; without a place for it, it is lost.
    pub fn unpop(&mut self, record: Record) {
        if self.events.try_reserve(1).is_err() {
            if !self.overflowed {
                self.lose();
            }
            return;
        }
        self.overflowed |= record.mask.contains(InotifyMask::Q_OVERFLOW);
        self.events.push_front(record);
    }

    pub fn front_fits(&self, room: usize) -> bool {
        self.events
            .front()
            .is_some_and(|record| record.size() <= room)
    }

    /// Bytes a reader would get (FIONREAD).
    pub fn bytes(&self) -> usize {
        self.events.iter().map(Record::size).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn record(wd: i32, mask: InotifyMask, name: &str) -> Record {
        let name = (!name.is_empty()).then(|| Arc::from(name.as_bytes()));
        Record {
            wd,
            mask,
            cookie: 0,
            name,
        }
    }

    #[test]
    fn repetitions_are_told_once() {
        let mut queue = Queue::new(10);
        assert!(queue.push(record(1, InotifyMask::MODIFY, "a")));
        assert!(!queue.push(record(1, InotifyMask::MODIFY, "a")));
        assert!(queue.push(record(1, InotifyMask::MODIFY, "b")));
        assert!(queue.push(record(1, InotifyMask::MODIFY, "a")));
        assert_eq!(queue.bytes(), 3 * 32);
    }

    #[test]
    fn names_are_padded() {
        assert_eq!(record(1, InotifyMask::MODIFY, "").encode().1, 0);
        assert_eq!(
            record(1, InotifyMask::MODIFY, "123456789012345").encode().1,
            16
        );
        assert_eq!(
            record(1, InotifyMask::MODIFY, "1234567890123456")
                .encode()
                .1,
            32
        );
    }

    #[test]
    fn overflow_is_told_once_and_last() {
        let mut queue = Queue::new(2);
        for wd in 1..=5 {
            queue.push(record(wd, InotifyMask::MODIFY, ""));
        }
        assert_eq!(queue.pop(99).unwrap().unwrap().wd, 1);
        assert_eq!(queue.pop(99).unwrap().unwrap().wd, 2);
        let last = queue.pop(99).unwrap().unwrap();
        assert_eq!((last.wd, last.mask), (-1, InotifyMask::Q_OVERFLOW));
        assert_eq!(queue.pop(99), Ok(None));
        assert!(queue.push(record(6, InotifyMask::MODIFY, "")));
    }

    #[test]
    fn a_small_buffer_is_an_error() {
        let mut queue = Queue::new(2);
        queue.push(record(1, InotifyMask::CREATE, "a"));
        assert_eq!(queue.pop(31), Err(Errno::EINVAL));
        assert!(queue.pop(32).unwrap().is_some());
    }
}
