//! Reaching a space that is not this CPU's: a new program's first stack, `/proc/pid/mem`, ptrace,
//! process_vm_readv. Bytes go through the frames, not the addresses.

use abi::{Errno, Result};
use hal::{Access, PAGE_MASK, PAGE_SIZE, UFrame, UserAddr};

use super::{AddressSpace, FaultError};

impl AddressSpace {
    /// The page at `addr`, brought in for `access`. May sleep.
    ///
    /// # Errors
    /// As [`AddressSpace::fault`].
    pub fn access_page(
        &self,
        addr: UserAddr,
        access: Access,
    ) -> core::result::Result<UFrame, FaultError> {
        let page = addr.page_down();
        loop {
            self.fault(addr, access)?;
            if let Some(entry) = self.table.lookup(page)
                && entry.prot.allows(access)
            {
                return Ok(entry.frame);
            }
        }
    }

    /// Runs `f(page, offset in page, offset in range, length)` over the pages of a range; how many
    /// bytes could be reached.
    fn each_page(
        &self,
        addr: UserAddr,
        len: usize,
        access: Access,
        mut f: impl FnMut(&UFrame, usize, usize, usize),
    ) -> usize {
        let mut done = 0;
        while done < len {
            let Some(at) = addr.checked_add(done) else {
                break;
            };
            let offset = at.0 & PAGE_MASK;
            let n = (PAGE_SIZE - offset).min(len - done);
            let Ok(frame) = self.access_page(at, access) else {
                break;
            };
            f(&frame, offset, done, n);
            done += n;
        }
        done
    }

    /// Copies from the space; how many bytes could be read. May sleep.
    pub fn read_foreign(&self, addr: UserAddr, dst: &mut [u8]) -> usize {
        self.each_page(addr, dst.len(), Access::Read, |frame, offset, at, n| {
            frame.read(offset, dst.get_mut(at..at + n).unwrap_or_default());
        })
    }

    /// Copies into the space, where its mappings allow writing; how many bytes could be written.
    /// May sleep.
    pub fn write_foreign(&self, addr: UserAddr, src: &[u8]) -> usize {
        self.each_page(addr, src.len(), Access::Write, |frame, offset, at, n| {
            frame.write(offset, src.get(at..at + n).unwrap_or_default());
        })
    }

    /// Clears bytes of the space: what a program's last file page has past its data. May sleep.
    ///
    /// # Errors
    /// `EFAULT`
    pub fn zero_foreign(&self, addr: UserAddr, len: usize) -> Result<()> {
        let n = self.each_page(addr, len, Access::Write, |frame, offset, _, n| {
            frame.zero_range(offset, n);
        });
        if n < len { Err(Errno::EFAULT) } else { Ok(()) }
    }
}
