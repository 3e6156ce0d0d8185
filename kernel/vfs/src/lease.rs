//! Leases: who holds one hears by a signal that somebody wants the file otherwise, and has a while to give it up
//! (`man 2 fcntl`, "Leases").
//!
//! Nothing here waits: what is leased is [`BREAKING`] until the lease is given up or its time is over, and
//! [`NEWS`] tells when to try again.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use sync::{Events, Instant, Pollee, SpinLock, rank};

use crate::attached::collect;
use crate::fd_table::Fd;
use crate::file::OpenFile;
use crate::lock::{LockKind, LockOwner};
use crate::lock_list::{Class, Row};
use crate::owner::{self, Ownership};

/// What an open is told while a lease is in its way: not to be seen by any program.
pub const BREAKING: Errno = Errno::EINPROGRESS;

/// `fs.leases-enable`.
pub static ENABLED: AtomicU32 = AtomicU32::new(1);
/// `fs.lease-break-time`: seconds a holder has; 0: for ever.
pub static BREAK_TIME: AtomicU32 = AtomicU32::new(45);
/// Told ([`Events::OUT`]) when a lease may be out of the way.
pub static NEWS: Pollee = Pollee::new();

/// Leases anywhere: while there are none, no open looks for one.
static LEASES: AtomicUsize = AtomicUsize::new(0);
/// When the first lease being broken ends by itself, in nanoseconds; `u64::MAX`: none does.
static NEXT_END: AtomicU64 = AtomicU64::new(u64::MAX);

/// What a lease allows others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseKind {
    /// To read.
    Read,
    /// Nothing.
    Write,
}

/// What a lease becomes, and when at the latest; `None`: there is no latest.
#[derive(Clone, Copy)]
struct Change {
    to: Option<LeaseKind>,
    by: Option<Instant>,
}

struct Lease {
    /// The open file it was taken through, by address.
    file: usize,
    fd: Fd,
    pid: i32,
    ownership: Arc<Ownership>,
    kind: LeaseKind,
    breaking: Option<Change>,
}

impl Lease {
    fn row(&self) -> Row {
        let breaking = self.breaking.is_some();
        let kind = match self.breaking {
            Some(change) => change.to,
            None => Some(self.kind),
        };
        let kind = kind.map(|kind| match kind {
            LeaseKind::Read => LockKind::Shared,
            LeaseKind::Write => LockKind::Exclusive,
        });
        let owner = LockOwner::File(self.file);
        Row::whole(Class::Lease { breaking }, kind, self.pid, owner)
    }
}

/// The leases on one inode.
pub struct Leases(SpinLock<Vec<Lease>, { rank::FILE }>);

fn address(file: &OpenFile) -> usize {
    core::ptr::from_ref(file).addr()
}

/// The time after which to look again though nobody gave a lease up.
#[must_use]
pub fn next_end() -> Option<Instant> {
    match NEXT_END.load(Ordering::Relaxed) {
        u64::MAX => None,
        ns => Some(Instant::from_nanos(ns)),
    }
}

/// Forgets the time of [`next_end`] once it is over: those who look again set it anew.
pub fn past_end() {
    NEXT_END.store(u64::MAX, Ordering::Relaxed);
}

impl Leases {
    pub(crate) const fn new() -> Self {
        Self(SpinLock::new(Vec::new()))
    }

    /// What `file` holds, as it will be when what is being broken is.
    #[must_use]
    pub fn held_by(&self, file: &OpenFile) -> Option<LeaseKind> {
        let mut leases = self.0.lock();
        let news = expire(&mut leases);
        let held = leases.iter().find(|lease| lease.file == address(file));
        let kind = held.and_then(|lease| match lease.breaking {
            Some(change) => change.to,
            None => Some(lease.kind),
        });
        drop(leases);
        tell(news);
        kind
    }

    /// The leases that are `wanted`, as they will be when what is being broken is.
    pub(crate) fn rows(&self, wanted: &dyn Fn(&Row) -> bool, rows: &mut Vec<Row>) -> Result<()> {
        let mut leases = self.0.lock();
        let news = expire(&mut leases);
        let done = collect(rows, leases.iter().map(Lease::row), wanted);
        drop(leases);
        tell(news);
        done
    }

