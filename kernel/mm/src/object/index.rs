//! The frames of an object by page number: chunks of 32 pages, in a flat table for the first GiB
//! and in a tree beyond, so that small files cost little and sparse ones no more.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use hal::UFrame;

use super::PageError;

const CHUNK: u64 = 32;
/// Chunks in the flat table at most.
const FLAT: u64 = 8192;

/// 32 pages in a row.
#[derive(Default)]
struct Chunk {
    frames: [Option<UFrame>; CHUNK as usize],
    count: u32,
    /// Changed since last written back.
    dirty: AtomicU32,
    /// Instruction fetches see the page's bytes.
    synced: AtomicU32,
}

/// A page that is there.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    chunk: &'a Chunk,
    bit: u32,
    pub(super) frame: &'a UFrame,
}

impl Page<'_> {
    pub(super) fn mark_dirty(&self) {
        if self.chunk.dirty.load(Ordering::Relaxed) & self.bit == 0 {
            self.chunk.dirty.fetch_or(self.bit, Ordering::Relaxed);
        }
    }

    pub(super) fn take_dirty(&self) -> bool {
        self.chunk.dirty.fetch_and(!self.bit, Ordering::Relaxed) & self.bit != 0
    }

    /// Whether instruction fetches were not yet told of the page's bytes; they count as told now.
    pub(super) fn take_unsynced(&self) -> bool {
        self.chunk.synced.load(Ordering::Relaxed) & self.bit == 0
            && self.chunk.synced.fetch_or(self.bit, Ordering::Relaxed) & self.bit == 0
    }

    /// The kernel wrote to the page.
    pub(super) fn written(&self) {
        self.mark_dirty();
        if self.chunk.synced.load(Ordering::Relaxed) & self.bit != 0 {
            self.chunk.synced.fetch_and(!self.bit, Ordering::Relaxed);
        }
    }
}

/// Pages of all objects (`Cached` in `/proc/meminfo`).
static CACHED: AtomicUsize = AtomicUsize::new(0);

/// Pages that objects hold: files' and shared memory's.
pub fn cached_pages() -> usize {
    CACHED.load(Ordering::Relaxed)
}

/// All pages of an object that are there.
#[derive(Default)]
pub(super) struct Index {
    flat: Vec<Option<Box<Chunk>>>,
    tree: BTreeMap<u64, Box<Chunk>>,
    pages: usize,
}

fn split(index: u64) -> (u64, usize) {
    (index / CHUNK, (index % CHUNK) as usize)
}

impl Index {
    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    fn chunk(&self, c: u64) -> Option<&Chunk> {
        if c < FLAT {
            self.flat.get(c as usize)?.as_deref()
        } else {
            self.tree.get(&c).map(|b| &**b)
        }
    }

    fn chunk_mut(&mut self, c: u64) -> Option<&mut Chunk> {
        if c < FLAT {
            self.flat.get_mut(c as usize)?.as_deref_mut()
        } else {
            self.tree.get_mut(&c).map(|b| &mut **b)
        }
    }

