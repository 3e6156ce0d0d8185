//! madvise and msync.

use alloc::vec::Vec;

use abi::mman::{MsyncFlags, advice::*};
use abi::{Errno, Result};
use hal::{Access, PAGE_SHIFT, PAGE_SIZE, UserAddr};

use super::vma::{Content, VmaFlags};
use super::{AddressSpace, FaultError};

/// What a piece of advice does to the VMAs of its range.
enum Effect {
    /// Sets and clears flags.
    Flags(VmaFlags, VmaFlags),
    /// Drops the pages.
    Drop { locked_too: bool },
    /// Drops private anonymous pages.
    Free,
    /// Punches a hole into the object.
    Remove,
    /// A hint to reclaim: refused on locked memory, else nothing.
    Reclaim,
    /// A hint: nothing.
    Hint,
    /// Brings pages in.
    Populate(Access),
}

fn effect(advice: i32) -> Result<Effect> {
    use VmaFlags as F;
    let none = F::empty();
    Ok(match advice {
        MADV_NORMAL => Effect::Flags(none, F::RANDOM | F::SEQUENTIAL),
        MADV_RANDOM => Effect::Flags(F::RANDOM, F::SEQUENTIAL),
        MADV_SEQUENTIAL => Effect::Flags(F::SEQUENTIAL, F::RANDOM),
        MADV_DONTFORK => Effect::Flags(F::DONTFORK, none),
        MADV_DOFORK => Effect::Flags(none, F::DONTFORK),
        MADV_WIPEONFORK => Effect::Flags(F::WIPEONFORK, none),
        MADV_KEEPONFORK => Effect::Flags(none, F::WIPEONFORK),
        MADV_DONTDUMP => Effect::Flags(F::DONTDUMP, none),
        MADV_DODUMP => Effect::Flags(none, F::DONTDUMP),
        MADV_HUGEPAGE => Effect::Flags(F::HUGEPAGE, F::NOHUGEPAGE),
        MADV_NOHUGEPAGE => Effect::Flags(F::NOHUGEPAGE, F::HUGEPAGE),
        MADV_MERGEABLE => Effect::Flags(F::MERGEABLE, none),
        MADV_UNMERGEABLE => Effect::Flags(none, F::MERGEABLE),
        MADV_WILLNEED => Effect::Hint,
        MADV_COLD | MADV_PAGEOUT => Effect::Reclaim,
        MADV_DONTNEED => Effect::Drop { locked_too: false },
        MADV_DONTNEED_LOCKED => Effect::Drop { locked_too: true },
        MADV_FREE => Effect::Free,
        MADV_REMOVE => Effect::Remove,
        MADV_POPULATE_READ => Effect::Populate(Access::Read),
        MADV_POPULATE_WRITE => Effect::Populate(Access::Write),
        // Huge pages do not exist here, and pages are not poisoned for tests.
        _ => return Err(Errno::EINVAL),
    })
}

