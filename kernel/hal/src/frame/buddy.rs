//! The buddy allocator: blocks of 2^order frames, merged with their buddies when freed.
//!
//! Its state is four bytes a frame, zero at boot: a word that does not say "free block of order n
//! starts here" never merges, so memory is handed in by whole blocks and never walked frame by
//! frame. The links of the free lists lie in the free blocks themselves.

use core::sync::atomic::{AtomicU32, Ordering};

/// Blocks go up to 2^12 frames (16 MiB).
pub(crate) const MAX_ORDER: usize = 12;

/// A frame's word: "a free block starts here", with the order in the low bits.
const FREE: u32 = 1 << 31;
const NONE: u32 = 0;

/// Where the words and the bytes of the frames lie.
#[derive(Clone, Copy)]
pub(crate) struct FrameMap {
    /// The word of frame `first`.
    words: *const AtomicU32,
    /// Frame numbers covered: `first..end`. Frame 0 is never covered.
    first: u32,
    end: u32,
    /// Virtual address of frame number 0.
    linear: usize,
}

// SAFETY: the words are atomics and the bytes are guarded by ownership of the frame.
unsafe impl Send for FrameMap {}
// SAFETY: as above.
unsafe impl Sync for FrameMap {}

impl FrameMap {
    pub(crate) const EMPTY: FrameMap = FrameMap {
        words: core::ptr::null(),
        first: 1,
        end: 1,
        linear: 0,
    };

    /// # Safety
    /// `words` must be valid for `end - first` zeroed words for ever, and the frames mapped
    /// read-write from `linear`.
    pub(crate) unsafe fn new(words: *const AtomicU32, first: u32, end: u32, linear: usize) -> Self {
        FrameMap {
            words,
            first,
            end,
            linear,
        }
    }

    #[inline(always)]
    pub(crate) fn word(&self, pfn: u32) -> &AtomicU32 {
        debug_assert!(pfn >= self.first && pfn < self.end);
        // SAFETY: every frame number in circulation is in `first..end` (see `new`).
        unsafe { &*self.words.add((pfn - self.first) as usize) }
    }

    #[inline(always)]
    pub(crate) fn bytes(&self, pfn: u32) -> *mut u8 {
        (self.linear + ((pfn as usize) << crate::addr::PAGE_SHIFT)) as *mut u8
    }

    fn contains(&self, pfn: u32) -> bool {
        pfn >= self.first && pfn < self.end
    }
}

/// The links of a free block, kept in its first bytes.
#[repr(C)]
struct Links {
    prev: u32,
    next: u32,
}

/// The free blocks of one [`FrameMap`].
pub(crate) struct Buddy {
    pub(crate) map: FrameMap,
    heads: [u32; MAX_ORDER + 1],
    /// Bit n: the list of order n is not empty.
    filled: u32,
    free: usize,
}

impl Buddy {
    pub(crate) const fn new(map: FrameMap) -> Self {
        Buddy {
            map,
            heads: [NONE; MAX_ORDER + 1],
            filled: 0,
            free: 0,
        }
    }

    /// Free frames.
    pub(crate) fn free_frames(&self) -> usize {
        self.free
    }

    fn links(&mut self, pfn: u32) -> &mut Links {
        // SAFETY: `pfn` heads a free block, whose bytes belong to this allocator alone.
        unsafe { &mut *self.map.bytes(pfn).cast::<Links>() }
    }

    fn push(&mut self, pfn: u32, order: usize) {
        let head = self.heads[order];
        *self.links(pfn) = Links {
            prev: NONE,
            next: head,
        };
        if head != NONE {
            self.links(head).prev = pfn;
        }
        self.heads[order] = pfn;
        self.filled |= 1 << order;
        self.map
            .word(pfn)
            .store(FREE | order as u32, Ordering::Relaxed);
    }

    fn remove(&mut self, pfn: u32, order: usize) {
        let Links { prev, next } = *self.links(pfn);
        if prev == NONE {
            self.heads[order] = next;
            if next == NONE {
                self.filled &= !(1 << order);
            }
        } else {
            self.links(prev).next = next;
        }
        if next != NONE {
            self.links(next).prev = prev;
        }
        self.map.word(pfn).store(0, Ordering::Relaxed);
    }

