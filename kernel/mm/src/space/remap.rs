//! mremap.

use alloc::vec::Vec;

use abi::mman::RemapFlags;
use abi::{Errno, Result};
use hal::{PAGE_SHIFT, PAGE_SIZE, UserAddr};

use super::map::Placement;
use super::vma::{Content, Vma, VmaFlags};
use super::{AddressSpace, Counts, Inner, max_map_count, page_count};
use crate::object::END_OF_PAGES;

/// What mremap asks for, rounded to pages.
struct Remap {
    old: usize,
    old_len: usize,
    new_len: usize,
    flags: RemapFlags,
}

impl AddressSpace {
    /// Makes a mapping larger or smaller, or moves it; returns its address. May sleep.
    ///
    /// # Errors
    /// mremap(2): `EINVAL`, `EFAULT` (nothing, or not one mapping, there), `ENOMEM`, `EAGAIN`.
    pub fn remap(
        &self,
        old: UserAddr,
        old_len: usize,
        new_len: usize,
        flags: RemapFlags,
        new: UserAddr,
    ) -> Result<UserAddr> {
        use RemapFlags as F;
        if flags.contains(F::FIXED) && !flags.contains(F::MAYMOVE)
            || flags.contains(F::DONTUNMAP) && (!flags.contains(F::MAYMOVE) || old_len != new_len)
            || !old.0.is_multiple_of(PAGE_SIZE)
        {
            return Err(Errno::EINVAL);
        }
        let round = |n| hal::addr::page_up(n).ok_or(Errno::EINVAL);
        let r = Remap {
            old: old.0,
            old_len: round(old_len)?,
            new_len: round(new_len)?,
            flags,
        };
        if r.new_len == 0 {
            return Err(Errno::EINVAL);
        }
        let mut gone = Vec::new();
        let mut inner = self.inner.write();
        let done = self.remap_locked(&mut inner, &r, new.0, &mut gone);
        drop(inner);
        drop(gone);
        let (at, locked) = done?;
        if locked && r.new_len > r.old_len {
            let _ = self.populate(at + r.old_len, at + r.new_len, false);
        }
        Ok(UserAddr(at))
    }

    fn remap_locked(
        &self,
        inner: &mut Inner,
        r: &Remap,
        new: usize,
        gone: &mut Vec<Vma>,
    ) -> Result<(usize, bool)> {
        use RemapFlags as F;
        let v = inner.tree.find(r.old).ok_or(Errno::EFAULT)?;
        v.ensure_open()?;
        let locked = v.flags.contains(VmaFlags::LOCKED);
        // What is to be unmapped has to lie in the address space; what is to grow is judged by its mapping.
        if r.old_len > r.new_len && !UserAddr(r.old).in_user_range(r.old_len) {
            return Err(Errno::EINVAL);
        }
        if r.flags.intersects(F::FIXED | F::DONTUNMAP) {
            return Ok((self.remap_to(inner, r, new, gone)?, locked));
        }
        if r.old_len >= r.new_len {
            if r.old_len > r.new_len {
                self.unmap_locked(inner, r.old + r.new_len, r.old + r.old_len, gone)?;
            }
            return Ok((r.old, false));
        }
        self.check_resize(inner, r)?;
        let v = inner.tree.find(r.old).ok_or(Errno::EFAULT)?;
        let (end, more) = (v.end, r.new_len - r.old_len);
        let in_place = r.old_len != 0
            && r.old + r.old_len == end
            && UserAddr(end).in_user_range(more)
            && inner.is_free(end, more);
        if in_place {
            inner.counts.sub(Counts::of(v));
            inner.tree.grow_up(end, end + more);
            if let Some(v) = inner.tree.find(r.old) {
                inner.counts.add(Counts::of(v));
            }
            inner.peak_total = inner.peak_total.max(inner.counts.total);
            return Ok((r.old, locked));
        }
        if !r.flags.contains(F::MAYMOVE) {
            return Err(Errno::ENOMEM);
        }
        let at = inner.find_free(r.new_len).ok_or(Errno::ENOMEM)?;
        self.move_vma(inner, r, at, gone)?;
        Ok((at, locked))
    }

