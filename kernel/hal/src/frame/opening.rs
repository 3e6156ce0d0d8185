//! Opening the pool at boot: a place for the metadata, and what is free.

use core::ops::Range;
use core::sync::atomic::AtomicU32;

use super::buddy::FrameMap;
use super::pool;
use crate::addr::{LINEAR_BASE, PAGE_SHIFT, PAGE_SIZE};

/// Ranges a machine may have at most: RAM banks and reserved pieces together.
const MAX_RANGES: usize = 64;

/// Opens the frame pool over the banks `ram` less the ranges `reserved` (image, device tree, initial
/// ramdisk, `/reserved-memory`), both as physical addresses in any order. The metadata, four bytes
/// a frame, is cut from the free RAM and cleared; RAM itself is not walked. `false` when there is
/// no room for it.
///
/// # Safety
/// Once, on the boot processor, with all of `ram` in the linear map as normal memory; nobody uses
/// what is not reserved.
pub(crate) unsafe fn open(ram: &[Range<u64>], reserved: &[Range<u64>]) -> bool {
    let page = |a: u64| (a >> PAGE_SHIFT) as u32;
    let page_up = |a: u64| ((a + PAGE_SIZE as u64 - 1) >> PAGE_SHIFT) as u32;
    let mut free = Ranges::new();
    let (mut first, mut end, mut total) = (u32::MAX, 0, 0);
    for bank in ram {
        // Frame 0 is never used: its number means "none".
        let (s, e) = (page_up(bank.start).max(1), page(bank.end));
        if s < e {
            first = first.min(s);
            end = end.max(e);
            total += (e - s) as usize;
            free.add(s, e);
        }
    }
    for r in reserved {
        free.cut(page(r.start), page_up(r.end));
    }
    if first >= end {
        return false;
    }
    let frames = (end - first) as usize;
    let pages = (frames * size_of::<AtomicU32>()).div_ceil(PAGE_SIZE) as u32;
    // The last free range that is large enough, at its end: low memory stays for devices.
    let Some(at) = free
        .iter()
        .filter(|r| r.1 - r.0 >= pages)
        .map(|r| r.1 - pages)
        .last()
    else {
        return false;
    };
    free.cut(at, at + pages);
    let words = LINEAR_BASE + ((at as usize) << PAGE_SHIFT);
    for n in 0..pages as usize {
        super::bytes::zero_page((words + n * PAGE_SIZE) as *mut u8);
    }
    // SAFETY: the metadata was just cleared and is cut from the free RAM; the caller's promise
    // covers the rest.
    unsafe {
        let map = FrameMap::new(words as *const AtomicU32, first, end, LINEAR_BASE);
        pool::init(map, free.as_slice(), total);
    }
    true
}

/// Frame number ranges that do not overlap.
struct Ranges {
    at: [(u32, u32); MAX_RANGES],
    len: usize,
}

impl Ranges {
    fn new() -> Self {
        Ranges {
            at: [(0, 0); MAX_RANGES],
            len: 0,
        }
    }

    fn as_slice(&self) -> &[(u32, u32)] {
        &self.at[..self.len]
    }

    fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.as_slice().iter().copied()
    }

    /// What does not fit in the list stays unused.
    fn add(&mut self, start: u32, end: u32) {
        if start < end && self.len < MAX_RANGES {
            self.at[self.len] = (start, end);
            self.len += 1;
        }
    }

    fn cut(&mut self, start: u32, end: u32) {
        let old = core::mem::replace(self, Ranges::new());
        for (s, e) in old.iter() {
            if e <= start || s >= end {
                self.add(s, e);
            } else {
                self.add(s, start);
                self.add(end, e);
            }
        }
    }
}
