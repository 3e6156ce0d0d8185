//! User copies on the machine: the routines of `copy.s`, and the table the trap handler asks.

use core::sync::atomic::{AtomicBool, Ordering};

use super::Faults;
use crate::addr::UserAddr;

core::arch::global_asm!(include_str!("copy.s"));

unsafe extern "C" {
    fn nacre_copy_user(dst: *mut u8, src: *const u8, n: usize) -> usize;
    fn nacre_copy_user_nofault(dst: *mut u8, src: *const u8, n: usize) -> usize;
    fn nacre_zero_user(dst: *mut u8, n: usize) -> usize;
    fn nacre_zero_user_nofault(dst: *mut u8, n: usize) -> usize;
    fn nacre_copy_cstr(dst: *mut u8, src: *const u8, room: usize) -> usize;
    fn nacre_user_load(at: *const u32, out: *mut u32) -> usize;
    fn nacre_user_load_nofault(at: *const u32, out: *mut u32) -> usize;
    fn nacre_user_store(at: *mut u32, value: u32) -> usize;
    fn nacre_user_store_nofault(at: *mut u32, value: u32) -> usize;
    fn nacre_user_cmpxchg(at: *mut u32, old: u32, new: u32, out: *mut u32) -> usize;
    fn nacre_user_cmpxchg_nofault(at: *mut u32, old: u32, new: u32, out: *mut u32) -> usize;
    static nacre_uaccess_table: Row;
    static nacre_uaccess_table_end: Row;
}

/// A row of the table: offsets from the word they stand in.
#[repr(C)]
struct Row {
    start: i32,
    end: i32,
    fix: i32,
    may_ask: u32,
}

fn target(word: &i32) -> usize {
    (core::ptr::from_ref(word) as usize).wrapping_add_signed(*word as isize)
}

/// Where a fault in a user copy goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixup {
    /// The pc to go on at when the page cannot be had.
    pub(crate) pc: usize,
    /// Whether the page may be asked for first (the handler may sleep).
    pub(crate) may_ask: bool,
}

/// The fix-up of the instruction at `pc`; `None` when it has no business in user memory. The
/// handler asks only for faults whose address lies in the user half.
pub(crate) fn fixup(pc: usize) -> Option<Fixup> {
    // SAFETY: the two symbols bound one table of rows that `copy.s` lays out.
    let rows = unsafe {
        let first = &raw const nacre_uaccess_table;
        let end = &raw const nacre_uaccess_table_end;
        core::slice::from_raw_parts(first, end.offset_from(first) as usize)
    };
    let row = rows
        .iter()
        .find(|r| (target(&r.start)..target(&r.end)).contains(&pc))?;
    Some(Fixup {
        pc: target(&row.fix),
        may_ask: row.may_ask != 0,
    })
}

/// The CPU has PAN: user memory is reached only between `open` and `close`.
static PAN: AtomicBool = AtomicBool::new(false);

/// Finds out about PAN; on each CPU, before the first program runs.
pub(crate) fn init() {
    let mmfr1: u64;
    // SAFETY: reads an identification register.
    unsafe {
        core::arch::asm!("mrs {}, id_aa64mmfr1_el1", out(reg) mmfr1, options(nomem, nostack))
    };
    if (mmfr1 >> 20) & 0xf != 0 {
        PAN.store(true, Ordering::Relaxed);
        // SAFETY: the CPU has PAN. SCTLR_EL1.SPAN = 0 sets it again at each exception.
        unsafe {
            core::arch::asm!(
                "mrs {t}, sctlr_el1",
                "bic {t}, {t}, #(1 << 23)",
                "msr sctlr_el1, {t}",
                "isb",
                ".inst 0xd500419f", // msr pan, #1
                t = out(reg) _,
                options(nostack)
            );
        }
    }
}

/// User memory may be reached while this lives.
struct Window {
    pan: bool,
}

