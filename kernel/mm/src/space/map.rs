//! mmap and munmap.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use abi::mman::ProtFlags;
use abi::{Errno, Result};
use hal::{PAGE_SHIFT, PAGE_SIZE, UFrame, USER_END, UserAddr};

use super::place::MMAP_MIN;
use super::vma::{Content, MapName, Vma, VmaFlags};
use super::{ALL_IS_PROMISED, AddressSpace, Counts, Inner, max_map_count, page_count, pages};
use crate::object::{END_OF_PAGES, MemObject, ObjectMap};

/// Where a mapping goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// Near the hint if that is free, else anywhere. 0 is no hint.
    Anywhere(usize),
    /// Exactly there; what is there goes.
    Fixed(usize),
    /// Exactly there; `EEXIST` when something is there.
    FixedNoReplace(usize),
}

/// What is mapped.
#[derive(Clone, Default)]
pub enum Backing {
    /// Zeroes.
    #[default]
    Anon,
    /// An object from a byte offset on, a multiple of the page size.
    Object {
        /// The object.
        object: Arc<MemObject>,
        /// First byte shown.
        offset: u64,
    },
    /// Pages of the kernel's own with a name in brackets.
    Special {
        /// The pages.
        frames: Arc<[UFrame]>,
        /// As in `/proc/pid/maps`.
        name: &'static str,
    },
}

/// What mmap asks for. The caller has checked the file's access mode and set the `MAY*` flags.
#[derive(Clone)]
pub struct MapRequest {
    /// Where.
    pub placement: Placement,
    /// Bytes; rounded up to pages.
    pub len: usize,
    /// Rights.
    pub prot: ProtFlags,
    /// Shared or private, and the other properties.
    pub flags: VmaFlags,
    /// What.
    pub backing: Backing,
    /// The file it came from.
    pub name: Option<Arc<dyn MapName>>,
    /// Bring the pages in at once.
    pub populate: bool,
}

impl MapRequest {
    /// Private zeroes, with all rights grantable: the plain anonymous mapping.
    #[must_use]
    pub fn anon(placement: Placement, len: usize, prot: ProtFlags) -> MapRequest {
        MapRequest {
            placement,
            len,
            prot,
            flags: VmaFlags::MAYREAD | VmaFlags::MAYWRITE | VmaFlags::MAYEXEC,
            backing: Backing::Anon,
            name: None,
            populate: false,
        }
    }
}

impl AddressSpace {
    /// Maps; returns the address. May sleep.
    ///
    /// # Errors
    /// mmap(2): `EINVAL` (length 0, unaligned address), `ENOMEM` (no room, limits, too many
    /// mappings), `EEXIST`, `EPERM` (below `mmap_min_addr`; sealed), `EAGAIN` (locked memory),
    /// `EOVERFLOW` (file offset).
    pub fn map(&self, request: MapRequest) -> Result<UserAddr> {
        let mut gone = Vec::new();
        let (at, len, populate) = {
            let mut inner = self.inner.write();
            self.map_locked(&mut inner, &request, &mut gone)?
        };
        drop(gone);
        if populate {
            // Linux leaves what it could not bring in to later faults.
            let write = request.prot.contains(ProtFlags::WRITE);
            let _ = self.populate(
                at,
                at + len,
                write && !request.flags.contains(VmaFlags::SHARED),
            );
        }
        Ok(UserAddr(at))
    }

    fn map_locked(
        &self,
        inner: &mut Inner,
        r: &MapRequest,
        gone: &mut Vec<Vma>,
    ) -> Result<(usize, usize, bool)> {
        if r.len == 0 {
            return Err(Errno::EINVAL);
        }
        let len = hal::addr::page_up(r.len)
            .filter(|&n| n <= USER_END)
            .ok_or(Errno::ENOMEM)?;
        let first = match &r.backing {
            Backing::Object { offset, .. } => {
                if offset % PAGE_SIZE as u64 != 0 {
                    return Err(Errno::EINVAL);
                }
                let first = offset >> PAGE_SHIFT;
                if first + (len >> PAGE_SHIFT) as u64 > END_OF_PAGES {
                    return Err(Errno::EOVERFLOW);
                }
                first
            }
            _ => 0,
        };
        if inner.tree.len() >= max_map_count() {
            return Err(Errno::ENOMEM);
        }
        let at = inner.place(r.placement, len, self.limits().low)?;
        let flags = r.flags | inner.future;
        if flags.contains(VmaFlags::LOCKED)
            && !flags.contains(VmaFlags::SPECIAL)
            && inner.counts.locked + (len >> PAGE_SHIFT) > page_count(self.limits().locked)
        {
            return Err(Errno::EAGAIN);
        }
        let fixed = matches!(r.placement, Placement::Fixed(_));
        let mut vma = Vma {
            start: at,
            end: at + len,
            prot: r.prot,
            flags,
            content: Content::Anon,
            name: None,
        };
        // What a fixed mapping replaces does not count twice.
        let replaced = if fixed {
            inner
                .tree
                .within(at, at + len)
                .map(|v| (v.end.min(at + len) - v.start.max(at)) >> PAGE_SHIFT)
                .sum()
        } else {
            0
        };
        self.may_execute(true, r.prot)?;
        self.may_grow(inner, Counts::of(&vma), replaced)?;
        if vma.is_data()
            && !flags.contains(VmaFlags::NORESERVE)
            && len >> PAGE_SHIFT > hal::frame::total()
            && !ALL_IS_PROMISED.load(Ordering::Relaxed)
        {
            // The heuristic of overcommitment: what can never be there is refused at once.
            return Err(Errno::ENOMEM);
        }
        if fixed {
            self.unmap_locked(inner, at, at + len, gone)?;
        }
        vma.content = match &r.backing {
            Backing::Anon => Content::Anon,
            Backing::Object { object, .. } => {
                let writable = flags.contains(VmaFlags::SHARED | VmaFlags::MAYWRITE);
                let pages = (len >> PAGE_SHIFT) as u64;
                Content::Object(ObjectMap::new(
                    object.clone(),
                    &self.table,
                    at,
                    first,
                    pages,
                    writable,
                )?)
            }
            Backing::Special { frames, name } => {
                vma.flags |= VmaFlags::SPECIAL;
                Content::Special {
                    frames: frames.clone(),
                    first: 0,
                    name,
                }
            }
        };
        vma.name.clone_from(&r.name);
        inner.enter(vma, gone);
        Ok((
            at,
            len,
            r.populate
                || flags.contains(VmaFlags::LOCKED) && !flags.contains(VmaFlags::LOCKONFAULT),
        ))
    }

