//! Memory that runs out on purpose, for tests on the host: of the requests that may fail, the one a test names does.
//!
//! In the kernel a small object draws on the reserve and is there; what is larger than a slab's objects, and a
//! program's page, may be refused. So here: a test names the n-th such request of its thread, for every n until all
//! went well, and sees that each refusal is told and nothing is left behind.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::alloc::System;

use crate::heap::LARGEST;

thread_local! {
    /// Requests until one is refused; 0: none will be.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Runs `work` with its `nth` request refused, counted from 1; whether there were as many.
pub fn with_refusal<R>(nth: usize, work: impl FnOnce() -> R) -> (R, bool) {
    LEFT.set(nth);
    let result = work();
    (result, LEFT.replace(0) == 0)
}

/// A request is made that may fail: whether it is to.
pub(crate) fn refuses() -> bool {
    // A thread that ends has no more tests.
    LEFT.try_with(|left| {
        let before = left.get();
        left.set(before.saturating_sub(1));
        before == 1
    })
    .unwrap_or(false)
}

/// The host's allocator, refusing as it is told, and counting. A test program makes it its own by `#[global_allocator]`.
#[derive(Debug, Default)]
pub struct Shortage {
    bytes: AtomicIsize,
    requests: AtomicUsize,
}

impl Shortage {
    /// Nothing allocated.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: AtomicIsize::new(0),
            requests: AtomicUsize::new(0),
        }
    }

    /// Bytes in use.
    pub fn bytes(&self) -> isize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How often somebody asked for memory.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

// SAFETY: all is the host's allocator's but for refusals, which are null.
unsafe impl GlobalAlloc for Shortage {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST && refuses() {
            return ptr::null_mut();
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes
            .fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, object: *mut u8, layout: Layout) {
        self.bytes
            .fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(object, layout) }
    }
}
