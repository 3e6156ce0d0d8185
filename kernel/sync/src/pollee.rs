//! Readiness: who wants to know when an object changes, and telling them.
//!
//! An object changes its state, lets its lock go, then calls [`Pollee::notify`]. Who waits registers,
//! then looks at the object again; so either the object sees the registration or the waiter the change.
//! Observers are told outside the list's lock and may take any lock, but never sleep: a notification
//! may come from an interrupt.

use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;

use arrayvec::ArrayVec;

use crate::atomic::{AtomicU32, Ordering, fence};
use crate::events::Events;
use crate::once::Once;
use crate::rank;
use crate::spin_lock::{IrqLock, IrqLockGuard};
use crate::task::ANY_WAIT;

/// Somebody who is told when an object may be ready.
pub trait Observer: Send + Sync {
    /// Some of `events` may have come. `sync`: the caller is about to sleep, so the partner may run next
    /// on this processor. Answers whether the news was of use: an exclusive observer that answers `true`
    /// ends the round, and no further exclusive observer hears of it. Must not sleep.
    fn notify(&self, events: Events, sync: bool) -> bool;

    /// As [`Observer::notify`], for one who counts his waits: the news are for the wait with this number alone.
    fn notify_waiter(&self, events: Events, sync: bool, _wait: u32) -> bool {
        self.notify(events, sync)
    }
}

struct Entry {
    key: u64,
    events: Events,
    exclusive: bool,
    wait: u32,
    observer: Arc<dyn Observer>,
}

#[derive(Default)]
struct List {
    next_key: u64,
    /// The oldest entry, unless it came while there were others: one is the rule.
    first: Option<Entry>,
    /// The others in the order of keys, that is of registration.
    entries: VecDeque<Entry>,
}

impl List {
    fn position(&self, key: u64) -> Option<usize> {
        self.entries
            .binary_search_by_key(&key, |entry| entry.key)
            .ok()
    }

    fn get_mut(&mut self, key: u64) -> Option<&mut Entry> {
        match &mut self.first {
            Some(first) if first.key == key => self.first.as_mut(),
            _ => {
                let at = self.position(key)?;
                self.entries.get_mut(at)
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.first.is_none() && self.entries.is_empty()
    }
}

struct Inner {
    /// All that entries have asked for, and perhaps what entries had that are gone; 0 when there are none.
    wanted: AtomicU32,
    list: IrqLock<List, { rank::WAIT_QUEUE }>,
}

/// An object's list of observers. A wait queue is a `Pollee` too. Takes memory at the first
/// registration and keeps it.
pub struct Pollee {
    inner: Once<Arc<Inner>>,
}

/// Observers told in one round, between two holds of the list's lock.
const BATCH: usize = 8;

impl Pollee {
    /// Nobody observes.
    #[must_use]
    pub const fn new() -> Self {
        Self { inner: Once::new() }
    }

    /// Tells all non-exclusive observers of `events`, and exclusive ones in order of registration until
    /// one accepts. Costs a barrier and two loads when nobody observes.
    #[inline]
    pub fn notify(&self, events: Events) {
        self.tell(events, false);
    }

    /// As [`Pollee::notify`], by a caller about to sleep or to leave the kernel: the partner runs next on
    /// this processor, without an interrupt to another.
    #[inline]
    pub fn notify_sync(&self, events: Events) {
        self.tell(events, true);
    }

    /// Whether anybody observes.
    #[inline]
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.observed(Events::all()).is_some()
    }

    /// As [`Pollee::is_observed`] to who has held a lock that observers look at the object under: without a barrier.
    #[inline]
    #[must_use]
    pub fn has_observers(&self) -> bool {
        self.inner
            .get()
            .is_some_and(|inner| inner.wanted.load(Ordering::Relaxed) != 0)
    }

    #[inline]
    fn observed(&self, events: Events) -> Option<&Arc<Inner>> {
        // Orders the object's change before the look at the list, for changes made without a lock.
        fence(Ordering::SeqCst);
        self.inner
            .get()
            .filter(|inner| inner.wanted.load(Ordering::Relaxed) & events.bits() != 0)
    }

    #[inline]
    fn tell(&self, events: Events, sync: bool) {
        if let Some(inner) = self.observed(events) {
            inner.tell(events, sync);
        }
    }

    /// Adds an observer of any of `events` (errors and hang-ups are always told); it is taken off when the
    /// registration goes. `exclusive` observers are told one at a time.
    #[must_use = "dropping the registration ends it"]
    pub fn register(
        &self,
        observer: Arc<dyn Observer>,
        events: Events,
        exclusive: bool,
    ) -> Registration {
        let inner = self.inner().clone();
        let key = inner.add(observer, events, exclusive, ANY_WAIT);
        Registration { inner, key }
    }

    /// As [`Pollee::register`] for what a program may have many of.
    ///
    /// # Errors
    /// `ENOMEM`: no memory for a longer list.
    pub fn try_register(
        &self,
        observer: Arc<dyn Observer>,
        events: Events,
        exclusive: bool,
    ) -> Result<Registration> {
        let inner = self.inner().clone();
        let mut list = inner.list.lock();
        // The first of a list stands in it.
        if !list.is_empty() {
            list.entries.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        }
        let key = inner.add_to(list, observer, events, exclusive, ANY_WAIT);
        Ok(Registration { inner, key })
    }

    /// As [`Pollee::register`] for one who stays: the answer is the key to [`Pollee::withdraw`] with.
    #[inline]
    pub(crate) fn enrol(
        &self,
        observer: Arc<dyn Observer>,
        events: Events,
        exclusive: bool,
        wait: u32,
    ) -> u64 {
        self.inner().add(observer, events, exclusive, wait)
    }

    #[inline]
    pub(crate) fn withdraw(&self, key: u64) {
        if let Some(inner) = self.inner.get() {
            drop(inner.remove(key));
        }
    }

    #[inline]
    fn inner(&self) -> &Arc<Inner> {
        self.inner.get_or_init(|| {
            Arc::new(Inner {
                wanted: AtomicU32::new(0),
                list: IrqLock::new(List::default()),
            })
        })
    }
}

impl Default for Pollee {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pollee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pollee")
    }
}

