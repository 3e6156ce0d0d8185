//! One watched file.

use super::ready::Place;
use super::{BEHAVIOUR, Epoll, Key};
use abi::Result;
use abi::epoll::{EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EpollEvent};
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use sync::{Events, Observer, Pollee, Registration, SpinLock, rank};

use crate::file::OpenFile;

/// A file an instance watches. Mask and data change under the instance's lock; notifications read the mask alone.
pub struct Item {
    epoll: Weak<Epoll>,
    file: Weak<OpenFile>,
    fd: i32,
    mask: AtomicU32,
    data: AtomicU64,
    pub(super) place: Place,
    registration: SpinLock<Option<Registration>, { rank::LEAF }>,
    this: Weak<Item>,
}

impl Item {
    pub fn new(epoll: Weak<Epoll>, file: &Arc<OpenFile>, fd: i32, event: &EpollEvent) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            epoll,
            file: Arc::downgrade(file),
            fd,
            mask: AtomicU32::new(with_always(event.events)),
            data: AtomicU64::new(event.data),
            place: Place::new(),
            registration: SpinLock::new(None),
            this: this.clone(),
        })
    }

    pub fn key(&self) -> Key {
        (self.fd, self.file.as_ptr().addr())
    }

    pub fn fd(&self) -> i32 {
        self.fd
    }

    pub fn mask(&self) -> u32 {
        self.mask.load(Ordering::Relaxed)
    }

    pub fn data(&self) -> u64 {
        self.data.load(Ordering::Relaxed)
    }

    /// The file, while somebody has it open.
    pub fn file(&self) -> Option<Arc<OpenFile>> {
        self.file.upgrade()
    }

    /// Whether the file was closed.
    pub fn is_orphan(&self) -> bool {
        self.file.strong_count() == 0
    }

    pub fn is_removed(&self) -> bool {
        self.place.is_removed()
    }

    /// Begins to observe the file.
    ///
    /// # Errors
    /// `ENOMEM`: the file has too many observers for the memory there is.
    pub fn watch(&self, pollee: &Pollee, exclusive: bool) -> Result<()> {
        let Some(this) = self.this.upgrade() else {
            return Ok(());
        };
        let registration = pollee.try_register(this, events_of(self.mask()), exclusive)?;
        *self.registration.lock() = Some(registration);
        Ok(())
    }

    /// Stops observing, for good.
    pub fn unwatch(&self) {
        let registration = self.registration.lock().take();
        drop(registration);
    }

    /// New mask and data.
    pub fn change(&self, event: &EpollEvent) {
        let mask = with_always(event.events);
        self.mask.store(mask, Ordering::Relaxed);
        self.data.store(event.data, Ordering::Relaxed);
        // The list's own lock comes before this one's rank: change the registration outside.
        let registration = self.registration.lock().take();
        if let Some(registration) = registration {
            registration.set_events(events_of(mask));
            *self.registration.lock() = Some(registration);
        }
    }

    /// The event to report if the file has one that is asked for.
    pub fn judge(&self, file: &OpenFile) -> Option<EpollEvent> {
        let asked = self.mask() & !BEHAVIOUR;
        if asked == 0 || self.is_removed() {
            return None;
        }
        let events = file.ready().bits() & asked;
        (events != 0).then(|| EpollEvent {
            events,
            pad: 0,
            data: self.data(),
        })
    }

    /// Whether the item stays on the ready list while it is asked: level triggering for good.
    #[inline]
    pub fn stays(&self) -> bool {
        self.mask() & (EPOLLET | EPOLLONESHOT) == 0
    }

    /// The event was reported: disarms a one-shot item.
    #[inline]
    pub fn delivered(&self) {
        let mask = self.mask();
        if mask & EPOLLONESHOT != 0 {
            self.mask.store(mask & BEHAVIOUR, Ordering::Relaxed);
        }
    }
}

fn with_always(events: u32) -> u32 {
    events | Events::ALWAYS.bits()
}

fn events_of(mask: u32) -> Events {
    Events::from_bits_retain(mask & !BEHAVIOUR)
}

impl Observer for Item {
    fn notify(&self, events: Events, sync: bool) -> bool {
        let mask = self.mask();
        let asked = mask & !BEHAVIOUR;
        if asked == 0 || !events.is_empty() && events.bits() & asked == 0 {
            return false;
        }
        let (Some(epoll), Some(this)) = (self.epoll.upgrade(), self.this.upgrade()) else {
            return false;
        };
        epoll.ready.queue(&this, false);
        if self.is_removed() {
            return false;
        }
        let heard = epoll.pollee.is_observed();
        if heard {
            if sync {
                epoll.pollee.notify_sync(Events::READABLE);
            } else {
                epoll.pollee.notify(Events::READABLE);
            }
        }
        // Of several instances that watch exclusively, one in which somebody waits ends the round.
        mask & EPOLLEXCLUSIVE == 0 || heard
    }
}
