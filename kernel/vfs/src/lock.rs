//! Advisory locks: POSIX record locks (of a process's descriptor table), locks of open files (OFD) over
//! the same ranges, and `flock`.
//!
//! Nothing here waits: what is taken is `EAGAIN`, and [`FileLocks::waiters`] tells when to try again.
//! Who waits for a POSIX lock says so with a [`Blocked`], by which a ring of waiting owners is found
//! (`EDEADLK`).

use abi::{Errno, Result};
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use sync::{Events, Pollee, SpinLock, rank};

use crate::attached::collect;
use crate::file::OpenFile;
use crate::lock_list::{Class, Row};

/// Who holds a record lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockOwner {
    /// A descriptor table (its number): POSIX locks.
    Table(u64),
    /// An open file (its address): OFD locks.
    File(usize),
}

impl LockOwner {
    /// The open file as an owner.
    #[must_use]
    pub fn file(file: &OpenFile) -> Self {
        Self::File(core::ptr::from_ref(file).addr())
    }
}

/// What a lock allows others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Others may share it.
    Shared,
    /// Nobody else.
    Exclusive,
}

/// A record lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLock {
    /// Who holds it.
    pub owner: LockOwner,
    /// The process that took it; -1 for an OFD lock.
    pub pid: i32,
    /// What it allows others.
    pub kind: LockKind,
    /// First byte.
    pub start: u64,
    /// Last byte, inclusive; `i64::MAX` for "to the end, whatever it becomes".
    pub end: u64,
}

impl RecordLock {
    fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    fn conflicts(&self, other: &Self) -> bool {
        self.owner != other.owner
            && self.overlaps(other)
            && (self.kind == LockKind::Exclusive || other.kind == LockKind::Exclusive)
    }

    /// The lock as it is listed.
    #[must_use]
    pub fn row(&self) -> Row {
        let class = match self.owner {
            LockOwner::Table(_) => Class::Record,
            LockOwner::File(_) => Class::Open,
        };
        Row {
            start: self.start,
            end: self.end,
            ..Row::whole(class, Some(self.kind), self.pid, self.owner)
        }
    }

    fn touches(&self, other: &Self) -> bool {
        self.start <= other.end.saturating_add(1) && other.start <= self.end.saturating_add(1)
    }
}

#[derive(Clone, Copy)]
struct WholeLock {
    file: usize,
    pid: i32,
    kind: LockKind,
}

impl WholeLock {
    fn row(&self) -> Row {
        let owner = LockOwner::File(self.file);
        Row::whole(Class::Whole, Some(self.kind), self.pid, owner)
    }
}

/// The locks on one inode.
pub struct FileLocks {
    /// Sorted by first byte.
    records: SpinLock<Vec<RecordLock>, { rank::FILE }>,
    whole: SpinLock<Vec<WholeLock>, { rank::FILE }>,
    waiters: Pollee,
}

impl FileLocks {
    pub(crate) const fn new() -> Self {
        Self {
            records: SpinLock::new(Vec::new()),
            whole: SpinLock::new(Vec::new()),
            waiters: Pollee::new(),
        }
    }

    /// Tells ([`Events::OUT`]) when a lock may have become free.
    #[must_use]
    pub fn waiters(&self) -> &Pollee {
        &self.waiters
    }

    /// The first lock that is in the way of `wanted`.
    #[must_use]
    pub fn conflict(&self, wanted: &RecordLock) -> Option<RecordLock> {
        self.records
            .lock()
            .iter()
            .find(|held| held.conflicts(wanted))
            .copied()
    }

    /// The first lock of the owner of `range` that lies in it.
    #[must_use]
    pub fn held(&self, range: &RecordLock) -> Option<RecordLock> {
        self.records
            .lock()
            .iter()
            .find(|held| held.owner == range.owner && held.overlaps(range))
            .copied()
    }

    /// The locks that are `wanted`: of the whole file, then of ranges.
    pub(crate) fn rows(&self, wanted: &dyn Fn(&Row) -> bool, rows: &mut Vec<Row>) -> Result<()> {
        collect(rows, self.whole.lock().iter().map(WholeLock::row), wanted)?;
        let records = self.records.lock();
        collect(rows, records.iter().map(RecordLock::row), wanted)
    }

    /// Takes `wanted`, in place of what its owner holds in the range.
    ///
    /// # Errors
    /// `EAGAIN` while another holds a part of it; `ENOLCK`: no memory for one more.
    pub fn set(&self, wanted: &RecordLock) -> Result<()> {
        self.set_for(wanted, None)
    }

    /// As [`FileLocks::set`] for one that waits while another holds a part of it.
    ///
    /// # Errors
    /// As [`FileLocks::set`]; `EDEADLK` when the holder waits, over any number of others, for the owner.
    pub fn set_or_block(&self, wanted: &RecordLock, blocked: &Blocked) -> Result<()> {
        self.set_for(wanted, Some(blocked))
    }

