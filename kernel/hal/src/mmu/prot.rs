//! Protections, accesses and the bits of a page descriptor (stage 1, 4 KiB granule).

use bitflags::bitflags;

use crate::user::Access;

bitflags! {
    /// What a program may do with a page, and what the page is.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Prot: u8 {
        /// May be read (the CPU lets what may be written or executed be read too).
        const READ = 1;
        /// May be written.
        const WRITE = 2;
        /// May be executed.
        const EXEC = 4;
        /// The mapping is private: `WRITE` takes effect at once only on a page nobody else holds;
        /// on others the first write faults.
        const PRIVATE = 8;
        /// The page belongs to this address space, not to a memory object.
        const ANON = 16;
    }
}

impl Prot {
    /// Whether these rights let `access` happen.
    #[must_use]
    pub const fn allows(self, access: Access) -> bool {
        match access {
            Access::Read => self.intersects(Prot::READ.union(Prot::WRITE).union(Prot::EXEC)),
            Access::Write => self.contains(Prot::WRITE),
            Access::Exec => self.contains(Prot::EXEC),
        }
    }
}

/// Memory types by their index in `MAIR_EL1`: 0 is normal write-back memory.
const ATTR_NORMAL: u64 = 0;

pub(super) const VALID: u64 = 1;
pub(super) const TABLE: u64 = 0b11;
const PAGE: u64 = 0b10;
/// EL0 may reach it.
const AP_USER: u64 = 1 << 6;
/// Nobody may write it.
pub(super) const AP_RO: u64 = 1 << 7;
const SH_INNER: u64 = 3 << 8;
const AF: u64 = 1 << 10;
const NOT_GLOBAL: u64 = 1 << 11;
const PXN: u64 = 1 << 53;
const UXN: u64 = 1 << 54;
/// Software: the page is the address space's own.
const SW_ANON: u64 = 1 << 55;
const ADDR: u64 = 0x0000_ffff_ffff_f000;

/// The frame number in a descriptor.
#[inline(always)]
pub(super) const fn pfn(entry: u64) -> u32 {
    ((entry & ADDR) >> 12) as u32
}

/// The descriptor of a next-level table.
#[inline(always)]
pub(super) const fn table(pfn: u32) -> u64 {
    (pfn as u64) << 12 | TABLE
}

/// The descriptor of a page. Without any right it is not valid but keeps the frame: `PROT_NONE`.
/// `sole`: nobody else holds the frame.
#[inline(always)]
pub(super) fn page(pfn: u32, prot: Prot, sole: bool) -> u64 {
    let mut e =
        (pfn as u64) << 12 | PAGE | ATTR_NORMAL << 2 | AP_USER | SH_INNER | AF | NOT_GLOBAL | PXN;
    if prot.intersects(Prot::READ.union(Prot::WRITE).union(Prot::EXEC)) {
        e |= VALID;
    }
    if !prot.contains(Prot::WRITE) || (prot.contains(Prot::PRIVATE) && !sole) {
        e |= AP_RO;
    }
    if !prot.contains(Prot::EXEC) {
        e |= UXN;
    }
    if prot.contains(Prot::ANON) {
        e |= SW_ANON;
    }
    e
}

/// What a page descriptor grants now.
pub(super) fn prot(entry: u64) -> Prot {
    let mut p = Prot::empty();
    if entry & VALID != 0 {
        p |= Prot::READ;
        p.set(Prot::WRITE, entry & AP_RO == 0);
        p.set(Prot::EXEC, entry & UXN == 0);
    }
    p.set(Prot::ANON, is_anon(entry));
    p
}

#[inline(always)]
pub(super) const fn is_anon(entry: u64) -> bool {
    entry & SW_ANON != 0
}
