//! The kernel's heap: small objects from slabs by size class, larger ones as runs of frames.
//!
//! In front of the slabs each CPU has a magazine a class, a list through the free objects
//! themselves: an allocation or a free is ~25 instructions with interrupts off. Until the frame
//! pool is open a small static heap serves (`linked_list_allocator`). Nothing here waits; failing
//! is a null pointer, which `try_reserve` turns into an error.

mod slab;

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use crate::addr::PAGE_SIZE;
use crate::cpu::MAX_CPUS;
use crate::frame::{FrameRun, frame_of};
use crate::local::{Padded, PerCpuCell};
#[cfg(not(target_os = "none"))]
pub(crate) use slab::LARGEST;
use slab::{Central, Class, Free, class_of};

/// The allocator behind `alloc`.
pub(crate) struct Heap;

/// One CPU's free objects of one class.
#[derive(Clone, Copy)]
struct Magazine {
    first: *mut Free,
    count: usize,
}

/// One CPU's magazines.
#[derive(Clone, Copy)]
struct Magazines([Magazine; slab::CLASSES]);

// SAFETY: the objects in a magazine belong to it alone.
unsafe impl Send for Magazines {}

const NO_OBJECTS: Magazines = Magazines(
    [Magazine {
        first: ptr::null_mut(),
        count: 0,
    }; slab::CLASSES],
);

static MAGAZINES: PerCpuCell<Magazines> =
    PerCpuCell::new([const { Padded::new(NO_OBJECTS) }; MAX_CPUS]);
static CENTRAL: Central = Central::new();

/// Bytes in frames the heap has taken for slabs and runs.
#[must_use]
pub fn bytes_in_use() -> usize {
    CENTRAL.pages() * PAGE_SIZE
}

/// Frames for an object too large for slabs.
fn frames_for(layout: Layout) -> usize {
    layout.size().max(layout.align()).div_ceil(PAGE_SIZE)
}

// SAFETY: objects come from runs of frames nobody else has, are handed out once until freed, are as
// large as their class and aligned as `class_of` promises.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(target_os = "none")]
        if !crate::frame::is_open() {
            return boot::alloc(layout);
        }
        let Some(class) = class_of(layout) else {
            return large(layout);
        };
        MAGAZINES.with(|m| {
            let m = &mut m.0[class.index()];
            if m.first.is_null() {
                refill(m, class);
                if m.first.is_null() {
                    return ptr::null_mut();
                }
            }
            let object = m.first;
            // SAFETY: a free object of the magazine, which starts with its link.
            m.first = unsafe { (*object).next };
            m.count -= 1;
            object.cast()
        })
    }

    #[inline]
    unsafe fn dealloc(&self, object: *mut u8, layout: Layout) {
        #[cfg(target_os = "none")]
        if boot::owns(object) {
            return boot::dealloc(object, layout);
        }
        let Some(class) = class_of(layout) else {
            // SAFETY: `large` gave up exactly this run.
            drop(unsafe { FrameRun::from_raw(frame_of(object), frames_for(layout) as u32) });
            CENTRAL.count_pages(-(frames_for(layout) as isize));
            return;
        };
        MAGAZINES.with(|m| {
            let m = &mut m.0[class.index()];
            let object = object.cast::<Free>();
            // SAFETY: the caller gives the object up; its first bytes hold the link from now on.
            unsafe { (*object).next = m.first };
            m.first = object;
            m.count += 1;
            if m.count > class.magazine() {
                flush(m, class);
            }
        });
    }

    unsafe fn realloc(&self, object: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        let same = match (class_of(layout), class_of(wanted)) {
            (Some(a), Some(b)) => a == b,
            (None, None) => frames_for(layout) == frames_for(wanted),
            _ => false,
        };
        #[cfg(target_os = "none")]
        let same = same && !boot::owns(object);
        if same {
            return object;
        }
        // SAFETY: `wanted` has a size as `layout` has; both objects are at least the copied length.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                ptr::copy_nonoverlapping(object, new, layout.size().min(size));
                self.dealloc(object, layout);
            }
            new
        }
    }
}