impl Inner {
    fn add(&self, observer: Arc<dyn Observer>, events: Events, exclusive: bool, wait: u32) -> u64 {
        self.add_to(self.list.lock(), observer, events, exclusive, wait)
    }

    #[inline(always)]
    fn add_to(
        &self,
        mut list: IrqLockGuard<'_, List, { rank::WAIT_QUEUE }>,
        observer: Arc<dyn Observer>,
        events: Events,
        exclusive: bool,
        wait: u32,
    ) -> u64 {
        let events = events | Events::ALWAYS;
        let key = list.next_key;
        list.next_key = key.wrapping_add(1);
        let entry = Entry {
            key,
            events,
            exclusive,
            wait,
            observer,
        };
        if list.is_empty() {
            list.first = Some(entry);
        } else {
            list.entries.push_back(entry);
        }
        self.want(events);
        drop(list);
        // Orders the registration before the look at the object; pairs with the one in `observed`.
        fence(Ordering::SeqCst);
        key
    }

    fn remove(&self, key: u64) -> Option<Entry> {
        let mut list = self.list.lock();
        let entry = if list.first.as_ref().is_some_and(|first| first.key == key) {
            list.first.take()
        } else {
            let at = list.position(key)?;
            list.entries.remove(at)
        };
        if list.is_empty() {
            self.wanted.store(0, Ordering::Relaxed);
        }
        entry
    }

    /// Under the list's lock: somebody wants `events` from now on.
    #[inline]
    fn want(&self, events: Events) {
        let wanted = self.wanted.load(Ordering::Relaxed);
        self.wanted.store(wanted | events.bits(), Ordering::Relaxed);
    }

    fn tell(&self, events: Events, sync: bool) {
        let list = self.list.lock();
        if !list.entries.is_empty() {
            drop(list);
            return self.tell_all(events, sync);
        }
        let asking = |entry: &&Entry| entry.events.intersects(events);
        let Some(first) = list.first.as_ref().filter(asking) else {
            return;
        };
        let (observer, wait) = (first.observer.clone(), first.wait);
        drop(list);
        observer.notify_waiter(events, sync, wait);
    }

    #[cold]
    fn tell_all(&self, events: Events, sync: bool) {
        let mut from = 0;
        let mut end = None;
        let mut accepted = false;
        loop {
            let mut batch = ArrayVec::<(Arc<dyn Observer>, u32), BATCH>::new();
            let mut last_is_exclusive = false;
            let mut more = false;
            let list = self.list.lock();
            // Who registers during the round has looked at the object since: leave him out, or two who
            // take turns would keep us here.
            let end = *end.get_or_insert(list.next_key);
            let start = if from == 0 {
                0
            } else {
                list.entries.partition_point(|e| e.key < from)
            };
            let begin = from;
            let first = list.first.iter().filter(|e| e.key >= begin);
            for entry in first.chain(list.entries.range(start..)) {
                if entry.key >= end {
                    break;
                }
                if !entry.events.intersects(events) || entry.exclusive && accepted {
                    continue;
                }
                if batch.is_full() || last_is_exclusive {
                    more = true;
                    break;
                }
                batch.push((entry.observer.clone(), entry.wait));
                last_is_exclusive = entry.exclusive;
                from = entry.key.wrapping_add(1);
            }
            drop(list);
            let count = batch.len();
            for (index, (observer, wait)) in batch.drain(..).enumerate() {
                let useful = observer.notify_waiter(events, sync, wait);
                if useful && last_is_exclusive && index + 1 == count {
                    accepted = true;
                }
            }
            if !more {
                return;
            }
        }
    }
}

/// An observer on a list; dropping it takes the observer off. A notification that began before may
/// still arrive.
#[must_use = "dropping the registration ends it"]
pub struct Registration {
    inner: Arc<Inner>,
    key: u64,
}

impl Registration {
    /// Changes what the observer is told of.
    pub fn set_events(&self, events: Events) {
        let mut list = self.inner.list.lock();
        if let Some(entry) = list.get_mut(self.key) {
            entry.events = events | Events::ALWAYS;
            self.inner.want(entry.events);
        }
        drop(list);
        fence(Ordering::SeqCst);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        drop(self.inner.remove(self.key));
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({})", self.key)
    }
}
