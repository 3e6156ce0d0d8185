//! Numbers read from bytes at any address. The kernel is compiled for a machine that faults on unaligned
//! access, as it does until translation is on; what runs later may use it.

/// The eight bytes as a little-endian number, in one load.
#[inline(always)]
#[must_use]
pub fn load_u64(bytes: &[u8; 8]) -> u64 {
    #[cfg(target_os = "none")]
    {
        let value: u64;
        // SAFETY: reads the eight bytes of the reference; alignment is not checked once translation is on.
        unsafe {
            core::arch::asm!("ldr {}, [{}]", out(reg) value, in(reg) bytes.as_ptr(),
                options(pure, readonly, nostack, preserves_flags))
        };
        value
    }
    #[cfg(not(target_os = "none"))]
    u64::from_le_bytes(*bytes)
}

/// The four bytes as a little-endian number, in one load.
#[inline(always)]
#[must_use]
pub fn load_u32(bytes: &[u8; 4]) -> u32 {
    #[cfg(target_os = "none")]
    {
        let value: u32;
        // SAFETY: as in `load_u64`, four bytes.
        unsafe {
            core::arch::asm!("ldr {:w}, [{}]", out(reg) value, in(reg) bytes.as_ptr(),
                options(pure, readonly, nostack, preserves_flags))
        };
        value
    }
    #[cfg(not(target_os = "none"))]
    u32::from_le_bytes(*bytes)
}

#[cfg(test)]
mod tests {
    use super::{load_u32, load_u64};

    #[test]
    fn loads_little_endian() {
        assert_eq!(load_u64(b"12345678"), 0x3837_3635_3433_3231);
        assert_eq!(load_u32(b"1234"), 0x3433_3231);
    }
}
