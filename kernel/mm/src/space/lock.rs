//! Locked memory (mlock), bringing ranges in, and whether they are in (mincore).

use alloc::vec::Vec;

use abi::mman::MlockallFlags;
use abi::{Errno, Result};
use hal::{Access, PAGE_SHIFT, PAGE_SIZE, UserAddr};

use super::vma::{Content, VmaFlags};
use super::{AddressSpace, Counts, FaultError, page_count};

const LOCKS: VmaFlags = VmaFlags::LOCKED.union(VmaFlags::LOCKONFAULT);

/// `[start, start + len)` widened to whole pages as mlock does it.
fn widened(start: UserAddr, len: usize) -> Result<(usize, usize)> {
    let from = start.0 & !(PAGE_SIZE - 1);
    // A length that wraps to nothing when it is rounded up is nothing, on Linux.
    let Some(len) = len.checked_add(start.0 - from).and_then(hal::addr::page_up) else {
        return Ok((from, from));
    };
    let end = from.checked_add(len).ok_or(Errno::EINVAL)?;
    Ok((from, end))
}

impl AddressSpace {
    /// Locks (or unlocks) a range. `on_fault`: pages as they are touched. May sleep.
    ///
    /// # Errors
    /// `ENOMEM` (a gap; over the limit), `EPERM` (the limit is 0), `EAGAIN` (a page could not be
    /// brought in), `EINVAL`.
    pub fn lock(&self, start: UserAddr, len: usize, on_fault: bool) -> Result<()> {
        let limit = self.limits().locked;
        if limit == 0 {
            return Err(Errno::EPERM);
        }
        let (start, end) = widened(start, len)?;
        {
            let inner = self.inner.read();
            let already: usize = inner
                .tree
                .within(start, end)
                .filter(|v| v.flags.contains(VmaFlags::LOCKED))
                .map(|v| (v.end.min(end) - v.start.max(start)) >> PAGE_SHIFT)
                .sum();
            let want = inner.counts.locked + ((end - start) >> PAGE_SHIFT) - already;
            if want > page_count(limit) {
                return Err(Errno::ENOMEM);
            }
        }
        let flags = if on_fault { LOCKS } else { VmaFlags::LOCKED };
        self.set_locks(start, end, flags)?;
        if on_fault {
            return Ok(());
        }
        self.populate(start, end, false).map_err(|e| match e {
            Errno::EFAULT => Errno::ENOMEM,
            Errno::ENOMEM => Errno::EAGAIN,
            e => e,
        })
    }

    /// Unlocks a range. May sleep.
    ///
    /// # Errors
    /// `ENOMEM` (a gap), `EINVAL`.
    pub fn unlock(&self, start: UserAddr, len: usize) -> Result<()> {
        let (start, end) = widened(start, len)?;
        self.set_locks(start, end, VmaFlags::empty())
    }

    fn set_locks(&self, start: usize, end: usize, flags: VmaFlags) -> Result<()> {
        if start == end {
            return Ok(());
        }
        let mut gone = Vec::new();
        let mut inner = self.inner.write();
        let inner_ref = &mut *inner;
        // Up to the first gap, as Linux does before it says ENOMEM.
        let mut covered = start;
        for v in inner_ref.tree.within(start, end) {
            if v.start > covered {
                break;
            }
            covered = v.end.min(end);
        }
        if covered > start {
            let counts = &mut inner_ref.counts;
            inner_ref
                .tree
                .modify(&self.table, start, covered, &mut gone, |v| {
                    if !v.flags.contains(VmaFlags::SPECIAL) {
                        counts.sub(Counts::of(v));
                        v.flags = (v.flags - LOCKS) | flags;
                        counts.add(Counts::of(v));
                    }
                })?;
        }
        drop(inner);
        drop(gone);
        if covered < end {
            Err(Errno::ENOMEM)
        } else {
            Ok(())
        }
    }

