//! An open event device.

use abi::input::{EV_SYN, InputEvent};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use mm::io::{IoDst, IoSrc};
use sync::SortedMap;
use sync::{Events, Pollee, SpinLock, rank};
use vfs::{Caller, FileOps, OpenFile};
use zerocopy::{FromBytes, IntoBytes};

use super::bits::Bits;
use super::device::{InputDevice, Moment};
use super::ioctl;
use super::queue::EventQueue;

const EACH: usize = size_of::<InputEvent>();
/// Events a write hands on at once.
const BATCH: usize = 32;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Which clock a client's events are stamped with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// The wall clock.
    Realtime,
    /// Time since the start.
    Monotonic,
}

struct Inner {
    queue: EventQueue,
    clock: Clock,
    /// Codes the client wants, by type; a type that is missing: all.
    masks: SortedMap<u16, Bits>,
}

/// Who listens to a device.
pub struct Client {
    pub(super) id: u64,
    inner: SpinLock<Inner, { rank::LEAF }>,
    pollee: Pollee,
    revoked: AtomicBool,
}

fn stamped(event: InputEvent, moment: Moment, clock: Clock) -> InputEvent {
    let ns = match clock {
        Clock::Realtime => moment.realtime,
        Clock::Monotonic => moment.monotonic,
    };
    InputEvent {
        sec: (ns / 1_000_000_000).cast_signed(),
        usec: (ns % 1_000_000_000 / 1000).cast_signed(),
        ..event
    }
}

impl Client {
    /// Takes an event; whether there is more to read now.
    pub(super) fn take(&self, event: InputEvent, moment: Moment) -> bool {
        if self.is_revoked() {
            return false;
        }
        let mut inner = self.inner.lock();
        let wanted = |masks: &SortedMap<u16, Bits>| {
            let of_kinds = masks
                .get(&EV_SYN)
                .is_none_or(|kinds| kinds.has(event.kind.into()));
            let of_codes = masks
                .get(&event.kind)
                .is_none_or(|codes| codes.has(event.code.into()));
            of_kinds && of_codes
        };
        if event.kind != EV_SYN && !wanted(&inner.masks) {
            return false;
        }
        let event = stamped(event, moment, inner.clock);
        inner.queue.push(event)
    }

    /// Tells who waits.
    pub(super) fn wake(&self) {
        self.pollee.notify(Events::READABLE);
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }

    /// The device is out of its reach from now on.
    pub(super) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
        self.inner.lock().queue.clear();
        self.pollee.notify(Events::READABLE | Events::ALWAYS);
    }

    /// Sets the clock; what was stamped by another one is dropped.
    pub(super) fn set_clock(&self, clock: Clock) {
        let moment = Moment::now();
        let mut inner = self.inner.lock();
        if inner.clock != clock {
            inner.clock = clock;
            let now = stamped(InputEvent::default(), moment, clock);
            inner.queue.drop_all(now);
        }
    }

    /// Forgets events whose state was read.
    pub(super) fn forget(&self, kind: u16) {
        self.inner.lock().queue.forget(kind);
    }

    /// The codes of a type it wants; `None`: all.
    pub(super) fn mask(&self, kind: u16) -> Option<Bits> {
        self.inner.lock().masks.get(&kind).cloned()
    }

    pub(super) fn set_mask(&self, kind: u16, codes: Bits) {
        let old = self.inner.lock().masks.insert(kind, codes);
        drop(old);
    }
}

/// The open file of a client.
pub struct EventFile {
    pub(super) device: Arc<InputDevice>,
    pub(super) client: Arc<Client>,
}

impl EventFile {
    /// Begins to listen.
    #[must_use]
    pub fn open(device: &Arc<InputDevice>) -> Arc<Self> {
        let client = Arc::new(Client {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            inner: SpinLock::new(Inner {
                queue: EventQueue::new(device.description.room()),
                clock: Clock::Realtime,
                masks: SortedMap::new(),
            }),
            pollee: Pollee::new(),
            revoked: AtomicBool::new(false),
        });
        device.add_client(&client);
        Arc::new(Self {
            device: device.clone(),
            client,
        })
    }
}

impl FileOps for EventFile {
    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        let room = dst.remaining();
        if room != 0 && room < EACH {
            return Err(Errno::EINVAL);
        }
        if self.client.is_revoked() {
            return Err(Errno::ENODEV);
        }
        let mut done = 0;
        while dst.remaining() >= EACH {
            let Some(event) = self.client.inner.lock().queue.pop() else {
                break;
            };
            let mark = dst.mark();
            if dst.put(event.as_bytes()) < EACH {
                // The page is not there: the next try begins with it.
                dst.rewind(mark);
                self.client.inner.lock().queue.unpop(event);
                return Ok(done);
            }
            done += EACH;
        }
        if done == 0 && (room != 0 || !self.client.inner.lock().queue.is_ready()) {
            return Err(Errno::EAGAIN);
        }
        Ok(done)
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        if src.remaining() != 0 && src.remaining() < EACH {
            return Err(Errno::EINVAL);
        }
        if self.client.is_revoked() {
            return Err(Errno::ENODEV);
        }
        let mut events = alloc::vec::Vec::new();
        while src.remaining() >= EACH && events.len() < BATCH {
            let mark = src.mark();
            let mut bytes = [0; EACH];
            if src.take(&mut bytes) < EACH {
                src.rewind(mark);
                break;
            }
            if let Ok(event) = InputEvent::read_from_bytes(&bytes) {
                events.push((event.kind, event.code, event.value));
            }
        }
        self.device.feed(&events);
        Ok(events.len() * EACH)
    }

    fn writes_all(&self) -> bool {
        true
    }

    fn signals(&self) -> bool {
        true
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        if self.client.is_revoked() {
            return Events::HUP | Events::ERR;
        }
        let mut events = Events::WRITABLE;
        events.set(Events::READABLE, self.client.inner.lock().queue.is_ready());
        events
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.client.pollee)
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, _caller: &dyn Caller) -> Result<usize> {
        ioctl::answer(self, cmd, arg)
    }
}

impl Drop for EventFile {
    fn drop(&mut self) {
        self.device.remove_client(self.client.id);
    }
}
