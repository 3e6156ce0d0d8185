//! `UFrame`: a counted page of bytes that a program may also hold.

use core::num::NonZeroU32;
use core::sync::atomic::{Ordering, fence};

use super::bytes::{copy_bytes, copy_page, zero_bytes, zero_page};
use super::pool::{self, Purpose, map};
use crate::addr::{PAGE_SHIFT, PAGE_SIZE, PhysAddr};

/// A counted handle of a 4 KiB page of bytes. Programs may write the page at any moment, so its
/// bytes are only ever copied in and out; no reference into it exists.
#[derive(PartialEq, Eq)]
#[repr(transparent)]
pub struct UFrame(NonZeroU32);

impl UFrame {
    /// A page of zeros; `None` when no memory is left for programs. ~170 instructions, never sleeps.
    #[inline]
    #[must_use]
    pub fn alloc_zeroed() -> Option<UFrame> {
        let frame = Self::alloc_dirty()?;
        zero_page(frame.bytes());
        Some(frame)
    }

    /// A new page with the bytes of `self`.
    #[inline]
    #[must_use]
    pub fn alloc_copy(&self) -> Option<UFrame> {
        let frame = Self::alloc_dirty()?;
        copy_page(frame.bytes(), self.bytes());
        Some(frame)
    }

    /// A page that `fill` writes from `offset` on; it returns how many bytes it wrote, and all
    /// others are cleared. Saves clearing what is overwritten at once.
    #[must_use]
    pub fn alloc_fill(offset: usize, fill: impl FnOnce(&UFrame) -> usize) -> Option<UFrame> {
        let frame = Self::alloc_dirty()?;
        let end = offset.saturating_add(fill(&frame));
        if offset > 0 {
            frame.zero_range(0, offset);
        }
        frame.zero_range(end, PAGE_SIZE);
        Some(frame)
    }

    /// A page whose bytes are its last owner's: for who lets nobody see a byte that he has not written.
    #[inline]
    #[must_use]
    pub fn alloc_dirty() -> Option<UFrame> {
        #[cfg(not(target_os = "none"))]
        if crate::shortage::refuses() {
            return None;
        }
        let pfn = pool::take(Purpose::User)?;
        map().word(pfn).store(1, Ordering::Relaxed);
        NonZeroU32::new(pfn).map(UFrame)
    }

    /// `count` zeroed pages that lie in a row, for devices that want their memory whole. What is kept for the kernel's own
    /// objects is not touched.
    #[must_use]
    pub fn alloc_contiguous(count: usize) -> Option<alloc::vec::Vec<UFrame>> {
        let mut frames = alloc::vec::Vec::new();
        frames.try_reserve_exact(count).ok()?;
        if pool::free_count() < count.checked_add(pool::reserve())? {
            return None;
        }
        let first = pool::take_run(count)?;
        for pfn in first..first + count as u32 {
            map().word(pfn).store(1, Ordering::Relaxed);
            zero_page(pool::linear(pfn));
            frames.extend(NonZeroU32::new(pfn).map(UFrame));
        }
        Some(frames)
    }

    /// Takes over a frame that has no owner and whose word is zero.
    pub(crate) fn adopt(pfn: u32) -> Option<UFrame> {
        map().word(pfn).store(1, Ordering::Relaxed);
        NonZeroU32::new(pfn).map(UFrame)
    }

    /// How many handles of this page exist. Exact only for who can keep others from cloning.
    #[inline]
    #[must_use]
    pub fn refcount(&self) -> u32 {
        map().word(self.0.get()).load(Ordering::Acquire)
    }

    /// Where the page lies.
    #[inline]
    #[must_use]
    pub fn phys(&self) -> PhysAddr {
        PhysAddr(u64::from(self.0.get()) << PAGE_SHIFT)
    }

    #[inline(always)]
    pub(crate) fn pfn(&self) -> u32 {
        self.0.get()
    }

