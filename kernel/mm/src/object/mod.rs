//! Memory objects: the bytes of an inode, or of anonymous shared memory, as pages.
//!
//! `inner` is the lock of truncation: who reads, writes or maps pages holds it, so that no page
//! past the end is handed out and none is mapped after truncation looked for its mappings. User
//! memory is touched under it by copies that stop at a missing page; nobody faults while holding it.

mod data;
mod index;
mod rmap;
mod seals;
mod size;

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use abi::Errno;
use hal::{PAGE_SHIFT, PAGE_SIZE, PageTable, UFrame};
use sync::{Mutex, RwLock, rank};

pub use index::cached_pages;
use index::{Index, Page};
use rmap::Maps;
pub(crate) use rmap::ObjectMap;

/// Where the pages of an object come from when they are not there.
pub trait Pager: Send + Sync {
    /// Fills `frame`, a page of zeroes, with page `index`. May sleep.
    ///
    /// # Errors
    /// `EIO` or what the device says.
    fn read_page(&self, index: u64, frame: &UFrame) -> abi::Result<()>;

    /// Writes page `index` back. May sleep.
    ///
    /// # Errors
    /// `EIO` or what the device says.
    fn write_page(&self, index: u64, frame: &UFrame) -> abi::Result<()>;
}

/// Who pays for the pages of an object: a mounted tmpfs with a size.
pub trait Quota: Send + Sync {
    /// Takes `pages`; `false` when there are not as many left.
    fn take(&self, pages: usize) -> bool;
    /// Gives `pages` back.
    fn give(&self, pages: usize);
}

/// Why a page cannot be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageError {
    /// It lies past the end of the object: SIGBUS.
    PastEnd,
    /// The quota is used up: ENOSPC, in a fault SIGBUS.
    NoSpace,
    /// No memory.
    NoMemory,
    /// The pager failed: the error, in a fault SIGBUS.
    Io(Errno),
}

impl From<PageError> for Errno {
    fn from(e: PageError) -> Errno {
        match e {
            PageError::PastEnd => Errno::EFAULT,
            PageError::NoSpace => Errno::ENOSPC,
            PageError::NoMemory => Errno::ENOMEM,
            PageError::Io(e) => e,
        }
    }
}

/// The bytes of a file, or of anonymous shared memory.
pub struct MemObject {
    id: u64,
    /// In bytes; changes under the write lock of `inner`.
    size: AtomicU64,
    inner: RwLock<Index, { rank::MEM_OBJECT }>,
    /// Who maps it.
    maps: Mutex<Maps, { rank::MEM_OBJECT + 1 }>,
    seals: AtomicU32,
    pager: Option<Arc<dyn Pager>>,
    quota: Option<Arc<dyn Quota>>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A page number from which on nothing can be: sizes stay below 2^63.
pub(crate) const END_OF_PAGES: u64 = 1 << (63 - PAGE_SHIFT);

impl MemObject {
    fn build(size: u64, pager: Option<Arc<dyn Pager>>, quota: Option<Arc<dyn Quota>>) -> Arc<Self> {
        Arc::new(MemObject {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            size: AtomicU64::new(size),
            inner: RwLock::new(Index::default()),
            maps: Mutex::new(Maps::default()),
            seals: AtomicU32::new(seals::NOT_SEALABLE),
            pager,
            quota,
        })
    }

    /// An object of zeroes in memory alone.
    #[must_use]
    pub fn new_anon(size: u64) -> Arc<Self> {
        Self::build(size, None, None)
    }

    /// As [`MemObject::new_anon`], its pages paid for by `quota`.
    #[must_use]
    pub fn with_quota(size: u64, quota: Arc<dyn Quota>) -> Arc<Self> {
        Self::build(size, None, Some(quota))
    }

    /// An object whose pages `pager` brings in.
    #[must_use]
    pub fn with_pager(pager: Arc<dyn Pager>, size: u64) -> Arc<Self> {
        Self::build(size, Some(pager), None)
    }

    /// A number no other object has or had: one half of a shared futex key.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Pages that are there now.
    #[must_use]
    pub fn resident_pages(&self) -> usize {
        self.inner.read().pages()
    }

