//! Seals of a memfd: what the object refuses from now on (`man 2 fcntl`, "File Sealing").

use core::sync::atomic::Ordering;

use abi::mman::Seals;
use abi::{Errno, Result};

use super::MemObject;

/// No seals can be put on: files, and memfds made without `MFD_ALLOW_SEALING`.
pub(super) const NOT_SEALABLE: u32 = Seals::SEAL.bits();

impl MemObject {
    /// The seals it has. Plain files and memfds that allow none have `F_SEAL_SEAL`.
    #[must_use]
    pub fn seals(&self) -> Seals {
        Seals::from_bits_retain(self.seals.load(Ordering::Acquire))
    }

    /// Sets the seals of a new memfd.
    pub fn set_initial_seals(&self, seals: Seals) {
        self.seals.store(seals.bits(), Ordering::Release);
    }

    /// Adds seals. One against the execute bits (`EXEC`) seals what is `executable` against writes too. May
    /// sleep.
    ///
    /// # Errors
    /// `EPERM` when sealed against that; `EBUSY` for `WRITE` while somebody has it mapped shared
    /// and may write there.
    pub fn add_seals(&self, more: Seals, executable: bool) -> Result<()> {
        // No write and no truncation is under way while this is held.
        let _inner = self.inner.write();
        let now = self.seals();
        if now.contains(Seals::SEAL) {
            return Err(Errno::EPERM);
        }
        let maps = self.maps.lock();
        if more.contains(Seals::WRITE) && !now.contains(Seals::WRITE) && maps.writable > 0 {
            return Err(Errno::EBUSY);
        }
        let mut more = more;
        if more.contains(Seals::EXEC) && executable {
            more |= Seals::SHRINK | Seals::GROW | Seals::WRITE | Seals::FUTURE_WRITE;
        }
        self.seals.store((now | more).bits(), Ordering::Release);
        drop(maps);
        Ok(())
    }
}
