//! What can be done with the pages of a space. Ranges are page-aligned, within the user half.

use super::prot::{self, AP_RO, VALID};
use super::space::{Counts, PageTable};
use super::walk::{ENTRIES, Table, index};
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
pub(super) unsafe fn release(entry: u64) -> UFrame {
    // SAFETY: the caller's promise.
    unsafe { UFrame::from_pfn(prot::pfn(entry)) }
}

pub(super) fn refcount(entry: u64) -> u32 {
    crate::frame::word(prot::pfn(entry)).load(core::sync::atomic::Ordering::Acquire)
}

pub(super) fn count_in(counts: &mut Counts, entry: u64) {
    counts.pages += 1;
    counts.anon += usize::from(prot::is_anon(entry));
}

pub(super) fn count_out(counts: &mut Counts, entry: u64) {
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
