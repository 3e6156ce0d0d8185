//! Changing what an object has: truncation, holes, allocation.

use core::ops::Range;
use core::sync::atomic::Ordering;

use abi::mman::Seals;
use abi::{Errno, Result};
use hal::{PAGE_SIZE, UFrame};

use super::{END_OF_PAGES, Index, MemObject, PageError};

const PAGE: u64 = PAGE_SIZE as u64;

impl MemObject {
    pub(super) fn set_size(&self, size: u64) {
        self.size.store(size, Ordering::Release);
    }

    /// Makes the object `size` bytes long: what lies past it is gone, also for who has it mapped;
    /// what is new reads as zeroes. May sleep.
    ///
    /// # Errors
    /// `EPERM` when a seal forbids it.
    pub fn truncate(&self, size: u64) -> Result<()> {
        let mut inner = self.inner.write();
        let old = self.size();
        let seals = self.seals();
        if size < old && seals.contains(Seals::SHRINK) || size > old && seals.contains(Seals::GROW)
        {
            return Err(Errno::EPERM);
        }
        self.set_size(size);
        if size < old {
            let first = size.div_ceil(PAGE);
            // Private copies past the end go too.
            self.maps.lock().unmap(first..END_OF_PAGES, true);
            if !size.is_multiple_of(PAGE)
                && let Some(page) = inner.get(size / PAGE)
            {
                page.frame.zero_range((size % PAGE) as usize, PAGE_SIZE);
                page.written();
            }
            self.discard(&mut inner, first..END_OF_PAGES);
        }
        Ok(())
    }

    /// Drops the pages, which nobody maps any more.
    fn discard(&self, inner: &mut Index, pages: Range<u64>) {
        let n = inner.remove(pages, |_, frame| drop(frame));
        self.refund(n);
    }

    /// Makes the bytes of `range` zero and gives whole pages back (`FALLOC_FL_PUNCH_HOLE`). The
    /// size stays. May sleep.
    ///
    /// # Errors
    /// `EPERM` when sealed against writes.
    pub fn punch_hole(&self, range: Range<u64>) -> Result<()> {
        let mut inner = self.inner.write();
        if self.seals().intersects(Seals::WRITE | Seals::FUTURE_WRITE) {
            return Err(Errno::EPERM);
        }
        let (first, last) = (range.start.div_ceil(PAGE), range.end / PAGE);
        let clear = |from: u64, to: u64| {
            if from < to
                && let Some(page) = inner.get(from / PAGE)
            {
                page.frame
                    .zero_range((from % PAGE) as usize, (to - from) as usize);
                page.written();
            }
        };
        if first > last {
            // Within one page.
            clear(range.start, range.end);
            return Ok(());
        }
        clear(range.start, (first * PAGE).min(range.end));
        clear((last * PAGE).max(range.start), range.end);
        if first < last {
            self.maps.lock().unmap(first..last, false);
            self.discard(&mut inner, first..last);
        }
        Ok(())
    }

    /// Makes the pages of `range` be there, and the object reach its end unless `keep_size`
    /// (`fallocate`). May sleep.
    ///
    /// # Errors
    /// `EPERM` when sealed, `ENOSPC`, `ENOMEM`; pages made before the error are given back.
    pub fn allocate(&self, range: Range<u64>, keep_size: bool) -> Result<()> {
        let mut inner = self.inner.write();
        if range.end > self.size() && self.seals().contains(Seals::GROW) {
            return Err(Errno::EPERM);
        }
        let (first, last) = (range.start / PAGE, range.end.div_ceil(PAGE));
        if self.pager.is_none() {
            let mut made = alloc::vec::Vec::new();
            for index in first..last {
                if inner.get(index).is_some() {
                    continue;
                }
                if let Err(e) = self.make(&mut inner, index, &mut made) {
                    for index in made {
                        self.discard(&mut inner, index..index + 1);
                    }
                    return Err(e.into());
                }
            }
        }
        if !keep_size && range.end > self.size() {
            self.set_size(range.end);
        }
        Ok(())
    }

    fn make(
        &self,
        inner: &mut Index,
        index: u64,
        made: &mut alloc::vec::Vec<u64>,
    ) -> core::result::Result<(), PageError> {
        made.try_reserve(1).map_err(|_| PageError::NoMemory)?;
        self.pay()?;
        let frame = UFrame::alloc_zeroed();
        let inserted = frame
            .ok_or(PageError::NoMemory)
            .and_then(|f| inner.insert(index, f));
        if let Err(e) = inserted {
            self.refund(1);
            return Err(e);
        }
        made.push(index);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{IoDst, IoSrc};

    fn write(o: &MemObject, at: u64, bytes: &[u8]) -> usize {
        o.write_at(at, &mut IoSrc::kernel(bytes)).unwrap()
    }

    fn read(o: &MemObject, at: u64, n: usize) -> Vec<u8> {
        let mut buf = vec![0xaa; n];
        let got = o.read_at(at, &mut IoDst::kernel(&mut buf)).unwrap();
        buf.truncate(got);
        buf
    }

    #[test]
    fn a_shrunk_tail_reads_as_zeroes_when_grown_again() {
        let o = MemObject::new_anon(0);
        assert_eq!(write(&o, 4000, &[7; 200]), 200);
        assert_eq!(o.size(), 4200);
        o.truncate(4010).unwrap();
        o.truncate(9000).unwrap();
        let got = read(&o, 4000, 5000);
        assert_eq!(&got[..10], &[7; 10]);
        assert!(got[10..].iter().all(|&b| b == 0));
        assert_eq!(o.resident_pages(), 1);
        assert_eq!(o.next_hole(0), Some(4096));
        assert_eq!(o.next_data(4096), None);
    }

    #[test]
    fn a_hole_clears_its_edges_and_frees_its_pages() {
        let o = MemObject::new_anon(0);
        write(&o, 0, &[1; 4 * 4096]);
        o.punch_hole(100..3 * 4096 + 5).unwrap();
        assert_eq!(o.resident_pages(), 2);
        let got = read(&o, 0, 4 * 4096);
        assert!(got[..100].iter().all(|&b| b == 1));
        assert!(got[100..3 * 4096 + 5].iter().all(|&b| b == 0));
        assert!(got[3 * 4096 + 5..].iter().all(|&b| b == 1));
        o.punch_hole(10..20).unwrap();
        assert_eq!(&read(&o, 9, 3), &[1, 0, 0]);
    }

    #[test]
    fn a_quota_bounds_and_gets_its_pages_back() {
        use std::sync::atomic::AtomicUsize;
        struct Q(AtomicUsize);
        impl crate::Quota for Q {
            fn take(&self, n: usize) -> bool {
                self.0
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |v| v.checked_sub(n))
                    .is_ok()
            }
            fn give(&self, n: usize) {
                self.0.fetch_add(n, Ordering::SeqCst);
            }
        }
        let q = std::sync::Arc::new(Q(AtomicUsize::new(3)));
        let o = MemObject::with_quota(0, q.clone());
        assert_eq!(write(&o, 0, &[1; 5 * 4096]), 3 * 4096);
        assert_eq!(
            o.write_at(3 * 4096, &mut IoSrc::kernel(b"x")),
            Err(Errno::ENOSPC)
        );
        assert_eq!(o.allocate(0..4 * 4096, false), Err(Errno::ENOSPC));
        o.truncate(4096).unwrap();
        assert_eq!(q.0.load(Ordering::SeqCst), 2);
        drop(o);
        assert_eq!(q.0.load(Ordering::SeqCst), 3);
    }
}
