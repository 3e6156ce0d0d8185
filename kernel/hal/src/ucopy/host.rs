//! User copies on the host: page by page through the model of the MMU, so that a missing flush or a
//! wrong permission shows in an ordinary test.

use core::sync::atomic::{AtomicU32, Ordering};

use super::Faults;
use crate::addr::{PAGE_MASK, PAGE_SIZE, UserAddr};
use crate::mmu::translate;
use crate::user::Access;

/// The byte at `at` in the arena, if the current address space lets `access` happen.
fn reach(at: UserAddr, access: Access, faults: Faults) -> Option<*mut u8> {
    for _ in 0..100 {
        if let Some(p) = translate(at, access) {
            return Some(p);
        }
        if faults == Faults::Stop || !crate::hooks::page_fault(at, access) {
            return None;
        }
    }
    panic!("{at:x?} faults again and again: a flush is missing")
}

/// Runs `f(byte pointer, offset, length)` over the pages of a range; returns what was not reached.
fn each(
    at: UserAddr,
    n: usize,
    access: Access,
    faults: Faults,
    mut f: impl FnMut(*mut u8, usize, usize),
) -> usize {
    let mut done = 0;
    while done < n {
        let here = UserAddr(at.0 + done);
        let len = (PAGE_SIZE - (here.0 & PAGE_MASK)).min(n - done);
        let Some(p) = reach(here, access, faults) else {
            break;
        };
        f(p, done, len);
        done += len;
    }
    n - done
}

pub(super) unsafe fn copy_from_user(
    dst: *mut u8,
    src: UserAddr,
    n: usize,
    faults: Faults,
) -> usize {
    each(src, n, Access::Read, faults, |p, at, len| {
        // SAFETY: `p` is a page of the arena, `dst` the caller's; both have `len` bytes here.
        unsafe { core::ptr::copy(p, dst.add(at), len) }
    })
}

pub(super) unsafe fn copy_to_user(
    dst: UserAddr,
    src: *const u8,
    n: usize,
    faults: Faults,
) -> usize {
    each(dst, n, Access::Write, faults, |p, at, len| {
        // SAFETY: `p` is a page of the arena, `src` the caller's; both have `len` bytes here.
        unsafe { core::ptr::copy(src.add(at), p, len) }
    })
}

pub(super) fn zero_user(dst: UserAddr, n: usize, faults: Faults) -> usize {
    each(dst, n, Access::Write, faults, |p, _, len| {
        // SAFETY: `p` is a page of the arena with `len` bytes left.
        unsafe { core::ptr::write_bytes(p, 0, len) }
    })
}

pub(super) fn copy_cstr(dst: &mut [u8], src: UserAddr) -> usize {
    for (i, d) in dst.iter_mut().enumerate() {
        let Some(p) = reach(src.wrapping_add(i), Access::Read, Faults::Resolve) else {
            return usize::MAX;
        };
        // SAFETY: `p` is a byte of the arena.
        *d = unsafe { p.read_volatile() };
        if *d == 0 {
            return i;
        }
    }
    dst.len()
}

fn word(at: UserAddr, access: Access, faults: Faults) -> Option<&'static AtomicU32> {
    let p = reach(at, access, faults)?;
    // SAFETY: an aligned word of the arena, which lives for ever.
    Some(unsafe { &*p.cast::<AtomicU32>() })
}

pub(super) fn load(at: UserAddr, faults: Faults) -> Option<u32> {
    Some(word(at, Access::Read, faults)?.load(Ordering::SeqCst))
}

pub(super) fn store(at: UserAddr, value: u32, faults: Faults) -> Option<()> {
    word(at, Access::Write, faults)?.store(value, Ordering::SeqCst);
    Some(())
}

pub(super) fn cmpxchg(at: UserAddr, old: u32, new: u32, faults: Faults) -> Option<u32> {
    let w = word(at, Access::Write, faults)?;
    Some(
        w.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst)
            .unwrap_or_else(|v| v),
    )
}
