//! Memory for pictures ("dumb buffers"), and pictures of the device made of it.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use hal::{PAGE_SIZE, UFrame};
use mm::MemObject;
use sync::SortedMap;
use sync::{SpinLock, rank};

use super::engine::{Engine, Op};
use super::rect::Rect;

/// Bytes a pixel of every picture has.
pub const PIXEL: u32 = 4;

/// Pages asked for in a row at most: the fewer pieces, the cheaper for the device.
const PIECE: usize = 256;

/// Largest buffer: its place in the card's offsets is as large.
const MOST: u64 = 1 << 32;

static NEXT_PLACE: AtomicU32 = AtomicU32::new(1);

/// The places of all buffers there are.
static PLACES: SpinLock<SortedMap<u32, ()>, { rank::LEAF }> = SpinLock::new(SortedMap::new());

/// Pages of all buffers there are.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Pages a buffer has of those that all buffers together may have: half of the machine's, as file systems in memory.
struct Share(usize);

impl Share {
    fn take(pages: usize) -> Result<Self> {
        let share = Self(pages);
        let before = TAKEN.fetch_add(pages, Ordering::Relaxed);
        if before.saturating_add(pages) > hal::frame::total() / 2 {
            return Err(Errno::ENOMEM);
        }
        Ok(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        TAKEN.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Memory for a picture. Programs map it, the device fetches from it: both see the same frames, which stay as long
/// as the buffer.
pub struct Buffer {
    object: Arc<MemObject>,
    frames: Vec<UFrame>,
    size: u64,
    /// Where the card's file shows it, in units of [`MOST`].
    place: u32,
    _share: Share,
}

impl Buffer {
    /// Zeroed memory of `size` bytes, rounded up to pages.
    ///
    /// # Errors
    /// `ENOMEM`: there is too little, or buffers have half of it.
    pub fn new(size: u64) -> Result<Arc<Self>> {
        let pages = size.div_ceil(PAGE_SIZE as u64);
        let size = pages * PAGE_SIZE as u64;
        if size == 0 || size > MOST {
            return Err(Errno::ENOMEM);
        }
        let pages = usize::try_from(pages).map_err(|_| Errno::ENOMEM)?;
        let share = Share::take(pages)?;
        let mut frames = Vec::new();
        frames.try_reserve_exact(pages).map_err(|_| Errno::ENOMEM)?;
        let mut piece = PIECE;
        while frames.len() < pages {
            let want = piece.min(pages - frames.len());
            match UFrame::alloc_contiguous(want) {
                Some(row) => frames.extend(row),
                None if want > 1 => piece = want / 2,
                None => frames.push(UFrame::alloc_zeroed().ok_or(Errno::ENOMEM)?),
            }
        }
        let object = MemObject::new_anon(size);
        for (index, frame) in (0..).zip(&frames) {
            object.insert_frame(index, frame.clone())?;
        }
        let place = NEXT_PLACE.fetch_add(1, Ordering::Relaxed);
        PLACES.lock().insert(place, ());
        Ok(Arc::new(Self {
            object,
            frames,
            size,
            place,
            _share: share,
        }))
    }

    /// Whether a buffer, anybody's, is at an offset of the card's file.
    #[must_use]
    pub fn is_at(offset: u64) -> bool {
        let place = u32::try_from(offset / MOST);
        offset.is_multiple_of(MOST) && place.is_ok_and(|place| PLACES.lock().contains_key(&place))
    }

    /// Its memory, to be mapped.
    #[must_use]
    pub fn object(&self) -> &Arc<MemObject> {
        &self.object
    }

    /// Bytes, a multiple of the page size.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where the card's file shows it.
    #[must_use]
    pub fn map_offset(&self) -> u64 {
        u64::from(self.place) * MOST
    }

    /// The place within a buffer that an offset of the card's file means.
    #[must_use]
    pub fn within(offset: u64) -> u64 {
        offset % MOST
    }

    /// Copies out of it; how many bytes went.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = at + done as u64;
            let page = usize::try_from(at / PAGE_SIZE as u64).unwrap_or(usize::MAX);
            let Some(frame) = self.frames.get(page) else {
                break;
            };
            done += frame.read((at % PAGE_SIZE as u64) as usize, rest);
        }
        done
    }

    /// Copies into it; how many bytes went.
    pub fn write(&self, at: u64, bytes: &[u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            let at = at + done as u64;
            let page = usize::try_from(at / PAGE_SIZE as u64).unwrap_or(usize::MAX);
            let Some(frame) = self.frames.get(page) else {
                break;
            };
            done += frame.write((at % PAGE_SIZE as u64) as usize, rest);
        }
        done
    }

    /// Machine addresses and lengths, neighbours joined.
    fn pieces(&self) -> Vec<(u64, u32)> {
        let mut pieces: Vec<(u64, u32)> = Vec::new();
        for frame in &self.frames {
            let address = frame.phys().0;
            match pieces.last_mut() {
                Some((start, len)) if *start + u64::from(*len) == address && *len < 1 << 30 => {
                    *len += PAGE_SIZE as u32;
                }
                _ => pieces.push((address, PAGE_SIZE as u32)),
            }
        }
        pieces
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        PLACES.lock().remove(&self.place);
    }
}

static NEXT_RESOURCE: AtomicU32 = AtomicU32::new(1);

/// A picture of the device's over a buffer.
pub struct Surface {
    engine: Arc<dyn Engine>,
    buffer: Arc<Buffer>,
    resource: u32,
    /// Bytes from one row to the next, and before the first.
    pitch: u32,
    offset: u32,
}

impl Surface {
    /// The picture that begins at `offset` of `buffer`, its rows `pitch` bytes apart. The caller has checked that it
    /// lies within the buffer.
    ///
    /// # Errors
    /// `EIO`: the device does not answer.
    pub fn new(
        engine: &Arc<dyn Engine>,
        buffer: &Arc<Buffer>,
        (pitch, offset): (u32, u32),
        height: u32,
        alpha: bool,
    ) -> Result<Self> {
        let resource = NEXT_RESOURCE.fetch_add(1, Ordering::Relaxed);
        let surface = Self {
            engine: engine.clone(),
            buffer: buffer.clone(),
            resource,
            pitch,
            offset,
        };
        engine.submit(&[
            Op::Create {
                resource,
                // The device takes rows to lie one after the other.
                width: pitch / PIXEL,
                height,
                alpha,
            },
            Op::Attach {
                resource,
                pieces: buffer.pieces(),
            },
        ])?;
        Ok(surface)
    }

