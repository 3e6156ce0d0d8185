//! Telling watchers (inotify) what happens to files. A file nobody watches costs one load.

use abi::inotify::InotifyMask;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use sync::SortedMap;
use sync::{SpinLock, rank};

use crate::dentry::Dentry;
use crate::inode::Inode;

/// Somebody who watches an inode. Called without locks; must not sleep for long.
pub trait Watch: Send + Sync {
    /// Something happened to the inode, or to its child `name`.
    fn event(&self, news: &News, name: Option<&[u8]>);
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub struct News {
    /// `IN_*`.
    pub mask: InotifyMask,
    /// Ties the two halves of a rename.
    pub cookie: u32,
    /// It happened through a name that is gone.
    pub unlinked: bool,
}

impl News {
    fn new(mask: InotifyMask) -> Self {
        Self {
            mask,
            cookie: 0,
            unlinked: false,
        }
    }
}

/// Watches anywhere: while there are none, no event is looked at.
static WATCHES: AtomicUsize = AtomicUsize::new(0);
static COOKIE: AtomicU32 = AtomicU32::new(1);

/// A number that ties the two halves of a rename.
#[must_use]
pub fn next_cookie() -> u32 {
    COOKIE.fetch_add(1, Ordering::Relaxed)
}

/// Watches by the file system they are on and their own address: told when it is unmounted.
static BY_DEVICE: SpinLock<SortedMap<(u64, usize), Weak<dyn Watch>>, { rank::LEAF }> =
    SpinLock::new(SortedMap::new());

fn address(watch: &Arc<dyn Watch>) -> usize {
    Arc::as_ptr(watch).cast::<()>().addr()
}

/// The file system `device` is unmounted: its watches hear of it, and end.
pub(crate) fn unmounted(device: u64) {
    if WATCHES.load(Ordering::Relaxed) == 0 {
        return;
    }
    let all = (device, 0)..=(device, usize::MAX);
    let watches: Vec<_> = BY_DEVICE
        .lock()
        .range(all)
        .filter_map(|(_, watch)| watch.upgrade())
        .collect();
    for watch in watches {
        watch.event(&News::new(InotifyMask::UNMOUNT), None);
    }
}

/// The watches on one inode.
pub struct WatchList {
    list: SpinLock<Vec<Arc<dyn Watch>>, { rank::FILE + 1 }>,
}

impl WatchList {
    pub(crate) const fn new() -> Self {
        Self {
            list: SpinLock::new(Vec::new()),
        }
    }

    /// Adds a watch of an inode of the file system `device`.
    pub fn add(&self, watch: Arc<dyn Watch>, device: u64) {
        let key = (device, address(&watch));
        BY_DEVICE.lock().insert(key, Arc::downgrade(&watch));
        self.list.lock().push(watch);
        WATCHES.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes a watch off that was added with `device`.
    pub fn remove(&self, watch: &Arc<dyn Watch>, device: u64) {
        let key = (device, address(watch));
        let by_device = BY_DEVICE.lock().remove(&key);
        drop(by_device);
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
    let news = News {
        unlinked: dentry.is_unlinked(),
        ..News::new(with_dir_bit(dentry, mask))
    };
    if let Some((parent, name)) = dentry.parent_and_name() {
        tell_inode(&**parent.inode(), &news, Some(&name));
    }
    tell_inode(&**dentry.inode(), &news, None);
}

fn tell_inode(inode: &dyn Inode, news: &News, name: Option<&[u8]>) {
    if let Some(attached) = inode.attr().existing_attached() {
        for watch in attached.watches.snapshot() {
            watch.event(news, name);
        }
    }
}

/// `mask` happened to the inode itself; its directory does not hear of it.
#[inline]
pub fn on_self(dentry: &Arc<Dentry>, mask: InotifyMask) {
    if WATCHES.load(Ordering::Relaxed) != 0 {
        tell_inode(&**dentry.inode(), &News::new(mask), None);
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
        let news = News {
            cookie,
            ..News::new(with_dir_bit(child, mask))
        };
        tell_inode(&**dir.inode(), &news, Some(name));
    }
}

fn with_dir_bit(dentry: &Dentry, mask: InotifyMask) -> InotifyMask {
    if dentry.is_dir() {
        mask | InotifyMask::ISDIR
    } else {
        mask
    }
}

/// A removed name is in use no longer: if it was the inode's last, its watches hear that it is gone.
#[inline]
pub(crate) fn gone(inode: &dyn Inode) {
    if WATCHES.load(Ordering::Relaxed) != 0 && inode.attr().nlink() == 0 {
        tell_inode(inode, &News::new(InotifyMask::DELETE_SELF), None);
    }
}
