//! Who gets a signal when an open file is ready (`man 2 fcntl`, "Managing signals").

use alloc::sync::{Arc, Weak};
use core::any::Any;
use sync::{Once, SpinLock, rank};

use crate::dnotify::DirWatch;
use crate::fd_table::Fd;

/// Who gets a signal when the file is ready (`F_SETOWN`, `F_SETSIG`).
#[derive(Clone, Default)]
pub struct Owner {
    /// `F_OWNER_*`.
    pub kind: i32,
    /// Thread, process or group; 0: nobody.
    pub id: i32,
    /// The signal; 0: `SIGIO`.
    pub signal: i32,
    /// User ids of who set the owner.
    pub uid: u32,
    /// The effective one.
    pub euid: u32,
    /// The thread or process itself, whose type is the task layer's; a group has none.
    pub target: Option<Weak<dyn Any + Send + Sync>>,
}

/// How an owner is signalled that something was asked of him; the task layer's.
static SIGNAL: Once<fn(&Owner, Fd)> = Once::new();

/// Says how owners are signalled; once, at start.
pub fn set_signal(signal: fn(&Owner, Fd)) {
    let _ = SIGNAL.set(signal);
}

/// Signals the owner, who is told of `fd`.
pub(crate) fn signal(ownership: &Ownership, fd: Fd) {
    if let Some(signal) = SIGNAL.get() {
        signal(&ownership.get(), fd);
    }
}

/// The owner of an open file, shared with who signals.
#[derive(Default)]
pub struct Ownership {
    owner: SpinLock<Owner, { rank::LEAF }>,
    /// The directory he is signalled about (`F_NOTIFY`).
    watch: SpinLock<Option<Arc<DirWatch>>, { rank::LEAF }>,
}

impl Ownership {
    /// The owner.
    #[must_use]
    pub fn get(&self) -> Owner {
        self.owner.lock().clone()
    }

    /// The watch on the file's directory.
    pub(crate) fn watch(&self) -> Option<Arc<DirWatch>> {
        self.watch.lock().clone()
    }

    /// Puts a watch in the place of the one there was.
    pub(crate) fn set_watch(&self, watch: Option<Arc<DirWatch>>) -> Option<Arc<DirWatch>> {
        core::mem::replace(&mut *self.watch.lock(), watch)
    }

    /// Sets the owner.
    pub fn set(&self, owner: Owner) {
        let old = core::mem::replace(&mut *self.owner.lock(), owner);
        drop(old);
    }
}
