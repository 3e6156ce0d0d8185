//! How much memory connections hold in their buffers (`net.ipv4.tcp_mem`, `mem` in `/proc/net/sockstat`).
//!
//! Buffers grow only while there is plenty; past the limit each connection keeps a page a direction and no more.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use hal::PAGE_SIZE;

/// Pages in use.
static PAGES: AtomicUsize = AtomicUsize::new(0);

/// Pages connections may hold before each is held to the least.
#[must_use]
pub fn most() -> usize {
    (hal::frame::total() / 8).max(64)
}

/// Pages connections hold.
#[must_use]
pub fn used() -> usize {
    PAGES.load(Relaxed)
}

/// How freely a buffer may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// As it needs.
    Plenty,
    /// No further than it is.
    Short,
    /// To a page.
    None,
}

/// How it is now.
#[must_use]
pub fn supply() -> Supply {
    let (used, most) = (used(), most());
    if used >= most {
        Supply::None
    } else if used >= most / 4 * 3 {
        Supply::Short
    } else {
        Supply::Plenty
    }
}

/// What one connection holds.
#[derive(Debug, Default)]
pub struct Account(usize);

impl Account {
    /// It holds so many bytes now.
    pub fn set(&mut self, bytes: usize) {
        let pages = bytes.div_ceil(PAGE_SIZE);
        if pages > self.0 {
            PAGES.fetch_add(pages - self.0, Relaxed);
        } else if pages < self.0 {
            PAGES.fetch_sub(self.0 - pages, Relaxed);
        }
        self.0 = pages;
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.set(0);
    }
}
