//! epoll: many files asked at once (`man 7 epoll`).
//!
//! An [`Epoll`] keeps an [`item::Item`] for each (descriptor, open file) it watches. An item observes its file and, when
//! told, puts itself on the ready list: that may happen in an interrupt and takes one spin lock. Waiting walks the ready
//! list and asks each file again; what is still ready under level triggering goes to the back of the list, so that all
//! get their turn. One sleeping lock an instance makes the walks take turns; it comes before the locks of the files asked.
//! Files are let go outside of it.

mod item;
mod nesting;
mod ready;
#[cfg(test)]
mod tests;

use abi::epoll::{EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP, EpollEvent};
use abi::fcntl::OFlags;
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use core::fmt;
use core::ops::Bound;
use core::sync::atomic::{AtomicU64, Ordering};
use item::Item;
use ready::Ready;
use sync::{Credentials, Events, Mutex, PerUser, Pollee, UserCount, rank};

use crate::Caller;
use crate::abilities::Abilities;
use crate::anon::anon_file;
use crate::file::OpenFile;
use crate::file_ops::{FileOps, Whence};

/// The bits of a mask that are behaviour, not events.
const BEHAVIOUR: u32 = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;

/// What may stand beside EPOLLEXCLUSIVE.
const EXCLUSIVE_OK: u32 = 0x1 | 0x4 | 0x8 | 0x10 | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

/// Files asked under one hold of the lock.
const BATCH: usize = 16;

/// Items, and the files they are of.
type Watched = ArrayVec<(Arc<Item>, Arc<OpenFile>), BATCH>;

/// A descriptor, and the address of the open file it stood for when it was added.
type Key = (i32, usize);

/// Files each user has instances watch, and how many they may be (`fs.epoll.max_user_watches`).
static WATCHES: PerUser = PerUser::new();
static MAX_WATCHES: AtomicU64 = AtomicU64::new(0);

/// What Linux takes a watch to cost.
const WATCH_COST: u64 = 192;

/// How many files the instances of one user may watch: at first as many as fill a twenty-fifth of the memory.
#[must_use]
pub fn max_user_watches() -> u64 {
    match MAX_WATCHES.load(Ordering::Relaxed) {
        0 => (hal::frame::total() * hal::PAGE_SIZE) as u64 / 25 / WATCH_COST,
        // One more than was set: 0 can be, too.
        set => set - 1,
    }
}

/// Sets how many they may be.
pub fn set_max_user_watches(most: u64) {
    MAX_WATCHES.store(most.saturating_add(1), Ordering::Relaxed);
}

#[derive(Default)]
struct Interest {
    items: BTreeMap<Key, Arc<Item>>,
    /// How many of them are counted.
    counted: u64,
    /// Look for items of closed files when there are this many.
    sweep_at: usize,
    /// Instances that watch this one, gone ones too.
    parents: Vec<Weak<Epoll>>,
}

/// One epoll instance.
pub struct Epoll {
    interest: Mutex<Interest, { rank::EPOLL }>,
    user: UserCount,
    ready: Ready,
    pollee: Pollee,
    this: Weak<Epoll>,
}

/// What a walk of the ready list brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collected {
    /// So many events went to the sink.
    Events(usize),
    /// The sink could not take the first one; it is still there.
    Fault,
}

/// What a file that was asked is to the caller.
enum Verdict {
    /// Not ready.
    NotReady,
    /// Ready, and told.
    Told,
    /// Ready, and to be told yet.
    Untold,
}