    /// Takes a lease for the process `pid`, or changes the one `file` has. The caller has made sure of who may, and that nobody has the
    /// file open in a way it forbids.
    ///
    /// # Errors
    /// `EAGAIN` while another's lease is in the way, `EINVAL` when there are to be none; `ENOMEM`.
    pub fn set(&self, file: &OpenFile, fd: Fd, kind: LeaseKind, pid: i32) -> Result<()> {
        let ownership = file.ownership().clone();
        let mut leases = self.0.lock();
        let news = expire(&mut leases);
        let mine = address(file);
        let in_the_way = |lease: &Lease| {
            let leaves = lease.breaking.is_some_and(|change| change.to.is_none());
            lease.file != mine && (kind == LeaseKind::Write || leaves)
        };
        let done = if leases.iter().any(in_the_way) {
            Err(Errno::EAGAIN)
        } else if let Some(lease) = leases.iter_mut().find(|lease| lease.file == mine) {
            lease.kind = kind;
            lease.breaking = None;
            Ok(())
        } else if ENABLED.load(Ordering::Relaxed) == 0 {
            Err(Errno::EINVAL)
        } else if leases.try_reserve(1).is_err() {
            Err(Errno::ENOMEM)
        } else {
            leases.push(Lease {
                file: mine,
                fd,
                pid,
                ownership,
                kind,
                breaking: None,
            });
            LEASES.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        drop(leases);
        tell(news || done.is_ok());
        done
    }

    /// Gives up the lease `file` has; its owner and signal go with it.
    ///
    /// # Errors
    /// `EAGAIN` when it has none.
    pub fn unset(&self, file: &OpenFile) -> Result<()> {
        let mut leases = self.0.lock();
        let mine = address(file);
        let at = leases.iter().position(|lease| lease.file == mine);
        let gone = at.map(|at| leases.swap_remove(at));
        drop(leases);
        let Some(lease) = gone else {
            return Err(Errno::EAGAIN);
        };
        LEASES.fetch_sub(1, Ordering::SeqCst);
        lease.ownership.set(owner::Owner::default());
        tell(true);
        Ok(())
    }

    /// Begins to break what is in the way of reading the file or, with `write`, of writing it.
    ///
    /// # Errors
    /// [`BREAKING`] while something is.
    fn break_for(&self, write: bool) -> Result<()> {
        let mut leases = self.0.lock();
        let news = expire(&mut leases);
        let seconds = BREAK_TIME.load(Ordering::Relaxed);
        let by = (seconds != 0).then(|| Instant::after(Duration::from_secs(u64::from(seconds))));
        let to = if write { None } else { Some(LeaseKind::Read) };
        let mut told: Vec<(Arc<Ownership>, Fd)> = Vec::new();
        let mut waits = false;
        for lease in leases.iter_mut() {
            if !write && lease.kind == LeaseKind::Read {
                continue;
            }
            waits = true;
            let enough = match lease.breaking {
                Some(change) => change.to.is_none() || !write,
                None => false,
            };
            if !enough {
                lease.breaking = Some(Change { to, by });
                told.push((lease.ownership.clone(), lease.fd));
            }
            if let Some(by) = lease.breaking.and_then(|change| change.by) {
                NEXT_END.fetch_min(by.as_nanos(), Ordering::Relaxed);
            }
        }
        drop(leases);
        tell(news);
        for (ownership, fd) in told {
            owner::signal(&ownership, fd);
        }
        if waits { Err(BREAKING) } else { Ok(()) }
    }
}

/// Changes what should have been changed by now; whether there was anything.
fn expire(leases: &mut Vec<Lease>) -> bool {
    let now = Instant::now();
    let mut changed = false;
    leases.retain_mut(|lease| {
        let Some(change) = lease
            .breaking
            .filter(|it| it.by.is_some_and(|by| by <= now))
        else {
            return true;
        };
        changed = true;
        lease.breaking = None;
        match change.to {
            Some(kind) => lease.kind = kind,
            None => {
                LEASES.fetch_sub(1, Ordering::SeqCst);
                lease.ownership.set(owner::Owner::default());
            }
        }
        change.to.is_some()
    });
    changed
}

fn tell(news: bool) {
    if news {
        NEWS.notify(Events::OUT);
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        LEASES.fetch_sub(self.0.get_mut().len(), Ordering::SeqCst);
    }
}

/// Somebody wants to read the file of `attr` or, with `write`, to change its data.
///
/// # Errors
/// [`BREAKING`] while a lease is in the way.
#[inline]
pub fn ask(attr: &crate::Attributes, write: bool) -> Result<()> {
    if LEASES.load(Ordering::Relaxed) == 0 {
        return Ok(());
    }
    match attr.existing_attached() {
        Some(attached) => attached.leases.break_for(write),
        None => Ok(()),
    }
}
