//! The running thread's head, in TPIDR_EL1.

use core::arch::asm;

use crate::head::Head;

#[inline(always)]
pub(crate) fn head() -> &'static Head {
    let head: *const Head;
    // SAFETY: reads a register. Not `pure`: start-up changes the head under one flow, in `adopt`.
    unsafe { asm!("mrs {0}, tpidr_el1", out(reg) head, options(nomem, nostack, preserves_flags)) };
    // SAFETY: set at entry to a static head, afterwards to that of the running thread, which the
    // processor's reference keeps alive.
    unsafe { &*head }
}

/// # Safety
/// The head lives for as long as this processor runs its thread.
#[inline(always)]
pub(crate) unsafe fn set_head(head: *const Head) {
    // SAFETY: by this function's contract.
    unsafe { asm!("msr tpidr_el1, {0}", in(reg) head, options(nostack, preserves_flags)) };
}
