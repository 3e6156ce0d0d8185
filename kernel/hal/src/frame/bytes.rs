//! Moving whole pages and pieces of pages in the linear map.

use crate::addr::PAGE_SIZE;

/// Copies `n` bytes. On the machine this is a call into assembly, so a program that writes the
/// same page at the same time changes bytes and nothing else.
///
/// # Safety
/// Both ranges are mapped; they do not overlap.
#[inline(always)]
pub(crate) unsafe fn copy_bytes(dst: *mut u8, src: *const u8, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { machine::copy(dst, src, n) };
}

/// Clears `n` bytes.
///
/// # Safety
/// The range is mapped.
#[inline(always)]
pub(crate) unsafe fn zero_bytes(dst: *mut u8, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { machine::zero(dst, n) }
}

/// Clears the page at `page`, a page of the linear map that the caller owns or shares.
#[inline(always)]
pub(crate) fn zero_page(page: *mut u8) {
    // SAFETY: pages of the linear map are mapped; only their bytes change.
    unsafe { machine::zero_page(page) }
}

/// Copies a page of the linear map onto another.
#[inline(always)]
pub(crate) fn copy_page(dst: *mut u8, src: *const u8) {
    // SAFETY: as in `zero_page`; two pages never overlap partly.
    unsafe { machine::copy(dst, src, PAGE_SIZE) };
}

#[cfg(target_os = "none")]
mod machine {
    core::arch::global_asm!(include_str!("bytes.s"));

    unsafe extern "C" {
        #[link_name = "memcpy"]
        pub(super) fn copy(dst: *mut u8, src: *const u8, n: usize) -> *mut u8;
        #[link_name = "nacre_zero"]
        pub(super) fn zero(dst: *mut u8, n: usize);
        #[link_name = "nacre_zero_page"]
        pub(super) fn zero_page(page: *mut u8);
    }
}

#[cfg(not(target_os = "none"))]
mod machine {
    use super::PAGE_SIZE;

    pub(super) unsafe fn copy(dst: *mut u8, src: *const u8, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { core::ptr::copy(src, dst, n) }
    }

    pub(super) unsafe fn zero(dst: *mut u8, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { core::ptr::write_bytes(dst, 0, n) }
    }

    pub(super) unsafe fn zero_page(page: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { core::ptr::write_bytes(page, 0, PAGE_SIZE) }
    }
}
