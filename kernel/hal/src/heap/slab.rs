//! Slabs: frames cut into objects of one size. One frame each, so that memory in pieces is memory still.

use core::alloc::Layout;
use core::ptr;
use core::sync::atomic::{AtomicIsize, Ordering};

use crate::addr::PAGE_SIZE;
use crate::frame::FrameRun;
use crate::lock::RawLock;

/// Object sizes. Up to 384 a power of two is aligned to itself, the others to their largest power of two. The larger
/// ones are aligned to 64 and leave little of a frame: 9, 7, 6, 5, 4, 3 and 2 are in one.
const SIZES: [u16; CLASSES] = [
    16, 32, 48, 64, 80, 96, 128, 144, 192, 256, 384, 448, 576, 640, 768, 960, 1344, 1984,
];
pub(super) const CLASSES: usize = 18;
/// The largest object a slab has.
pub(crate) const LARGEST: usize = 1984;
/// Up to this size an alignment beyond 16 asks for a power of two.
const SMALL: usize = 256;
/// What is larger is aligned to this at least.
const LARGE_ALIGN: usize = 64;

/// Class by size in units of 16 bytes, rounded up.
static BY_SIZE: [u8; LARGEST / 16 + 1] = {
    let mut t = [0; LARGEST / 16 + 1];
    let (mut i, mut class) = (0, 0);
    while i < t.len() {
        if i * 16 > SIZES[class] as usize {
            class += 1;
        }
        t[i] = class as u8;
        i += 1;
    }
    t
};

/// A size class.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Class(u8);

/// The class whose objects satisfy `layout`; `None` when it wants frames.
#[inline(always)]
pub(super) fn class_of(layout: Layout) -> Option<Class> {
    let mut size = layout.size();
    if layout.align() > 16 {
        let least = size.max(layout.align());
        if least <= SMALL {
            size = least.next_power_of_two();
        } else if layout.align() > LARGE_ALIGN {
            return None;
        }
    }
    if size > LARGEST {
        return None;
    }
    Some(Class(BY_SIZE[size.div_ceil(16)]))
}

impl Class {
    #[inline(always)]
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    fn size(self) -> usize {
        SIZES[self.index()] as usize
    }

    /// Objects a CPU keeps at most.
    #[inline(always)]
    pub(super) fn magazine(self) -> usize {
        (8192 / self.size()).clamp(6, 64)
    }

    /// Offset of the first object: past the header, aligned as the class promises.
    fn first(self) -> usize {
        let align = 1 << self.size().trailing_zeros();
        size_of::<Slab>().next_multiple_of(align)
    }
}

/// A free object.
pub(super) struct Free {
    pub(super) next: *mut Free,
}

/// The header of a slab. Slabs are aligned to their size, so an object finds its header.
struct Slab {
    prev: *mut Slab,
    next: *mut Slab,
    free: *mut Free,
    /// Offset of the first object never handed out.
    fresh: u16,
    used: u16,
    listed: bool,
}

/// The slabs of one class that have a free object.
struct Partial(*mut Slab);
// SAFETY: slabs are reached under the lock of their list only.
unsafe impl Send for Partial {}

/// All slabs, by class.
pub(super) struct Central {
    partial: [RawLock<Partial>; CLASSES],
    pages: AtomicIsize,
}

impl Central {
    pub(super) const fn new() -> Self {
        Central {
            partial: [const { RawLock::new(Partial(ptr::null_mut())) }; CLASSES],
            pages: AtomicIsize::new(0),
        }
    }

    pub(super) fn pages(&self) -> usize {
        self.pages.load(Ordering::Relaxed).max(0) as usize
    }

    pub(super) fn count_pages(&self, n: isize) {
        self.pages.fetch_add(n, Ordering::Relaxed);
    }

