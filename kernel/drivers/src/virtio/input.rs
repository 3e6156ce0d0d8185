//! Keyboards, mice, tablets, touch screens of the host (virtio 1.2, 5.8).

use abi::input::{
    ABS_CNT, EV_ABS, EV_CNT, EV_FF, EV_KEY, EV_LED, EV_MSC, EV_REL, EV_REP, EV_SND, EV_SW, EV_SYN,
    INPUT_PROP_CNT, InputAbsinfo, InputId,
};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use hal::virtio::{Chain, Device, Features, Queue, Unusable};
use sync::SortedMap;
use sync::{Events, IrqLock, Mutex, Pollee, Waiter, rank};

use crate::evdev::{self, Bits, Description, InputDevice};

const EVENTS: u16 = 0;
const STATUS: u16 = 1;
const SLOTS: usize = 64;
/// Bytes of an event: type, code, value.
const EVENT: usize = 8;

/// Where the configuration is.
const SELECT: usize = 0;
const SUBSELECT: usize = 1;
const SIZE: usize = 2;
const DATA: usize = 8;
const MOST: usize = 128;

/// What it can be asked for.
const NAME: u8 = 0x01;
const SERIAL: u8 = 0x02;
const IDS: u8 = 0x03;
const PROPS: u8 = 0x10;
const BITS: u8 = 0x11;
const AXIS: u8 = 0x12;

const BUS_VIRTUAL: u16 = 6;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A device of the host's, and its queues.
struct Input {
    device: IrqLock<Device, { rank::LEAF }>,
    events: Mutex<Queue<SLOTS>, { rank::DEVICE }>,
    status: Mutex<Queue<SLOTS>, { rank::DEVICE }>,
    work: Arc<Pollee>,
}

/// Asks for a part of the configuration; empty when there is none.
#[inline(never)]
fn ask(device: &mut Device, select: u8, subselect: u8) -> Vec<u8> {
    let selected = device
        .set_config(SELECT, select)
        .and_then(|()| device.set_config(SUBSELECT, subselect));
    let size = match selected {
        Ok(()) => device.config::<u8>(SIZE).unwrap_or(0),
        Err(Unusable) => 0,
    };
    (0..usize::from(size).min(MOST))
        .map(|at| device.config::<u8>(DATA + at).unwrap_or(0))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default())
        .into_owned()
}

/// The numbers of an answer: little-endian, `N` bytes each.
fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).map(|word| {
        word.iter()
            .rev()
            .fold(0, |all, byte| all << 8 | u32::from(*byte))
    })
}

#[inline(never)]
fn describe(device: &mut Device, place: &str) -> Description {
    let ids = ask(device, IDS, 0);
    let id = |at: usize| {
        let low = ids.get(at).copied().unwrap_or(0);
        let high = ids.get(at + 1).copied().unwrap_or(0);
        u16::from_le_bytes([low, high])
    };
    let id = if ids.len() >= 8 {
        InputId {
            bustype: id(0),
            vendor: id(2),
            product: id(4),
            version: id(6),
        }
    } else {
        InputId {
            bustype: BUS_VIRTUAL,
            ..InputId::default()
        }
    };
    let mut kinds = Bits::new(EV_CNT);
    let mut all = SortedMap::new();
    kinds.put(EV_SYN.into(), true);
    for kind in [
        EV_KEY, EV_REL, EV_ABS, EV_MSC, EV_SW, EV_LED, EV_SND, EV_FF, EV_REP,
    ] {
        let bytes = ask(device, BITS, kind as u8);
        if bytes.is_empty() {
            continue;
        }
        kinds.put(kind.into(), true);
        if kind != EV_REP
            && let Some(count) = evdev::codes(kind)
        {
            all.insert(kind, Bits::from_bytes(count, &bytes));
        }
    }
    let mut axes = SortedMap::new();
    for code in 0..ABS_CNT as u8 {
        if !all
            .get(&EV_ABS)
            .is_some_and(|codes: &Bits| codes.has(code.into()))
        {
            continue;
        }
        let bytes = ask(device, AXIS, code);
        let mut words = words(&bytes).map(u32::cast_signed);
        let mut next = || words.next().unwrap_or(0);
        let axis = InputAbsinfo {
            minimum: next(),
            maximum: next(),
            fuzz: next(),
            flat: next(),
            resolution: next(),
            value: 0,
        };
        axes.insert(code.into(), axis);
    }
    Description {
        name: text(&ask(device, NAME, 0)),
        // Named after the device of virtio's.
        phys: format!("{}/input0", place.rsplit('/').next().unwrap_or(place)),
        uniq: text(&ask(device, SERIAL, 0)),
        id,
        props: Bits::from_bytes(INPUT_PROP_CNT, &ask(device, PROPS, 0)),
        kinds,
        codes: all,
        axes,
    }
}