    /// Locks everything there is, or will be. May sleep.
    ///
    /// # Errors
    /// `EINVAL` (flags), `EPERM`, `ENOMEM` (over the limit).
    pub fn lock_all(&self, flags: MlockallFlags) -> Result<()> {
        use MlockallFlags as F;
        if flags.is_empty() || flags == F::ONFAULT {
            return Err(Errno::EINVAL);
        }
        let limit = self.limits().locked;
        if limit == 0 {
            return Err(Errno::EPERM);
        }
        let locks = if flags.contains(F::ONFAULT) {
            LOCKS
        } else {
            VmaFlags::LOCKED
        };
        let mut gone = Vec::new();
        let mut inner = self.inner.write();
        if flags.contains(F::CURRENT) && inner.counts.total > page_count(limit) {
            return Err(Errno::ENOMEM);
        }
        inner.future = if flags.contains(F::FUTURE) {
            locks
        } else {
            VmaFlags::empty()
        };
        if flags.contains(F::CURRENT) {
            let inner_ref = &mut *inner;
            let counts = &mut inner_ref.counts;
            inner_ref
                .tree
                .modify(&self.table, 0, hal::USER_END, &mut gone, |v| {
                    if !v.flags.contains(VmaFlags::SPECIAL) {
                        counts.sub(Counts::of(v));
                        v.flags = (v.flags - LOCKS) | locks;
                        counts.add(Counts::of(v));
                    }
                })?;
        }
        drop(inner);
        drop(gone);
        if flags.contains(F::CURRENT) && !flags.contains(F::ONFAULT) {
            // What cannot be brought in is left, as Linux leaves it.
            let _ = self.populate(0, hal::USER_END, false);
        }
        Ok(())
    }

    /// Unlocks everything, and what will be mapped. May sleep.
    ///
    /// # Errors
    /// `ENOMEM`
    pub fn unlock_all(&self) -> Result<()> {
        let mut gone = Vec::new();
        let mut inner = self.inner.write();
        let inner_ref = &mut *inner;
        inner_ref.future = VmaFlags::empty();
        let counts = &mut inner_ref.counts;
        inner_ref
            .tree
            .modify(&self.table, 0, hal::USER_END, &mut gone, |v| {
                counts.sub(Counts::of(v));
                v.flags -= LOCKS;
                counts.add(Counts::of(v));
            })?;
        drop(inner);
        drop(gone);
        Ok(())
    }

    /// Brings every mapped page of the range in; `write`: ready to be written where the mapping
    /// allows it. What cannot be brought in is passed over, and said at the end. May sleep.
    ///
    /// # Errors
    /// `EFAULT` (SIGBUS or SIGSEGV would come), `ENOMEM`.
    pub(super) fn populate(&self, start: usize, end: usize, write: bool) -> Result<()> {
        let mut at = start;
        let mut passed = false;
        while at < end {
            let (from, to, access) = {
                let inner = self.inner.read();
                let Some(v) = inner.tree.at_or_above(at).filter(|v| v.start < end) else {
                    break;
                };
                let writable = v.prot.contains(abi::mman::ProtFlags::WRITE);
                // Locked private memory is made its own at once.
                let own = v.flags.contains(VmaFlags::LOCKED) && !v.is_shared();
                let access = if writable && (write || own) {
                    Access::Write
                } else {
                    Access::Read
                };
                if v.prot.is_empty() {
                    passed = true;
                    at = v.end;
                    continue;
                }
                (v.start.max(at), v.end.min(end), access)
            };
            let mut page = from;
            while page < to {
                match self.fault(UserAddr(page), access) {
                    Ok(()) => (),
                    Err(FaultError::Oom) => return Err(Errno::ENOMEM),
                    Err(FaultError::Bus | FaultError::Segv(_)) => {
                        passed = true;
                        break;
                    }
                }
                page += PAGE_SIZE;
                if page % (256 * PAGE_SIZE) == 0 {
                    hal::preempt::check();
                }
            }
            at = to;
        }
        if passed { Err(Errno::EFAULT) } else { Ok(()) }
    }

    /// Which pages from `start` on are in memory: fills `resident`, a byte a page. May sleep.
    ///
    /// # Errors
    /// `ENOMEM` (a page is not mapped).
    pub fn resident(&self, start: UserAddr, resident: &mut [u8]) -> Result<()> {
        let inner = self.inner.read();
        for (i, byte) in resident.iter_mut().enumerate() {
            let at = start.0 + (i << PAGE_SHIFT);
            let v = inner.tree.find(at).ok_or(Errno::ENOMEM)?;
            let mapped = self.table.rights(UserAddr(at)).is_some();
            let there = match &v.content {
                Content::Object(map) => mapped || map.object().has_page(v.page_of(at)),
                Content::Anon | Content::Special { .. } => mapped,
            };
            *byte = u8::from(there);
        }
        Ok(())
    }
}