    #[inline]
    pub(super) fn get(&self, index: u64) -> Option<Page<'_>> {
        let (c, i) = split(index);
        let chunk = self.chunk(c)?;
        let frame = chunk.frames.get(i)?.as_ref()?;
        Some(Page {
            chunk,
            bit: 1 << i,
            frame,
        })
    }

    /// Puts a page where none is.
    pub(super) fn insert(&mut self, index: u64, frame: UFrame) -> Result<(), PageError> {
        let (c, i) = split(index);
        if self.chunk(c).is_none() {
            if c < FLAT {
                let len = c as usize + 1;
                if self.flat.len() < len {
                    // Room for as much again, as files grow.
                    let more = len - self.flat.len();
                    self.flat
                        .try_reserve(more)
                        .map_err(|_| PageError::NoMemory)?;
                    self.flat.resize_with(len, || None);
                }
                if let Some(slot) = self.flat.get_mut(c as usize) {
                    *slot = Some(Box::default());
                }
            } else {
                self.tree.insert(c, Box::default());
            }
        }
        if let Some(chunk) = self.chunk_mut(c)
            && let Some(slot) = chunk.frames.get_mut(i)
            && slot.is_none()
        {
            *slot = Some(frame);
            chunk.count += 1;
            *chunk.synced.get_mut() &= !(1 << i);
            *chunk.dirty.get_mut() &= !(1 << i);
            self.pages += 1;
            CACHED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes the pages of `range` out; how many there were. `gone` gets each.
    pub(super) fn remove(&mut self, range: Range<u64>, mut gone: impl FnMut(u64, UFrame)) -> usize {
        if range.is_empty() || self.pages == 0 {
            return 0;
        }
        let before = self.pages;
        let (first, last) = (range.start / CHUNK, (range.end - 1) / CHUNK);
        let flat_end = (self.flat.len() as u64).min(last.saturating_add(1));
        for c in first..flat_end {
            let Some(slot) = self.flat.get_mut(c as usize) else {
                break;
            };
            if let Some(chunk) = slot {
                self.pages -= chunk.take(c, &range, &mut gone);
                if chunk.count == 0 {
                    *slot = None;
                }
            }
        }
        // What gives memory back asks for none: no list of the keys.
        let mut from = first;
        while from <= last
            && let Some((&c, chunk)) = self.tree.range_mut(from..=last).next()
        {
            self.pages -= chunk.take(c, &range, &mut gone);
            if chunk.count == 0 {
                self.tree.remove(&c);
            }
            from = c + 1;
        }
        if range.start == 0 && range.end >= FLAT * CHUNK {
            self.flat = Vec::new();
        }
        let gone = before - self.pages;
        CACHED.fetch_sub(gone, Ordering::Relaxed);
        gone
    }

    /// The first page of `range` that is there.
    pub(super) fn next_page(&self, range: Range<u64>) -> Option<u64> {
        let mut at = range.start;
        while at < range.end {
            let (c, i) = split(at);
            match self.chunk(c) {
                Some(chunk) => {
                    let found = (i..CHUNK as usize)
                        .find(|&k| chunk.frames.get(k).is_some_and(Option::is_some));
                    if let Some(k) = found {
                        let page = c * CHUNK + k as u64;
                        return (page < range.end).then_some(page);
                    }
                    at = (c + 1) * CHUNK;
                }
                None if c + 1 < self.flat.len() as u64 => at = (c + 1) * CHUNK,
                None => {
                    let (&next, _) = self.tree.range(c.max(FLAT)..).next()?;
                    at = (next * CHUNK).max(at);
                }
            }
        }
        None
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        CACHED.fetch_sub(self.pages, Ordering::Relaxed);
    }
}

impl Chunk {
    /// Takes out the pages of chunk `c` that lie in `range`.
    fn take(&mut self, c: u64, range: &Range<u64>, gone: &mut impl FnMut(u64, UFrame)) -> usize {
        let base = c * CHUNK;
        let first = range.start.saturating_sub(base) as usize;
        let last = (range.end - base).min(CHUNK) as usize;
        let mut n = 0;
        for (i, slot) in self.frames.iter_mut().enumerate().take(last).skip(first) {
            if let Some(frame) = slot.take() {
                n += 1;
                gone(base + i as u64, frame);
            }
        }
        self.count -= n;
        n as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_holds_what_a_set_holds(ops in prop::collection::vec((0u8..4, 0u64..400, 1u64..80, any::<bool>()), 1..80)) {
            let mut index = Index::default();
            let mut set = BTreeSet::new();
            for (op, at, len, far) in ops {
                // Around the border of the flat table, or near the start.
                let at = if far { FLAT * CHUNK - 200 + at } else { at };
                match op {
                    0 => {
                        let n = index.remove(at..at + len, |_, _| ());
                        let before = set.len();
                        set.retain(|p| !(at..at + len).contains(p));
                        prop_assert_eq!(n, before - set.len());
                    }
                    1 => prop_assert_eq!(
                        index.next_page(at..at + len),
                        set.range(at..at + len).next().copied()
                    ),
                    _ => {
                        index.insert(at, UFrame::alloc_zeroed().unwrap()).unwrap();
                        set.insert(at);
                    }
                }
                prop_assert_eq!(index.pages(), set.len());
                prop_assert_eq!(index.get(at).is_some(), set.contains(&at));
            }
        }
    }
}