impl AddressSpace {
    /// madvise(2). May sleep.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM` (a gap: what lies before and after it is done all the same), `EACCES`,
    /// `EFAULT`, `EPERM` (sealed).
    pub fn advise(&self, start: UserAddr, len: usize, advice: i32) -> Result<()> {
        let effect = effect(advice)?;
        let round = hal::addr::page_up(len).ok_or(Errno::EINVAL)?;
        if !start.0.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL);
        }
        let end = start.0.checked_add(round).ok_or(Errno::EINVAL)?;
        if round == 0 {
            return Ok(());
        }
        if let Effect::Populate(access) = effect {
            return self.advise_populate(start.0, end, access);
        }
        let mut at = start.0;
        let mut gap = false;
        loop {
            let (from, to) = {
                let inner = self.inner.read();
                match inner.tree.at_or_above(at).filter(|v| v.start < end) {
                    Some(v) => (v.start.max(at), v.end.min(end)),
                    None => {
                        gap |= at < end;
                        break;
                    }
                }
            };
            gap |= from > at;
            self.advise_vma(from, to, &effect)?;
            at = to;
            if at >= end {
                break;
            }
        }
        if gap { Err(Errno::ENOMEM) } else { Ok(()) }
    }

    /// Does it for the part of one VMA.
    fn advise_vma(&self, start: usize, end: usize, effect: &Effect) -> Result<()> {
        let discards = match effect {
            Effect::Flags(set, _) => set.intersects(VmaFlags::DONTFORK | VmaFlags::WIPEONFORK),
            Effect::Drop { .. } | Effect::Free | Effect::Remove => true,
            Effect::Reclaim | Effect::Hint | Effect::Populate(_) => false,
        };
        if discards {
            let inner = self.inner.read();
            let v = inner.tree.find(start).ok_or(Errno::ENOMEM)?;
            v.ensure_discardable()?;
        }
        match *effect {
            Effect::Hint | Effect::Populate(_) => Ok(()),
            Effect::Flags(set, clear) => self.advise_flags(start, end, set, clear),
            Effect::Reclaim => {
                let inner = self.inner.read();
                let v = inner.tree.find(start).ok_or(Errno::ENOMEM)?;
                let fixed = v.flags.intersects(VmaFlags::LOCKED | VmaFlags::SPECIAL);
                if fixed { Err(Errno::EINVAL) } else { Ok(()) }
            }
            Effect::Drop { .. } | Effect::Free => {
                let inner = self.inner.read();
                let v = inner.tree.find(start).ok_or(Errno::ENOMEM)?;
                let locked_too = matches!(effect, Effect::Drop { locked_too: true });
                if v.flags.contains(VmaFlags::SPECIAL)
                    || v.flags.contains(VmaFlags::LOCKED) && !locked_too
                    || matches!(effect, Effect::Free) && !v.is_anon()
                {
                    return Err(Errno::EINVAL);
                }
                self.note_peak();
                self.table
                    .unmap(UserAddr(start), UserAddr(end), |_, frame, _| drop(frame));
                Ok(())
            }
            Effect::Remove => {
                let (object, range) = {
                    let inner = self.inner.read();
                    let v = inner.tree.find(start).ok_or(Errno::ENOMEM)?;
                    if v.flags.intersects(VmaFlags::LOCKED | VmaFlags::SPECIAL) {
                        return Err(Errno::EINVAL);
                    }
                    let Content::Object(map) = &v.content else {
                        return Err(Errno::EINVAL);
                    };
                    if !v.is_shared() || !v.flags.contains(VmaFlags::MAYWRITE) {
                        return Err(Errno::EACCES);
                    }
                    let first = v.page_of(start) << PAGE_SHIFT;
                    (map.object().clone(), first..first + (end - start) as u64)
                };
                object.punch_hole(range)
            }
        }
    }

    fn advise_flags(&self, start: usize, end: usize, set: VmaFlags, clear: VmaFlags) -> Result<()> {
        let mut gone = Vec::new();
        let mut inner = self.inner.write();
        let v = inner.tree.find(start).ok_or(Errno::ENOMEM)?;
        // What cannot be forked, wiped or dumped otherwise stays as it is.
        let wipes = set.contains(VmaFlags::WIPEONFORK) && (!v.is_anon() || v.is_shared());
        let special = v.flags.contains(VmaFlags::SPECIAL)
            && clear.intersects(VmaFlags::DONTFORK | VmaFlags::DONTDUMP);
        if wipes || special {
            return Err(Errno::EINVAL);
        }
        if v.flags == (v.flags - clear) | set {
            return Ok(());
        }
        let done = inner.tree.modify(&self.table, start, end, &mut gone, |v| {
            v.flags = (v.flags - clear) | set
        });
        drop(inner);
        drop(gone);
        done
    }

    fn advise_populate(&self, start: usize, end: usize, access: Access) -> Result<()> {
        let mut page = start;
        while page < end {
            {
                let inner = self.inner.read();
                let v = inner.tree.find(page).ok_or(Errno::ENOMEM)?;
                if v.flags.contains(VmaFlags::SPECIAL) || !super::fault::allows(v.prot, access) {
                    return Err(Errno::EINVAL);
                }
            }
            match self.fault(UserAddr(page), access) {
                Ok(()) => (),
                Err(FaultError::Oom) => return Err(Errno::ENOMEM),
                Err(FaultError::Bus | FaultError::Segv(_)) => return Err(Errno::EFAULT),
            }
            page += PAGE_SIZE;
        }
        Ok(())
    }

    /// msync(2). May sleep.
    ///
    /// # Errors
    /// `EINVAL`, `EBUSY` (`MS_INVALIDATE` on locked memory), `ENOMEM` (a gap), `EIO`.
    pub fn sync(&self, start: UserAddr, len: usize, flags: MsyncFlags) -> Result<()> {
        if !start.0.is_multiple_of(PAGE_SIZE)
            || flags.contains(MsyncFlags::ASYNC | MsyncFlags::SYNC)
        {
            return Err(Errno::EINVAL);
        }
        // A length that wraps to nothing when it is rounded up is nothing, on Linux.
        let Some(len) = hal::addr::page_up(len) else {
            return Ok(());
        };
        let end = start.0.checked_add(len).ok_or(Errno::ENOMEM)?;
        let mut at = start.0;
        let mut gap = false;
        while at < end {
            let part = {
                let inner = self.inner.read();
                let Some(v) = inner.tree.at_or_above(at).filter(|v| v.start < end) else {
                    gap = true;
                    break;
                };
                gap |= v.start > at;
                if flags.contains(MsyncFlags::INVALIDATE) && v.flags.contains(VmaFlags::LOCKED) {
                    return Err(Errno::EBUSY);
                }
                let from = v.start.max(at);
                at = v.end.min(end);
                match v.object() {
                    Some(o) if v.is_shared() && flags.contains(MsyncFlags::SYNC) => {
                        let first = v.page_of(from) << PAGE_SHIFT;
                        Some((o.clone(), first..first + (at - from) as u64))
                    }
                    _ => None,
                }
            };
            if let Some((object, range)) = part {
                object.write_back(range)?;
            }
        }
        if gap { Err(Errno::ENOMEM) } else { Ok(()) }
    }
}
