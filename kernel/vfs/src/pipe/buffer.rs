//! The bytes in a pipe: a queue of slots, each a stretch of a page.
//!
//! Plain state without lock or waiting. Capacity is counted in slots, as on Linux, so that a write of up to PIPE_BUF
//! bytes needs one slot and is never split. Drained pages are kept for the next write: a busy pipe allocates nothing.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use hal::PAGE_SIZE;
use hal::frame::{FrameRun, UFrame};

/// Writes up to this size are atomic.
pub const PIPE_BUF: usize = 4096;

/// Slots of a new pipe: 64 KiB.
pub const DEFAULT_SLOTS: usize = 16;

/// A stretch of a page in the pipe.
#[derive(Clone)]
pub struct Slot {
    /// The page; shared when it came by splice or was duplicated by tee.
    pub frame: UFrame,
    /// Where the bytes begin.
    pub offset: usize,
    /// How many there are.
    pub len: usize,
    /// A later write may add to this page.
    pub mergeable: bool,
    /// One message: a read takes no more than this, and what it leaves is lost.
    pub packet: bool,
}

/// What an attempt to move bytes did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes moved.
    pub bytes: usize,
    /// It stopped because the program's memory was not there.
    pub fault: bool,
    /// It stopped because a page could not be allocated.
    pub no_memory: bool,
    /// The pipe was full before and is not now.
    pub made_room: bool,
}

/// The queue.
pub struct PipeBuffer {
    slots: VecDeque<Slot>,
    limit: usize,
    spare: Vec<UFrame>,
}

impl PipeBuffer {
    /// An empty queue of at most `limit` slots; takes memory at the first write.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            slots: VecDeque::new(),
            limit,
            spare: Vec::new(),
        }
    }

    /// Bytes queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.iter().map(|slot| slot.len).sum()
    }

    /// Whether nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether no slot is free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.slots.len() >= self.limit
    }

    /// Free slots.
    #[must_use]
    pub fn free_slots(&self) -> usize {
        self.limit.saturating_sub(self.slots.len())
    }

    /// Most slots.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Changes the most slots; false when more are in use.
    pub fn set_limit(&mut self, limit: usize) -> bool {
        if self.slots.len() > limit {
            return false;
        }
        self.limit = limit;
        self.spare.truncate(limit - self.slots.len());
        true
    }

    /// Queues up to `total` bytes that `take(page, offset, len)` puts into pages (it says how many it could). With
    /// `packet`, each page's worth is a message of its own.
    pub fn write(
        &mut self,
        total: usize,
        packet: bool,
        mut take: impl FnMut(&UFrame, usize, usize) -> usize,
    ) -> Moved {
        let mut moved = Moved::default();
        let head = total % PAGE_SIZE;
        if head != 0
            && !packet
            && let Some(last) = self.slots.back_mut()
            && last.mergeable
            && last.offset + last.len + head <= PAGE_SIZE
        {
            if take(&last.frame, last.offset + last.len, head) < head {
                moved.fault = true;
                return moved;
            }
            last.len += head;
            moved.bytes = head;
        }
        while moved.bytes < total && !self.is_full() {
            let Some(frame) = self.page() else {
                moved.no_memory = true;
                break;
            };
            let len = (total - moved.bytes).min(PAGE_SIZE);
            if take(&frame, 0, len) < len {
                self.spare.push(frame);
                moved.fault = true;
                break;
            }
            self.slots.push_back(Slot {
                frame,
                offset: 0,
                len,
                mergeable: !packet,
                packet,
            });
            moved.bytes += len;
        }
        moved
    }

    /// Takes up to `want` bytes out through `put(page, offset, len)`, which says how many it could store.
    pub fn read(
        &mut self,
        want: usize,
        mut put: impl FnMut(&UFrame, usize, usize) -> usize,
    ) -> Moved {
        let mut moved = Moved::default();
        let was_full = self.is_full();
        while moved.bytes < want
            && let Some(slot) = self.slots.front_mut()
        {
            let len = slot.len.min(want - moved.bytes);
            let stored = put(&slot.frame, slot.offset, len);
            moved.bytes += stored;
            slot.offset += stored;
            slot.len -= stored;
            if stored < len {
                moved.fault = true;
                break;
            }
            let packet = slot.packet;
            if packet || slot.len == 0 {
                moved.made_room |= was_full;
                self.drop_front();
            }
            if packet {
                break;
            }
        }
        moved
    }

    /// Takes the first slot, cut to `most` bytes, whole when it is no longer. Its page may be shared from now on.
    pub fn pop(&mut self, most: usize) -> Option<Slot> {
        let front = self.slots.front_mut()?;
        if front.len <= most {
            return self.slots.pop_front();
        }
        let mut part = front.clone();
        part.len = most;
        part.mergeable = false;
        front.offset += most;
        front.len -= most;
        front.mergeable = false;
        Some(part)
    }

    /// Puts back what [`Self::pop`] gave and could not be used.
    pub fn unpop(&mut self, slot: Slot) {
        self.slots.push_front(slot);
    }

    /// Copies of the slots that hold the first `most` bytes, for tee; the pages are shared afterwards.
    pub fn share(&mut self, most: usize) -> impl Iterator<Item = Slot> + '_ {
        let mut left = most;
        self.slots.iter_mut().map_while(move |slot| {
            if left == 0 {
                return None;
            }
            slot.mergeable = false;
            let mut copy = slot.clone();
            copy.len = copy.len.min(left);
            left -= copy.len;
            Some(copy)
        })
    }

    /// Queues a stretch of a page as it is; gives it back when the pipe is full.
    pub fn push(&mut self, slot: Slot) -> Result<(), Slot> {
        if self.is_full() {
            return Err(slot);
        }
        self.slots.push_back(slot);
        Ok(())
    }

    fn page(&mut self) -> Option<UFrame> {
        if let Some(frame) = self.spare.pop() {
            return Some(frame);
        }
        FrameRun::alloc_dirty(1)?.into_uframes().next()
    }

    fn drop_front(&mut self) {
        if let Some(slot) = self.slots.pop_front()
            && slot.mergeable | slot.packet
            && slot.frame.refcount() == 1
            && self.spare.len() < DEFAULT_SLOTS.min(self.limit)
        {
            self.spare.push(slot.frame);
        }
    }
}
