//! The display device (virtio 1.2, 5.7): resources of the host's that show memory of ours, in two dimensions.
//!
//! Commands go out in batches, each with a fence; who must know asks for the fence, or waits for it. Answers are
//! taken back by whoever looks next: there is no thread behind the device.

#[cfg(test)]
mod tests;
mod wire;

use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use hal::virtio::{Chain, Device, Features, Queue, Unusable};
use sync::SortedMap;
use sync::{Events, Instant, IrqLock, Mutex, Pollee, rank};

use crate::drm::engine::{Engine, Op, Scanout};

const FEATURE_EDID: Features = Features::from_bits_retain(1 << 1);

const CONTROL: u16 = 0;
const CURSOR: u16 = 1;

const EVENTS_READ: usize = 0;
const EVENTS_CLEAR: usize = 4;
const SCANOUTS: usize = 8;

const SLOTS: usize = 64;
const CURSOR_SLOTS: usize = 16;
/// Descriptors a command takes: its bytes and its answer.
const EACH: usize = 2;

/// Refusals of the host's that are told of: who refuses all should not fill the log.
const TOLD: u32 = 8;

/// How long the host may take for a command.
const PATIENCE: Duration = Duration::from_secs(5);

/// The control queue and what it has.
struct Control {
    queue: Queue<SLOTS>,
    /// The fence of the next command.
    next: u64,
    /// Fences the host has not answered, and whether somebody wants the answer.
    out: SortedMap<u64, bool>,
    /// Answers somebody wants.
    answers: SortedMap<u64, Vec<u8>>,
    /// Refusals that were told of.
    refusals: u32,
}

/// A display device.
pub struct Gpu {
    device: IrqLock<Device, { rank::LEAF }>,
    control: Mutex<Control, { rank::DEVICE }>,
    cursor: Mutex<Queue<CURSOR_SLOTS>, { rank::DEVICE }>,
    has_edid: bool,
    scanouts: u32,
    /// The host is done with commands.
    done: Pollee,
    /// Who waits for changes wants to hear of answers.
    expects: AtomicBool,
    /// The host's displays are others.
    changed: AtomicBool,
    change: Pollee,
}

/// Takes the device's queues and lets it work.
#[inline(never)]
fn connect(mut device: Device) -> core::result::Result<Arc<Gpu>, Unusable> {
    let features = device.negotiate(FEATURE_EDID)?;
    let control = Control {
        queue: device.queue(CONTROL)?,
        next: 1,
        out: SortedMap::new(),
        answers: SortedMap::new(),
        refusals: 0,
    };
    let cursor = device.queue(CURSOR)?;
    let scanouts = device.config::<u32>(SCANOUTS)?;
    device.start();
    Ok(Arc::new(Gpu {
        device: IrqLock::new(device),
        control: Mutex::new(control),
        cursor: Mutex::new(cursor),
        has_edid: features.contains(FEATURE_EDID),
        scanouts,
        done: Pollee::new(),
        expects: AtomicBool::new(false),
        changed: AtomicBool::new(false),
        change: Pollee::new(),
    }))
}

/// Sets a display device up and makes a card of it. Its steps keep frames of their own.
///
/// # Errors
/// [`Unusable`] when the device does not work.
#[inline(never)]
pub fn start(device: Device) -> core::result::Result<(), Unusable> {
    let line = device.line();
    // A card stands below the bus's device, as on Linux, not below virtio's.
    let place = device.place();
    let place = String::from(place.rsplit_once('/').map_or(place, |(above, _)| above));
    let gpu = connect(device)?;
    let handler = gpu.clone();
    hal::irq::register(line, "virtio-gpu", Arc::new(move || handler.interrupt()))
        .map_err(|_| Unusable)?;
    hal::irq::enable(line);
    crate::drm::add(gpu, &place).map_err(|_| Unusable)
}

impl Gpu {
    fn interrupt(&self) {
        let causes = self.device.lock().acknowledge();
        if causes.queue {
            self.done.notify(Events::READABLE);
            if self.expects.load(Ordering::Acquire) {
                self.change.notify(Events::READABLE);
            }
        }
        if causes.config {
            self.changed.store(true, Ordering::Release);
            self.change.notify(Events::READABLE);
        }
    }

    /// Takes back what the host is done with.
    fn reap(control: &mut Control) {
        while let Some((chain, len)) = control.queue.complete() {
            let (Some(command), Some(answer)) =
                (chain.outgoing.first(), chain.incoming.into_iter().next())
            else {
                continue;
            };
            if let Some((kind, said)) = wire::refusal(command, answer.get(..len).unwrap_or(&[]))
                && control.refusals < TOLD
            {
                control.refusals += 1;
                log::warn!("virtio-gpu: command {kind:#x} was answered with {said:#x}");
            }
            let Some(fence) = wire::fence_of(command) else {
                continue;
            };
            if control.out.remove(&fence) == Some(true) {
                // No more of it than was written.
                let mut answer = Vec::from(answer);
                answer.truncate(len);
                control.answers.insert(fence, answer);
            }
        }
    }