    fn set_for(&self, wanted: &RecordLock, blocked: Option<&Blocked>) -> Result<()> {
        let mut records = self.records.lock();
        // Who waits for whom changes with the locks themselves: a holder that gave its lock up is waited
        // for no longer, though those who waited have not run yet.
        if let Some(held) = records.iter().find(|held| held.conflicts(wanted)) {
            if let Some(blocked) = blocked {
                blocked.by(held.owner, self.place())?;
            }
            return Err(Errno::EAGAIN);
        }
        if let Some(blocked) = blocked {
            blocked.end();
        }
        // For itself, and for what is left on the far side of it.
        make_room(&mut records, 2)?;
        let mut new = *wanted;
        let weakened = carve(&mut records, wanted);
        if weakened {
            released(wanted.owner, self.place());
        }
        records.retain(|held| {
            let joins = held.owner == new.owner && held.kind == new.kind && held.touches(&new);
            if joins {
                new.start = new.start.min(held.start);
                new.end = new.end.max(held.end);
            }
            !joins
        });
        let at = records.partition_point(|held| held.start < new.start);
        records.insert(at, new);
        drop(records);
        if weakened {
            self.waiters.notify(Events::OUT);
        }
        Ok(())
    }

    /// Gives up what `owner` holds from `start` to `end`.
    ///
    /// # Errors
    /// `ENOLCK`: it would leave two pieces of one, and there is no memory for that.
    pub fn unset(&self, owner: LockOwner, start: u64, end: u64) -> Result<()> {
        let range = RecordLock {
            owner,
            pid: 0,
            kind: LockKind::Exclusive,
            start,
            end,
        };
        let mut records = self.records.lock();
        let splits =
            |held: &RecordLock| held.owner == owner && held.start < start && end < held.end;
        if records.iter().any(splits) {
            make_room(&mut records, 1)?;
        }
        let freed = carve(&mut records, &range);
        if freed {
            released(owner, self.place());
        }
        drop(records);
        if freed {
            self.waiters.notify(Events::OUT);
        }
        Ok(())
    }

    /// Gives up all that `owner` holds.
    pub fn unset_all(&self, owner: LockOwner) {
        // Nothing is left of any: that takes no memory.
        let _ = self.unset(owner, 0, u64::MAX);
    }

    /// What tells these locks from those of other inodes.
    fn place(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// A process closed a descriptor of the file: its POSIX locks go, whichever descriptor made them.
    pub fn table_closed(&self, table: u64) {
        self.unset_all(LockOwner::Table(table));
    }

    /// The last descriptor of an open file is gone: its locks go.
    pub fn file_closed(&self, file: &OpenFile) {
        self.unset_all(LockOwner::file(file));
        self.unlock_whole(file);
    }

    /// Takes the whole file (`flock`) for the process `pid`; what the open file held before goes first, as on Linux.
    ///
    /// # Errors
    /// `EAGAIN` while another open file holds it; `ENOMEM`
    pub fn lock_whole(&self, file: &OpenFile, kind: LockKind, pid: i32) -> Result<()> {
        let id = core::ptr::from_ref(file).addr();
        let mut whole = self.whole.lock();
        if whole
            .iter()
            .any(|held| held.file == id && held.kind == kind)
        {
            return Ok(());
        }
        whole.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let held = whole.len();
        whole.retain(|held| held.file != id);
        let freed = whole.len() != held;
        let taken = whole
            .iter()
            .any(|held| kind == LockKind::Exclusive || held.kind == LockKind::Exclusive);
        if !taken {
            whole.push(WholeLock {
                file: id,
                pid,
                kind,
            });
        }
        drop(whole);
        if freed {
            self.waiters.notify(Events::OUT);
        }
        if taken { Err(Errno::EAGAIN) } else { Ok(()) }
    }

    /// Gives the whole file up.
    pub fn unlock_whole(&self, file: &OpenFile) {
        let id = core::ptr::from_ref(file).addr();
        let mut whole = self.whole.lock();
        let held = whole.len();
        whole.retain(|held| held.file != id);
        let freed = whole.len() != held;
        drop(whole);
        if freed {
            self.waiters.notify(Events::OUT);
        }
    }
}

/// Room for as many more.
fn make_room<T>(list: &mut Vec<T>, more: usize) -> Result<()> {
    list.try_reserve(more).map_err(|_| Errno::ENOLCK)
}

/// Cuts the range of `cut` out of what its owner holds; whether there was anything.
fn carve(records: &mut Vec<RecordLock>, cut: &RecordLock) -> bool {
    let mut right = None;
    let mut changed = false;
    records.retain_mut(|held| {
        if held.owner != cut.owner || !held.overlaps(cut) {
            return true;
        }
        changed = true;
        if held.end > cut.end {
            right = Some(RecordLock {
                start: cut.end.saturating_add(1),
                ..*held
            });
        }
        if held.start < cut.start {
            held.end = cut.start - 1;
            return true;
        }
        false
    });
    if let Some(right) = right {
        let at = records.partition_point(|held| held.start < right.start);
        records.insert(at, right);
    }
    changed
}

/// A thread of an owner waits for a lock on an inode that another owner holds.
struct Wait {
    /// Of the [`Blocked`] it belongs to: several threads of one owner may wait.
    number: u64,
    waiter: LockOwner,
    holder: LockOwner,
    place: usize,
}

/// All waits for POSIX locks; taken under the locks of an inode.
static WAITS: SpinLock<Vec<Wait>, { rank::LEAF }> = SpinLock::new(Vec::new());

/// `holder` has given up something at `place`: those who waited for it look again.
fn released(holder: LockOwner, place: usize) {
    WAITS
        .lock()
        .retain(|wait| wait.holder != holder || wait.place != place);
}

static NEXT_BLOCKED: AtomicU64 = AtomicU64::new(0);

/// A thread of an owner that waits for another; ended by dropping.
pub struct Blocked {
    number: u64,
    waiter: LockOwner,
}

impl Blocked {
    /// `waiter` is about to wait.
    #[must_use]
    pub fn new(waiter: LockOwner) -> Self {
        Self {
            number: NEXT_BLOCKED.fetch_add(1, Ordering::Relaxed),
            waiter,
        }
    }

