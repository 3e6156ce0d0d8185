//! Who sleeps on which word: hashed buckets of waiters.
//!
//! A waiter is counted in its bucket before it reads the word, a waker reads the count after the program
//! wrote the word, with full barriers between: so a waker may pass an empty bucket without its lock. A
//! waiter's *place* (a word in its task, or one of those for many words) is its bucket's number plus one,
//! and 0 once it is woken; it changes under the bucket's lock alone.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};

use abi::{Errno, Result};
use arrayvec::ArrayVec;
use sync::{SpinLock, SpinLockGuard, Task, rank};

/// Buckets; a power of two.
const BUCKETS: usize = 256;

/// Waiters woken between two holds of a lock.
const BATCH: usize = 16;

/// Who waits.
#[derive(Clone)]
pub enum Waiter {
    /// A task, for one word.
    One(Arc<Task>),
    /// A task for one of several words: this one of them.
    Several(Arc<Several>, usize),
}

/// A task that waits for several words.
pub struct Several {
    task: Arc<Task>,
    places: Vec<AtomicU32>,
}

impl Several {
    /// The current task, which will wait for `count` words.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(count: usize) -> Result<Arc<Self>> {
        let mut places = Vec::new();
        places.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        places.resize_with(count, AtomicU32::default);
        let task = sync::current();
        Ok(Arc::new(Self { task, places }))
    }

    /// As [`Waiter::is_woken`], of any of the words.
    ///
    /// # Errors
    /// `EAGAIN` while it is on all lists.
    pub fn is_woken(&self) -> Result<()> {
        let woken = |place: &AtomicU32| place.load(Ordering::Acquire) == 0;
        if self.places.iter().any(woken) {
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    }
}

impl Waiter {
    /// The current task.
    #[must_use]
    pub fn current() -> Self {
        Self::One(sync::current())
    }

    #[inline]
    fn place(&self) -> &AtomicU32 {
        match self {
            Self::One(task) => task.place(),
            Self::Several(several, at) => several
                .places
                .get(*at)
                .unwrap_or_else(|| several.task.place()),
        }
    }

    fn is(&self, other: &Self) -> bool {
        core::ptr::eq(self.place(), other.place())
    }

    #[inline]
    fn tell(&self) {
        match self {
            Self::One(task) => task.tell(),
            Self::Several(several, _) => several.task.tell(),
        }
    }

    /// What a waiter's try says: done once somebody has taken it off its list.
    ///
    /// # Errors
    /// `EAGAIN` while it is on one.
    #[inline]
    pub fn is_woken(&self) -> Result<()> {
        if self.place().load(Ordering::Acquire) == 0 {
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    }
}

struct Entry<K> {
    key: K,
    bitset: u32,
    waiter: Waiter,
}

type List<K> = VecDeque<Entry<K>>;

struct Bucket<K> {
    /// Waiters here or about to be.
    count: AtomicUsize,
    list: SpinLock<List<K>, { rank::FUTEX }>,
}

/// The waiters of all words.
pub struct Table<K> {
    buckets: Box<[Bucket<K>]>,
}

/// Mixes a key's words; keys are addresses and numbers, not an enemy's text.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

impl<K: Clone + Eq + Hash> Table<K> {
    /// Nobody waits.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "14 KiB are not made in passing")]
    pub fn new() -> Self {
        let empty = |_| Bucket {
            count: AtomicUsize::new(0),
            list: SpinLock::new(VecDeque::new()),
        };
        Self {
            buckets: (0..BUCKETS).map(empty).collect(),
        }
    }

    fn index(key: &K) -> usize {
        let mut mix = Mix::default();
        key.hash(&mut mix);
        (mix.finish() >> 32) as usize % BUCKETS
    }

    fn bucket(&self, index: usize) -> &Bucket<K> {
        #[allow(clippy::indexing_slicing, reason = "the remainder is in range")]
        &self.buckets[index % BUCKETS]
    }

    /// Puts a waiter of the current task on the list of `key` if `stay` says so, asked under the bucket's lock: it
    /// must not sleep.
    ///
    /// # Errors
    /// What `stay` says. `ENOMEM`: no room for one more at this place.
    pub fn enter<E: From<Errno>>(
        &self,
        key: &K,
        bitset: u32,
        waiter: &Waiter,
        stay: impl FnOnce() -> core::result::Result<(), E>,
    ) -> core::result::Result<(), E> {
        let index = Self::index(key);
        let bucket = self.bucket(index);
        bucket.count.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let mut list = bucket.list.lock();
        if let Err(error) = stay() {
            bucket.count.fetch_sub(1, Ordering::Relaxed);
            return Err(error);
        }
        if list.try_reserve(1).is_err() {
            bucket.count.fetch_sub(1, Ordering::Relaxed);
            return Err(Errno::ENOMEM.into());
        }
        waiter.place().store(index as u32 + 1, Ordering::Relaxed);
        list.push_back(Entry {
            key: key.clone(),
            bitset,
            waiter: waiter.clone(),
        });
        Ok(())
    }

    /// Takes a waiter off its list; false when it has been woken, whoever then wanted it off.
    pub fn leave(&self, waiter: &Waiter) -> bool {
        loop {
            let place = waiter.place().load(Ordering::Acquire);
            let Some(index) = (place as usize).checked_sub(1) else {
                return false;
            };
            let bucket = self.bucket(index);
            let mut list = bucket.list.lock();
            // Woken or requeued meanwhile.
            if waiter.place().load(Ordering::Relaxed) != place {
                continue;
            }
            let at = list.iter().position(|entry| entry.waiter.is(waiter));
            let entry = at.and_then(|at| list.remove(at));
            waiter.place().store(0, Ordering::Relaxed);
            bucket.count.fetch_sub(1, Ordering::Relaxed);
            drop(list);
            drop(entry);
            return true;
        }
    }

