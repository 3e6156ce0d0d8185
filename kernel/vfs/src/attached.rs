//! What hangs on an inode besides its attributes.

use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::AtomicBool;
use sync::{SpinLock, rank};

use crate::lease::Leases;
use crate::lock::FileLocks;
use crate::lock_list::Row;
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
    /// Whether its locks are among those that can be listed.
    pub(crate) is_listed: AtomicBool,
    object: SpinLock<Option<Weak<dyn Any + Send + Sync>>, { rank::LEAF }>,
}

impl Attached {
    pub(crate) fn new() -> Self {
        Self {
            locks: FileLocks::new(),
            watches: WatchList::new(),
            leases: Leases::new(),
            is_listed: AtomicBool::new(false),
            object: SpinLock::new(None),
        }
    }

    /// The locks and leases on the inode that are `wanted`.
    ///
    /// # Errors
    /// `ENOMEM`
    pub fn rows(&self, wanted: &dyn Fn(&Row) -> bool) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        self.locks.rows(wanted, &mut rows)?;
        self.leases.rows(wanted, &mut rows)?;
        Ok(rows)
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

/// Adds those of `more` that are `wanted`.
///
/// # Errors
/// `ENOMEM`
pub(crate) fn collect(
    rows: &mut Vec<Row>,
    more: impl Iterator<Item = Row> + Clone,
    wanted: &dyn Fn(&Row) -> bool,
) -> Result<()> {
    let more = more.filter(|row| wanted(row));
    rows.try_reserve_exact(more.clone().count())
        .map_err(|_| Errno::ENOMEM)?;
    rows.extend(more);
    Ok(())
}
