//! mseal: mappings that stay as they are (`man 2 mseal`).

use alloc::vec::Vec;

use abi::mman::ProtFlags;
use abi::{Errno, Result};
use hal::{PAGE_SIZE, UserAddr};

use super::vma::{Vma, VmaFlags};
use super::{AddressSpace, Inner};

impl AddressSpace {
    /// Seals the mappings of a range. May sleep.
    ///
    /// # Errors
    /// `EINVAL` (unaligned, too long), `ENOMEM` (a gap: nothing is sealed).
    pub fn seal(&self, start: UserAddr, len: usize) -> Result<()> {
        if !start.0.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL);
        }
        let round = hal::addr::page_up(len).ok_or(Errno::EINVAL)?;
        let end = start.0.checked_add(round).ok_or(Errno::EINVAL)?;
        if end == start.0 {
            return Ok(());
        }
        let mut gone = Vec::new();
        let mut inner = self.inner.write();
        let done = self.seal_locked(&mut inner, start.0, end, &mut gone);
        drop(inner);
        drop(gone);
        done
    }

    fn seal_locked(
        &self,
        inner: &mut Inner,
        start: usize,
        end: usize,
        gone: &mut Vec<Vma>,
    ) -> Result<()> {
        let mut at = start;
        while at < end {
            at = inner.tree.find(at).ok_or(Errno::ENOMEM)?.end;
        }
        let mut at = start;
        while at < end {
            let v = inner.tree.find(at).ok_or(Errno::ENOMEM)?;
            let (stop, sealed) = (v.end.min(end), v.flags.contains(VmaFlags::SEALED));
            if !sealed {
                inner.tree.modify(&self.table, at, stop, gone, |v| {
                    v.flags |= VmaFlags::SEALED;
                })?;
            }
            at = stop;
        }
        Ok(())
    }
}

impl Vma {
    /// Whether the mapping may be changed.
    ///
    /// # Errors
    /// `EPERM`.
    pub(super) fn ensure_open(&self) -> Result<()> {
        if self.flags.contains(VmaFlags::SEALED) {
            return Err(Errno::EPERM);
        }
        Ok(())
    }

    /// Whether what only this mapping holds may be thrown away: who cannot write it must not change it so.
    ///
    /// # Errors
    /// `EPERM`.
    pub(super) fn ensure_discardable(&self) -> Result<()> {
        let own = self.is_anon() || !self.is_shared();
        if own && !self.prot.contains(ProtFlags::WRITE) {
            return self.ensure_open();
        }
        Ok(())
    }
}