    /// To exactly `new`, or (`DONTUNMAP` alone) anywhere with `new` as a hint.
    fn remap_to(
        &self,
        inner: &mut Inner,
        r: &Remap,
        new: usize,
        gone: &mut Vec<Vma>,
    ) -> Result<usize> {
        use RemapFlags as F;
        if !new.is_multiple_of(PAGE_SIZE)
            || !UserAddr(new).in_user_range(r.new_len)
            || r.old + r.old_len > new && new + r.new_len > r.old
        {
            return Err(Errno::EINVAL);
        }
        if inner.tree.len() + 2 >= max_map_count() {
            return Err(Errno::ENOMEM);
        }
        let mut r = Remap { ..*r };
        if r.flags.contains(F::FIXED) {
            self.unmap_locked(inner, new, new + r.new_len, gone)?;
        }
        if r.old_len > r.new_len {
            self.unmap_locked(inner, r.old + r.new_len, r.old + r.old_len, gone)?;
            r.old_len = r.new_len;
        }
        self.check_resize(inner, &r)?;
        let placement = if r.flags.contains(F::FIXED) {
            Placement::Fixed(new)
        } else {
            Placement::Anywhere(new)
        };
        let at = inner.place(placement, r.new_len, self.limits().low)?;
        self.move_vma(inner, &r, at, gone)?;
        Ok(at)
    }

    /// Whether the mapping at `r.old` may become `r.new_len` long.
    fn check_resize(&self, inner: &Inner, r: &Remap) -> Result<()> {
        let v = inner.tree.find(r.old).ok_or(Errno::EFAULT)?;
        if r.old_len == 0 && !v.is_shared() {
            // Linux lets a shared mapping be doubled so, a private one no more.
            return Err(Errno::EINVAL);
        }
        if v.flags.contains(VmaFlags::SPECIAL) && r.flags.contains(RemapFlags::DONTUNMAP) {
            return Err(Errno::EINVAL);
        }
        if r.old_len > v.end - r.old {
            return Err(Errno::EFAULT);
        }
        if r.new_len == r.old_len {
            return Ok(());
        }
        if v.object().is_some() {
            let first = v.page_of(r.old);
            if first + (r.new_len >> PAGE_SHIFT) as u64 > END_OF_PAGES {
                return Err(Errno::EINVAL);
            }
        }
        if v.flags.contains(VmaFlags::SPECIAL) {
            return Err(Errno::EFAULT);
        }
        let more = (r.new_len - r.old_len) >> PAGE_SHIFT;
        if v.flags.contains(VmaFlags::LOCKED)
            && inner.counts.locked + more > page_count(self.limits().locked)
        {
            return Err(Errno::EAGAIN);
        }
        let counts = Counts {
            total: more,
            data: if v.is_data() { more } else { 0 },
            ..Counts::default()
        };
        self.may_grow(inner, counts, 0)
    }

    /// Moves `r.old` to the free range at `at`.
    fn move_vma(&self, inner: &mut Inner, r: &Remap, at: usize, gone: &mut Vec<Vma>) -> Result<()> {
        if inner.tree.len() + 3 >= max_map_count() {
            return Err(Errno::ENOMEM);
        }
        let keep_old = r.old_len == 0 || r.flags.contains(RemapFlags::DONTUNMAP);
        let v = inner.tree.find(r.old).ok_or(Errno::EFAULT)?;
        let skip = ((r.old - v.start) >> PAGE_SHIFT) as u64;
        let pages = (r.new_len >> PAGE_SHIFT) as u64;
        let content = match &v.content {
            Content::Anon => Content::Anon,
            Content::Object(map) => Content::Object(map.again(&self.table, at, skip, pages)?),
            Content::Special {
                frames,
                first,
                name,
            } => Content::Special {
                frames: frames.clone(),
                first: *first + usize::try_from(skip).unwrap_or(0),
                name,
            },
        };
        let moved = Vma {
            start: at,
            end: at + r.new_len,
            prot: v.prot,
            flags: v.flags,
            content,
            name: v.name.clone(),
        };
        let relocate = || {
            self.table
                .relocate(UserAddr(r.old), UserAddr(at), r.old_len)
                .map_err(|_| Errno::ENOMEM)
        };
        let done = match &v.content {
            Content::Object(map) => map.hold(relocate),
            _ => relocate(),
        };
        if let Err(e) = done {
            // Back with what has moved: the tables it came from may have gone, but hold memory.
            let _ = self
                .table
                .relocate(UserAddr(at), UserAddr(r.old), r.old_len);
            return Err(e);
        }
        if keep_old {
            if r.old_len > 0 {
                // The old place is empty, and not locked any more.
                let counts = &mut inner.counts;
                inner
                    .tree
                    .modify(&self.table, r.old, r.old + r.old_len, gone, |v| {
                        counts.sub(Counts::of(v));
                        v.flags -= VmaFlags::LOCKED | VmaFlags::LOCKONFAULT;
                        counts.add(Counts::of(v));
                    })?;
            }
        } else {
            self.unmap_locked(inner, r.old, r.old + r.old_len, gone)?;
        }
        inner.enter(moved, gone);
        Ok(())
    }
}
