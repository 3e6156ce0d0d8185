//! What hangs on an inode besides its attributes.

use alloc::sync::{Arc, Weak};
use core::any::Any;
use sync::{SpinLock, rank};

use crate::lease::Leases;
use crate::lock::FileLocks;
use crate::notify::WatchList;

/// What hangs on an inode that few inodes have: locks, watches, and the living object behind a name
/// (the pipe of a FIFO, the socket bound to a socket file).
pub struct Attached {
    /// Advisory locks.
    pub locks: FileLocks,
    /// Who watches the file.
    pub watches: WatchList,
    /// Leases.
    pub leases: Leases,
    object: SpinLock<Option<Weak<dyn Any + Send + Sync>>, { rank::LEAF }>,
}

impl Attached {
    pub(crate) fn new() -> Self {
        Self {
            locks: FileLocks::new(),
            watches: WatchList::new(),
            leases: Leases::new(),
            object: SpinLock::new(None),
        }
    }

    /// The living object behind the name.
    #[must_use]
    pub fn object(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.object.lock().as_ref()?.upgrade()
    }

    /// Puts a living object behind the name unless one is there; returns the one that is.
    pub fn object_or_insert(&self, new: Arc<dyn Any + Send + Sync>) -> Arc<dyn Any + Send + Sync> {
        let mut slot = self.object.lock();
        if let Some(living) = slot.as_ref().and_then(Weak::upgrade) {
            return living;
        }
        *slot = Some(Arc::downgrade(&new));
        new
    }
}