impl Window {
    #[inline(always)]
    fn open() -> Window {
        let pan = PAN.load(Ordering::Relaxed);
        if pan {
            // SAFETY: the CPU has PAN; `msr pan, #0`.
            unsafe { core::arch::asm!(".inst 0xd500409f", options(nostack)) };
        }
        Window { pan }
    }
}

impl Drop for Window {
    #[inline(always)]
    fn drop(&mut self) {
        if self.pan {
            // SAFETY: the CPU has PAN; `msr pan, #1`.
            unsafe { core::arch::asm!(".inst 0xd500419f", options(nostack)) };
        }
    }
}

/// # Safety
/// `dst` is writable for `n` bytes and the user range was checked.
#[inline]
pub(super) unsafe fn copy_from_user(
    dst: *mut u8,
    src: UserAddr,
    n: usize,
    faults: Faults,
) -> usize {
    let _window = Window::open();
    let src = src.0 as *const u8;
    // SAFETY: the caller's promise; faults in user memory are fixed up.
    unsafe {
        match faults {
            Faults::Resolve => nacre_copy_user(dst, src, n),
            Faults::Stop => nacre_copy_user_nofault(dst, src, n),
        }
    }
}

/// # Safety
/// `src` is readable for `n` bytes and the user range was checked.
#[inline]
pub(super) unsafe fn copy_to_user(
    dst: UserAddr,
    src: *const u8,
    n: usize,
    faults: Faults,
) -> usize {
    let _window = Window::open();
    let dst = dst.0 as *mut u8;
    // SAFETY: the caller's promise; faults in user memory are fixed up.
    unsafe {
        match faults {
            Faults::Resolve => nacre_copy_user(dst, src, n),
            Faults::Stop => nacre_copy_user_nofault(dst, src, n),
        }
    }
}

pub(super) fn zero_user(dst: UserAddr, n: usize, faults: Faults) -> usize {
    let _window = Window::open();
    let dst = dst.0 as *mut u8;
    // SAFETY: the user range was checked; faults are fixed up.
    unsafe {
        match faults {
            Faults::Resolve => nacre_zero_user(dst, n),
            Faults::Stop => nacre_zero_user_nofault(dst, n),
        }
    }
}

/// The length found, `dst.len()` without a NUL, `usize::MAX` at a fault.
pub(super) fn copy_cstr(dst: &mut [u8], src: UserAddr) -> usize {
    let _window = Window::open();
    // SAFETY: `dst` is writable for its length; faults in user memory are fixed up.
    unsafe { nacre_copy_cstr(dst.as_mut_ptr(), src.0 as *const u8, dst.len()) }
}

pub(super) fn load(at: UserAddr, faults: Faults) -> Option<u32> {
    let _window = Window::open();
    let (at, mut out) = (at.0 as *const u32, 0);
    // SAFETY: the caller checked range and alignment; faults are fixed up.
    let bad = unsafe {
        match faults {
            Faults::Resolve => nacre_user_load(at, &raw mut out),
            Faults::Stop => nacre_user_load_nofault(at, &raw mut out),
        }
    };
    (bad == 0).then_some(out)
}

pub(super) fn store(at: UserAddr, value: u32, faults: Faults) -> Option<()> {
    let _window = Window::open();
    let at = at.0 as *mut u32;
    // SAFETY: the caller checked range and alignment; faults are fixed up.
    let bad = unsafe {
        match faults {
            Faults::Resolve => nacre_user_store(at, value),
            Faults::Stop => nacre_user_store_nofault(at, value),
        }
    };
    (bad == 0).then_some(())
}

pub(super) fn cmpxchg(at: UserAddr, old: u32, new: u32, faults: Faults) -> Option<u32> {
    let _window = Window::open();
    let (at, mut out) = (at.0 as *mut u32, 0);
    // SAFETY: the caller checked range and alignment; faults are fixed up.
    let bad = unsafe {
        match faults {
            Faults::Resolve => nacre_user_cmpxchg(at, old, new, &raw mut out),
            Faults::Stop => nacre_user_cmpxchg_nofault(at, old, new, &raw mut out),
        }
    };
    (bad == 0).then_some(out)
}
