//! Registers of simple devices: those that move no memory by themselves.

use core::ptr::NonNull;

use super::DeviceRange;

/// A mapped window of 32-bit registers. Not for devices that read or write memory on their own: a safe register write
/// must not be able to touch memory.
#[derive(Debug)]
pub struct Registers {
    base: NonNull<u8>,
    size: usize,
}

// SAFETY: registers are shared by nature; every access is one volatile word.
unsafe impl Send for Registers {}
// SAFETY: as above.
unsafe impl Sync for Registers {}

impl Registers {
    /// Maps the range for ever. `None` where it cannot be mapped, as on the host.
    #[must_use]
    pub fn map(range: DeviceRange) -> Option<Self> {
        let size = usize::try_from(range.size).ok()?;
        let base = crate::machine::map_device_range(range.base, range.size)?;
        Some(Self { base, size })
    }

    fn at(&self, offset: usize) -> Option<NonNull<u32>> {
        let inside = offset.is_multiple_of(4) && offset.checked_add(4)? <= self.size;
        // SAFETY: the offset is inside the mapping.
        inside.then(|| unsafe { self.base.add(offset) }.cast())
    }

    /// Reads the register at `offset` bytes, a multiple of 4; 0 outside of the window.
    #[inline]
    #[must_use]
    pub fn read(&self, offset: usize) -> u32 {
        // SAFETY: inside the mapping and aligned (`at`); mappings of devices are never undone.
        self.at(offset)
            .map_or(0, |at| unsafe { at.read_volatile() })
    }

    /// Writes the register at `offset`; nothing outside of the window.
    #[inline]
    pub fn write(&self, offset: usize, value: u32) {
        if let Some(at) = self.at(offset) {
            // SAFETY: as in `read`; the device moves no memory, as the type says.
            unsafe { at.write_volatile(value) }
        }
    }
}
