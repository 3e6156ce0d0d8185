//! RAM that came filled (the initial ramdisk): read, taken over page by page, the rest freed.

use super::pool;
use super::uframe::UFrame;
use crate::addr::{PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, PhysAddr};

/// A filled range of RAM that nobody else uses. What is neither taken nor skipped is freed at drop.
#[derive(Debug)]
pub struct Reserved {
    /// Next byte, and the first past the end, as physical addresses.
    at: u64,
    end: u64,
}

impl Reserved {
    #[cfg_attr(
        not(target_os = "none"),
        allow(dead_code, reason = "the host machine is given no ramdisk")
    )]
    /// # Safety
    /// The range is RAM in the linear map, covered by the pool's metadata, that nobody else uses;
    /// the rest of its first and last page neither.
    pub(crate) unsafe fn new(start: PhysAddr, end: PhysAddr) -> Reserved {
        Reserved {
            at: start.0,
            end: end.0.max(start.0),
        }
    }

    /// The bytes from the current position on.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let page = pool::linear((self.at >> PAGE_SHIFT) as u32);
        // SAFETY: the range is owned and only read; pages taken out lie before `at`.
        unsafe {
            core::slice::from_raw_parts(
                page.add(self.at as usize & PAGE_MASK),
                (self.end - self.at) as usize,
            )
        }
    }

    /// Whether the current position starts a page.
    #[must_use]
    pub fn is_page_aligned(&self) -> bool {
        self.at as usize & PAGE_MASK == 0
    }

    /// Takes the whole page at the current position; `None` when it is not on a page boundary or
    /// nothing is left. Bytes of a last page past the end of the range are cleared.
    pub fn take_page(&mut self) -> Option<UFrame> {
        if !self.is_page_aligned() || self.at >= self.end {
            return None;
        }
        let frame = UFrame::adopt((self.at >> PAGE_SHIFT) as u32)?;
        let left = self.end - self.at;
        if left < PAGE_SIZE as u64 {
            frame.zero_range(left as usize, PAGE_SIZE);
            self.at = self.end;
            // The page is gone: `drop` must not free it again.
            self.end = self.end.next_multiple_of(PAGE_SIZE as u64);
            self.at = self.end;
        } else {
            self.at += PAGE_SIZE as u64;
        }
        Some(frame)
    }

    /// Steps over `n` bytes and frees the pages that lie wholly behind.
    pub fn skip(&mut self, n: usize) {
        let to = self.at.saturating_add(n as u64).min(self.end);
        self.free_up_to(to);
        self.at = to;
    }

    /// Frees the pages between the current position and `to`.
    fn free_up_to(&mut self, to: u64) {
        let (first, last) = (self.at >> PAGE_SHIFT, to >> PAGE_SHIFT);
        if last > first {
            pool::give_run(first as u32, (last - first) as usize);
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.free_up_to(self.end.next_multiple_of(PAGE_SIZE as u64));
    }
}
