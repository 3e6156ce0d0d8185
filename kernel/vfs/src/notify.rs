//! Telling watchers (inotify) what happens to files. A file nobody watches costs one load.

use abi::inotify::InotifyMask;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use sync::{SpinLock, rank};

use crate::dentry::Dentry;

/// Somebody who watches an inode. Called without locks; must not sleep for long.
pub trait Watch: Send + Sync {
    /// `mask` (`IN_*`) happened to the inode, or to its child `name`. `cookie` ties the two halves of a
    /// rename.
    fn event(&self, mask: InotifyMask, cookie: u32, name: Option<&[u8]>);
}

/// Watches anywhere: while there are none, no event is looked at.
static WATCHES: AtomicUsize = AtomicUsize::new(0);
static COOKIE: AtomicU32 = AtomicU32::new(1);

/// A number that ties the two halves of a rename.
#[must_use]
pub fn next_cookie() -> u32 {
    COOKIE.fetch_add(1, Ordering::Relaxed)
}

/// The watches on one inode.
pub struct WatchList {
    list: SpinLock<Vec<Arc<dyn Watch>>, { rank::FILE }>,
}

impl WatchList {
    pub(crate) const fn new() -> Self {
        Self {
            list: SpinLock::new(Vec::new()),
        }
    }

    /// Adds a watch.
    pub fn add(&self, watch: Arc<dyn Watch>) {
        self.list.lock().push(watch);
        WATCHES.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes a watch off.
    pub fn remove(&self, watch: &Arc<dyn Watch>) {
        let mut list = self.list.lock();
        let at = list
            .iter()
            .position(|other| core::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(watch)));
        let removed = at.map(|at| list.swap_remove(at));
        drop(list);
        if removed.is_some() {
            WATCHES.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn snapshot(&self) -> Vec<Arc<dyn Watch>> {
        self.list.lock().clone()
    }
}

impl Drop for WatchList {
    fn drop(&mut self) {
        WATCHES.fetch_sub(self.list.get_mut().len(), Ordering::SeqCst);
    }
}

/// `mask` happened to the file at `dentry`: its own watches hear of it, and its directory's with the
/// name.
#[inline]
pub fn on(dentry: &Arc<Dentry>, mask: InotifyMask) {
    if WATCHES.load(Ordering::Relaxed) != 0 {
        tell(dentry, mask);
    }
}

#[cold]
fn tell(dentry: &Arc<Dentry>, mask: InotifyMask) {
    let mask = with_dir_bit(dentry, mask);
    if let Some((parent, name)) = dentry.parent_and_name() {
        on_child_named(&parent, mask, 0, &name);
    }
    on_self(dentry, mask);
}

/// `mask` happened to the inode itself; its directory does not hear of it.
#[inline]
pub fn on_self(dentry: &Arc<Dentry>, mask: InotifyMask) {
    if WATCHES.load(Ordering::Relaxed) != 0
        && let Some(attached) = dentry.inode().attr().existing_attached()
    {
        for watch in attached.watches.snapshot() {
            watch.event(mask, 0, None);
        }
    }
}

/// `mask` happened to the name `name` in `dir`.
#[inline]
pub fn on_child(
    dir: &Arc<Dentry>,
    child: &Arc<Dentry>,
    mask: InotifyMask,
    cookie: u32,
    name: &[u8],
) {
    if WATCHES.load(Ordering::Relaxed) != 0 {
        on_child_named(dir, with_dir_bit(child, mask), cookie, name);
    }
}

fn on_child_named(dir: &Arc<Dentry>, mask: InotifyMask, cookie: u32, name: &[u8]) {
    if let Some(attached) = dir.inode().attr().existing_attached() {
        for watch in attached.watches.snapshot() {
            watch.event(mask, cookie, Some(name));
        }
    }
}

fn with_dir_bit(dentry: &Dentry, mask: InotifyMask) -> InotifyMask {
    if dentry.is_dir() {
        mask | InotifyMask::ISDIR
    } else {
        mask
    }
}

/// The last name of the file at `dentry` is gone: its watches hear of it when the last opener lets go,
/// or now when there is none. Directories are told at once.
pub fn removed(dentry: &Arc<Dentry>) {
    on_self(dentry, InotifyMask::DELETE_SELF);
}
