//! `FrameRun`: frames the kernel alone owns.

use core::sync::atomic::Ordering;

use super::bytes::zero_page;
use super::pool::{self, Purpose, map};
use super::uframe::UFrame;
use crate::addr::{PAGE_SHIFT, PAGE_SIZE, PhysAddr};

/// Frames in a row that belong to the kernel alone: tables, DMA memory, stacks.
#[derive(Debug)]
pub struct FrameRun {
    pfn: u32,
    count: u32,
}

impl FrameRun {
    /// `count` zeroed frames in a row, aligned to the next power of two of `count`.
    #[must_use]
    pub fn alloc(count: usize) -> Option<FrameRun> {
        let run = Self::alloc_dirty(count)?;
        for pfn in run.pfn..run.pfn + run.count {
            zero_page(pool::linear(pfn));
        }
        Some(run)
    }

    /// As [`FrameRun::alloc`], with the last owner's bytes still in.
    #[must_use]
    pub fn alloc_dirty(count: usize) -> Option<FrameRun> {
        let pfn = match count {
            0 => return None,
            1 => pool::take(Purpose::Kernel)?,
            _ => pool::take_run(count)?,
        };
        Some(FrameRun {
            pfn,
            count: u32::try_from(count).ok()?,
        })
    }

    /// Frames in the run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Where the run begins.
    #[must_use]
    pub fn phys(&self) -> PhysAddr {
        PhysAddr(u64::from(self.pfn) << PAGE_SHIFT)
    }

    /// The run in the linear map.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        pool::linear(self.pfn)
    }

    /// The bytes of the run.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the run is owned, mapped and written only through `&mut self`.
        unsafe { core::slice::from_raw_parts(self.as_ptr(), self.count() * PAGE_SIZE) }
    }

    /// The bytes of the run, to write.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: the run is owned and `self` is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(self.as_ptr(), self.count() * PAGE_SIZE) }
    }

    /// Turns the run into pages that programs may hold.
    pub fn into_uframes(self) -> impl Iterator<Item = UFrame> {
        let (pfn, count) = (self.pfn, self.count);
        core::mem::forget(self);
        (pfn..pfn + count).filter_map(UFrame::adopt)
    }

    /// Gives up ownership; [`FrameRun::from_raw`] takes it back.
    pub(crate) fn into_raw(self) -> u32 {
        let pfn = self.pfn;
        core::mem::forget(self);
        pfn
    }

    /// # Safety
    /// `pfn` and `count` are those of a run given up by `into_raw`, once.
    pub(crate) unsafe fn from_raw(pfn: u32, count: u32) -> FrameRun {
        FrameRun { pfn, count }
    }
}

impl Drop for FrameRun {
    fn drop(&mut self) {
        map().word(self.pfn).store(0, Ordering::Relaxed);
        if self.count == 1 {
            pool::give(self.pfn);
        } else {
            pool::give_run(self.pfn, self.count());
        }
    }
}
