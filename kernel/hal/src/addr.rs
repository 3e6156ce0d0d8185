//! Addresses as types: physical, and what a program alleges to be one of its own.

/// log2 of the page size.
pub const PAGE_SHIFT: usize = 12;
/// Bytes in a page: the 4 KiB granule.
pub const PAGE_SIZE: usize = 1 << PAGE_SHIFT;
/// The byte-in-page bits of an address.
pub const PAGE_MASK: usize = PAGE_SIZE - 1;
/// First address past the user half (48-bit `TTBR0`).
pub const USER_END: usize = 1 << 48;

/// Virtual address of physical address 0 in the kernel's linear map of RAM (`TTBR1`).
#[cfg(target_os = "none")]
pub const LINEAR_BASE: usize = 0xffff_0000_0000_0000;
/// The host has no linear map; devices, which would count from it, do not exist there.
#[cfg(not(target_os = "none"))]
pub const LINEAR_BASE: usize = 0;

/// Rounds down to a page boundary.
#[must_use]
pub const fn page_down(n: usize) -> usize {
    n & !PAGE_MASK
}

/// Rounds up to a page boundary; `None` on overflow.
#[must_use]
pub const fn page_up(n: usize) -> Option<usize> {
    match n.checked_add(PAGE_MASK) {
        Some(n) => Some(n & !PAGE_MASK),
        None => None,
    }
}

/// A physical address (on the host: an offset in the frame arena).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PhysAddr(pub u64);

impl PhysAddr {
    /// The page frame number this address lies in.
    #[must_use]
    pub const fn frame_number(self) -> u64 {
        self.0 >> PAGE_SHIFT
    }
}

/// An address a program named: an allegation, never dereferenced directly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UserAddr(pub usize);

impl UserAddr {
    /// Whether the program passed `NULL`.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `n` bytes on; `None` when that leaves the address range.
    #[must_use]
    pub const fn checked_add(self, n: usize) -> Option<UserAddr> {
        match self.0.checked_add(n) {
            Some(a) => Some(UserAddr(a)),
            None => None,
        }
    }

    /// The address `n` bytes on, wrapping; a wrapped address fails at its use.
    #[must_use]
    pub const fn wrapping_add(self, n: usize) -> UserAddr {
        UserAddr(self.0.wrapping_add(n))
    }

    /// Whether `[self, self + len)` lies in the user half.
    #[must_use]
    pub const fn in_user_range(self, len: usize) -> bool {
        len <= USER_END && self.0 <= USER_END - len
    }

    /// Whether a transfer to or from `[self, self + len)` is begun at all: Debian's kernel, built for addresses of
    /// 52 bits, judges by those where the processor has 48. What lies above the user half then faults.
    #[must_use]
    pub const fn may_transfer(self, len: usize) -> bool {
        const END: usize = 1 << 52;
        len <= END && self.0 <= END - len
    }

    /// The start of the page this address lies in.
    #[must_use]
    pub const fn page_down(self) -> UserAddr {
        UserAddr(page_down(self.0))
    }
}

/// The address without its tag, the top byte that the processor ignores: what it is where bit 55, and so the
/// kernel's half, is not meant.
#[must_use]
pub const fn untagged(address: usize) -> usize {
    ((address << 8) as isize >> 8) as usize & address
}

impl From<usize> for UserAddr {
    fn from(a: usize) -> Self {
        UserAddr(a)
    }
}

impl From<u64> for UserAddr {
    fn from(a: u64) -> Self {
        UserAddr(a as usize)
    }
}