    /// Whether the limits let the space grow by `more`, of which `replaced` pages were counted.
    pub(super) fn may_grow(&self, inner: &Inner, more: Counts, replaced: usize) -> Result<()> {
        let limits = self.limits();
        let total = inner.counts.total - replaced.min(inner.counts.total) + more.total;
        if total > page_count(limits.address_space) {
            return Err(Errno::ENOMEM);
        }
        if more.data > 0 && inner.counts.data + more.data > page_count(limits.data) {
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    /// Unmaps. May sleep.
    ///
    /// # Errors
    /// `EINVAL` (unaligned, length 0, not in the user half), `ENOMEM` (too many mappings after a
    /// split), `EPERM` (sealed).
    pub fn unmap(&self, start: UserAddr, len: usize) -> Result<()> {
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        let (start, end) = pages(start, len)?;
        let mut gone = Vec::new();
        let mut inner = self.inner.write();
        let done = self.unmap_locked(&mut inner, start, end, &mut gone);
        drop(inner);
        drop(gone);
        done
    }

    /// Unmaps what there is of the range.
    pub(super) fn unmap_locked(
        &self,
        inner: &mut Inner,
        start: usize,
        end: usize,
        gone: &mut Vec<Vma>,
    ) -> Result<()> {
        let Some(v) = inner.tree.at_or_above(start).filter(|v| v.start < end) else {
            return Ok(());
        };
        if v.start < start && v.end > end && inner.tree.len() >= max_map_count() {
            return Err(Errno::ENOMEM);
        }
        for v in inner.tree.within(start, end) {
            v.ensure_open()?;
        }
        self.note_peak();
        let from = gone.len();
        inner.tree.remove(&self.table, start, end, gone)?;
        for v in gone.iter_mut().skip(from) {
            inner.counts.sub(Counts::of(v));
            // The object forgets the mapping before the addresses can mean something else.
            v.content = Content::Anon;
            self.table
                .unmap(UserAddr(v.start), UserAddr(v.end), |_, frame, _| {
                    drop(frame)
                });
        }
        inner.freed(end);
        Ok(())
    }
}

impl Inner {
    /// The address a mapping of `len` bytes gets; `low`: it may lie below `mmap_min_addr`.
    pub(super) fn place(&mut self, placement: Placement, len: usize, low: bool) -> Result<usize> {
        match placement {
            Placement::Anywhere(hint) => {
                // Linux rounds a hint up to the lowest address and down to a page.
                let hint = hint & !(PAGE_SIZE - 1);
                if hint != 0 {
                    let hint = hint.max(MMAP_MIN);
                    if UserAddr(hint).in_user_range(len) && self.is_free(hint, len) {
                        return Ok(hint);
                    }
                }
                self.find_free(len).ok_or(Errno::ENOMEM)
            }
            Placement::Fixed(at) | Placement::FixedNoReplace(at) => {
                if !UserAddr(at).in_user_range(len) {
                    return Err(Errno::ENOMEM);
                }
                if at % PAGE_SIZE != 0 {
                    return Err(Errno::EINVAL);
                }
                if at < MMAP_MIN && !low {
                    return Err(Errno::EPERM);
                }
                let taken = self.tree.within(at, at + len).next().is_some();
                if taken && matches!(placement, Placement::FixedNoReplace(_)) {
                    return Err(Errno::EEXIST);
                }
                Ok(at)
            }
        }
    }
}
