//! Copies between the kernel and the current program's memory.
//!
//! Each comes in two forms. The plain one has a missing page brought in through the `page_fault`
//! hook and so may sleep. The `_nofault` one stops at the first page that is not there and may run
//! under locks. Both are range-checked once, copy exactly up to the first byte that cannot be
//! reached, and return `Err(done)` with the count of bytes that went.
//! A copy costs about 0.15 instructions a byte and 20 to start.

#[cfg(target_os = "none")]
#[path = "aarch64.rs"]
mod machine;
#[cfg(not(target_os = "none"))]
#[path = "host.rs"]
mod machine;
mod uptr;
mod words;

#[cfg(target_os = "none")]
#[allow(unused_imports, reason = "the trap handler and start-up use them")]
pub(crate) use machine::{Fixup, fixup, init};
pub use uptr::{UserPtr, UserSlice};
pub use words::{
    cmpxchg_u32, cmpxchg_u32_nofault, load_u32, load_u32_nofault, store_u32, store_u32_nofault,
};

use crate::addr::{PAGE_SIZE, UserAddr};
use crate::frame::UFrame;
use crate::user::Access;

/// Whether a routine may have a page brought in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Faults {
    Resolve,
    Stop,
}

/// `n` bytes wanted, `left` of them not copied.
fn outcome(n: usize, left: usize) -> Result<(), usize> {
    if left == 0 { Ok(()) } else { Err(n - left) }
}

/// # Safety
/// `dst` is writable for `n` bytes.
#[inline]
unsafe fn read_user(dst: *mut u8, src: UserAddr, n: usize, faults: Faults) -> Result<(), usize> {
    if !src.in_user_range(n) {
        return Err(0);
    }
    // SAFETY: the caller's promise for `dst`; the user range is checked and faults are fixed up.
    outcome(n, unsafe { machine::copy_from_user(dst, src, n, faults) })
}

/// # Safety
/// `src` is readable for `n` bytes.
#[inline]
unsafe fn write_user(dst: UserAddr, src: *const u8, n: usize, faults: Faults) -> Result<(), usize> {
    if !dst.in_user_range(n) {
        return Err(0);
    }
    // SAFETY: the caller's promise for `src`; the user range is checked and faults are fixed up.
    outcome(n, unsafe { machine::copy_to_user(dst, src, n, faults) })
}

/// Fills `dst` from user memory. May sleep.
///
/// # Errors
/// The count of bytes copied before the first that could not be read.
#[inline]
pub fn copy_in(dst: &mut [u8], src: UserAddr) -> Result<(), usize> {
    // SAFETY: a slice is writable for its length.
    unsafe { read_user(dst.as_mut_ptr(), src, dst.len(), Faults::Resolve) }
}

/// As [`copy_in`], stopping at the first page that is not there. Never sleeps.
///
/// # Errors
/// The count of bytes copied.
#[inline]
pub fn copy_in_nofault(dst: &mut [u8], src: UserAddr) -> Result<(), usize> {
    // SAFETY: a slice is writable for its length.
    unsafe { read_user(dst.as_mut_ptr(), src, dst.len(), Faults::Stop) }
}

/// Copies `src` to user memory. May sleep.
///
/// # Errors
/// The count of bytes copied before the first that could not be written.
#[inline]
pub fn copy_out(dst: UserAddr, src: &[u8]) -> Result<(), usize> {
    // SAFETY: a slice is readable for its length.
    unsafe { write_user(dst, src.as_ptr(), src.len(), Faults::Resolve) }
}

/// As [`copy_out`], stopping at the first page that is not there. Never sleeps.
///
/// # Errors
/// The count of bytes copied.
#[inline]
pub fn copy_out_nofault(dst: UserAddr, src: &[u8]) -> Result<(), usize> {
    // SAFETY: a slice is readable for its length.
    unsafe { write_user(dst, src.as_ptr(), src.len(), Faults::Stop) }
}

