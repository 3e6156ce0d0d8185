//! What can be done with the pages of a space. Ranges are page-aligned, within the user half.

use super::prot::{self, AP_RO, VALID};
use super::space::{Counts, PageTable};
use super::walk::{ENTRIES, LEAF_SPAN, Table, index};
use super::{OutOfMemory, Prot, tlb};
use crate::addr::UserAddr;
use crate::frame::{UFrame, linear};

/// A page as it is mapped.
#[derive(Debug)]
pub struct Entry {
    /// What the CPU grants now; [`Prot::ANON`] as it was mapped.
    pub prot: Prot,
    /// Another handle of the page.
    pub frame: UFrame,
}

/// What a write to a page needs.
#[derive(Debug)]
pub enum WriteState {
    /// Nothing is mapped there.
    Absent,
    /// It may go on: the page is writable, or has just become so (nobody else held it).
    Ready,
    /// The page has other holders, or is the memory object's: it must be copied first.
    Copy(UFrame),
}

/// The frame whose count the descriptor holds.
///
/// # Safety
/// The descriptor was taken out of its table, once, and its translations are flushed.
unsafe fn release(entry: u64) -> UFrame {
    // SAFETY: the caller's promise.
    unsafe { UFrame::from_pfn(prot::pfn(entry)) }
}

fn refcount(entry: u64) -> u32 {
    crate::frame::word(prot::pfn(entry)).load(core::sync::atomic::Ordering::Acquire)
}

/// The indices of `table`, which starts at `base`, that lie in `start..end`.
fn within(base: usize, start: usize, end: usize) -> core::ops::Range<usize> {
    let first = start.saturating_sub(base) >> 12;
    let last = (end - base).min(LEAF_SPAN).div_ceil(1 << 12);
    first..last.min(ENTRIES)
}

fn count_in(counts: &mut Counts, entry: u64) {
    counts.pages += 1;
    counts.anon += usize::from(prot::is_anon(entry));
}

fn count_out(counts: &mut Counts, entry: u64) {
    counts.pages -= 1;
    counts.anon -= usize::from(prot::is_anon(entry));
}

impl PageTable {
    /// Maps `frame` at `va` if nothing is mapped there, else gives it back. ~60 instructions.
    ///
    /// # Errors
    /// No frame for a table; `frame` is dropped.
    pub fn map_new(
        &self,
        va: UserAddr,
        frame: UFrame,
        prot: Prot,
    ) -> Result<Option<UFrame>, OutOfMemory> {
        let mut counts = self.space.counts.lock();
        let leaf = self
            .space
            .root
            .leaf_or_new(va.0, &mut counts.tables)
            .ok_or(OutOfMemory)?;
        let i = index(va.0, 3);
        if leaf.get(i) != 0 {
            return Ok(Some(frame));
        }
        let sole = frame.refcount() == 1;
        let entry = prot::page(frame.into_pfn(), prot, sole);
        leaf.fill(i, entry);
        count_in(&mut counts, entry);
        tlb::publish();
        Ok(None)
    }

    /// Maps pages at those of the `count` addresses from `start` on where nothing is mapped and
    /// `frame(n)` has one, within the last-level table of `start`, which must be there: what is
    /// near a page just mapped. ~30 instructions a page.
    pub fn map_absent(
        &self,
        start: UserAddr,
        count: usize,
        prot: Prot,
        mut frame: impl FnMut(usize) -> Option<UFrame>,
    ) {
        let mut counts = self.space.counts.lock();
        let Some(leaf) = self.space.root.leaf(start.0) else {
            return;
        };
        let first = index(start.0, 3);
        let mut n = 0;
        for i in first..(first + count).min(ENTRIES) {
            if leaf.get(i) != 0 {
                continue;
            }
            if let Some(frame) = frame(i - first) {
                leaf.update(i, prot::page(frame.into_pfn(), prot, false));
                n += 1;
            }
        }
        leaf.count_add(n);
        counts.pages += n as usize;
        if prot.contains(Prot::ANON) {
            counts.anon += n as usize;
        }
        tlb::publish();
    }

    /// Maps `frame` at `va` whatever is there; returns what was.
    ///
    /// # Errors
    /// No frame for a table; `frame` is dropped.
    pub fn map(
        &self,
        va: UserAddr,
        frame: UFrame,
        prot: Prot,
    ) -> Result<Option<UFrame>, OutOfMemory> {
        let mut counts = self.space.counts.lock();
        let leaf = self
            .space
            .root
            .leaf_or_new(va.0, &mut counts.tables)
            .ok_or(OutOfMemory)?;
        let i = index(va.0, 3);
        let old = leaf.get(i);
        let sole = frame.refcount() == 1;
        let entry = prot::page(frame.into_pfn(), prot, sole);
        if old == 0 {
            leaf.fill(i, entry);
        } else {
            self.exchange(leaf, i, va.0, entry);
            count_out(&mut counts, old);
        }
        count_in(&mut counts, entry);
        tlb::publish();
        // SAFETY: the descriptor was replaced and flushed.
        Ok((old != 0).then(|| unsafe { release(old) }))
    }