    /// `holder` is in the way now, at `place`.
    fn by(&self, holder: LockOwner, place: usize) -> Result<()> {
        let mut waits = WAITS.lock();
        waits.retain(|wait| wait.number != self.number);
        // Everybody who is waited for from here on.
        let mut reached = vec![holder];
        let mut next = 0;
        while let Some(at) = reached.get(next).copied() {
            if at == self.waiter {
                return Err(Errno::EDEADLK);
            }
            for wait in waits.iter().filter(|wait| wait.waiter == at) {
                if !reached.contains(&wait.holder) {
                    make_room(&mut reached, 1)?;
                    reached.push(wait.holder);
                }
            }
            next += 1;
        }
        make_room(&mut waits, 1)?;
        waits.push(Wait {
            number: self.number,
            waiter: self.waiter,
            holder,
            place,
        });
        Ok(())
    }

    fn end(&self) {
        WAITS.lock().retain(|wait| wait.number != self.number);
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(owner: u64, start: u64) -> RecordLock {
        RecordLock {
            owner: LockOwner::Table(owner),
            pid: 1,
            kind: LockKind::Exclusive,
            start,
            end: start,
        }
    }

    #[test]
    fn each_thread_of_an_owner_that_waits_counts() {
        let (one, two) = (FileLocks::new(), FileLocks::new());
        let (a, b, c) = (
            LockOwner::Table(11),
            LockOwner::Table(12),
            LockOwner::Table(13),
        );
        assert_eq!(one.set(&lock(12, 0)), Ok(()));
        assert_eq!(two.set(&lock(13, 0)), Ok(()));
        // Two threads of one owner wait for two others.
        let (first, second) = (Blocked::new(a), Blocked::new(a));
        assert_eq!(one.set_or_block(&lock(11, 0), &first), Err(Errno::EAGAIN));
        assert_eq!(two.set_or_block(&lock(11, 0), &second), Err(Errno::EAGAIN));
        let mine = FileLocks::new();
        assert_eq!(mine.set(&lock(11, 0)), Ok(()));
        assert_eq!(
            mine.set_or_block(&lock(12, 0), &Blocked::new(b)),
            Err(Errno::EDEADLK)
        );
        // The second thread's wait is over; the first's is still known.
        drop(second);
        assert_eq!(
            mine.set_or_block(&lock(12, 0), &Blocked::new(b)),
            Err(Errno::EDEADLK)
        );
        assert_eq!(
            mine.set_or_block(&lock(13, 0), &Blocked::new(c)),
            Err(Errno::EAGAIN)
        );
    }

    #[test]
    fn a_ring_of_owners_is_a_deadlock_and_a_lock_given_up_is_no_part_of_it() {
        let locks = FileLocks::new();
        let (first, second) = (
            Blocked::new(LockOwner::Table(71)),
            Blocked::new(LockOwner::Table(72)),
        );
        assert_eq!(locks.set(&lock(71, 0)), Ok(()));
        assert_eq!(locks.set(&lock(72, 1)), Ok(()));
        assert_eq!(
            locks.set_or_block(&lock(72, 0), &second),
            Err(Errno::EAGAIN)
        );
        assert_eq!(
            locks.set_or_block(&lock(71, 1), &first),
            Err(Errno::EDEADLK)
        );
        // The second waits for nobody any more, though it has not looked again.
        assert_eq!(locks.unset(LockOwner::Table(71), 0, 0), Ok(()));
        assert_eq!(locks.set_or_block(&lock(71, 1), &first), Err(Errno::EAGAIN));
    }
}