/// Clears `len` bytes of user memory. May sleep.
///
/// # Errors
/// The count of bytes cleared.
pub fn zero_out(dst: UserAddr, len: usize) -> Result<(), usize> {
    zero(dst, len, Faults::Resolve)
}

/// As [`zero_out`], stopping at the first page that is not there. Never sleeps.
///
/// # Errors
/// The count of bytes cleared.
pub fn zero_out_nofault(dst: UserAddr, len: usize) -> Result<(), usize> {
    zero(dst, len, Faults::Stop)
}

fn zero(dst: UserAddr, len: usize, faults: Faults) -> Result<(), usize> {
    if !dst.in_user_range(len) {
        return Err(0);
    }
    outcome(len, machine::zero_user(dst, len, faults))
}

/// `len` cut to what the page has from `offset`.
fn within_page(offset: usize, len: usize) -> usize {
    len.min(PAGE_SIZE.saturating_sub(offset))
}

/// Copies up to `len` bytes of user memory into `frame` at `offset`, at most to the page's end.
/// Never sleeps.
///
/// # Errors
/// The count of bytes copied before the first page that is not there.
#[inline]
pub fn copy_in_frame_nofault(
    frame: &UFrame,
    offset: usize,
    src: UserAddr,
    len: usize,
) -> Result<(), usize> {
    let n = within_page(offset, len);
    // SAFETY: `offset + n` is within the page, whose bytes anybody may change.
    unsafe { read_user(frame.bytes().wrapping_add(offset), src, n, Faults::Stop) }
}

/// Copies up to `len` bytes of `frame` from `offset` to user memory. Never sleeps.
///
/// # Errors
/// The count of bytes copied before the first page that is not there.
#[inline]
pub fn copy_out_frame_nofault(
    dst: UserAddr,
    frame: &UFrame,
    offset: usize,
    len: usize,
) -> Result<(), usize> {
    let n = within_page(offset, len);
    // SAFETY: `offset + n` is within the page.
    unsafe { write_user(dst, frame.bytes().wrapping_add(offset), n, Faults::Stop) }
}

/// As [`copy_in_frame_nofault`], bringing pages in. May sleep.
///
/// # Errors
/// The count of bytes copied.
pub fn copy_in_frame(
    frame: &UFrame,
    offset: usize,
    src: UserAddr,
    len: usize,
) -> Result<(), usize> {
    let n = within_page(offset, len);
    // SAFETY: as in `copy_in_frame_nofault`.
    unsafe { read_user(frame.bytes().wrapping_add(offset), src, n, Faults::Resolve) }
}

/// As [`copy_out_frame_nofault`], bringing pages in. May sleep.
///
/// # Errors
/// The count of bytes copied.
pub fn copy_out_frame(
    dst: UserAddr,
    frame: &UFrame,
    offset: usize,
    len: usize,
) -> Result<(), usize> {
    let n = within_page(offset, len);
    // SAFETY: as in `copy_out_frame_nofault`.
    unsafe { write_user(dst, frame.bytes().wrapping_add(offset), n, Faults::Resolve) }
}

/// Brings the page at `addr` in for `access`; `false` when the program may not do that there.
/// May sleep.
#[must_use]
pub fn fault_in(addr: UserAddr, access: Access) -> bool {
    addr.in_user_range(1) && crate::hooks::page_fault(addr, access)
}

/// Reads a string up to its NUL into `dst`: its length, or `dst.len()` when no NUL stands in that
/// many bytes. May sleep.
///
/// # Errors
/// The string reaches memory that cannot be read.
pub fn read_cstr(src: UserAddr, dst: &mut [u8]) -> Result<usize, Unreadable> {
    if !src.in_user_range(1) {
        return Err(Unreadable);
    }
    let room = dst.len().min(crate::addr::USER_END - src.0);
    let n = dst
        .get_mut(..room)
        .map_or(0, |d| machine::copy_cstr(d, src));
    if n > room || (n == room && room < dst.len()) {
        Err(Unreadable)
    } else {
        Ok(n)
    }
}

/// User memory that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;
