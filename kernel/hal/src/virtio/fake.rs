//! A virtio device whose part a test plays, for drivers on the host: it may do all that a device can, also what none may.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU16, AtomicU32, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Error, PhysAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{Device, Kind};
use crate::irq::{IrqLine, Trigger};

/// Lines there are for devices, and the first one.
const LINES: u32 = 256;
const FIRST: u32 = 32;

const HAS_NEXT: u16 = 1;
const IS_WRITABLE: u16 = 2;

/// Where a queue's parts are.
#[derive(Clone, Copy)]
struct Parts {
    size: u16,
    descriptors: u64,
    available: u64,
    used: u64,
    /// Requests the test was shown.
    seen: u16,
}

#[derive(Clone, Copy)]
struct Descriptor {
    address: u64,
    len: u32,
    flags: u16,
    next: u16,
}

struct State {
    kind: DeviceType,
    features: u64,
    status: DeviceStatus,
    config: Vec<u8>,
    generation: u32,
    restless: bool,
    stubborn: bool,
    room: u32,
    interrupts: InterruptStatus,
    notified: Vec<u16>,
    queues: BTreeMap<u16, Parts>,
}

/// The driver's side.
pub struct Fake(Arc<Mutex<State>>);

/// The device's side.
#[derive(Clone)]
pub struct Remote {
    state: Arc<Mutex<State>>,
    line: IrqLine,
}

/// What a driver wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// By which it is given back.
    pub id: u16,
    /// The bytes to be read.
    pub bytes: Vec<u8>,
    /// How many may be written.
    pub room: usize,
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A device that offers `features`, besides version 1, and has this configuration.
#[must_use]
pub fn device(kind: Kind, features: u64, config: &[u8]) -> (Device, Remote) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let line = IrqLine {
        number: FIRST + number % LINES,
        trigger: Trigger::Level,
    };
    let state = Arc::new(Mutex::new(State {
        kind: match kind {
            Kind::Network => DeviceType::Network,
            Kind::Block => DeviceType::Block,
            Kind::Console => DeviceType::Console,
            Kind::Entropy => DeviceType::EntropySource,
            Kind::Gpu => DeviceType::GPU,
            Kind::Input => DeviceType::Input,
            Kind::Socket => DeviceType::Socket,
        },
        features: features | 1 << 32,
        status: DeviceStatus::empty(),
        config: config.to_vec(),
        generation: 0,
        restless: false,
        stubborn: false,
        room: 1024,
        interrupts: InterruptStatus::empty(),
        notified: Vec::new(),
        queues: BTreeMap::new(),
    }));
    let remote = Remote {
        state: state.clone(),
        line,
    };
    let wire = Fake(state);
    let kind = Kind::of(wire.device_type()).unwrap_or(kind);
    let place = format!("devices/fake/virtio{number}");
    (Device::new(wire, kind, line, place), remote)
}

impl Remote {
    /// The device's line.
    #[must_use]
    pub fn line(&self) -> IrqLine {
        self.line
    }

    /// Queues have this many slots at most; 0: there are none.
    pub fn set_room(&self, slots: u32) {
        locked(&self.state).room = slots;
    }

    /// Whether features are refused that were offered.
    pub fn refuse_features(&self, refuse: bool) {
        locked(&self.state).stubborn = refuse;
    }

    /// Whether the configuration changes at each look.
    pub fn keep_changing(&self, restless: bool) {
        locked(&self.state).restless = restless;
    }

    /// Changes the configuration.
    pub fn set_config(&self, offset: usize, bytes: &[u8]) {
        let mut state = locked(&self.state);
        state.generation += 1;
        for (at, byte) in (offset..).zip(bytes) {
            if let Some(slot) = state.config.get_mut(at) {
                *slot = *byte;
            }
        }
    }

    /// The configuration, with what the driver wrote.
    #[must_use]
    pub fn config(&self) -> Vec<u8> {
        locked(&self.state).config.clone()
    }

    /// Says that it works no more.
    pub fn ask_for_reset(&self) {
        locked(&self.state)
            .status
            .insert(DeviceStatus::DEVICE_NEEDS_RESET);
    }

    /// Forgets everything, as if it had been switched off and on.
    pub fn reset(&self) {
        let mut state = locked(&self.state);
        state.status = DeviceStatus::empty();
        state.queues.clear();
    }

    /// Interrupts: for queues, for the configuration.
    pub fn interrupt(&self, queues: bool, config: bool) {
        let mut state = locked(&self.state);
        state
            .interrupts
            .set(InterruptStatus::QUEUE_INTERRUPT, queues);
        state
            .interrupts
            .set(InterruptStatus::DEVICE_CONFIGURATION_INTERRUPT, config);
        drop(state);
        crate::irq::dispatch(self.line.number);
    }

    /// Queues the driver told of since last asked.
    #[must_use]
    pub fn notified(&self) -> Vec<u16> {
        core::mem::take(&mut locked(&self.state).notified)
    }

    /// Requests of a queue that came since last asked.
    #[must_use]
    pub fn requests(&self, queue: u16) -> Vec<Request> {
        let mut state = locked(&self.state);
        let Some(parts) = state.queues.get_mut(&queue) else {
            return Vec::new();
        };
        fence(Ordering::SeqCst);
        let mut found = Vec::new();
        while parts.seen != load(parts.available + 2) {
            let slot = u64::from(parts.seen % parts.size);
            let id = load(parts.available + 4 + slot * 2);
            parts.seen = parts.seen.wrapping_add(1);
            let mut request = Request {
                id,
                bytes: Vec::new(),
                room: 0,
            };
            for piece in parts.chain(id) {
                if piece.flags & IS_WRITABLE == 0 {
                    // SAFETY: the driver's queue lent these bytes and does not touch them meanwhile.
                    request.bytes.extend_from_slice(unsafe {
                        core::slice::from_raw_parts(piece.address as *const u8, piece.len as usize)
                    });
                } else {
                    request.room += piece.len as usize;
                }
            }
            found.push(request);
        }
        found
    }

