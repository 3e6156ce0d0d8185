//! Entering user mode and telling why it was left.

use core::arch::asm;

use aarch64_cpu::registers::{ESR_EL1, FAR_EL1, Readable, SP_EL0, TPIDR_EL0, Writeable};

use super::{fp, interrupt, irq};
use crate::addr::UserAddr;
use crate::user::{Access, FaultKind, Registers, SINGLE_STEP, Trap};
use crate::{head, preempt};

/// What a system call calls, with its data and the registers.
pub(crate) type OnCall = unsafe extern "C" fn(*mut (), *mut Registers);

unsafe extern "C" {
    /// Runs the program; returns 0, 1 or 2 for a synchronous exception, an interrupt, a system error, 3 after
    /// a call when something is wished for.
    fn enter_user(regs: *mut Registers, on_call: OnCall, data: *mut ()) -> u64;
}

const _: () = assert!(core::mem::offset_of!(Registers, sp) == 248);
const _: () = assert!(core::mem::offset_of!(Registers, tls) == 272);
const _: () = assert!(core::mem::offset_of!(Registers, kernel_sp) == 280);

/// Runs the program until something else than a system call brings it back.
///
/// # Safety
/// `regs` is valid and nobody else's, and so is what `on_call` makes of `data`, until this returns.
#[inline]
pub(crate) unsafe fn run_user(regs: *mut Registers, on_call: OnCall, data: *mut ()) -> Trap {
    loop {
        irq::irq_disable();
        // With interrupts off until the `eret`: what is asked for later interrupts user mode at once.
        let head = head();
        if head.due() {
            irq::irq_enable();
            preempt::reschedule_if_allowed();
            continue;
        }
        if head.take_attention() {
            irq::irq_enable();
            return Trap::Interrupt;
        }
        // SAFETY: the registers are this function's alone and hold a user mode PSTATE, so the program
        // runs without the kernel's rights; the vectors save all of it back before this returns.
        let kind = unsafe { enter_user(regs, on_call, data) };
        match kind {
            0 => {
                // Interrupts are still off: it is of the exception just taken.
                let esr = ESR_EL1.get();
                // SAFETY: by this function's contract; the program does not run.
                if let Some(trap) = other(unsafe { &mut *regs }, esr) {
                    return trap;
                }
            }
            AFTER_CALL => {}
            _ => return asynchronous(kind),
        }
    }
}

const AFTER_CALL: u64 = 3;

/// The program's stack and thread pointers, which stay in their registers while it is in the kernel.
#[inline]
pub(crate) fn pointers() -> [u64; 2] {
    [SP_EL0.get(), TPIDR_EL0.get()]
}

#[inline]
pub(super) fn set_pointers([stack, thread]: [u64; 2]) {
    SP_EL0.set(stack);
    TPIDR_EL0.set(thread);
}

/// Sets the running thread's thread pointer.
pub(crate) fn set_thread_pointer(thread: u64) {
    TPIDR_EL0.set(thread);
}

#[cold]
#[inline(never)]
fn asynchronous(kind: u64) -> Trap {
    if kind == 2 {
        // SAFETY: unmasked only to print and stop.
        panic!("system error in user mode");
    }
    interrupt::serve();
    irq::irq_enable();
    Trap::Interrupt
}

/// Everything but system calls; `None` when it was dealt with here.
#[inline(never)]
fn other(regs: &mut Registers, esr: u64) -> Option<Trap> {
    // Before interrupts can overwrite it.
    let far = FAR_EL1.get();
    let addr = UserAddr(untag(far));
    if (esr >> 26) & 0x3f == 0x07 {
        fp::first_use();
        irq::irq_enable();
        return None;
    }
    irq::irq_enable();
    let esr32 = esr as u32;
    Some(match (esr >> 26) & 0x3f {
        0x20 => Trap::Fault {
            addr,
            access: Access::Exec,
            kind: fault_kind(esr),
            esr: esr32,
        },
        0x24 => {
            // Cache maintenance counts as a write in the syndrome; Linux asks for read there.
            let write = esr & (1 << 6) != 0 && esr & (1 << 8) == 0;
            let access = if write { Access::Write } else { Access::Read };
            Trap::Fault {
                addr,
                access,
                kind: fault_kind(esr),
                esr: esr32,
            }
        }
        0x22 => Trap::PcAlignment(UserAddr(regs.pc as usize)),
        0x26 => Trap::SpAlignment,
        0x30 => Trap::Watchpoint(UserAddr(regs.pc as usize)),
        0x32 => {
            regs.pstate &= !SINGLE_STEP;
            Trap::SingleStep
        }
        0x34 => Trap::Watchpoint(addr),
        0x3c => Trap::Breakpoint(esr as u16),
        0x00 if super::idregs::emulate_undefined(regs) => return None,
        0x18 if super::idregs::emulate_trapped(regs, esr) => return None,
        _ => Trap::Undefined { esr: esr32 },
    })
}

/// The address without its tag byte.
fn untag(far: u64) -> usize {
    (((far << 8) as i64) >> 8) as usize
}

/// The fault status code in words.
pub(super) fn fault_kind(esr: u64) -> FaultKind {
    match esr as u8 & 0x3f {
        0x00..=0x07 => FaultKind::Translation,
        0x08..=0x0b => FaultKind::AccessFlag,
        0x0c..=0x0f => FaultKind::Permission,
        0x21 => FaultKind::Alignment,
        0x10..=0x1f => FaultKind::External,
        code => FaultKind::Other(code),
    }
}

/// Lets user mode be stepped, or not: MDSCR_EL1.SS on this processor for the running thread.
pub(crate) fn single_step(on: bool) {
    let ss = u64::from(on);
    // SAFETY: SS acts only on levels below, and only with SPSR.SS set.
    unsafe { asm!("msr mdscr_el1, {0}", "isb", in(reg) ss, options(nostack)) };
}
