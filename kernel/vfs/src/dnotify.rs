//! Signals about what happens in a directory (`man 2 fcntl`, "File and directory change notification").

use abi::inotify::InotifyMask;
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use crate::fd_table::Fd;
use crate::file::OpenFile;
use crate::inode::Inode;
use crate::notify::{News, Watch};
use crate::owner::{self, Ownership};

/// Not once only.
const MULTISHOT: u32 = 0x8000_0000;

/// `DN_*` and what each of them is about.
const EVENTS: [(u32, InotifyMask); 6] = [
    (1, InotifyMask::ACCESS),
    (2, InotifyMask::MODIFY),
    (4, InotifyMask::CREATE.union(InotifyMask::MOVED_TO)),
    (8, InotifyMask::DELETE.union(InotifyMask::MOVED_FROM)),
    (0x10, InotifyMask::MOVED_FROM),
    (0x20, InotifyMask::ATTRIB),
];

/// A directory watched through an open file, whose owner is signalled.
pub struct DirWatch {
    /// `DN_*` still to be told of.
    wanted: AtomicU32,
    fd: AtomicI32,
    ownership: Weak<Ownership>,
    inode: Arc<dyn Inode>,
    device: u64,
    this: Weak<DirWatch>,
}

/// Asks for signals about the directory of `file`, besides those asked for before.
pub fn watch(file: &OpenFile, fd: Fd, wanted: u32) {
    let ownership = file.ownership();
    if let Some(watch) = ownership.watch() {
        watch.fd.store(fd, Ordering::Relaxed);
        watch.wanted.fetch_or(wanted, Ordering::Relaxed);
        return;
    }
    let device = file.path().mount().sb().dev();
    let inode = file.inode().clone();
    let watch = Arc::new_cyclic(|this| DirWatch {
        wanted: AtomicU32::new(wanted),
        fd: AtomicI32::new(fd),
        ownership: Arc::downgrade(ownership),
        inode: inode.clone(),
        device,
        this: this.clone(),
    });
    ownership.set_watch(Some(watch.clone()));
    inode.attr().attached().watches.add(watch, device);
}

/// Ends the signals asked for through `file`.
pub fn end(file: &OpenFile) {
    if let Some(ownership) = file.existing_ownership()
        && let Some(watch) = ownership.set_watch(None)
    {
        watch.detach();
    }
}

impl DirWatch {
    fn detach(&self) {
        if let Some(this) = self.this.upgrade() {
            let this: Arc<dyn Watch> = this;
            let watches = &self.inode.attr().attached().watches;
            watches.remove(&this, self.device);
        }
    }
}

impl Watch for DirWatch {
    fn event(&self, news: &News, _name: Option<&[u8]>) {
        let mut happened = 0;
        for (bit, mask) in EVENTS {
            if news.mask.intersects(mask) {
                happened |= bit;
            }
        }
        let wanted = self.wanted.load(Ordering::Relaxed);
        if wanted & happened == 0 {
            return;
        }
        let Some(ownership) = self.ownership.upgrade() else {
            return;
        };
        owner::signal(&ownership, self.fd.load(Ordering::Relaxed));
        if wanted & MULTISHOT == 0
            && let Some(watch) = ownership.set_watch(None)
        {
            watch.detach();
        }
    }
}
