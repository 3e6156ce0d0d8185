//! What is done to whole ranges of a space, a leaf table at a time. Ranges are page-aligned, within the user half.

use super::ops::{count_out, refcount, release};
use super::prot::{self, AP_RO, VALID};
use super::space::{Counts, PageTable};
use super::walk::{ENTRIES, LEAF_SPAN, Table, index};
use super::{OutOfMemory, Prot, tlb};
use crate::addr::UserAddr;
use crate::frame::UFrame;

/// Software mark of a descriptor whose frame is about to leave.
const LEAVING: u64 = 1 << 56;

/// The indices of `table`, which starts at `base`, that lie in `start..end`.
fn within(base: usize, start: usize, end: usize) -> core::ops::Range<usize> {
    let first = start.saturating_sub(base) >> 12;
    let last = (end - base).min(LEAF_SPAN).div_ceil(1 << 12);
    first..last.min(ENTRIES)
}

impl PageTable {
    /// Unmaps `start..end`; `gone(va, frame, prot)` gets each page after its flush, interrupts
    /// off. Empty tables are freed.
    pub fn unmap(
        &self,
        start: UserAddr,
        end: UserAddr,
        mut gone: impl FnMut(UserAddr, UFrame, Prot),
    ) {
        self.unmap_if(start, end, |_| true, &mut gone);
    }

    /// As [`PageTable::unmap`], only those pages whose rights `which` picks.
    pub fn unmap_if(
        &self,
        start: UserAddr,
        end: UserAddr,
        which: impl Fn(Prot) -> bool,
        gone: &mut dyn FnMut(UserAddr, UFrame, Prot),
    ) {
        let mut at = start.0;
        // The lock is let go between tables: they take up to 512 pages each.
        while at < end.0 {
            let stop = ((at & !(LEAF_SPAN - 1)) + LEAF_SPAN).min(end.0);
            let mut counts = self.space.counts.lock();
            at = match self.space.root.path(at) {
                Some(path) => {
                    self.unmap_leaf(path, at, stop, &which, gone, &mut counts);
                    stop
                }
                None => self.space.root.next_leaf(stop, end.0),
            };
        }
    }

    /// Unmaps what `which` picks of one last-level table, in two turns around the flush, and frees
    /// the table, and those above it, when nothing is left in them.
    fn unmap_leaf(
        &self,
        path: [Table; 4],
        start: usize,
        end: usize,
        which: &impl Fn(Prot) -> bool,
        gone: &mut dyn FnMut(UserAddr, UFrame, Prot),
        counts: &mut Counts,
    ) {
        let [root, one, two, leaf] = path;
        let base = start & !(LEAF_SPAN - 1);
        let (mut first, mut last, mut n, mut any) = (usize::MAX, 0, 0, false);
        for i in within(base, start, end) {
            let e = leaf.get(i);
            if e != 0 && which(prot::prot(e)) {
                // Not valid, marked: the frame is released below, after the flush.
                leaf.update(i, e & !VALID | LEAVING);
                any |= e & VALID != 0;
                first = first.min(i);
                last = i;
                n += 1;
            }
        }
        let dead = if n < leaf.count() {
            0
        } else {
            two.clear(index(start, 2));
            if !two.is_empty() {
                1
            } else {
                one.clear(index(start, 1));
                if !one.is_empty() {
                    2
                } else {
                    root.clear(index(start, 0));
                    3
                }
            }
        };
        if any {
            self.space.flush(base + (first << 12), last - first + 1);
        } else if dead > 0 {
            self.space.flush(start, 1);
        }
        if n > 0 {
            for i in first..=last {
                let e = leaf.get(i);
                if e & LEAVING == 0 {
                    continue;
                }
                leaf.update(i, 0);
                count_out(counts, e);
                // SAFETY: taken out of its table and flushed.
                gone(
                    UserAddr(base + (i << 12)),
                    unsafe { release(e) },
                    prot::prot(e),
                );
            }
            leaf.count_sub(n);
        }
        counts.tables -= dead;
        for t in [leaf, two, one].into_iter().take(dead) {
            t.free();
        }
    }

    /// Gives the mapped pages of `start..end` the rights `prot` and flushes.
    pub fn protect(&self, start: UserAddr, end: UserAddr, prot: Prot) {
        let mut at = start.0;
        while at < end.0 {
            let stop = ((at & !(LEAF_SPAN - 1)) + LEAF_SPAN).min(end.0);
            let counts = self.space.counts.lock();
            let Some(leaf) = self.space.root.leaf(at) else {
                at = self.space.root.next_leaf(stop, end.0);
                continue;
            };
            let base = at & !(LEAF_SPAN - 1);
            let (mut first, mut last) = (usize::MAX, 0);
            for i in within(base, at, stop) {
                let e = leaf.get(i);
                if e == 0 {
                    continue;
                }
                let anon = prot::is_anon(e);
                let keep = if anon {
                    prot | Prot::ANON
                } else {
                    prot - Prot::ANON
                };
                let new = prot::page(prot::pfn(e), keep, anon && refcount(e) == 1);
                if new != e {
                    leaf.update(i, new);
                    if e & VALID != 0 {
                        first = first.min(i);
                        last = i;
                    }
                }
            }
            if first != usize::MAX {
                self.space.flush(base + (first << 12), last - first + 1);
            }
            drop(counts);
            at = stop;
        }
    }

