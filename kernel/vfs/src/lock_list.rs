//! All locks and leases there are, for who lists them (`/proc/locks`).

use abi::{Errno, Result};
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
    ///
    /// # Errors
    /// `ENOLCK`: no memory for a longer list.
    pub fn new(attached: &Attached, row: Row) -> Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut all = WAITING.lock();
        all.try_reserve(1).map_err(|_| Errno::ENOLCK)?;
        all.push(Waiting {
            number,
            place: place(attached),
            row,
        });
        Ok(Self(number))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        WAITING.lock().retain(|wait| wait.number != self.0);
    }
}

/// The file's inode is about to have a lock: from now on it is looked at.
///
/// # Errors
/// `ENOLCK`: no memory for a longer list.
pub fn enter(attached: &Arc<Attached>, file: &OpenFile) -> Result<()> {
    if attached.is_listed.load(Ordering::Relaxed) {
        return Ok(());
    }
    let (device, ino) = (file.path().mount().sb().dev(), file.inode().attr().ino());
    let mut locked = LOCKED.lock();
    // Another thread may have come first.
    if attached.is_listed.load(Ordering::Relaxed) {
        return Ok(());
    }
    if locked.len() == locked.capacity() {
        locked.retain(|entry| entry.attached.strong_count() > 0);
        // Room for as many again: the next look at all of them is that far away.
        let more = locked.len().max(8);
        locked.try_reserve(more).map_err(|_| Errno::ENOLCK)?;
    }
    locked.push(Locked {
        device,
        ino,
        attached: Arc::downgrade(attached),
    });
    attached.is_listed.store(true, Ordering::Relaxed);
    Ok(())
}

/// The inodes there are with locks, or that had some.
fn inodes() -> Result<Vec<(u64, u64, Arc<Attached>)>> {
    let mut all = Vec::new();
    let locked = LOCKED.lock();
    let living = |entry: &Locked| Some((entry.device, entry.ino, entry.attached.upgrade()?));
    all.try_reserve_exact(locked.len())
        .map_err(|_| Errno::ENOMEM)?;
    all.extend(locked.iter().filter_map(living));
    Ok(all)
}

/// What is waited for of the inode.
fn waited_for(attached: &Attached) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let waiting = WAITING.lock();
    let here = || {
        let here = waiting.iter().filter(|wait| wait.place == place(attached));
        here.map(|wait| wait.row)
    };
    rows.try_reserve_exact(here().count())
        .map_err(|_| Errno::ENOMEM)?;
    rows.extend(here());
    Ok(rows)
}

/// Each lock with its inode's device and number, who waits for it after it (`true`).
///
/// # Errors
/// `ENOMEM`
pub fn each(mut take: impl FnMut(u64, u64, &Row, bool)) -> Result<()> {
    for (device, ino, attached) in inodes()? {
        let mut waiting = waited_for(&attached)?;
        for row in attached.rows(&|_| true)? {
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
    Ok(())
}
