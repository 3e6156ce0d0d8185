//! The end: a kernel fault or panic prints what it knows, stops the other processors, and does what
//! `panic=` says.

use core::arch::asm;
use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::trap::KernelFrame;
use super::{irq, kmap};
use crate::console::EarlyConsole;
use crate::cpu::{self, CpuMask};
use crate::ipi::{self, Ipi};

static ACTION: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());
/// 0: all is well; else the number of the dying processor, plus one.
static DYING: AtomicU32 = AtomicU32::new(0);

pub(crate) fn set_panic_action(action: fn() -> !) {
    ACTION.store(action as *mut (), Ordering::Relaxed);
}

/// Stops this processor: another one is dying.
pub(super) fn stop_here() -> ! {
    loop {
        irq::irq_disable();
        irq::wait_for_interrupt();
    }
}

pub(crate) fn halt() -> ! {
    ipi::send(others(), Ipi::Stop);
    stop_here()
}

fn others() -> CpuMask {
    cpu::online().without(cpu::current())
}

/// The first one here goes on; another processor stops, and a fault while dying stops too.
fn begin() {
    irq::irq_disable();
    let me = cpu::current().index() as u32 + 1;
    match DYING.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => ipi::send(others(), Ipi::Stop),
        Err(who) if who == me => {
            let _ = EarlyConsole.write_str("\nanother fault while dying\n");
            stop_here()
        }
        Err(_) => stop_here(),
    }
}

fn finish() -> ! {
    let action = ACTION.load(Ordering::Relaxed);
    if action.is_null() {
        stop_here()
    }
    // SAFETY: only `set_panic_action` stores there, and only functions of this type.
    let action = unsafe { core::mem::transmute::<*mut (), fn() -> !>(action) };
    action()
}

/// A kernel exception that has no cure.
pub(super) fn fault(frame: &KernelFrame, why: u64, esr: u64, far: u64) -> ! {
    begin();
    let mut out = EarlyConsole;
    let what = match (why, (esr >> 26) & 0x3f) {
        (3, _) => "kernel stack overflow",
        (2, _) => "system error",
        (1, _) => "unexpected exception",
        (_, 0x25) => "bad memory access in the kernel",
        (_, 0x21) => "bad instruction fetch in the kernel",
        (_, 0x3c) => "breakpoint in the kernel",
        _ => "kernel fault",
    };
    let _ = writeln!(
        out,
        "\nnacre: {what} on cpu {} (esr {esr:#x}, far {far:#018x})",
        cpu::current()
    );
    let _ = writeln!(
        out,
        "pc {:#018x} sp {:#018x} pstate {:#x}",
        frame.pc, frame.sp, frame.pstate
    );
    for (row, regs) in frame.x.chunks(4).enumerate() {
        for (column, value) in regs.iter().enumerate() {
            let _ = write!(out, "x{:<2} {value:016x}  ", row * 4 + column);
        }
        let _ = writeln!(out);
    }
    backtrace(frame.pc as usize, frame.x[29] as usize);
    finish()
}

/// Prints the calls that led here, by the frame records on the stack.
fn backtrace(pc: usize, mut record: usize) {
    let mut out = EarlyConsole;
    let _ = writeln!(out, "called from:");
    print_place(pc);
    for _ in 0..32 {
        // A record lies on a mapped kernel stack: aligned, in the stack area or the image.
        let on_stack = (kmap::STACK_BASE..kmap::STACK_BASE + (1 << 40)).contains(&record)
            && record & (1 << 14) != 0;
        let (start, end) = kmap::image_bounds();
        let guard = kmap::boot_guard();
        let in_image = (start..end).contains(&record) && !(guard..guard + 4096).contains(&record);
        if !record.is_multiple_of(8) || !(on_stack || in_image) {
            break;
        }
        // SAFETY: mapped by the checks above; a guess gone wrong prints nonsense, no more.
        let (next, link) = unsafe {
            (
                (record as *const usize).read_volatile(),
                ((record + 8) as *const usize).read_volatile(),
            )
        };
        if link == 0 {
            break;
        }
        print_place(link.wrapping_sub(4));
        if next <= record && on_stack {
            break;
        }
        record = next;
    }
}

fn print_place(pc: usize) {
    let mut out = EarlyConsole;
    let _ = match super::symbols::find(pc) {
        Some((name, offset)) => writeln!(out, "  {pc:#018x} {name}+{offset:#x}"),
        None => writeln!(out, "  {pc:#018x}"),
    };
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    begin();
    let mut out = EarlyConsole;
    let _ = writeln!(out, "\nnacre: {info}");
    let record: usize;
    // SAFETY: reads the frame pointer.
    unsafe { asm!("mov {0}, x29", out(reg) record, options(nomem, nostack, preserves_flags)) };
    backtrace(panic as *const () as usize, record);
    finish()
}
