//! Reading and writing an object, and writing it back.

use core::ops::Range;

use abi::mman::Seals;
use abi::{Errno, Result};
use hal::{PAGE_SIZE, UFrame};

use super::{MemObject, PageError};
use crate::io::{IoDst, IoSrc};

const PAGE: u64 = PAGE_SIZE as u64;

/// The part of the page at `at` that `left` bytes from there touch: page, offset, length.
fn piece(at: u64, left: usize) -> (u64, usize, usize) {
    let offset = (at % PAGE) as usize;
    (at / PAGE, offset, left.min(PAGE_SIZE - offset))
}

impl MemObject {
    /// Copies from `at` up to the end of the object or of `dst`; how many bytes went. Fewer than
    /// both allow: a page of the program is missing, see [`IoDst::fault_in`]. May sleep.
    ///
    /// # Errors
    /// What the pager says, `ENOMEM`; only when nothing went.
    pub fn read_at(&self, at: u64, dst: &mut IoDst<'_>) -> Result<usize> {
        let mut done = 0;
        'again: loop {
            let inner = self.inner.read();
            let size = self.size();
            loop {
                let at = at.saturating_add(done as u64);
                let left = size.saturating_sub(at).min(dst.remaining() as u64) as usize;
                if left == 0 {
                    return Ok(done);
                }
                let (index, offset, len) = piece(at, left);
                let n = match inner.get(index) {
                    Some(page) => dst.put_frame(page.frame, offset, len),
                    None if self.pager.is_none() => dst.put_zeros(len),
                    None => {
                        drop(inner);
                        match self.bring_in(index) {
                            Ok(()) => continue 'again,
                            Err(_) if done > 0 => return Ok(done),
                            Err(e) => return Err(e.into()),
                        }
                    }
                };
                done += n;
                if n < len {
                    return Ok(done);
                }
            }
        }
    }

    /// Copies `src` in from `at` on, making the object larger as needed; how many bytes went.
    /// Fewer than `src` had: a page of the program is missing, see [`IoSrc::fault_in`]. May sleep.
    ///
    /// # Errors
    /// `EPERM` when sealed, `ENOSPC`, `ENOMEM`, what the pager says; only when nothing went.
    pub fn write_at(&self, at: u64, src: &mut IoSrc<'_>) -> Result<usize> {
        let mut done = 0;
        'again: loop {
            let mut inner = self.inner.write();
            let seals = self.seals();
            if seals.intersects(Seals::WRITE | Seals::FUTURE_WRITE) {
                return if done > 0 {
                    Ok(done)
                } else {
                    Err(Errno::EPERM)
                };
            }
            let outcome = loop {
                let at = at.saturating_add(done as u64);
                if src.remaining() == 0 {
                    break Ok(());
                }
                let (index, offset, len) = piece(at, src.remaining());
                let end = at + len as u64;
                if seals.contains(Seals::GROW) && end > self.size() {
                    break Err(Errno::EPERM);
                }
                let n = match inner.get(index) {
                    Some(page) => {
                        page.written();
                        src.take_frame(page.frame, offset, len)
                    }
                    // What the write leaves of a page within the size comes from the pager.
                    None if self.pager.is_some() && index * PAGE < self.size() => {
                        drop(inner);
                        match self.bring_in(index) {
                            Ok(()) => continue 'again,
                            Err(_) if done > 0 => return Ok(done),
                            Err(e) => return Err(e.into()),
                        }
                    }
                    None => match self.fill_hole(&mut inner, index, offset, len, src) {
                        Ok(n) => n,
                        Err(PageError::NoMemory) => {
                            drop(inner);
                            if crate::pressure::relieve() {
                                continue 'again;
                            }
                            return if done > 0 {
                                Ok(done)
                            } else {
                                Err(Errno::ENOMEM)
                            };
                        }
                        Err(e) => break Err(e.into()),
                    },
                };
                done += n;
                if n > 0 && at + n as u64 > self.size() {
                    self.set_size(at + n as u64);
                }
                if n < len {
                    break Ok(());
                }
            };
            return match outcome {
                Err(e) if done == 0 => Err(e),
                _ => Ok(done),
            };
        }
    }

    /// Makes page `index` from `len` bytes of `src` at `offset`, the rest zeroes.
    fn fill_hole(
        &self,
        inner: &mut super::Index,
        index: u64,
        offset: usize,
        len: usize,
        src: &mut IoSrc<'_>,
    ) -> core::result::Result<usize, PageError> {
        self.pay()?;
        let mut n = 0;
        let frame = UFrame::alloc_fill(offset, |frame| {
            n = src.take_frame(frame, offset, len);
            n
        });
        let Some(frame) = frame else {
            self.refund(1);
            return Err(PageError::NoMemory);
        };
        if n == 0 {
            self.refund(1);
            return Ok(0);
        }
        inner.insert(index, frame)?;
        if let Some(page) = inner.get(index) {
            page.mark_dirty();
        }
        Ok(n)
    }

    /// Writes changed pages of the byte range back (msync, fsync). May sleep.
    ///
    /// # Errors
    /// What the pager says.
    pub fn write_back(&self, range: Range<u64>) -> Result<()> {
        let Some(pager) = &self.pager else {
            return Ok(());
        };
        let end = range.end.div_ceil(PAGE);
        let mut at = range.start / PAGE;
        loop {
            let dirty = {
                let inner = self.inner.read();
                let Some(index) = inner.next_page(at..end) else {
                    return Ok(());
                };
                at = index + 1;
                // A page mapped for writing may change without a fault: it stays dirty.
                let stays = self.maps.lock().writable > 0;
                inner.get(index).and_then(|page| {
                    let dirty = page.take_dirty();
                    if dirty && stays {
                        page.mark_dirty();
                    }
                    dirty.then(|| (index, page.frame.clone()))
                })
            };
            if let Some((index, frame)) = dirty {
                pager.write_page(index, &frame)?;
            }
        }
    }

    /// Fills `bytes` from `at`; how many there were before the end. May sleep.
    ///
    /// # Errors
    /// As [`MemObject::read_at`].
    pub fn read_bytes(&self, at: u64, bytes: &mut [u8]) -> Result<usize> {
        self.read_at(at, &mut IoDst::kernel(bytes))
    }

    /// The first byte from `at` on that a page holds (`SEEK_DATA`); `None` when none does before
    /// the end.
    #[must_use]
    pub fn next_data(&self, at: u64) -> Option<u64> {
        let inner = self.inner.read();
        let size = self.size();
        if self.pager.is_some() {
            return (at < size).then_some(at);
        }
        let index = inner.next_page(at / PAGE..size.div_ceil(PAGE))?;
        Some((index * PAGE).max(at))
    }

    /// The first byte from `at` on that no page holds (`SEEK_HOLE`): at the end there is one.
    #[must_use]
    pub fn next_hole(&self, at: u64) -> Option<u64> {
        let inner = self.inner.read();
        let size = self.size();
        if at >= size {
            return None;
        }
        if self.pager.is_some() {
            return Some(size);
        }
        let mut index = at / PAGE;
        while index * PAGE < size && inner.get(index).is_some() {
            index += 1;
        }
        Some((index * PAGE).max(at).min(size))
    }
}