    /// Wakes up to `count` waiters of `key` whose bits meet `bitset`, longest waiting first; how many.
    pub fn wake(&self, key: &K, count: usize, bitset: u32) -> usize {
        let bucket = self.bucket(Self::index(key));
        fence(Ordering::SeqCst);
        if bucket.count.load(Ordering::SeqCst) == 0 {
            return 0;
        }
        let mut woken = 0;
        // Those who come during the call are not meant: no more than were there at first.
        let mut most = count;
        while woken < most {
            let mut batch = Batch::new();
            let mut list = bucket.list.lock();
            if woken == 0 {
                most = most.min(list.len());
            }
            let more = Self::take(bucket, &mut list, key, most - woken, bitset, &mut batch);
            drop(list);
            woken += wake_all(batch);
            if !more {
                break;
            }
        }
        woken
    }

    /// Moves up to `most` matching waiters into `batch`; whether it filled up.
    fn take(
        bucket: &Bucket<K>,
        list: &mut List<K>,
        key: &K,
        most: usize,
        bitset: u32,
        batch: &mut Batch,
    ) -> bool {
        let mut at = 0;
        while batch.len() < most {
            if batch.is_full() {
                return true;
            }
            let Some(entry) = list.get(at) else { break };
            if entry.key != *key || entry.bitset & bitset == 0 {
                at += 1;
                continue;
            }
            if let Some(entry) = list.remove(at) {
                bucket.count.fetch_sub(1, Ordering::Relaxed);
                entry.waiter.place().store(0, Ordering::Release);
                batch.push(entry.waiter);
            }
        }
        false
    }

    /// Wakes up to `wake` waiters of `from` and moves up to `moved` of the rest to `to`, if `check` says so,
    /// asked under both locks: it must not sleep. How many in all.
    ///
    /// # Errors
    /// What `check` says. `ENOMEM`: no room for so many; all is as it was.
    pub fn requeue<E: From<Errno>>(
        &self,
        from: &K,
        to: &K,
        wake: usize,
        moved: usize,
        check: impl FnOnce() -> core::result::Result<(), E>,
    ) -> core::result::Result<usize, E> {
        let (source, target) = (Self::index(from), Self::index(to));
        let mut woken = VecDeque::new();
        let mut total = 0;
        {
            let (mut first, mut second) = self.lock_both(source, target);
            check()?;
            let all = first.len();
            let room = |_| Errno::ENOMEM;
            woken.try_reserve(wake.min(all)).map_err(room)?;
            if let Some(second) = &mut second {
                second.try_reserve(moved.min(all)).map_err(room)?;
            }
            let mut requeued = 0;
            // Once round: who stays comes to the end of the row.
            for _ in 0..all {
                let Some(mut entry) = first.pop_front() else {
                    break;
                };
                if entry.key != *from || total >= wake && requeued >= moved {
                    first.push_back(entry);
                } else if total < wake {
                    total += 1;
                    self.bucket(source).count.fetch_sub(1, Ordering::Relaxed);
                    entry.waiter.place().store(0, Ordering::Release);
                    woken.push_back(entry.waiter);
                } else {
                    total += 1;
                    requeued += 1;
                    entry.key = to.clone();
                    match &mut second {
                        None => first.push_back(entry),
                        Some(second) => {
                            self.bucket(target).count.fetch_add(1, Ordering::SeqCst);
                            self.bucket(source).count.fetch_sub(1, Ordering::Relaxed);
                            entry
                                .waiter
                                .place()
                                .store(target as u32 + 1, Ordering::Release);
                            second.push_back(entry);
                        }
                    }
                }
            }
        }
        for waiter in woken {
            waiter.tell();
        }
        Ok(total)
    }

    /// Wakes up to `wake` waiters of `one`, and up to `wake_other` of `other` if `change` says so; `change`
    /// is asked under both locks and must not sleep. How many in all.
    ///
    /// # Errors
    /// What `change` says.
    pub fn wake_both<E>(
        &self,
        one: &K,
        other: &K,
        wake: usize,
        wake_other: usize,
        change: impl FnOnce() -> core::result::Result<bool, E>,
    ) -> core::result::Result<usize, E> {
        let other_too = {
            let _locks = self.lock_both(Self::index(one), Self::index(other));
            change()?
        };
        // The word has changed: who waits for its old value is on the list, so waking in two steps
        // loses nobody.
        let mut woken = self.wake(one, wake, u32::MAX);
        if other_too {
            woken += self.wake(other, wake_other, u32::MAX);
        }
        Ok(woken)
    }

    /// Locks two buckets, lowest first; one lock when they are the same.
    #[allow(clippy::type_complexity, reason = "a pair of guards")]
    fn lock_both(
        &self,
        first: usize,
        second: usize,
    ) -> (
        SpinLockGuard<'_, List<K>, { rank::FUTEX }>,
        Option<SpinLockGuard<'_, List<K>, { rank::FUTEX }>>,
    ) {
        let (one, two) = (&self.bucket(first).list, &self.bucket(second).list);
        match first.cmp(&second) {
            core::cmp::Ordering::Equal => (one.lock(), None),
            core::cmp::Ordering::Less => {
                let one = one.lock();
                (one, Some(two.lock_nested()))
            }
            core::cmp::Ordering::Greater => {
                let two = two.lock();
                (one.lock_nested(), Some(two))
            }
        }
    }
}

type Batch = ArrayVec<Waiter, BATCH>;

fn wake_all(batch: Batch) -> usize {
    let count = batch.len();
    for waiter in batch {
        waiter.tell();
    }
    count
}