#[cold]
#[inline(never)]
fn refill(m: &mut Magazine, class: Class) {
    let (first, count) = CENTRAL.take(class, class.magazine() / 2 + 1);
    *m = Magazine { first, count };
}

/// The half of the magazine freed last goes back to the slabs.
#[cold]
#[inline(never)]
fn flush(m: &mut Magazine, class: Class) {
    let half = m.count / 2;
    // SAFETY: the magazine has `count` objects, more than `half`.
    m.first = unsafe { CENTRAL.give(class, m.first, half) };
    m.count -= half;
}

#[inline(never)]
fn large(layout: Layout) -> *mut u8 {
    let Some(run) = FrameRun::alloc_dirty(frames_for(layout)) else {
        return ptr::null_mut();
    };
    CENTRAL.count_pages(run.count() as isize);
    let at = run.as_ptr();
    run.into_raw();
    at
}

/// The heap before the frame pool is open.
#[cfg(target_os = "none")]
mod boot {
    use core::alloc::Layout;
    use core::cell::UnsafeCell;
    use core::ptr;

    use linked_list_allocator::Heap;

    use crate::lock::RawLock;

    const BYTES: usize = 16 * 1024;

    #[repr(align(16))]
    struct Memory(UnsafeCell<[u8; BYTES]>);
    // SAFETY: only the heap below hands out pieces of it.
    unsafe impl Sync for Memory {}
    static MEMORY: Memory = Memory(UnsafeCell::new([0; BYTES]));
    static HEAP: RawLock<Option<Heap>> = RawLock::new(None);

    pub(super) fn alloc(layout: Layout) -> *mut u8 {
        let mut heap = HEAP.lock();
        let heap = heap.get_or_insert_with(|| {
            // SAFETY: the static memory is used by this heap alone.
            unsafe { Heap::new(MEMORY.0.get().cast(), BYTES) }
        });
        heap.allocate_first_fit(layout)
            .map_or(ptr::null_mut(), ptr::NonNull::as_ptr)
    }

    #[inline(always)]
    pub(super) fn owns(object: *const u8) -> bool {
        (object as usize).wrapping_sub(MEMORY.0.get() as usize) < BYTES
    }

    #[cold]
    pub(super) fn dealloc(object: *mut u8, layout: Layout) {
        if let (Some(heap), Some(object)) = (HEAP.lock().as_mut(), ptr::NonNull::new(object)) {
            // SAFETY: `owns` said that the object came from this heap.
            unsafe { heap.deallocate(object, layout) };
        }
    }
}

#[cfg(target_os = "none")]
#[global_allocator]
static HEAP: Heap = Heap;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn objects_are_aligned_apart_and_keep_their_bytes(
            ops in prop::collection::vec((1usize..9000, 0u32..9, any::<u16>()), 1..600),
        ) {
            let heap = Heap;
            let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
            for (size, align, pick) in ops {
                if pick % 5 < 3 {
                    let size = if pick % 7 < 5 { size % 300 + 1 } else { size };
                    let layout = Layout::from_size_align(size, 1 << align).unwrap();
                    let fill = pick as u8;
                    // SAFETY: the layout has a size; the object is ours for its length.
                    unsafe {
                        let p = heap.alloc(layout);
                        prop_assert!(!p.is_null() && (p as usize).is_multiple_of(layout.align()));
                        p.write_bytes(fill, size);
                        live.push((p, layout, fill));
                    }
                } else if !live.is_empty() {
                    let (p, layout, fill) = live.swap_remove(pick as usize % live.len());
                    // SAFETY: a live object, freed once.
                    unsafe {
                        prop_assert!((0..layout.size()).all(|i| *p.add(i) == fill));
                        heap.dealloc(p, layout);
                    }
                }
            }
            for (p, layout, fill) in live {
                // SAFETY: as above.
                unsafe {
                    prop_assert!((0..layout.size()).all(|i| *p.add(i) == fill));
                    heap.dealloc(p, layout);
                }
            }
        }
    }
}
