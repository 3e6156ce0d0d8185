//! A queue of bytes in pages: what a stream carries on its way.
//!
//! Pages come when bytes do and go when they are read, so that an idle connection owns none.

use alloc::collections::VecDeque;
use hal::PAGE_SIZE;
use hal::frame::UFrame;
use mm::io::{IoDst, IoSrc};

/// Bytes in the order they came.
#[derive(Debug, Default)]
pub struct ByteQueue {
    /// The first page: most queues never have another.
    first: Option<UFrame>,
    /// The pages after it.
    rest: VecDeque<UFrame>,
    /// Where the first byte stands in the first page.
    start: usize,
    len: usize,
}

impl ByteQueue {
    /// An empty queue, without pages.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            first: None,
            rest: VecDeque::new(),
            start: 0,
            len: 0,
        }
    }

    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes up to `most` bytes of `src`; how many. Fewer where `src` ends or faults, or memory
    /// does (the source tells which: it did not fault and has bytes left).
    pub fn push(&mut self, src: &mut IoSrc<'_>, most: usize) -> usize {
        let mut pushed = 0;
        while pushed < most && src.remaining() > 0 {
            let tail = (self.start + self.len) % PAGE_SIZE;
            let room = (PAGE_SIZE - tail).min(most - pushed);
            let moved = if tail == 0 || self.first.is_none() {
                if self.first.is_some() && self.rest.try_reserve(1).is_err() {
                    break;
                }
                // Only what was pushed is ever read.
                let Some(page) = UFrame::alloc_dirty() else {
                    break;
                };
                let moved = src.take_frame(&page, tail, room);
                if moved == 0 {
                    break;
                }
                if self.first.is_none() {
                    self.first = Some(page);
                } else {
                    self.rest.push_back(page);
                }
                moved
            } else {
                let last = self.rest.back().or(self.first.as_ref());
                last.map_or(0, |page| src.take_frame(page, tail, room))
            };
            self.len += moved;
            pushed += moved;
            if moved < room {
                break;
            }
        }
        self.shrink();
        pushed
    }

    /// Copies up to `most` bytes from `skip` on into `dst` and leaves them here; how many.
    pub fn peek(&self, dst: &mut IoDst<'_>, skip: usize, most: usize) -> usize {
        let end = most.min(self.len.saturating_sub(skip));
        let mut copied = 0;
        while copied < end && dst.remaining() > 0 {
            let at = self.start + skip + copied;
            let page = match at / PAGE_SIZE {
                0 => self.first.as_ref(),
                n => self.rest.get(n - 1),
            };
            let Some(page) = page else {
                break;
            };
            let room = (PAGE_SIZE - at % PAGE_SIZE).min(end - copied);
            let moved = dst.put_frame(page, at % PAGE_SIZE, room);
            copied += moved;
            if moved < room {
                break;
            }
        }
        copied
    }

    /// Drops up to `count` bytes from the front.
    pub fn discard(&mut self, count: usize) {
        let count = count.min(self.len);
        self.start += count;
        self.len -= count;
        while self.start >= PAGE_SIZE {
            self.first = self.rest.pop_front();
            self.start -= PAGE_SIZE;
        }
        self.shrink();
    }

    /// Drops up to `count` bytes from the back.
    pub fn take_back(&mut self, count: usize) {
        self.len -= count.min(self.len);
        let pages = (self.start + self.len).div_ceil(PAGE_SIZE);
        self.rest.truncate(pages.saturating_sub(1));
        self.shrink();
    }

    /// Moves up to `most` bytes into `dst`; how many.
    pub fn pop(&mut self, dst: &mut IoDst<'_>, most: usize) -> usize {
        let moved = self.peek(dst, 0, most);
        self.discard(moved);
        moved
    }

    /// An empty queue keeps no page.
    fn shrink(&mut self) {
        if self.len == 0 {
            self.first = None;
            if !self.rest.is_empty() {
                self.rest.clear();
            }
            self.start = 0;
        }
    }
}
