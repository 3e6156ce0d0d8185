//! Floating point registers: the kernel never uses them. A thread that has used them lately has them loaded when
//! it comes to a processor, and saved when it leaves; another's first use traps and loads them. So two threads
//! that only talk to each other carry nothing about.

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

/// How many times a thread gets its registers unasked after it has asked.
const UNASKED: u8 = 15;

/// The running thread's first floating point instruction since it came here, or since exec, when it starts with
/// zeros. Interrupts are off.
#[cold]
pub(super) fn first_use() {
    set_access(ENABLED);
    let head = head();
    if head.fp_used.get() {
        load(head);
    } else {
        head.fp_used.set(true);
        claim(head);
        // SAFETY: floating point is enabled and the registers are this thread's.
        unsafe { fp_restore(&FpState::ZERO) };
    }
    head.fp_live.set(true);
    head.fp_unasked.set(UNASKED);
}

/// Brings the thread's state into the registers unless it is still there. Floating point is enabled.
fn load(head: &Head) {
    let cpu = head.cpu();
    if core::ptr::eq(OWNER.on(cpu).0.get(), head) && head.fp_cpu.get() == cpu.index() as u32 {
        return;
    }
    claim(head);
    // SAFETY: floating point is enabled; the state is the thread's, saved when it left.
    unsafe { fp_restore(head.fp.get()) };
}

fn claim(head: &Head) {
    let cpu = head.cpu();
    OWNER.on(cpu).0.set(head);
    head.fp_cpu.set(cpu.index() as u32);
}

/// Saves the registers of a thread that leaves the processor. Interrupts are off.
#[inline]
pub(super) fn leave(prev: &Head) {
    if prev.fp_live.replace(false) {
        // SAFETY: floating point is enabled and the registers are the thread's.
        unsafe { fp_save(prev.fp.get()) };
    }
}

/// Loads the registers of the thread that comes, if it is likely to use them. Interrupts are off.
#[inline]
pub(super) fn arrive(next: &Head) {
    let unasked = next.fp_unasked.get();
    if unasked == 0 {
        set_access(0);
        return;
    }
    next.fp_unasked.set(unasked - 1);
    set_access(ENABLED);
    next.fp_live.set(true);
    load(next);
}

/// Gives the running thread this state.
pub(crate) fn fp_load(state: &FpState) {
    let _irq = IrqMask::new();
    set_access(ENABLED);
    let head = head();
    head.fp_used.set(true);
    head.fp_live.set(true);
    claim(head);
    // SAFETY: floating point is enabled; the registers are this thread's.
    unsafe { fp_restore(state) };
}

/// The running thread's state.
pub(crate) fn fp_read() -> FpState {
    let _irq = IrqMask::new();
    let head = head();
    let mut state = FpState::ZERO;
    if head.fp_live.get() {
        // SAFETY: floating point is enabled and the registers are the thread's.
        unsafe { fp_save(&mut state) };
    } else if head.fp_used.get() {
        // SAFETY: saved when the thread left a processor last; only the thread itself writes it.
        state = unsafe { (*head.fp.get()).clone() };
    }
    state
}

/// Calls `f`, which may sleep, with the running thread's state.
pub(crate) fn fp_with<R>(f: impl FnOnce(&FpState) -> R) -> R {
    let head = head();
    if !head.fp_used.get() {
        return f(&FpState::ZERO);
    }
    // Should the thread leave and come back meanwhile, nobody writes the state.
    let unasked = head.fp_unasked.replace(0);
    let live = head.fp_live.get();
    {
        let _irq = IrqMask::new();
        leave(head);
    }
    // SAFETY: just saved, or when the thread left a processor last; written again only when it leaves with
    // the state in its registers, which it has not until below.
    let result = f(unsafe { &*head.fp.get() });
    let _irq = IrqMask::new();
    if live {
        head.fp_unasked.set(1);
        arrive(head);
    }
    head.fp_unasked.set(unasked);
    result
}

/// The running thread starts a new program: its next use traps.
pub(crate) fn fp_forget() {
    let _irq = IrqMask::new();
    let head = head();
    head.fp_used.set(false);
    head.fp_live.set(false);
    head.fp_unasked.set(0);
    set_access(0);
}