    /// Writes into the room of a request that the driver waits for, as much as there is.
    pub fn write(&self, queue: u16, id: u16, bytes: &[u8]) {
        let state = locked(&self.state);
        let Some(parts) = state.queues.get(&queue) else {
            return;
        };
        let mut rest = bytes;
        for piece in parts.chain(id) {
            if piece.flags & IS_WRITABLE == 0 {
                continue;
            }
            let (now, later) = rest.split_at(rest.len().min(piece.len as usize));
            // SAFETY: as in `requests`, and lent to be written.
            unsafe {
                core::ptr::copy_nonoverlapping(now.as_ptr(), piece.address as *mut u8, now.len());
            }
            rest = later;
        }
    }

    /// Says that it is done with `id` and wrote `len` bytes, true or not.
    pub fn give_back(&self, queue: u16, id: u32, len: u32) {
        let state = locked(&self.state);
        let Some(parts) = state.queues.get(&queue) else {
            return;
        };
        let at = load(parts.used + 2);
        let element = parts.used + 4 + u64::from(at % parts.size) * 8;
        // SAFETY: an element of the used ring, which is the device's.
        unsafe {
            (element as *mut u32).write_volatile(id);
            ((element + 4) as *mut u32).write_volatile(len);
        }
        store(parts.used + 2, at.wrapping_add(1));
    }

    /// Does what was asked for: writes an answer and gives the request back.
    pub fn answer(&self, queue: u16, request: &Request, bytes: &[u8]) {
        self.write(queue, request.id, bytes);
        let len = bytes.len().min(request.room);
        self.give_back(queue, request.id.into(), len as u32);
    }

    /// Says that it is done with `count` more requests, without a word which.
    pub fn skip(&self, queue: u16, count: u16) {
        let state = locked(&self.state);
        if let Some(parts) = state.queues.get(&queue) {
            let at = load(parts.used + 2);
            store(parts.used + 2, at.wrapping_add(count));
        }
    }
}

impl Parts {
    fn chain(&self, id: u16) -> Vec<Descriptor> {
        let mut found = Vec::new();
        let mut next = Some(id);
        while let Some(at) = next
            && at < self.size
            && found.len() < usize::from(self.size)
        {
            let address = self.descriptors + u64::from(at) * 16;
            // SAFETY: a descriptor of the driver's table, which stays for ever.
            let one = unsafe {
                Descriptor {
                    address: (address as *const u64).read_volatile(),
                    len: ((address + 8) as *const u32).read_volatile(),
                    flags: ((address + 12) as *const u16).read_volatile(),
                    next: ((address + 14) as *const u16).read_volatile(),
                }
            };
            next = (one.flags & HAS_NEXT != 0).then_some(one.next);
            found.push(one);
        }
        found
    }
}

fn load(address: u64) -> u16 {
    // SAFETY: an aligned half word of a ring, which stays for ever.
    unsafe { AtomicU16::from_ptr(address as *mut u16) }.load(Ordering::SeqCst)
}

fn store(address: u64, value: u16) {
    // SAFETY: as in `load`.
    unsafe { AtomicU16::from_ptr(address as *mut u16) }.store(value, Ordering::SeqCst);
}

impl Transport for Fake {
    fn device_type(&self) -> DeviceType {
        locked(&self.0).kind
    }

    fn read_device_features(&mut self) -> u64 {
        locked(&self.0).features
    }

    fn write_driver_features(&mut self, _features: u64) {}

    fn max_queue_size(&mut self, _queue: u16) -> u32 {
        locked(&self.0).room
    }

    fn notify(&mut self, queue: u16) {
        locked(&self.0).notified.push(queue);
    }

    fn get_status(&self) -> DeviceStatus {
        locked(&self.0).status
    }

    fn set_status(&mut self, status: DeviceStatus) {
        let mut state = locked(&self.0);
        state.status = status;
        if state.stubborn {
            state.status.remove(DeviceStatus::FEATURES_OK);
        }
    }

    fn set_guest_page_size(&mut self, _size: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        false
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        driver_area: PhysAddr,
        device_area: PhysAddr,
    ) {
        let parts = Parts {
            size: size as u16,
            descriptors,
            available: driver_area,
            used: device_area,
            seen: 0,
        };
        locked(&self.0).queues.insert(queue, parts);
    }

    fn queue_unset(&mut self, queue: u16) {
        locked(&self.0).queues.remove(&queue);
    }

    fn queue_used(&mut self, _queue: u16) -> bool {
        // No word to be relied on.
        false
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        core::mem::take(&mut locked(&self.0).interrupts)
    }

    fn read_config_generation(&self) -> u32 {
        let mut state = locked(&self.0);
        if state.restless {
            state.generation += 1;
        }
        state.generation
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T, Error> {
        let state = locked(&self.0);
        let bytes = state.config.get(offset..).unwrap_or_default();
        T::read_from_prefix(bytes)
            .map(|(value, _)| value)
            .map_err(|_| Error::ConfigSpaceTooSmall)
    }

    fn write_config_space<T: IntoBytes + Immutable>(
        &mut self,
        offset: usize,
        value: T,
    ) -> Result<(), Error> {
        let mut state = locked(&self.0);
        let bytes = value.as_bytes();
        let room = state
            .config
            .get_mut(offset..)
            .and_then(|rest| rest.get_mut(..bytes.len()));
        room.ok_or(Error::ConfigSpaceTooSmall)?
            .copy_from_slice(bytes);
        Ok(())
    }
}