    /// Pages that are there now, from `first` to `last`.
    #[must_use]
    pub fn resident_between(&self, first: u64, last: u64) -> usize {
        let inner = self.inner.read();
        let end = last.saturating_add(1);
        let (mut at, mut count) = (first, 0);
        while let Some(page) = inner.next_page(at..end) {
            count += 1;
            at = page + 1;
        }
        count
    }

    /// Whether its pages live in memory alone.
    #[must_use]
    pub fn is_memory_only(&self) -> bool {
        self.pager.is_none()
    }

    /// The handle of page `index`, made when it is not there yet. The page may leave the object
    /// afterwards; whoever maps it goes through a fault instead. May sleep.
    ///
    /// # Errors
    /// See [`PageError`].
    pub fn get_page(&self, index: u64, access: hal::Access) -> Result<UFrame, PageError> {
        self.with_page(index, access, |page, _| page.clone())
    }

    /// Whether page `index` is there.
    #[must_use]
    pub fn has_page(&self, index: u64) -> bool {
        self.inner.read().get(index).is_some()
    }

    /// Adopts a frame as page `index`, where none is; the size does not change.
    ///
    /// # Errors
    /// [`PageError::NoSpace`], [`PageError::NoMemory`].
    pub fn insert_frame(&self, index: u64, frame: UFrame) -> Result<(), PageError> {
        let mut inner = self.inner.write();
        if inner.get(index).is_some() {
            return Ok(());
        }
        self.pay()?;
        inner.insert(index, frame)
    }

    /// Runs `f(page, the object's other pages)` while the page cannot leave. Makes the page when it
    /// is not there. May sleep; `f` must not.
    pub(crate) fn with_page<R>(
        &self,
        index: u64,
        access: hal::Access,
        f: impl FnOnce(&UFrame, Neighbours<'_>) -> R,
    ) -> Result<R, PageError> {
        loop {
            {
                let inner = self.inner.read();
                if index >= self.size().div_ceil(PAGE_SIZE as u64) {
                    return Err(PageError::PastEnd);
                }
                if let Some(page) = inner.get(index) {
                    match access {
                        hal::Access::Read => (),
                        hal::Access::Write => page.mark_dirty(),
                        hal::Access::Exec => sync_page(&page),
                    }
                    return Ok(f(page.frame, Neighbours { index: &inner }));
                }
            }
            self.bring_in(index)?;
        }
    }

    /// Makes page `index` be there, if it lies within the size.
    fn bring_in(&self, index: u64) -> Result<(), PageError> {
        let frame = loop {
            if let Some(frame) = UFrame::alloc_zeroed() {
                break frame;
            }
            if !crate::pressure::relieve() {
                return Err(PageError::NoMemory);
            }
        };
        if let Some(pager) = &self.pager {
            pager.read_page(index, &frame).map_err(PageError::Io)?;
        }
        let mut inner = self.inner.write();
        if index >= self.size().div_ceil(PAGE_SIZE as u64) || inner.get(index).is_some() {
            // The caller looks again.
            return Ok(());
        }
        self.pay()?;
        inner.insert(index, frame)
    }

    fn pay(&self) -> Result<(), PageError> {
        match &self.quota {
            Some(q) if !q.take(1) => Err(PageError::NoSpace),
            _ => Ok(()),
        }
    }

    fn refund(&self, pages: usize) {
        if let Some(q) = &self.quota
            && pages > 0
        {
            q.give(pages);
        }
    }
}

fn sync_page(page: &Page<'_>) {
    if page.take_unsynced() {
        PageTable::sync_instructions(page.frame);
    }
}

/// The other pages of an object, while they cannot leave.
#[derive(Clone, Copy)]
pub(crate) struct Neighbours<'a> {
    index: &'a Index,
}

impl Neighbours<'_> {
    /// Page `index`, if it is there and ready for `exec`.
    pub(crate) fn page(&self, index: u64, exec: bool) -> Option<&UFrame> {
        let page = self.index.get(index)?;
        if exec {
            sync_page(&page);
        }
        Some(page.frame)
    }
}

impl Drop for MemObject {
    fn drop(&mut self) {
        let n = self.inner.get_mut().pages();
        self.refund(n);
    }
}

impl core::fmt::Debug for MemObject {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "MemObject {{ id: {}, size: {} }}", self.id, self.size())
    }
}