    /// Its number.
    #[must_use]
    pub fn resource(&self) -> u32 {
        self.resource
    }

    /// The memory behind it.
    #[must_use]
    pub fn buffer(&self) -> &Arc<Buffer> {
        &self.buffer
    }

    /// Fetches a rectangle from memory.
    #[must_use]
    pub fn transfer(&self, rect: Rect) -> Op {
        let start = u64::from(rect.y1) * u64::from(self.pitch) + u64::from(rect.x1 * PIXEL);
        Op::Transfer {
            resource: self.resource,
            rect,
            offset: u64::from(self.offset) + start,
        }
    }

    /// Fetches rectangles and shows them where the picture is shown.
    #[must_use]
    pub fn update(&self, rects: &[Rect]) -> Vec<Op> {
        let flush = |rect: &Rect| Op::Flush {
            resource: self.resource,
            rect: *rect,
        };
        let fetched = rects.iter().map(|rect| self.transfer(*rect));
        fetched.chain(rects.iter().map(flush)).collect()
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        let resource = self.resource;
        let ops = vec![Op::Detach { resource }, Op::Destroy { resource }];
        // The memory must not go to others while the device may still fetch from it.
        let gone = self
            .engine
            .submit(&ops)
            .and_then(|fence| self.engine.wait(fence));
        if gone.is_err() {
            log::warn!("drm: the display device keeps a picture; its memory stays");
            core::mem::forget(self.buffer.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_have_half_of_memory_and_give_it_back() {
        let half = (hal::frame::total() / 2 * PAGE_SIZE) as u64;
        let before = TAKEN.load(Ordering::Relaxed);
        assert_eq!(
            Buffer::new(half + PAGE_SIZE as u64).err(),
            Some(Errno::ENOMEM)
        );
        let one = Buffer::new(half / 4).unwrap();
        assert_eq!(Buffer::new(half).err(), Some(Errno::ENOMEM));
        assert_eq!(TAKEN.load(Ordering::Relaxed) - before, one.frames.len());
        drop(one);
        assert_eq!(TAKEN.load(Ordering::Relaxed), before);
        assert_eq!(Buffer::new(0).err(), Some(Errno::ENOMEM));
        assert_eq!(Buffer::new(MOST + 1).err(), Some(Errno::ENOMEM));
    }
}
