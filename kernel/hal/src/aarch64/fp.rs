//! Floating point registers: the kernel never uses them; a thread's are saved when it leaves the
//! processor, and loaded again when it comes back unless they are still there.

use core::arch::asm;
use core::cell::Cell;

use crate::cpu::PerCpu;
use crate::head;
use crate::head::Head;
use crate::irq::IrqMask;
use crate::user::FpState;

unsafe extern "C" {
    fn fp_save(to: *mut FpState);
    fn fp_restore(from: *const FpState);
}

/// CPACR_EL1.FPEN: no traps.
const ENABLED: u64 = 3 << 20;

/// Whose state this processor's registers hold: the address of a head, compared only.
struct Owner(Cell<*const Head>);
// SAFETY: used by its own processor only, with interrupts off.
unsafe impl Sync for Owner {}
static OWNER: PerCpu<Owner> =
    PerCpu::from_array([const { Owner(Cell::new(core::ptr::null())) }; 8]);

fn set_access(cpacr: u64) {
    // SAFETY: changes who traps on floating point; the kernel has none.
    unsafe { asm!("msr cpacr_el1, {0}", "isb", in(reg) cpacr, options(nostack, preserves_flags)) };
}

/// The running thread's first floating point instruction since exec: it starts with zeros. Interrupts
/// are off.
#[cold]
pub(super) fn first_use() {
    set_access(ENABLED);
    let head = head();
    head.fp_used.set(true);
    claim(head);
    // SAFETY: floating point is enabled and the registers are this thread's.
    unsafe { fp_restore(&FpState::ZERO) };
}

fn claim(head: &Head) {
    let cpu = head.cpu();
    OWNER.on(cpu).0.set(head);
    head.fp_cpu.set(cpu.index() as u32);
}

/// Saves the registers of a thread that leaves the processor. Interrupts are off.
#[inline]
pub(super) fn leave(prev: &Head) {
    if prev.fp_used.get() {
        // SAFETY: a thread that used floating point runs with it enabled, and the registers are its.
        unsafe { fp_save(prev.fp.get()) };
    }
}

/// Loads the registers of the thread that comes. Interrupts are off.
#[inline]
pub(super) fn arrive(next: &Head) {
    if !next.fp_used.get() {
        set_access(0);
        return;
    }
    set_access(ENABLED);
    let cpu = next.cpu();
    if core::ptr::eq(OWNER.on(cpu).0.get(), next) && next.fp_cpu.get() == cpu.index() as u32 {
        return;
    }
    claim(next);
    // SAFETY: floating point is enabled; the state is the thread's, saved when it left.
    unsafe { fp_restore(next.fp.get()) };
}

/// Gives the running thread this state.
pub(crate) fn fp_load(state: &FpState) {
    let _irq = IrqMask::new();
    set_access(ENABLED);
    let head = head();
    head.fp_used.set(true);
    claim(head);
    // SAFETY: floating point is enabled; the registers are this thread's.
    unsafe { fp_restore(state) };
}

/// The running thread's state.
pub(crate) fn fp_read() -> FpState {
    let _irq = IrqMask::new();
    let mut state = FpState::ZERO;
    if head().fp_used.get() {
        // SAFETY: the thread used floating point, so it is enabled and the registers are its.
        unsafe { fp_save(&mut state) };
    }
    state
}

/// The running thread starts a new program: its next use traps.
pub(crate) fn fp_forget() {
    let _irq = IrqMask::new();
    head().fp_used.set(false);
    set_access(0);
}