    /// Up to `want` free objects as a list, and how many.
    pub(super) fn take(&self, class: Class, want: usize) -> (*mut Free, usize) {
        let mut list = self.partial[class.index()].lock();
        let (mut first, mut n) = (ptr::null_mut::<Free>(), 0);
        while n < want {
            let mut slab = list.0;
            if slab.is_null() {
                // What is there is enough; a new slab only for an empty hand.
                if n > 0 {
                    break;
                }
                slab = self.new_slab(class);
                if slab.is_null() {
                    break;
                }
                list.push(slab);
            }
            // SAFETY: a listed slab is alive, and reached under the lock only.
            let s = unsafe { &mut *slab };
            while n < want {
                let object = if s.free.is_null() {
                    if s.fresh as usize + class.size() > PAGE_SIZE {
                        break;
                    }
                    let object = slab
                        .cast::<u8>()
                        .wrapping_add(s.fresh as usize)
                        .cast::<Free>();
                    s.fresh += class.size() as u16;
                    object
                } else {
                    let object = s.free;
                    // SAFETY: a free object starts with its link.
                    s.free = unsafe { (*object).next };
                    object
                };
                s.used += 1;
                n += 1;
                // SAFETY: the object is free and in the slab.
                unsafe { (*object).next = first };
                first = object;
            }
            if s.free.is_null() && s.fresh as usize + class.size() > PAGE_SIZE {
                list.remove(slab);
            }
        }
        (first, n)
    }

    /// Takes back `n` objects of the list at `first`; returns the rest.
    ///
    /// # Safety
    /// The list has at least `n` objects of this class that nobody uses.
    pub(super) unsafe fn give(&self, class: Class, mut first: *mut Free, n: usize) -> *mut Free {
        let mut list = self.partial[class.index()].lock();
        for _ in 0..n {
            let object = first;
            let slab = (object as usize & !(PAGE_SIZE - 1)) as *mut Slab;
            // SAFETY: the caller's promise; slabs are aligned to their size.
            let s = unsafe {
                first = (*object).next;
                (*object).next = (*slab).free;
                &mut *slab
            };
            s.free = object;
            s.used -= 1;
            if !s.listed {
                list.push(slab);
            }
            // An empty slab goes back unless it is the last with anything to give.
            if s.used == 0 && !(s.prev.is_null() && s.next.is_null()) {
                list.remove(slab);
                // SAFETY: no object of it is in use; `new_slab` gave the run up.
                drop(unsafe { FrameRun::from_raw(crate::frame::frame_of(slab.cast()), 1) });
                self.count_pages(-1);
            }
        }
        first
    }

    fn new_slab(&self, class: Class) -> *mut Slab {
        let Some(run) = FrameRun::alloc_dirty(1) else {
            return ptr::null_mut();
        };
        self.count_pages(run.count() as isize);
        let slab = run.as_ptr().cast::<Slab>();
        run.into_raw();
        // SAFETY: a run of our own, large and aligned enough for the header.
        unsafe {
            slab.write(Slab {
                prev: ptr::null_mut(),
                next: ptr::null_mut(),
                free: ptr::null_mut(),
                fresh: class.first() as u16,
                used: 0,
                listed: false,
            });
        }
        slab
    }
}

impl Partial {
    fn push(&mut self, slab: *mut Slab) {
        // SAFETY: both slabs are alive and reached under the list's lock, which the caller holds.
        unsafe {
            (*slab).prev = ptr::null_mut();
            (*slab).next = self.0;
            (*slab).listed = true;
            if !self.0.is_null() {
                (*self.0).prev = slab;
            }
        }
        self.0 = slab;
    }

    fn remove(&mut self, slab: *mut Slab) {
        // SAFETY: as in `push`; `slab` is in the list.
        unsafe {
            let Slab { prev, next, .. } = *slab;
            if prev.is_null() {
                self.0 = next;
            } else {
                (*prev).next = next;
            }
            if !next.is_null() {
                (*next).prev = prev;
            }
            (*slab).prev = ptr::null_mut();
            (*slab).next = ptr::null_mut();
            (*slab).listed = false;
        }
    }
}