    /// A new output address goes through an invalid entry and a flush (break before make).
    fn exchange(&self, leaf: Table, i: usize, va: usize, entry: u64) {
        leaf.update(i, entry & !VALID);
        self.space.flush(va, 1);
        leaf.update(i, entry);
    }

    /// Maps `new` at `va` in place of `old`, which the caller saw there; gives `new` back when
    /// something else is there by now.
    #[must_use]
    pub fn replace(&self, va: UserAddr, old: &UFrame, new: UFrame, prot: Prot) -> Option<UFrame> {
        let mut counts = self.space.counts.lock();
        let Some(leaf) = self.space.root.leaf(va.0) else {
            return Some(new);
        };
        let i = index(va.0, 3);
        let was = leaf.get(i);
        if was == 0 || prot::pfn(was) != old.pfn() {
            return Some(new);
        }
        let sole = new.refcount() == 1;
        let entry = prot::page(new.into_pfn(), prot, sole);
        self.exchange(leaf, i, va.0, entry);
        tlb::publish();
        count_out(&mut counts, was);
        count_in(&mut counts, entry);
        drop(counts);
        // SAFETY: the descriptor was replaced and flushed.
        drop(unsafe { release(was) });
        None
    }

    /// Prepares a write to a private page: makes it writable when the space is its only holder,
    /// else hands out the page to copy. `prot` is what the mapping allows.
    #[must_use]
    pub fn prepare_write(&self, va: UserAddr, prot: Prot) -> WriteState {
        let _counts = self.space.counts.lock();
        let Some(leaf) = self.space.root.leaf(va.0) else {
            return WriteState::Absent;
        };
        let i = index(va.0, 3);
        let e = leaf.get(i);
        if e == 0 {
            return WriteState::Absent;
        }
        if e & (VALID | AP_RO) == VALID {
            return WriteState::Ready;
        }
        if prot.contains(Prot::PRIVATE) && !(prot::is_anon(e) && refcount(e) == 1) {
            // SAFETY: the table's own count keeps the frame while its lock is held.
            return WriteState::Copy(unsafe { UFrame::share(prot::pfn(e)) });
        }
        let keep = (prot - Prot::ANON) | (prot::prot(e) & Prot::ANON);
        leaf.update(i, prot::page(prot::pfn(e), keep, true));
        // The same output address: no break is needed, only the old rights must go.
        self.space.flush(va.0, 1);
        WriteState::Ready
    }

    /// What is mapped at `va`.
    #[must_use]
    pub fn lookup(&self, va: UserAddr) -> Option<Entry> {
        let _counts = self.space.counts.lock();
        let e = self.space.root.leaf(va.0)?.get(index(va.0, 3));
        if e == 0 {
            return None;
        }
        // SAFETY: the table's own count keeps the frame while its lock is held.
        let frame = unsafe { UFrame::share(prot::pfn(e)) };
        Some(Entry {
            prot: prot::prot(e),
            frame,
        })
    }

    /// What the CPU grants at `va`; `None` when nothing is mapped. ~25 instructions.
    #[must_use]
    pub fn rights(&self, va: UserAddr) -> Option<Prot> {
        let _counts = self.space.counts.lock();
        let e = self.space.root.leaf(va.0)?.get(index(va.0, 3));
        (e != 0).then(|| prot::prot(e))
    }

    /// Drops the translations of the page at `va`: for a fault on an entry that allows the access.
    pub fn flush_page(&self, va: UserAddr) {
        let _counts = self.space.counts.lock();
        self.space.flush(va.page_down().0, 1);
    }

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

    /// Unmaps everything with one flush; the space is used no more, or starts anew.
    pub fn clear(&self) {
        let mut counts = self.space.counts.lock();
        if counts.tables == 0 {
            return;
        }
        let root = self.space.root;
        // Cut the tree off, flush, then fell it at leisure.
        for i in 0..ENTRIES {
            let e = root.get(i);
            if e != 0 {
                root.update(i, e & !VALID);
            }
        }
        self.space.flush(0, usize::MAX >> 12);
        for i in 0..ENTRIES {
            let e = root.get(i);
            if e != 0 {
                root.clear(i);
                fell(Table(prot::pfn(e)), 1);
            }
        }
        *counts = Counts::default();
    }

    /// New instructions were written to the page: makes them visible to instruction fetches.
    pub fn sync_instructions(frame: &UFrame) {
        tlb::sync_instructions(linear(frame.pfn()));
    }
}

/// Software mark of a descriptor whose frame is about to leave.
const LEAVING: u64 = 1 << 56;

/// Releases everything below a table that nothing leads to any more, and the table.
fn fell(table: Table, level: usize) {
    let mut left = crate::frame::word(table.0).load(core::sync::atomic::Ordering::Relaxed);
    for i in 0..ENTRIES {
        if left == 0 {
            break;
        }
        let e = table.get(i);
        if e == 0 {
            continue;
        }
        left -= 1;
        if level == 3 {
            // SAFETY: the tree was cut off and flushed; each descriptor is visited once.
            drop(unsafe { release(e) });
        } else {
            fell(Table(prot::pfn(e)), level + 1);
        }
    }
    table.free();
}

impl Drop for PageTable {
    fn drop(&mut self) {
        self.clear();
    }
}

impl core::fmt::Debug for PageTable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PageTable({} pages)", self.pages())
    }
}