    /// Sends a command, made for its fence, with room for an answer of `room` bytes; the fence, and whether the
    /// device is to be told. Waits for room in the queue.
    ///
    /// # Errors
    /// `EIO`: the host does not answer.
    fn post(
        &self,
        room: usize,
        wanted: bool,
        command: impl FnOnce(u64) -> Box<[u8]>,
    ) -> Result<(u64, bool)> {
        let mut command = Some(command);
        let deadline = Some(Instant::after(PATIENCE));
        let attempt = || {
            let mut control = self.control.lock();
            Self::reap(&mut control);
            if control.queue.is_broken() {
                return Some(Err(Errno::EIO));
            }
            if control.queue.free() < EACH {
                drop(control);
                self.device.lock().notify(CONTROL);
                return None;
            }
            let fence = control.next;
            control.next += 1;
            let chain = Chain {
                outgoing: vec![command.take()?(fence)],
                incoming: vec![vec![0; room].into()],
            };
            let Ok(tell) = control.queue.submit(chain) else {
                return Some(Err(Errno::EIO));
            };
            control.out.insert(fence, wanted);
            Some(Ok((fence, tell)))
        };
        sync::wait_until(&[(&self.done, Events::READABLE)], deadline, attempt)
            .unwrap_or(Err(Errno::EIO))
    }

    /// Sends a question and waits for its answer.
    fn ask(&self, room: usize, command: impl FnOnce(u64) -> Box<[u8]>) -> Result<Vec<u8>> {
        let (fence, tell) = self.post(room, true, command)?;
        if tell {
            self.device.lock().notify(CONTROL);
        }
        let deadline = Some(Instant::after(PATIENCE));
        let answer = sync::wait_until(&[(&self.done, Events::READABLE)], deadline, || {
            let mut control = self.control.lock();
            Self::reap(&mut control);
            let answer = control.answers.remove(&fence);
            match (answer, control.queue.is_broken()) {
                (None, true) => Some(Err(Errno::EIO)),
                (answer, _) => answer.map(Ok),
            }
        });
        answer.unwrap_or_else(|| {
            // Nobody waits for it any more.
            self.control.lock().out.insert(fence, false);
            Err(Errno::EIO)
        })
    }

    fn send_cursor(&self, command: Box<[u8]>) {
        let mut queue = self.cursor.lock();
        while queue.complete().is_some() {}
        let chain = Chain {
            outgoing: vec![command],
            incoming: vec![vec![0; wire::HEADER].into()],
        };
        // A full queue: the host is behind, and the next place is newer than this one.
        if let Ok(true) = queue.submit(chain) {
            drop(queue);
            self.device.lock().notify(CURSOR);
        }
    }
}

impl Engine for Gpu {
    fn scanouts(&self) -> Result<Vec<Scanout>> {
        let answer = self.ask(wire::DISPLAY_INFO, wire::display_info)?;
        let mut found = Vec::new();
        for (index, size) in (0..self.scanouts).zip(wire::displays(&answer)) {
            let edid = if self.has_edid && size.is_some() {
                wire::edid_bytes(&self.ask(wire::EDID, |fence| wire::edid(fence, index))?)
            } else {
                Vec::new()
            };
            found.push(Scanout { size, edid });
        }
        Ok(found)
    }

    fn submit(&self, ops: &[Op]) -> Result<u64> {
        let mut last = 0;
        let mut told = false;
        for op in ops {
            let (fence, tell) = self.post(wire::HEADER, false, |fence| wire::encode(op, fence))?;
            last = fence;
            told |= tell;
        }
        if told {
            self.device.lock().notify(CONTROL);
        }
        Ok(last)
    }

    fn finished(&self, fence: u64) -> bool {
        let mut control = self.control.lock();
        Self::reap(&mut control);
        !control.out.contains_key(&fence)
    }

    fn wait(&self, fence: u64) -> Result<()> {
        let deadline = Some(Instant::after(PATIENCE));
        sync::wait_until(&[(&self.done, Events::READABLE)], deadline, || {
            let mut control = self.control.lock();
            Self::reap(&mut control);
            match (control.out.contains_key(&fence), control.queue.is_broken()) {
                (false, _) => Some(Ok(())),
                (true, true) => Some(Err(Errno::EIO)),
                (true, false) => None,
            }
        })
        .unwrap_or(Err(Errno::EIO))
    }

    fn show_cursor(&self, scanout: u32, resource: u32, hot: (u32, u32), place: (i32, i32)) {
        self.send_cursor(wire::cursor(scanout, Some((resource, hot)), place));
    }

    fn move_cursor(&self, scanout: u32, place: (i32, i32)) {
        self.send_cursor(wire::cursor(scanout, None, place));
    }

    fn expect(&self, answers: bool) {
        self.expects.store(answers, Ordering::Release);
    }

    fn changes(&self) -> &Pollee {
        &self.change
    }

    fn take_change(&self) -> bool {
        if !self.changed.swap(false, Ordering::AcqRel) {
            return false;
        }
        let mut device = self.device.lock();
        let events = device.config::<u32>(EVENTS_READ).unwrap_or(0);
        events != 0 && device.set_config(EVENTS_CLEAR, events).is_ok()
    }

    fn driver(&self) -> (&'static str, &'static str) {
        ("virtio_gpu", "virtio GPU")
    }
}