/// Takes the device's queues and lets it work.
#[inline(never)]
fn connect(mut device: Device) -> Result<Arc<Input>, Unusable> {
    let events = device.queue(EVENTS)?;
    let status = device.queue(STATUS)?;
    device.start();
    Ok(Arc::new(Input {
        device: IrqLock::new(device),
        events: Mutex::new(events),
        status: Mutex::new(status),
        work: Arc::new(Pollee::new()),
    }))
}

/// Makes the device one of programs'.
#[inline(never)]
fn present(input: &Arc<Input>, description: Description, place: &str) -> Option<Arc<InputDevice>> {
    let lights = input.clone();
    let output = move |kind, code, value| lights.send(kind, code, value);
    let shown = InputDevice::new(description, Box::new(output), input.work.clone());
    evdev::add(&shown, place).ok()?;
    Some(shown)
}

/// Sets an input device up, with the thread that takes its events. Its steps keep frames of their own.
///
/// # Errors
/// [`Unusable`] when the device does not work.
#[inline(never)]
pub fn start(mut device: Device) -> Result<(), Unusable> {
    let index = NEXT.fetch_add(1, Ordering::Relaxed);
    device.negotiate(Features::empty())?;
    let line = device.line();
    let place = String::from(device.place());
    let description = Box::new(describe(&mut device, &place));
    let input = connect(device)?;
    let handler = input.clone();
    let interrupt = move || {
        if handler.device.lock().acknowledge().any() {
            handler.work.notify(Events::READABLE);
        }
    };
    hal::irq::register(line, "virtio-input", Arc::new(interrupt)).map_err(|_| Unusable)?;
    let shown = present(&input, *description, &place).ok_or(Unusable)?;
    sync::spawn_kernel(&format!("input{index}"), move || input.serve(&shown))
        .map_err(|_| Unusable)?;
    hal::irq::enable(line);
    Ok(())
}

impl Input {
    /// The device's thread.
    fn serve(&self, device: &InputDevice) {
        self.lend_room();
        let waiter = Waiter::new();
        let _registered = waiter.register(&self.work, Events::READABLE);
        loop {
            waiter.clear();
            let (events, more) = self.collect();
            if !events.is_empty() {
                device.feed(&events);
            }
            device.repeat();
            if more {
                sync::yield_now();
            } else {
                waiter.wait(None);
            }
        }
    }

    /// Gives the host all the room there is for events.
    fn lend_room(&self) {
        let mut queue = self.events.lock();
        while queue.free() > 0 && queue.submit(Chain::room(EVENT)).is_ok() {}
        drop(queue);
        self.device.lock().notify(EVENTS);
    }

    /// The events that have come, as many as there is room for, and whether there may be more; their room goes back to
    /// the host.
    fn collect(&self) -> (Vec<(u16, u16, i32)>, bool) {
        let mut events = Vec::new();
        let mut tell = false;
        let mut more = true;
        let mut queue = self.events.lock();
        // A host that fills room as fast as it gets it does not keep us here.
        for _ in 0..SLOTS {
            let Some((chain, written)) = queue.complete() else {
                more = false;
                break;
            };
            // What the device did not write is the event that was there before.
            if written >= EVENT
                && let Some([a, b, c, d, rest @ ..]) = chain.incoming.first().map(|bytes| &**bytes)
                && let Some(value) = words(rest).next()
            {
                let (kind, code) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
                events.push((kind, code, value.cast_signed()));
            }
            tell |= queue.submit(chain).unwrap_or(false);
        }
        drop(queue);
        if tell {
            self.device.lock().notify(EVENTS);
        }
        (events, more)
    }

    /// Tells the host of a light.
    fn send(&self, kind: u16, code: u16, value: i32) {
        let mut bytes = Vec::with_capacity(EVENT);
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&code.to_le_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
        let mut queue = self.status.lock();
        while queue.complete().is_some() {}
        // A host that takes none has no lights.
        if let Ok(true) = queue.submit(Chain::out(bytes.into())) {
            drop(queue);
            self.device.lock().notify(STATUS);
        }
    }
}

#[cfg(test)]
mod tests;
