//! Exceptions taken in the kernel: interrupts, faults of user copies, and what must not happen.

use aarch64_cpu::registers::{ESR_EL1, FAR_EL1, Readable};

use super::{interrupt, irq, panic, user};
use crate::addr::{USER_END, UserAddr};
use crate::user::{Access, FaultKind};
use crate::{head, hooks, preempt, ucopy};

/// What the vectors save; their assembly knows the layout.
#[repr(C)]
#[derive(Debug)]
pub(super) struct KernelFrame {
    pub(super) x: [u64; 31],
    pub(super) sp: u64,
    pub(super) pc: u64,
    pub(super) pstate: u64,
    record: [u64; 2],
}

const _: () = assert!(size_of::<KernelFrame>() == 288);

/// DAIF.I as saved in SPSR.
const MASKED: u64 = 1 << 7;

pub(super) extern "C" fn el1_irq(_: &mut KernelFrame) {
    interrupt::serve();
    // Preemption: interrupts are off, the frame on this stack waits until the thread runs again.
    if head().due() {
        hooks::reschedule();
    }
}

pub(super) extern "C" fn el1_sync(frame: &mut KernelFrame) {
    // Before anything else can trap.
    let (esr, far) = (ESR_EL1.get(), FAR_EL1.get());
    // A data abort in the kernel on an address of the user half.
    if (esr >> 26) & 0x3f == 0x25 && far < USER_END as u64 && user_copy(frame, esr, far) {
        return;
    }
    panic::fault(frame, 0, esr, far)
}

/// A fault of a user copy: asks for the page and tries again, or goes on at the fix-up. `false` when
/// the instruction has no business in user memory.
fn user_copy(frame: &mut KernelFrame, esr: u64, far: u64) -> bool {
    let Some(fix) = ucopy::fixup(frame.pc as usize) else {
        return false;
    };
    let kind = user::fault_kind(esr);
    let resolvable = matches!(
        kind,
        FaultKind::Translation | FaultKind::AccessFlag | FaultKind::Permission
    );
    if fix.may_ask && resolvable && frame.pstate & MASKED == 0 && preempt::count() == 0 {
        let access = if esr & (1 << 6) != 0 {
            Access::Write
        } else {
            Access::Read
        };
        irq::irq_enable();
        let there = hooks::page_fault(UserAddr(far as usize), access);
        irq::irq_disable();
        if there {
            return true;
        }
    }
    frame.pc = fix.pc as u64;
    true
}

pub(super) extern "C" fn el1_fatal(frame: &mut KernelFrame, why: u64) {
    let (esr, far) = (ESR_EL1.get(), FAR_EL1.get());
    panic::fault(frame, why, esr, far)
}