    /// Takes a block of 2^`order` frames, aligned to its size. Its words are zero.
    pub(crate) fn alloc(&mut self, order: usize) -> Option<u32> {
        if order > MAX_ORDER {
            return None;
        }
        let candidates = self.filled >> order;
        if candidates == 0 {
            return None;
        }
        let mut at = order + candidates.trailing_zeros() as usize;
        let pfn = self.heads[at];
        self.remove(pfn, at);
        while at > order {
            at -= 1;
            self.push(pfn + (1 << at), at);
        }
        self.free -= 1 << order;
        Some(pfn)
    }

    /// Gives back a block of 2^`order` frames whose words are zero.
    pub(crate) fn free(&mut self, mut pfn: u32, mut order: usize) {
        self.free += 1 << order;
        while order < MAX_ORDER {
            let buddy = pfn ^ (1 << order);
            if !self.map.contains(buddy)
                || self.map.word(buddy).load(Ordering::Relaxed) != FREE | order as u32
            {
                break;
            }
            self.remove(buddy, order);
            pfn &= !(1 << order);
            order += 1;
        }
        self.push(pfn, order);
    }

    /// Hands in the frames `start..end`, block by block.
    pub(crate) fn add(&mut self, mut start: u32, end: u32) {
        while start < end {
            let align = start.trailing_zeros() as usize;
            let fit = (end - start).ilog2() as usize;
            let order = align.min(fit).min(MAX_ORDER);
            self.free(start, order);
            start += 1 << order;
        }
    }

    /// Takes `count` frames in a row, aligned to the next power of two: a block less its tail.
    pub(crate) fn alloc_run(&mut self, count: usize) -> Option<u32> {
        let order = count.checked_next_power_of_two()?.trailing_zeros() as usize;
        let pfn = self.alloc(order)?;
        self.add(pfn + count as u32, pfn + (1 << order));
        Some(pfn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const FRAMES: u32 = 3000;

    fn arena() -> (Buddy, Vec<AtomicU32>, Vec<u64>) {
        let words: Vec<AtomicU32> = (0..FRAMES).map(|_| AtomicU32::new(0)).collect();
        // Only the links of free blocks are ever touched: 4 KiB a frame, lazily backed.
        let bytes = vec![0u64; (FRAMES as usize + 8) * 512];
        let linear = bytes.as_ptr() as usize;
        // SAFETY: both vectors outlive the allocator, which the callers keep beside them.
        let map = unsafe { FrameMap::new(words.as_ptr(), 5, 5 + FRAMES, linear) };
        (Buddy::new(map), words, bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn blocks_never_overlap_and_all_come_back(ops in prop::collection::vec((0usize..40, any::<u16>()), 1..400)) {
            let (mut buddy, _w, _b) = arena();
            buddy.add(5, 1700);
            buddy.add(1900, 5 + FRAMES);
            let all = buddy.free_frames();
            prop_assert_eq!(all, (1700 - 5 + 5 + FRAMES - 1900) as usize);
            let mut live: BTreeMap<u32, usize> = BTreeMap::new();
            for (count, pick) in ops {
                if count > 0 && pick % 3 != 0 {
                    if let Some(pfn) = buddy.alloc_run(count) {
                        prop_assert!(pfn >= 5 && pfn + count as u32 <= 5 + FRAMES);
                        prop_assert!(pfn + count as u32 <= 1700 || pfn >= 1900);
                        prop_assert_eq!(pfn as usize % count.next_power_of_two(), 0);
                        if let Some((&p, &n)) = live.range(..=pfn).next_back() {
                            prop_assert!(p + n as u32 <= pfn);
                        }
                        if let Some((&p, _)) = live.range(pfn..).next() {
                            prop_assert!(pfn + count as u32 <= p);
                        }
                        live.insert(pfn, count);
                    }
                } else if !live.is_empty() {
                    let k = *live.keys().nth(pick as usize % live.len()).unwrap();
                    let n = live.remove(&k).unwrap();
                    buddy.add(k, k + n as u32);
                }
                let used: usize = live.values().sum();
                prop_assert_eq!(buddy.free_frames(), all - used);
            }
            for (k, n) in live {
                buddy.add(k, k + n as u32);
            }
            prop_assert_eq!(buddy.free_frames(), all);
            // Everything merged: the biggest block that fits is there again.
            prop_assert!(buddy.alloc(9).is_some());
        }
    }
}
