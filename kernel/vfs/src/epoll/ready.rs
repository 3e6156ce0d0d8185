//! The ready list of an instance.
//!
//! An item is on the list once at most. A level-triggered item that is ready again stays where the walk has turned it
//! to, so that telling of it takes the list's lock once. One that is no longer ready is only marked, and taken off when
//! the walk next comes by; queued before that, it is marked back.

use super::item::Item;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};
use sync::{IrqLock, rank};

/// Turned at a time with interrupts off.
const TURN: usize = 16;

/// On the list.
const LISTED: u8 = 1;
/// To be asked; else it is on the list by mistake.
const LIVE: u8 = 2;
/// Queued again while the walk had it in hand.
const AGAIN: u8 = 4;
/// Removed from the instance: never queued again.
const REMOVED: u8 = 8;

/// Where an item stands with its list, and the last walk that met it; changed under the list's lock alone.
pub struct Place(AtomicU8, AtomicU32);

impl Place {
    pub const fn new() -> Self {
        Self(AtomicU8::new(0), AtomicU32::new(0))
    }

    #[inline]
    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    fn set(&self, bits: u8) {
        self.0.store(bits, Ordering::Relaxed);
    }

    #[inline]
    pub fn is_removed(&self) -> bool {
        self.get() & REMOVED != 0
    }
}

struct Inner {
    list: VecDeque<Arc<Item>>,
    /// Removed items that are still on the list.
    dead: usize,
    /// The number of the last walk.
    walks: u32,
}

/// Items whose files may be ready, in turn.
pub struct Ready {
    inner: IrqLock<Inner, { rank::LEAF }>,
    live: AtomicUsize,
}

impl Ready {
    pub const fn new() -> Self {
        Self {
            inner: IrqLock::new(Inner {
                list: VecDeque::new(),
                dead: 0,
                walks: 0,
            }),
            live: AtomicUsize::new(0),
        }
    }

    /// How many items are to be asked.
    #[inline]
    pub fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    #[inline]
    fn count(&self, by: isize) {
        // Under the lock: nobody else writes.
        let live = self.len().wrapping_add_signed(by);
        self.live.store(live, Ordering::Relaxed);
    }

    /// Puts an item on the list, to be asked next (`first`) or in its turn. Takes no memory.
    pub fn queue(&self, item: &Arc<Item>, first: bool) {
        let mut inner = self.inner.lock();
        let place = item.place.get();
        if place & REMOVED != 0 {
            return;
        }
        if place & LIVE != 0 {
            item.place.set(place | AGAIN);
            return;
        }
        item.place.set(LISTED | LIVE);
        self.count(1);
        if place & LISTED != 0 {
            return;
        }
        if first {
            inner.list.push_front(item.clone());
        } else {
            inner.list.push_back(item.clone());
        }
    }

    /// What a walk has before it.
    #[inline]
    pub fn begin(&self) -> Walk {
        Walk {
            left: None,
            number: 0,
        }
    }

    /// The next item of a walk. A level-triggered one stays on the list, at its end: [`Ready::settle`] when it turns out
    /// not to be ready.
    #[inline]
    pub fn next(&self, walk: &mut Walk) -> Option<Arc<Item>> {
        let mut inner = self.inner.lock();
        // What is queued from here on is for the next walk.
        let mut left = walk.left.unwrap_or(inner.list.len());
        if walk.left.is_none() {
            inner.walks = inner.walks.wrapping_add(1);
            walk.number = inner.walks;
        }
        let found = loop {
            if left == 0 {
                break None;
            }
            left -= 1;
            let Some(item) = inner.list.pop_front() else {
                break None;
            };
            let place = item.place.get();
            if place & LIVE == 0 {
                inner.dead -= usize::from(place & REMOVED != 0);
                item.place.set(place & !LISTED);
                continue;
            }
            if item.place.1.load(Ordering::Relaxed) == walk.number {
                // Removed ones were taken off meanwhile: those that follow were met.
                inner.list.push_front(item);
                left = 0;
                break None;
            }
            if item.stays() {
                item.place.1.store(walk.number, Ordering::Relaxed);
                item.place.set(LISTED | LIVE);
                inner.list.push_back(item.clone());
            } else {
                item.place.set(0);
                self.count(-1);
            }
            break Some(item);
        };
        walk.left = Some(left);
        found
    }

    /// The item at hand, which stayed on the list, is not ready: it is not to be asked again until it is queued, which
    /// may have happened by now.
    pub fn settle(&self, item: &Item) {
        let _inner = self.inner.lock();
        let place = item.place.get();
        if place & LIVE == 0 {
            return;
        }
        if place & AGAIN != 0 {
            item.place.set(place & !AGAIN);
        } else {
            item.place.set(place & !LIVE);
            self.count(-1);
        }
    }

    /// An item that has left the instance is never asked again.
    pub fn remove(&self, item: &Item) {
        let mut inner = self.inner.lock();
        let place = item.place.get();
        if place & LIVE != 0 {
            self.count(-1);
        }
        item.place.set(REMOVED | place & LISTED);
        inner.dead += usize::from(place & LISTED != 0);
        let many = inner.dead > TURN && inner.dead * 2 > inner.list.len();
        drop(inner);
        if many {
            self.purge();
        }
    }

    /// Takes removed items off. The list was given its room for good, so it is turned round in place.
    fn purge(&self) {
        let mut left = self.inner.lock().list.len();
        while left > 0 {
            let mut inner = self.inner.lock();
            for _ in 0..left.min(TURN) {
                let Some(item) = inner.list.pop_front() else {
                    return;
                };
                if item.place.is_removed() {
                    item.place.set(REMOVED);
                    inner.dead -= 1;
                } else {
                    inner.list.push_back(item);
                }
            }
            left = left.saturating_sub(TURN);
        }
    }

    /// Room for `needed` items on the list: queueing happens in interrupts.
    ///
    /// # Errors
    /// `ENOMEM`
    pub fn make_room(&self, needed: usize) -> abi::Result<()> {
        if self.inner.lock().list.capacity() >= needed {
            return Ok(());
        }
        let mut bigger = VecDeque::new();
        let room = bigger.try_reserve(needed * 2);
        room.map_err(|_| abi::Errno::ENOMEM)?;
        let mut inner = self.inner.lock();
        bigger.extend(inner.list.drain(..));
        let old = core::mem::replace(&mut inner.list, bigger);
        drop(inner);
        drop(old);
        Ok(())
    }

    /// Places on the list, taken up by whatever.
    #[cfg(all(test, not(feature = "shuttle")))]
    pub fn listed(&self) -> usize {
        self.inner.lock().list.len()
    }
}

/// How far a walk has come: each item is met once.
pub struct Walk {
    left: Option<usize>,
    number: u32,
}

impl Walk {
    /// Whether there was an end to it.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.left == Some(0)
    }
}
