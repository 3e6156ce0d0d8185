//! The host's frames: an arena of `std` memory under the very same allocator.

use core::sync::atomic::AtomicU32;
use std::alloc::{Layout, alloc_zeroed};
use std::sync::Once;

use super::buddy::FrameMap;
use crate::addr::PAGE_SIZE;

/// 256 MiB, which the host's kernel backs page by page when touched.
const FRAMES: usize = 65_536;

static OPENED: Once = Once::new();

/// Blocks are aligned to their size in memory as they are by number.
const ALIGN: usize = PAGE_SIZE << super::buddy::MAX_ORDER;

/// Opens the arena at the first use of a frame.
pub(super) fn ensure() {
    OPENED.call_once(|| {
        // An alignment of 16 keeps to `calloc`, which leaves fresh pages untouched.
        let bytes = Layout::from_size_align(FRAMES * PAGE_SIZE + ALIGN, 16);
        let words = Layout::array::<AtomicU32>(FRAMES);
        let (Ok(bytes), Ok(words)) = (bytes, words) else {
            return;
        };
        // SAFETY: both layouts have a size; the memory is never given back.
        let (base, meta) = unsafe { (alloc_zeroed(bytes), alloc_zeroed(words)) };
        assert!(
            !base.is_null() && !meta.is_null(),
            "no memory for the frame arena"
        );
        let linear = (base as usize).next_multiple_of(ALIGN);
        // SAFETY: the words are zeroed and live for ever; frame numbers start at 1.
        unsafe {
            let map = FrameMap::new(meta.cast(), 1, FRAMES as u32, linear);
            super::pool::init(map, &[(1, FRAMES as u32)], FRAMES);
        }
    });
}
