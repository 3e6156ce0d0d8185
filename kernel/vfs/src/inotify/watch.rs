//! A watch on an inode.

use super::{Instance, Record};
use abi::inotify::InotifyMask;
use alloc::sync::{Arc, Weak};
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::inode::Inode;
use crate::notify::{News, Watch};

/// What happens through a name, and is not told under IN_EXCL_UNLINK when that is gone.
const BY_NAME: InotifyMask = InotifyMask::ACCESS
    .union(InotifyMask::MODIFY)
    .union(InotifyMask::OPEN)
    .union(InotifyMask::CLOSE_WRITE)
    .union(InotifyMask::CLOSE_NOWRITE);

/// Hangs on the inode's list and keeps the inode alive, as Linux's marks do.
pub struct InodeWatch {
    wd: i32,
    mask: AtomicU32,
    instance: Weak<Instance>,
    inode: Arc<dyn Inode>,
    device: u64,
    /// IN_IGNORED was told: nothing comes after it. Changed with the queue locked.
    ended: AtomicBool,
    this: Weak<InodeWatch>,
}

impl InodeWatch {
    pub fn new(
        wd: i32,
        mask: InotifyMask,
        instance: Weak<Instance>,
        inode: Arc<dyn Inode>,
        device: u64,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            wd,
            mask: AtomicU32::new(mask.bits()),
            instance,
            inode,
            device,
            ended: AtomicBool::new(false),
            this: this.clone(),
        })
    }

    pub fn wd(&self) -> i32 {
        self.wd
    }

    pub fn inode_address(&self) -> usize {
        Arc::as_ptr(&self.inode).addr()
    }

    /// Replaces the mask, or adds to it.
    pub fn change(&self, mask: InotifyMask, add: bool) {
        if add {
            self.mask.fetch_or(mask.bits(), Ordering::Relaxed);
        } else {
            self.mask.store(mask.bits(), Ordering::Relaxed);
        }
    }

    /// Nothing is told any more; the queue is locked.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether it has ended; the queue is locked.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Takes the watch off the inode.
    pub fn detach(&self) {
        if let Some(this) = self.this.upgrade() {
            let this: Arc<dyn Watch> = this;
            let watches = &self.inode.attr().attached().watches;
            watches.remove(&this, self.device);
        }
    }

    fn mask(&self) -> InotifyMask {
        InotifyMask::from_bits_retain(self.mask.load(Ordering::Relaxed))
    }

    /// A line of `/proc/<pid>/fdinfo`.
    pub fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let ino = self.inode.attr().ino();
        writeln!(
            out,
            "inotify wd:{:x} ino:{ino:x} sdev:{:x} mask:{:x} ignored_mask:0 ",
            self.wd,
            self.device,
            self.mask().bits()
        )
    }
}

impl Watch for InodeWatch {
    fn event(&self, news: &News, name: Option<&[u8]>) {
        let Some(instance) = self.instance.upgrade() else {
            return;
        };
        let mask = news.mask;
        let wanted = self.mask() | InotifyMask::UNMOUNT;
        if news.unlinked && wanted.contains(InotifyMask::EXCL_UNLINK) && mask.intersects(BY_NAME) {
            return;
        }
        let happened = mask & (InotifyMask::ALL_EVENTS | InotifyMask::UNMOUNT);
        let heard = wanted.intersects(happened);
        if heard {
            let record = Record {
                wd: self.wd,
                mask,
                cookie: news.cookie,
                name: name.map(Arc::from),
            };
            instance.post(self, record);
        }
        let gone =
            name.is_none() && mask.intersects(InotifyMask::DELETE_SELF | InotifyMask::UNMOUNT);
        if gone || heard && wanted.contains(InotifyMask::ONESHOT) {
            // A second one who wants to end the watch finds it gone already.
            let _ = instance.remove(self.wd);
        }
    }
}
