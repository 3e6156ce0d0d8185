//! All locks and leases there are, for who lists them (`/proc/locks`).

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use sync::{SpinLock, rank};

use crate::attached::Attached;
use crate::file::OpenFile;
use crate::lock::{LockKind, LockOwner};

/// What kind of lock a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Of an open file, the whole (`flock`).
    Whole,
    /// Of a process, a range.
    Record,
    /// Of an open file, a range.
    Open,
    /// A lease, perhaps one that is to be given up.
    Lease {
        /// Somebody waits for it.
        breaking: bool,
    },
}

/// A lock, held or waited for.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What kind of lock it is.
    pub class: Class,
    /// What it allows others; `None`: everything.
    pub kind: Option<LockKind>,
    /// The process that took it; -1: an open file's.
    pub pid: i32,
    /// First byte.
    pub start: u64,
    /// Last byte.
    pub end: u64,
    /// Whose it is.
    pub owner: LockOwner,
}

impl Row {
    /// A lock on the whole file.
    #[must_use]
    pub fn whole(class: Class, kind: Option<LockKind>, pid: i32, owner: LockOwner) -> Self {
        Self {
            class,
            kind,
            pid,
            start: 0,
            end: i64::MAX as u64,
            owner,
        }
    }

    /// Whether this one, held, is in the way of `wanted`.
    fn stops(&self, wanted: &Self) -> bool {
        let whole = |row: &Self| row.class == Class::Whole;
        let lease = matches!(self.class, Class::Lease { .. });
        let exclusive = |row: &Self| row.kind == Some(LockKind::Exclusive);
        !lease
            && whole(self) == whole(wanted)
            && self.owner != wanted.owner
            && self.start <= wanted.end
            && wanted.start <= self.end
            && (exclusive(self) || exclusive(wanted))
    }
}

/// An inode that has, or had, locks.
struct Locked {
    device: u64,
    ino: u64,
    attached: Weak<Attached>,
}

static LOCKED: SpinLock<Vec<Locked>, { rank::LEAF }> = SpinLock::new(Vec::new());

/// Somebody waits for a lock.
struct Waiting {
    number: u64,
    place: usize,
    row: Row,
}

static WAITING: SpinLock<Vec<Waiting>, { rank::LEAF }> = SpinLock::new(Vec::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

fn place(attached: &Attached) -> usize {
    core::ptr::from_ref(attached).addr()
}

/// A wait for a lock, as long as it lives.
pub struct Wait(u64);

impl Wait {
    /// Somebody is about to wait for `row` of the inode.
    #[must_use]
    pub fn new(attached: &Attached, row: Row) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        WAITING.lock().push(Waiting {
            number,
            place: place(attached),
            row,
        });
        Self(number)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        WAITING.lock().retain(|wait| wait.number != self.0);
    }
}

/// The file's inode is about to have a lock: from now on it is looked at.
pub fn enter(attached: &Arc<Attached>, file: &OpenFile) {
    if attached.is_listed.swap(true, Ordering::Relaxed) {
        return;
    }
    let (device, ino) = (file.path().mount().sb().dev(), file.inode().attr().ino());
    let mut locked = LOCKED.lock();
    if locked.len() == locked.capacity() {
        locked.retain(|entry| entry.attached.strong_count() > 0);
    }
    locked.push(Locked {
        device,
        ino,
        attached: Arc::downgrade(attached),
    });
}

/// Each lock with its inode's device and number, who waits for it after it (`true`).
pub fn each(mut take: impl FnMut(u64, u64, &Row, bool)) {
    let living = |entry: &Locked| Some((entry.device, entry.ino, entry.attached.upgrade()?));
    let inodes: Vec<_> = LOCKED.lock().iter().filter_map(living).collect();
    for (device, ino, attached) in inodes {
        let mut waiting: Vec<Row> = WAITING
            .lock()
            .iter()
            .filter(|wait| wait.place == place(&attached))
            .map(|wait| wait.row)
            .collect();
        for row in attached.rows() {
            take(device, ino, &row, false);
            waiting.retain(|wanted| {
                let stopped = row.stops(wanted);
                if stopped {
                    take(device, ino, wanted, true);
                }
                !stopped
            });
        }
    }
}
