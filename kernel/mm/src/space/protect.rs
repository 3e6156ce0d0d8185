//! mprotect.

use alloc::vec::Vec;

use abi::mman::ProtFlags;
use abi::{Errno, Result};
use hal::{PAGE_SIZE, UserAddr};

use super::vma::{VmaFlags, page_prot};
use super::{AddressSpace, Counts, Inner};

const RIGHTS: ProtFlags = ProtFlags::READ
    .union(ProtFlags::WRITE)
    .union(ProtFlags::EXEC);

impl AddressSpace {
    /// Changes the rights of a range. May sleep.
    ///
    /// # Errors
    /// `EINVAL` (unaligned, unknown rights, nothing there that grows), `ENOMEM` (a gap: what lies
    /// before it is changed; limits), `EACCES` (the file does not allow it), `EPERM` (sealed).
    pub fn protect(&self, start: UserAddr, len: usize, prot: ProtFlags) -> Result<()> {
        let grows = prot & (ProtFlags::GROWSDOWN | ProtFlags::GROWSUP);
        let rights = prot - grows - ProtFlags::SEM;
        if grows == ProtFlags::GROWSDOWN | ProtFlags::GROWSUP || !start.0.is_multiple_of(PAGE_SIZE)
        {
            return Err(Errno::EINVAL);
        }
        if len == 0 {
            return Ok(());
        }
        let end = hal::addr::page_up(len)
            .and_then(|len| start.0.checked_add(len))
            .ok_or(Errno::ENOMEM)?;
        if !RIGHTS.contains(rights) {
            return Err(Errno::EINVAL);
        }
        let mut gone = Vec::new();
        let mut inner = self.inner.write();
        let mut start = start.0;
        if !grows.is_empty() {
            let v = inner.tree.at_or_above(start).ok_or(Errno::ENOMEM)?;
            // Nothing grows up on this machine.
            if v.start >= end
                || grows == ProtFlags::GROWSUP
                || !v.flags.contains(VmaFlags::GROWSDOWN)
            {
                return Err(if v.start >= end {
                    Errno::ENOMEM
                } else {
                    Errno::EINVAL
                });
            }
            start = v.start;
        }
        let done = self.protect_locked(&mut inner, start, end, rights, &mut gone);
        drop(inner);
        drop(gone);
        done
    }

    fn protect_locked(
        &self,
        inner: &mut Inner,
        start: usize,
        end: usize,
        rights: ProtFlags,
        gone: &mut Vec<super::Vma>,
    ) -> Result<()> {
        let mut at = start;
        while at < end {
            // One VMA after the other: what lies before an error is changed, as on Linux.
            let v = inner.tree.find(at).ok_or(Errno::ENOMEM)?;
            let stop = v.end.min(end);
            let may = ProtFlags::from_bits_truncate((v.flags.bits() >> 1) & RIGHTS.bits());
            if !may.contains(rights) {
                return Err(Errno::EACCES);
            }
            if v.flags.contains(VmaFlags::SPECIAL) && rights.contains(ProtFlags::WRITE) {
                return Err(Errno::EACCES);
            }
            self.may_execute(v.prot.contains(ProtFlags::EXEC), rights)?;
            v.ensure_open()?;
            if v.prot == rights {
                at = stop;
                continue;
            }
            let shared = v.is_shared();
            let becomes_data = rights.contains(ProtFlags::WRITE) && !v.is_data() && !shared;
            if becomes_data {
                let more = Counts {
                    data: (stop - at) >> hal::PAGE_SHIFT,
                    ..Counts::default()
                };
                self.may_grow(inner, more, 0)?;
            }
            let counts = &mut inner.counts;
            inner.tree.modify(&self.table, at, stop, gone, |v| {
                counts.sub(Counts::of(v));
                v.prot = rights;
                counts.add(Counts::of(v));
            })?;
            self.table
                .protect(UserAddr(at), UserAddr(stop), page_prot(rights, shared));
            at = stop;
        }
        Ok(())
    }
}

// The MAY* flags stand one above the rights they allow.
const _: () = assert!(
    VmaFlags::MAYREAD.bits() >> 1 == ProtFlags::READ.bits()
        && VmaFlags::MAYWRITE.bits() >> 1 == ProtFlags::WRITE.bits()
        && VmaFlags::MAYEXEC.bits() >> 1 == ProtFlags::EXEC.bits()
);