    /// The page in the linear map.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> *mut u8 {
        pool::linear(self.0.get())
    }

    /// Gives the handle's count to a page table entry.
    #[inline(always)]
    pub(crate) fn into_pfn(self) -> u32 {
        let pfn = self.0.get();
        core::mem::forget(self);
        pfn
    }

    /// The handle whose count a page table entry held.
    ///
    /// # Safety
    /// `pfn` came from [`UFrame::into_pfn`] and this count was not taken back before.
    #[inline(always)]
    pub(crate) unsafe fn from_pfn(pfn: u32) -> UFrame {
        // SAFETY: frame numbers are never 0.
        UFrame(unsafe { NonZeroU32::new_unchecked(pfn) })
    }

    /// One more handle of a frame that somebody holds right now.
    ///
    /// # Safety
    /// `pfn` is a counted frame whose count cannot fall to zero during the call.
    #[inline(always)]
    pub(crate) unsafe fn share(pfn: u32) -> UFrame {
        map().word(pfn).fetch_add(1, Ordering::Relaxed);
        // SAFETY: frame numbers are never 0.
        UFrame(unsafe { NonZeroU32::new_unchecked(pfn) })
    }

    /// Copies from the page at `offset`, as much as the page has; returns how much.
    pub fn read(&self, offset: usize, dst: &mut [u8]) -> usize {
        let n = dst.len().min(PAGE_SIZE.saturating_sub(offset));
        if n > 0 {
            // SAFETY: `offset + n` is within the page and `dst` is ours; racing writers of the
            // page change bytes, never validity.
            unsafe { copy_bytes(dst.as_mut_ptr(), self.bytes().add(offset), n) };
        }
        n
    }

    /// Copies into the page at `offset`, as much as fits; returns how much.
    pub fn write(&self, offset: usize, src: &[u8]) -> usize {
        let n = src.len().min(PAGE_SIZE.saturating_sub(offset));
        if n > 0 {
            // SAFETY: as in `read`.
            unsafe { copy_bytes(self.bytes().add(offset), src.as_ptr(), n) };
        }
        n
    }

    /// Takes over all bytes of `from`.
    pub fn copy_from(&self, from: &UFrame) {
        if self != from {
            copy_page(self.bytes(), from.bytes());
        }
    }

    /// Copies `len` bytes between two pages, as far as both reach; returns how many.
    pub fn copy_range(
        &self,
        offset: usize,
        from: &UFrame,
        from_offset: usize,
        len: usize,
    ) -> usize {
        let n = len
            .min(PAGE_SIZE.saturating_sub(offset))
            .min(PAGE_SIZE.saturating_sub(from_offset));
        if n > 0 && self != from {
            // SAFETY: both ranges lie within their pages.
            unsafe { copy_bytes(self.bytes().add(offset), from.bytes().add(from_offset), n) };
        }
        n
    }

    /// Clears `len` bytes from `offset`, as far as the page reaches.
    pub fn zero_range(&self, offset: usize, len: usize) {
        let n = len.min(PAGE_SIZE.saturating_sub(offset));
        if n == PAGE_SIZE {
            zero_page(self.bytes());
        } else if n > 0 {
            // SAFETY: the range lies within the page.
            unsafe { zero_bytes(self.bytes().add(offset), n) };
        }
    }
}

impl Clone for UFrame {
    #[inline]
    fn clone(&self) -> Self {
        map().word(self.0.get()).fetch_add(1, Ordering::Relaxed);
        UFrame(self.0)
    }
}

impl Drop for UFrame {
    #[inline]
    fn drop(&mut self) {
        let pfn = self.0.get();
        let word = map().word(pfn);
        // The only handle needs no read-modify-write: nobody is left who could clone it.
        if word.load(Ordering::Acquire) != 1 {
            if word.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        word.store(0, Ordering::Relaxed);
        pool::give(pfn);
    }
}

impl core::fmt::Debug for UFrame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "UFrame({:#x})", self.phys().0)
    }
}
