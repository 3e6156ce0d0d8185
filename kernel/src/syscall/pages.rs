//! Stretches of pages on their way from one file to another.

use abi::Result;
use arrayvec::ArrayVec;
use hal::UserAddr;
use hal::ucopy::UserSlice;
use hal::{Access, PAGE_SIZE, UFrame};
use mm::MemObject;
use mm::io::IoSrc;
use vfs::pipe::Slot;

/// Pages moved at once.
pub const MOST: usize = 16;

/// Some pages, shared with whoever else has them, and what of them is meant.
#[derive(Default)]
pub struct Pages {
    frames: ArrayVec<UFrame, MOST>,
    pieces: ArrayVec<UserSlice, MOST>,
}

impl Pages {
    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.pieces.is_full()
    }

    /// Adds a stretch, unless it is full.
    pub fn push(&mut self, frame: UFrame, offset: usize, len: usize) {
        if self.frames.try_push(frame).is_ok() {
            let _ = self.pieces.try_push(UserSlice::new(UserAddr(offset), len));
        }
    }

    /// What `object` has from `at` on, at most `len` bytes, as far as there is room; how many bytes.
    ///
    /// # Errors
    /// What the pager says, `ENOMEM`; only when nothing was added.
    pub fn add(&mut self, object: &MemObject, at: u64, len: usize) -> Result<usize> {
        let mut added = 0;
        while added < len && !self.is_full() {
            match of_object(object, at + added as u64, len - added) {
                Ok(Some((frame, offset, len))) => {
                    self.push(frame, offset, len);
                    added += len;
                }
                Ok(None) => break,
                Err(error) if added == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(added)
    }

    /// The bytes, to be written.
    pub fn source(&self) -> IoSrc<'_> {
        IoSrc::frames(&self.frames, &self.pieces)
    }
}

/// The page of a file at `at`, shared, and what of it there is: offset and length. A page of zeroes stands
/// for a hole; `None` is the end.
fn of_object(object: &MemObject, at: u64, most: usize) -> Result<Option<(UFrame, usize, usize)>> {
    let left = object.size().saturating_sub(at);
    if left == 0 {
        return Ok(None);
    }
    let (index, offset) = (at / PAGE_SIZE as u64, (at % PAGE_SIZE as u64) as usize);
    let len = most.min(PAGE_SIZE - offset);
    let len = usize::try_from(left).map_or(len, |left| len.min(left));
    let frame = if object.has_page(index) || !object.is_memory_only() {
        object.get_page(index, Access::Read)?
    } else {
        UFrame::alloc_zeroed().ok_or(abi::Errno::ENOMEM)?
    };
    Ok(Some((frame, offset, len)))
}

/// The same for a pipe.
///
/// # Errors
/// What the pager says, `ENOMEM`.
pub fn slot_of(object: &MemObject, at: u64, most: usize) -> Result<Option<Slot>> {
    let page = of_object(object, at, most)?;
    Ok(page.map(|(frame, offset, len)| Slot::of(frame, offset, len)))
}