impl Epoll {
    /// An instance of a user's that watches nothing.
    #[must_use]
    pub fn new(uid: u32) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            interest: Mutex::new(Interest::default()),
            user: WATCHES.find(uid),
            ready: Ready::new(),
            pollee: Pollee::new(),
            this: this.clone(),
        })
    }

    /// An open file over a new instance.
    #[must_use]
    pub fn file(cred: Arc<Credentials>) -> Arc<OpenFile> {
        anon_file("[eventpoll]", Self::new(cred.uid), OFlags::RDWR, cred)
    }

    /// Watches `file` under the number `fd`.
    ///
    /// # Errors
    /// `EPERM` for a file that is always ready; `EINVAL` for the file of this instance, for EPOLLEXCLUSIVE on an epoll or
    /// with what it does not go with, for too many paths through nested instances; `ELOOP` for a circle or too deep a
    /// nesting; `EEXIST`, `ENOMEM`; `ENOSPC` when the user's instances watch enough.
    pub fn add(&self, file: &Arc<OpenFile>, fd: i32, event: &EpollEvent) -> Result<()> {
        let pollee = file.ops().pollee().ok_or(Errno::EPERM)?;
        let inner = file.ops_as::<Epoll>();
        if inner.is_some_and(|inner| core::ptr::eq(inner, self)) {
            return Err(Errno::EINVAL);
        }
        let exclusive = event.events & EPOLLEXCLUSIVE != 0;
        if exclusive && (inner.is_some() || event.events & !EXCLUSIVE_OK != 0) {
            return Err(Errno::EINVAL);
        }
        let _order = if inner.is_some() || self.is_nested() {
            Some(nesting::lock())
        } else {
            None
        };
        if let Some(inner) = inner {
            nesting::check_loop(self, inner)?;
        }
        let mut interest = self.interest.lock();
        let key = key(fd, file);
        if let Some(old) = interest.items.get(&key)
            && !old.is_orphan()
        {
            return Err(Errno::EEXIST);
        }
        self.make_room(&mut interest)?;
        let item = Item::new(self.this.clone(), file, fd, event);
        interest.items.insert(key, item.clone());
        self.recount(&mut interest);
        if let Some(inner) = inner {
            drop(interest);
            if let Err(error) = inner.add_parent(&self.this) {
                self.forget(key);
                return Err(error);
            }
            interest = self.interest.lock();
        }
        if _order.is_some() {
            drop(interest);
            let fits = nesting::check_paths(self, inner);
            interest = self.interest.lock();
            // Another thread may have taken it away again while the lock was free.
            let still = interest.items.get(&key);
            if still.is_none_or(|other| !Arc::ptr_eq(other, &item)) {
                return fits;
            }
            if let Err(error) = fits {
                self.take_out(&mut interest, key);
                return Err(error);
            }
        }
        if let Err(error) = item.watch(pollee, exclusive) {
            self.take_out(&mut interest, key);
            return Err(error);
        }
        self.ask(&item, file);
        drop(interest);
        Ok(())
    }

    /// Changes what is asked of a watched file, and arms it again.
    ///
    /// # Errors
    /// `ENOENT`; `EINVAL` where EPOLLEXCLUSIVE is or would be set.
    pub fn modify(&self, file: &Arc<OpenFile>, fd: i32, event: &EpollEvent) -> Result<()> {
        if event.events & EPOLLEXCLUSIVE != 0 {
            return Err(Errno::EINVAL);
        }
        let interest = self.interest.lock();
        let item = interest.items.get(&key(fd, file)).ok_or(Errno::ENOENT)?;
        if item.mask() & EPOLLEXCLUSIVE != 0 {
            return Err(Errno::EINVAL);
        }
        item.change(event);
        self.ask(item, file);
        Ok(())
    }

    /// Stops watching a file.
    ///
    /// # Errors
    /// `ENOENT`.
    pub fn remove(&self, file: &Arc<OpenFile>, fd: i32) -> Result<()> {
        if self.forget(key(fd, file)) {
            Ok(())
        } else {
            Err(Errno::ENOENT)
        }
    }

    /// Gives up to `most` events to `sink`, which answers whether it took the event.
    ///
    /// # Errors
    /// `EAGAIN` when nothing is ready.
    #[inline]
    pub fn collect(
        &self,
        most: usize,
        mut sink: impl FnMut(&EpollEvent) -> bool,
    ) -> Result<Collected> {
        let mut count = 0;
        let mut fault = false;
        if most > 0 {
            self.walk(false, |item, file| {
                let Some(event) = item.judge(file) else {
                    return (Verdict::NotReady, false);
                };
                if !sink(&event) {
                    fault = true;
                    return (Verdict::Untold, true);
                }
                item.delivered();
                count += 1;
                (Verdict::Told, count >= most)
            });
        }
        if count == 0 {
            return if fault {
                Ok(Collected::Fault)
            } else {
                Err(Errno::EAGAIN)
            };
        }
        // Whoever waits beside this caller gets what is left.
        if self.ready.len() > 0 && self.pollee.has_observers() {
            self.pollee.notify(Events::READABLE);
        }
        Ok(Collected::Events(count))
    }

    /// Asks the files on the ready list, each once. `visit` judges one and says whether the walk ends.
    #[inline]
    fn walk(&self, nested: bool, mut visit: impl FnMut(&Item, &OpenFile) -> (Verdict, bool)) {
        // Who waits has registered before he looks here: what is queued later is told to him.
        if self.ready.len() == 0 {
            return;
        }
        let mut walk = self.ready.begin();
        let mut over = false;
        while !over && !walk.is_over() {
            // Let go outside of the lock.
            let mut asked = ArrayVec::<Arc<OpenFile>, BATCH>::new();
            let mut interest = if nested {
                self.interest.lock_nested()
            } else {
                self.interest.lock()
            };
            while !over && !walk.is_over() && !asked.is_full() {
                let Some(item) = self.ready.next(&mut walk) else {
                    over = true;
                    break;
                };
                let Some(file) = item.file() else {
                    interest.items.remove(&item.key());
                    self.retire(&item);
                    continue;
                };
                let verdict;
                (verdict, over) = visit(&item, &file);
                match (verdict, item.stays()) {
                    (Verdict::NotReady, true) => self.ready.settle(&item),
                    (Verdict::Untold, false) => self.ready.queue(&item, true),
                    _ => {}
                }
                asked.push(file);
            }
            if interest.counted != interest.items.len() as u64 {
                self.recount(&mut interest);
            }
            drop(interest);
        }
    }

    /// Tells who waits here.
    #[must_use]
    pub fn waiters(&self) -> &Pollee {
        &self.pollee
    }

    /// About how many files are ready.
    #[must_use]
    pub fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// Queues the item if its file is ready now, and tells who waits.
    fn ask(&self, item: &Arc<Item>, file: &OpenFile) {
        if item.judge(file).is_some() {
            self.ready.queue(item, false);
            self.pollee.notify(Events::READABLE);
        }
    }

    /// Room on the ready list for one more item: queueing happens in interrupts and takes no memory. A closed file counts
    /// until its instance comes upon it: here, in a wait, or at the instance's end.
    fn make_room(&self, interest: &mut Interest) -> Result<()> {
        let full = || self.user.get() >= max_user_watches();
        if interest.items.len() >= interest.sweep_at || full() {
            interest.items.retain(|_, item| {
                let orphan = item.is_orphan();
                if orphan {
                    self.retire(item);
                }
                !orphan
            });
            interest.sweep_at = (interest.items.len() * 2).max(32);
            self.recount(interest);
            if full() {
                return Err(Errno::ENOSPC);
            }
        }
        self.ready.make_room(interest.items.len() * 2 + 2)
    }

    /// The user has as many watches as there are.
    fn recount(&self, interest: &mut Interest) {
        let now = interest.items.len() as u64;
        self.user.change(interest.counted, now);
        interest.counted = now;
    }

    fn forget(&self, key: Key) -> bool {
        self.take_out(&mut self.interest.lock(), key)
    }

    /// Takes an item out; whether there was one.
    fn take_out(&self, interest: &mut Interest, key: Key) -> bool {
        let Some(item) = interest.items.remove(&key) else {
            return false;
        };
        self.recount(interest);
        // Under the instance's lock: a walk of the ready list is not to meet a turning one.
        self.retire(&item);
        true
    }

    /// Ends an item that has left the map: it is told nothing more, and lets go of its file's list, which keeps it
    /// alive.
    fn retire(&self, item: &Item) {
        self.ready.remove(item);
        item.unwatch();
    }

    /// Nobody has the instance open any more: its files forget it.
    fn close(&self) {
        let mut interest = self.interest.lock();
        let items = core::mem::take(&mut interest.items);
        self.recount(&mut interest);
        drop(interest);
        for item in items.into_values() {
            self.retire(&item);
        }
    }

    /// Some of the files it watches, from a key on, and the last key looked at; they are let go outside of the lock.
    fn watched(&self, from: Bound<Key>) -> Option<(Key, Watched)> {
        let interest = self.interest.lock();
        let mut batch = Watched::new();
        let mut last = None;
        for (key, item) in interest.items.range((from, Bound::Unbounded)).take(BATCH) {
            batch.extend(item.file().map(|file| (item.clone(), file)));
            last = Some(*key);
        }
        Some((last?, batch))
    }

    fn add_parent(&self, parent: &Weak<Self>) -> Result<()> {
        let mut interest = self.interest.lock();
        interest.parents.retain(|parent| parent.strong_count() > 0);
        if !interest.parents.iter().any(|other| other.ptr_eq(parent)) {
            let room = interest.parents.try_reserve(1);
            room.map_err(|_| Errno::ENOMEM)?;
            interest.parents.push(parent.clone());
        }
        Ok(())
    }

    fn is_nested(&self) -> bool {
        !self.interest.lock().parents.is_empty()
    }
}