    /// Shares the pages of `start..end` with `child`, which has none there. With `cow` both lose
    /// the right to write them. ~20 instructions a page.
    ///
    /// # Errors
    /// No frame for a table of the child.
    pub fn fork_into(
        &self,
        child: &PageTable,
        start: UserAddr,
        end: UserAddr,
        cow: bool,
    ) -> Result<(), OutOfMemory> {
        let mut at = start.0;
        while at < end.0 {
            let stop = ((at & !(LEAF_SPAN - 1)) + LEAF_SPAN).min(end.0);
            let counts = self.space.counts.lock();
            let Some(from) = self.space.root.leaf(at) else {
                at = self.space.root.next_leaf(stop, end.0);
                continue;
            };
            let base = at & !(LEAF_SPAN - 1);
            let range = within(base, at, stop);
            if range.clone().all(|i| from.get(i) == 0) {
                at = stop;
                continue;
            }
            let mut theirs = child.space.counts.lock();
            let to = child
                .space
                .root
                .leaf_or_new(at, &mut theirs.tables)
                .ok_or(OutOfMemory)?;
            let (mut first, mut last, mut n, mut anon) = (usize::MAX, 0, 0, 0);
            for i in range {
                let mut e = from.get(i);
                if e == 0 {
                    continue;
                }
                if cow && e & AP_RO == 0 {
                    e |= AP_RO;
                    from.update(i, e);
                    first = first.min(i);
                    last = i;
                }
                // SAFETY: the parent's count keeps the frame; the child's descriptor takes this one.
                core::mem::forget(unsafe { UFrame::share(prot::pfn(e)) });
                to.update(i, e);
                n += 1;
                anon += usize::from(prot::is_anon(e));
            }
            to.count_add(n);
            theirs.pages += n as usize;
            theirs.anon += anon;
            drop(theirs);
            if first != usize::MAX {
                self.space.flush(base + (first << 12), last - first + 1);
            }
            drop(counts);
            at = stop;
        }
        Ok(())
    }

    /// Moves the pages of `start..start + len` to `to`, where nothing is mapped (mremap).
    ///
    /// # Errors
    /// No frame for a table; what was not moved yet stays where it was.
    pub fn relocate(&self, start: UserAddr, to: UserAddr, len: usize) -> Result<(), OutOfMemory> {
        let mut at = 0;
        while at < len {
            let (from, dest) = (start.0 + at, to.0 + at);
            let mut counts = self.space.counts.lock();
            let Some(leaf) = self.space.root.leaf(from) else {
                drop(counts);
                let stop = (from & !(LEAF_SPAN - 1)) + LEAF_SPAN;
                at = self.space.root.next_leaf(stop, start.0 + len) - start.0;
                continue;
            };
            let i = index(from, 3);
            let e = leaf.get(i);
            if e != 0 {
                let target = self
                    .space
                    .root
                    .leaf_or_new(dest, &mut counts.tables)
                    .ok_or(OutOfMemory)?;
                leaf.clear(i);
                self.space.flush(from, 1);
                target.fill(index(dest, 3), e);
                tlb::publish();
            }
            at += 1 << 12;
        }
        // Tables left empty go.
        self.unmap(start, UserAddr(start.0 + len), |_, _, _| ());
        Ok(())
    }

    /// Shows the mapped pages of `start..end` to `see(va, rights, handles of the page)`.
    pub fn each(&self, start: UserAddr, end: UserAddr, mut see: impl FnMut(UserAddr, Prot, u32)) {
        let mut at = start.0;
        while at < end.0 {
            let stop = ((at & !(LEAF_SPAN - 1)) + LEAF_SPAN).min(end.0);
            let counts = self.space.counts.lock();
            let Some(leaf) = self.space.root.leaf(at) else {
                at = self.space.root.next_leaf(stop, end.0);
                continue;
            };
            let base = at & !(LEAF_SPAN - 1);
            for i in within(base, at, stop) {
                let e = leaf.get(i);
                if e != 0 {
                    see(UserAddr(base + (i << 12)), prot::prot(e), refcount(e));
                }
            }
            drop(counts);
            at = stop;
        }
    }
}
