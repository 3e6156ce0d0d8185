//! The interrupt mask of this processor.

use core::arch::asm;

/// The mask as it was, DAIF.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IrqState(u64);

/// DAIF.I: interrupts are masked.
const MASKED: u64 = 1 << 7;

#[inline(always)]
pub(crate) fn irq_disable() -> IrqState {
    let before: u64;
    // SAFETY: masking interrupts only delays them. No `nomem`: accesses stay inside the masked part.
    unsafe { asm!("mrs {0}, daif", "msr daifset, #2", out(reg) before, options(nostack)) };
    IrqState(before)
}

#[inline(always)]
pub(crate) fn irq_restore(before: IrqState) {
    // SAFETY: `before` was read from this register by `irq_disable`.
    unsafe { asm!("msr daif, {0}", in(reg) before.0, options(nostack)) };
}

#[inline(always)]
pub(crate) fn irq_enable() {
    // SAFETY: handlers keep to what the interrupted code leaves whole.
    unsafe { asm!("msr daifclr, #2", options(nostack)) };
}

#[inline(always)]
pub(crate) fn irqs_enabled() -> bool {
    let daif: u64;
    // SAFETY: reads the mask.
    unsafe { asm!("mrs {0}, daif", out(reg) daif, options(nomem, nostack, preserves_flags)) };
    daif & MASKED == 0
}

/// Sleeps until an interrupt is pending, masked or not.
#[inline(always)]
pub(crate) fn wait_for_interrupt() {
    // SAFETY: waits; the barrier completes stores others may be waiting for.
    unsafe { asm!("dsb ish", "wfi", options(nostack)) };
}
