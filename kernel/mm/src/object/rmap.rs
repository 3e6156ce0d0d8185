//! Who maps an object where: for truncation, holes, and the count of writable shared mappings.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use abi::mman::Seals;
use abi::{Errno, Result};
use hal::{PAGE_SHIFT, PageTable, Prot, UserAddr};

use super::MemObject;

/// A range of addresses that shows pages of the object.
struct Mapping {
    table: Arc<PageTable>,
    /// First address.
    start: usize,
    /// The page shown there.
    first: u64,
    pages: u64,
}

/// All mappings, in slots that keep their number.
#[derive(Default)]
pub(super) struct Maps {
    slots: Vec<Option<Mapping>>,
    free: Vec<u32>,
    /// Shared mappings that may be, or become, writable.
    pub(super) writable: usize,
}

impl Maps {
    fn add(&mut self, mapping: Mapping) -> Result<u32> {
        if let Some(slot) = self.free.pop() {
            if let Some(s) = self.slots.get_mut(slot as usize) {
                *s = Some(mapping);
            }
            return Ok(slot);
        }
        self.slots.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        // Freeing a slot must not need memory.
        let room = self.slots.capacity() - self.free.len();
        self.free.try_reserve(room).map_err(|_| Errno::ENOMEM)?;
        let slot = u32::try_from(self.slots.len()).map_err(|_| Errno::ENOMEM)?;
        self.slots.push(Some(mapping));
        Ok(slot)
    }

    fn remove(&mut self, slot: u32) -> Option<Mapping> {
        let m = self.slots.get_mut(slot as usize)?.take();
        if m.is_some() {
            self.free.push(slot);
        }
        m
    }

    fn get_mut(&mut self, slot: u32) -> Option<&mut Mapping> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Unmaps pages of the object from everybody; with `copies` also private copies of them.
    pub(super) fn unmap(&self, pages: Range<u64>, copies: bool) {
        for m in self.slots.iter().flatten() {
            let from = pages.start.max(m.first);
            let to = pages.end.min(m.first + m.pages);
            if from >= to {
                continue;
            }
            let at = |page: u64| UserAddr(m.start + (((page - m.first) as usize) << PAGE_SHIFT));
            m.table.unmap_if(
                at(from),
                at(to),
                |prot| copies || !prot.contains(Prot::ANON),
                &mut |_, frame, _| drop(frame),
            );
        }
    }
}

/// A VMA's share in an object: which pages it shows, and its entry among the object's mappings.
pub(crate) struct ObjectMap {
    object: Arc<MemObject>,
    /// The page shown at the start of the VMA.
    first: u64,
    slot: u32,
    writable: bool,
}

impl ObjectMap {
    /// Enters `[start, start + pages)` of `table` as showing the object from page `first` on.
    /// `writable`: shared, and may be written or become writable.
    ///
    /// # Errors
    /// `EPERM` when a seal forbids it, `ENOMEM`.
    pub(crate) fn new(
        object: Arc<MemObject>,
        table: &Arc<PageTable>,
        start: usize,
        first: u64,
        pages: u64,
        writable: bool,
    ) -> Result<ObjectMap> {
        let mut maps = object.maps.lock();
        if writable && object.seals().contains(Seals::WRITE) {
            return Err(Errno::EPERM);
        }
        let slot = maps.add(Mapping {
            table: table.clone(),
            start,
            first,
            pages,
        })?;
        maps.writable += usize::from(writable);
        drop(maps);
        Ok(ObjectMap {
            object,
            first,
            slot,
            writable,
        })
    }

    pub(crate) fn object(&self) -> &Arc<MemObject> {
        &self.object
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The same pages in another place, or another space.
    ///
    /// # Errors
    /// `ENOMEM`
    pub(crate) fn again(
        &self,
        table: &Arc<PageTable>,
        start: usize,
        skip: u64,
        pages: u64,
    ) -> Result<ObjectMap> {
        ObjectMap::new(
            self.object.clone(),
            table,
            start,
            self.first + skip,
            pages,
            self.writable,
        )
    }

    /// The VMA now starts `skip` pages later (earlier when negative) at `start` and has `pages`.
    pub(crate) fn resize(&mut self, start: usize, skip: i64, pages: u64) {
        self.first = self.first.wrapping_add_signed(skip);
        if let Some(m) = self.object.maps.lock().get_mut(self.slot) {
            (m.start, m.first, m.pages) = (start, self.first, pages);
        }
    }

    /// Holds truncation off while pages move between page tables.
    pub(crate) fn hold<R>(&self, f: impl FnOnce() -> R) -> R {
        let _inner = self.object.inner.read();
        f()
    }
}

impl Drop for ObjectMap {
    fn drop(&mut self) {
        let mut maps = self.object.maps.lock();
        let gone = maps.remove(self.slot);
        maps.writable -= usize::from(self.writable);
        drop(maps);
        // Perhaps the last handle of a page table: not under the lock.
        drop(gone);
    }
}