fn key(fd: i32, file: &Arc<OpenFile>) -> Key {
    (fd, Arc::as_ptr(file).addr())
}

impl FileOps for Epoll {
    fn abilities(&self) -> Abilities {
        Abilities::empty()
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        let mut found = false;
        self.walk(true, |item, file| {
            found = item.judge(file).is_some();
            let verdict = if found {
                Verdict::Untold
            } else {
                Verdict::NotReady
            };
            (verdict, found)
        });
        if found {
            Events::READABLE
        } else {
            Events::empty()
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.pollee)
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, _offset: i64, _whence: Whence) -> Result<u64> {
        Ok(*pos)
    }

    fn as_epoll(&self) -> Option<&Epoll> {
        Some(self)
    }

    /// An instance has commands of its own, for devices that are polled, and refuses all others in its own way.
    fn ioctl(&self, _: &OpenFile, _: u32, _: usize, _: &dyn Caller) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    fn release(&self, _file: &OpenFile) {
        self.close();
    }

    fn show_info(&self, _file: &OpenFile, out: &mut dyn fmt::Write) -> fmt::Result {
        let mut from = Bound::Unbounded;
        while let Some((last, batch)) = self.watched(from) {
            from = Bound::Excluded(last);
            for (item, file) in batch {
                let ino = file.inode().attr().ino();
                writeln!(
                    out,
                    "tfd: {:8} events: {:8x} data: {:16x}  pos:0 ino:{ino:x} sdev:0",
                    item.fd(),
                    item.mask(),
                    item.data()
                )?;
            }
        }
        Ok(())
    }
}
