//! The tree of translation tables of one address space: four levels of 512 descriptors.
//!
//! A table's frame word counts its descriptors that are not zero, so that an emptied table is
//! known without a look. Only who holds the space's lock walks.

use core::ptr;
use core::sync::atomic::Ordering;

use super::prot::{self, VALID};
use crate::frame::{FrameRun, linear, word};

/// Descriptors in a table.
pub(super) const ENTRIES: usize = 512;
/// Bytes that a last-level table translates.
pub(super) const LEAF_SPAN: usize = ENTRIES << 12;

/// A table by its frame number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Table(pub(super) u32);

/// The index into the table of `level` (0 is the root) for `va`.
#[inline(always)]
pub(super) const fn index(va: usize, level: usize) -> usize {
    (va >> (39 - 9 * level)) & (ENTRIES - 1)
}

impl Table {
    pub(super) fn alloc() -> Option<Table> {
        Some(Table(FrameRun::alloc(1)?.into_raw()))
    }

    /// Frees a table nothing points to. Descriptors in it are forgotten, not released.
    pub(super) fn free(self) {
        // SAFETY: the table came from `alloc` and no descriptor leads to it any more.
        drop(unsafe { FrameRun::from_raw(self.0, 1) });
    }

    #[inline(always)]
    fn slot(self, i: usize) -> *mut u64 {
        linear(self.0).cast::<u64>().wrapping_add(i & (ENTRIES - 1))
    }

    #[inline(always)]
    pub(super) fn get(self, i: usize) -> u64 {
        // SAFETY: a descriptor of a table we own; the hardware only reads it.
        unsafe { ptr::read_volatile(self.slot(i)) }
    }

    /// Changes a descriptor that stays zero or stays not zero.
    #[inline(always)]
    pub(super) fn update(self, i: usize, entry: u64) {
        // SAFETY: as in `get`; the space's lock is held.
        unsafe { ptr::write_volatile(self.slot(i), entry) }
    }

    /// Fills a descriptor that was zero.
    #[inline(always)]
    pub(super) fn fill(self, i: usize, entry: u64) {
        self.update(i, entry);
        self.count_add(1);
    }

    /// Clears a descriptor that was not zero.
    #[inline(always)]
    pub(super) fn clear(self, i: usize) {
        self.update(i, 0);
        self.count_sub(1);
    }

    #[inline(always)]
    pub(super) fn count_add(self, n: u32) {
        let w = word(self.0);
        w.store(w.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(super) fn count_sub(self, n: u32) {
        let w = word(self.0);
        w.store(w.load(Ordering::Relaxed) - n, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(super) fn is_empty(self) -> bool {
        self.count() == 0
    }

    #[inline(always)]
    fn next(self, i: usize) -> Option<Table> {
        let e = self.get(i);
        (e & VALID != 0).then(|| Table(prot::pfn(e)))
    }

    /// The last-level table for `va`, if there is one.
    #[inline]
    pub(super) fn leaf(self, va: usize) -> Option<Table> {
        self.next(index(va, 0))?
            .next(index(va, 1))?
            .next(index(va, 2))
    }

    /// The last-level table for `va`, made if there is none; `None` without memory.
    #[inline]
    pub(super) fn leaf_or_new(self, va: usize, made: &mut usize) -> Option<Table> {
        let mut t = self;
        for level in 0..3 {
            let i = index(va, level);
            t = match t.next(i) {
                Some(t) => t,
                None => {
                    let new = Table::alloc()?;
                    *made += 1;
                    // The zeroes of the new table are seen before the descriptor that leads to it.
                    super::tlb::publish();
                    t.fill(i, prot::table(new.0));
                    new
                }
            };
        }
        Some(t)
    }

    /// The tables that translate `va`, from the root to the last level.
    #[inline]
    pub(super) fn path(self, va: usize) -> Option<[Table; 4]> {
        let one = self.next(index(va, 0))?;
        let two = one.next(index(va, 1))?;
        Some([self, one, two, two.next(index(va, 2))?])
    }

    /// Descriptors that are not zero.
    #[inline(always)]
    pub(super) fn count(self) -> u32 {
        word(self.0).load(Ordering::Relaxed)
    }
}

impl Table {
    /// The first address from `at` (a last-level table's start) on that has a last-level table,
    /// or `end` when there is none before it.
    pub(super) fn next_leaf(self, at: usize, end: usize) -> usize {
        let mut va = at;
        while va < end {
            let mut t = self;
            let mut level = 0;
            loop {
                match t.next(index(va, level)) {
                    Some(_) if level == 2 => return va,
                    Some(next) => {
                        t = next;
                        level += 1;
                    }
                    None => break,
                }
            }
            let span = 1usize << (39 - 9 * level);
            va = (va & !(span - 1)) + span;
        }
        end
    }
}
