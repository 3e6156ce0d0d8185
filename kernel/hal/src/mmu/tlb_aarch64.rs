//! The machine's translation caches and table base.

use super::asid::State;
use crate::cpu::MAX_CPUS;

/// Up to this many pages are flushed one by one, more by the whole number.
pub(super) const BY_PAGE: usize = 24;

/// How many ASIDs `TCR_EL1.AS` lets the machine tell apart.
pub(super) fn asid_limit() -> u32 {
    let tcr: u64;
    // SAFETY: reads a control register.
    unsafe { core::arch::asm!("mrs {}, tcr_el1", out(reg) tcr, options(nomem, nostack)) };
    if tcr & (1 << 36) != 0 {
        1 << 16
    } else {
        1 << 8
    }
}

/// Whether the machine has `TLBI RVA*` (ID_AA64ISAR0_EL1.TLB == 2).
fn has_range() -> bool {
    use core::sync::atomic::{AtomicU8, Ordering};
    static KNOWN: AtomicU8 = AtomicU8::new(0);
    match KNOWN.load(Ordering::Relaxed) {
        0 => {
            let isar0: u64;
            // SAFETY: reads an identification register.
            unsafe {
                core::arch::asm!("mrs {}, id_aa64isar0_el1", out(reg) isar0, options(nomem, nostack));
            }
            let yes = (isar0 >> 56) & 0xf >= 2;
            KNOWN.store(1 + u8::from(yes), Ordering::Relaxed);
            yes
        }
        k => k == 2,
    }
}

/// Entries written before are seen by every table walk after.
#[inline(always)]
pub(super) fn publish() {
    // SAFETY: a barrier.
    unsafe { core::arch::asm!("dsb ishst", options(nostack)) };
}

/// A full barrier between the word that says "this CPU may walk the table" and the walk.
#[inline(always)]
pub(super) fn full_barrier() {
    // SAFETY: a barrier.
    unsafe { core::arch::asm!("dsb ish", options(nostack)) };
}

/// Drops the translations of `pages` pages from `va`, where they may be. The caller wrote the
/// entries and ran [`full_barrier`] before it read `s`, and stays on CPU `me`.
pub(super) fn flush(s: State, me: usize, va: usize, pages: usize) {
    debug_assert!(me < MAX_CPUS);
    if s.seen == 0 {
        return;
    }
    let local = s.seen == 1 << me;
    let asid = (s.asid as u64) << 48;
    // SAFETY: dropping translations is always allowed; the barriers make it complete.
    unsafe {
        if pages > BY_PAGE {
            if !local && has_range() && pages <= 64 * 32 {
                // scale 1, num n: (n + 1) * 64 pages.
                let num = pages.div_ceil(64) as u64 - 1;
                let op =
                    asid | 1 << 46 | 1 << 44 | num << 39 | ((va >> 12) as u64 & ((1 << 37) - 1));
                core::arch::asm!("sys #0, c8, c2, #1, {}", in(reg) op, options(nostack)); // rvae1is
                core::arch::asm!("dsb ish", options(nostack));
            } else if local {
                core::arch::asm!("tlbi aside1, {}", "dsb nsh", in(reg) asid, options(nostack));
            } else {
                core::arch::asm!("tlbi aside1is, {}", "dsb ish", in(reg) asid, options(nostack));
            }
        } else {
            let mut op = asid | (va >> 12) as u64;
            #[allow(
                clippy::explicit_counter_loop,
                reason = "the operand is a register's value, not a count"
            )]
            for _ in 0..pages {
                if local {
                    core::arch::asm!("tlbi vae1, {}", in(reg) op, options(nostack));
                } else {
                    core::arch::asm!("tlbi vae1is, {}", in(reg) op, options(nostack));
                }
                op += 1;
            }
            if local {
                core::arch::asm!("dsb nsh", options(nostack));
            } else {
                core::arch::asm!("dsb ish", options(nostack));
            }
        }
    }
}

/// Drops all translations of this CPU.
pub(super) fn flush_cpu() {
    // SAFETY: as in `flush`.
    unsafe { core::arch::asm!("tlbi vmalle1", "dsb nsh", "isb", options(nostack)) };
}

/// Makes the table at physical address `root` this CPU's, under `asid`.
pub(super) fn set_base(root: u64, asid: u16) {
    let ttbr = (asid as u64) << 48 | root;
    // SAFETY: `root` is a table of user translations that stays alive while it is the base.
    unsafe { core::arch::asm!("msr ttbr0_el1, {}", "isb", in(reg) ttbr, options(nostack)) };
}

/// New instructions were written to the page at `page` of the linear map: makes them visible.
pub(super) fn sync_instructions(page: *const u8) {
    let ctr: u64;
    // SAFETY: cache maintenance by address of a mapped page.
    unsafe {
        core::arch::asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack));
        let line = 4usize << (ctr & 0xf);
        // IDC and DIC say that the hardware keeps data and instructions in step.
        if ctr & (1 << 28) == 0 {
            let dline = 4usize << ((ctr >> 16) & 0xf);
            let mut a = page as usize;
            while a < page as usize + crate::addr::PAGE_SIZE {
                core::arch::asm!("dc cvau, {}", in(reg) a, options(nostack));
                a += dline;
            }
        }
        core::arch::asm!("dsb ish", options(nostack));
        if ctr & (1 << 29) == 0 {
            let mut a = page as usize;
            while a < page as usize + crate::addr::PAGE_SIZE {
                core::arch::asm!("ic ivau, {}", in(reg) a, options(nostack));
                a += line;
            }
            core::arch::asm!("dsb ish", options(nostack));
        }
        core::arch::asm!("isb", options(nostack));
    }
}
