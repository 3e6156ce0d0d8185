//! A port of a console device, as a byte stream: `/dev/vport0p1`.

use super::console::Console;
use super::control;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec;
use core::sync::atomic::{AtomicBool, Ordering};
use hal::virtio::{Chain, Queue};
use mm::io::{IoDst, IoSrc};
use sync::{Events, Mutex, Pollee, SpinLock, rank};
use vfs::{FileOps, OpenFile};

/// Slots of a port's queues.
pub(super) const SLOTS: usize = 32;
/// Buffers lent to the host for its bytes, and their size.
const BUFFERS: usize = 8;
const BUFFER: usize = 4096;
/// Most bytes of one message to the host, and most messages on their way.
const CHUNK: usize = 32768;
const IN_FLIGHT: usize = 8;

/// Bytes the host sent, in the buffer they came in.
struct Arrived {
    buffer: Box<[u8]>,
    len: usize,
    read: usize,
}

struct Receiving {
    queue: Queue<SLOTS>,
    arrived: VecDeque<Arrived>,
}

struct Sending {
    queue: Queue<SLOTS>,
    in_flight: usize,
}

/// One port.
pub struct Port {
    pub(super) id: u32,
    pub(super) minor: u32,
    pub(super) node: String,
    console: Weak<Console>,
    receiving: Mutex<Receiving, { rank::DEVICE }>,
    sending: Mutex<Sending, { rank::DEVICE }>,
    name: SpinLock<String, { rank::LEAF }>,
    guest_open: AtomicBool,
    host_open: AtomicBool,
    removed: AtomicBool,
    pollee: Pollee,
}

impl Port {
    /// A port over its two queues, with buffers lent to the host.
    pub(super) fn new(
        id: u32,
        minor: u32,
        node: String,
        console: Weak<Console>,
        receiving: Queue<SLOTS>,
        sending: Queue<SLOTS>,
    ) -> Arc<Self> {
        let port = Arc::new(Self {
            id,
            minor,
            node,
            console,
            receiving: Mutex::new(Receiving {
                queue: receiving,
                arrived: VecDeque::new(),
            }),
            sending: Mutex::new(Sending {
                queue: sending,
                in_flight: 0,
            }),
            name: SpinLock::new(String::new()),
            guest_open: AtomicBool::new(false),
            host_open: AtomicBool::new(false),
            removed: AtomicBool::new(false),
            pollee: Pollee::new(),
        });
        let mut state = port.receiving.lock();
        for _ in 0..BUFFERS {
            port.lend(&mut state, vec![0; BUFFER].into());
        }
        drop(state);
        port
    }

    /// The host's name of the port, empty when it has none.
    pub(super) fn name(&self) -> String {
        self.name.lock().clone()
    }

    pub(super) fn set_name(&self, name: &[u8]) {
        let name = String::from_utf8_lossy(name).into_owned();
        *self.name.lock() = name;
    }

    /// The host's side was opened or closed.
    pub(super) fn set_host_open(&self, open: bool) {
        self.host_open.store(open, Ordering::SeqCst);
        self.pollee
            .notify(Events::READABLE | Events::WRITABLE | Events::ALWAYS);
    }

    /// The host took the port away.
    pub(super) fn remove(&self) {
        self.removed.store(true, Ordering::SeqCst);
        self.set_host_open(false);
    }

    /// Looks at both queues; the worker calls it after an interrupt.
    pub(super) fn poll(&self) {
        let mut events = Events::empty();
        let mut receiving = self.receiving.lock();
        while let Some((chain, len)) = receiving.queue.complete() {
            if let Some(buffer) = chain.incoming.into_iter().next() {
                receiving.arrived.push_back(Arrived {
                    buffer,
                    len,
                    read: 0,
                });
                events |= Events::READABLE;
            }
        }
        drop(receiving);
        if self.reclaim(&mut self.sending.lock()) {
            events |= Events::WRITABLE;
        }
        if !events.is_empty() {
            self.pollee.notify(events);
        }
    }

    fn reclaim(&self, sending: &mut Sending) -> bool {
        let before = sending.in_flight;
        while sending.queue.complete().is_some() {
            sending.in_flight = sending.in_flight.saturating_sub(1);
        }
        sending.in_flight != before
    }

    fn lend(&self, receiving: &mut Receiving, buffer: Box<[u8]>) {
        let chain = Chain {
            outgoing: alloc::vec::Vec::new(),
            incoming: vec![buffer],
        };
        if let Ok(true) = receiving.queue.submit(chain) {
            self.kick(receiving.queue.index());
        }
    }

    fn kick(&self, index: u16) {
        if let Some(console) = self.console.upgrade() {
            console.notify(index);
        }
    }

    /// Gives received bytes to `sink`, which says how many it took, until there are none or it takes no more.
    pub(super) fn drain(&self, sink: &mut dyn FnMut(&[u8]) -> usize) -> usize {
        let mut receiving = self.receiving.lock();
        let mut done = 0;
        while let Some(first) = receiving.arrived.front_mut() {
            let bytes = first.buffer.get(first.read..first.len).unwrap_or(&[]);
            let taken = sink(bytes);
            done += taken;
            first.read += taken;
            if first.read < first.len {
                break;
            }
            if let Some(used) = receiving.arrived.pop_front() {
                self.lend(&mut receiving, used.buffer);
            }
        }
        done
    }

    /// Whether the host may be sent something now.
    pub(super) fn can_send(&self) -> bool {
        let mut sending = self.sending.lock();
        self.reclaim(&mut sending);
        sending.in_flight < IN_FLIGHT
    }

    /// Bytes messages are on their way to the host.
    pub(super) fn in_flight(&self) -> usize {
        let mut sending = self.sending.lock();
        self.reclaim(&mut sending);
        sending.in_flight
    }

    /// Sends one message of up to [`CHUNK`] bytes, which `fill` puts into the buffer (it says how many came).
    ///
    /// # Errors
    /// `EAGAIN` when too much is on its way, `ENOMEM`, `EIO`: the device has lost count.
    pub(super) fn send(&self, len: usize, fill: impl FnOnce(&mut [u8]) -> usize) -> Result<usize> {
        let len = len.min(CHUNK);
        let mut sending = self.sending.lock();
        self.reclaim(&mut sending);
        if sending.queue.is_broken() {
            return Err(Errno::EIO);
        }
        if sending.in_flight >= IN_FLIGHT {
            return Err(Errno::EAGAIN);
        }
        let mut bytes = alloc::vec::Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| Errno::ENOMEM)?;
        bytes.resize(len, 0);
        let filled = fill(&mut bytes);
        bytes.truncate(filled);
        if bytes.is_empty() {
            return Ok(0);
        }
        let told = sending
            .queue
            .submit(Chain::out(bytes.into()))
            .map_err(|_| Errno::EAGAIN)?;
        sending.in_flight += 1;
        let index = sending.queue.index();
        drop(sending);
        if told {
            self.kick(index);
        }
        Ok(filled)
    }

    /// Opens the port for a program.
    ///
    /// # Errors
    /// `ENXIO` when it is gone, `EBUSY` when somebody has it open.
    pub fn open(self: &Arc<Self>) -> Result<Arc<PortFile>> {
        if self.removed.load(Ordering::SeqCst) {
            return Err(Errno::ENXIO);
        }
        if self.guest_open.swap(true, Ordering::SeqCst) {
            return Err(Errno::EBUSY);
        }
        if let Some(console) = self.console.upgrade() {
            console.tell(control::port_open(self.id, true));
        }
        Ok(Arc::new(PortFile { port: self.clone() }))
    }

    pub(super) fn pollee(&self) -> &Pollee {
        &self.pollee
    }
}

/// A port that a program has open.
pub struct PortFile {
    port: Arc<Port>,
}

impl PortFile {
    fn gone(&self) -> bool {
        self.port.removed.load(Ordering::SeqCst)
    }

    fn connected(&self) -> bool {
        self.port.host_open.load(Ordering::SeqCst)
    }

    fn has_bytes(&self) -> bool {
        !self.port.receiving.lock().arrived.is_empty()
    }
}

impl FileOps for PortFile {
    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        if dst.remaining() == 0 {
            return Ok(0);
        }
        if self.gone() {
            return Err(Errno::ENODEV);
        }
        let done = self.port.drain(&mut |bytes| dst.put(bytes));
        if done > 0 || dst.faulted() {
            return Ok(done);
        }
        // With nobody at the other side there is nothing to wait for.
        if self.connected() {
            Err(Errno::EAGAIN)
        } else {
            Ok(0)
        }
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        if src.remaining() == 0 {
            return Ok(0);
        }
        if self.gone() {
            return Err(Errno::ENODEV);
        }
        if !self.connected() {
            return Err(Errno::EAGAIN);
        }
        self.port.send(src.remaining(), |bytes| src.take(bytes))
    }

    fn signals(&self) -> bool {
        true
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        if self.gone() {
            return Events::HUP;
        }
        let mut events = Events::empty();
        events.set(Events::READABLE, self.has_bytes());
        events.set(Events::OUT, self.connected() && self.port.can_send());
        events.set(Events::HUP, !self.connected());
        events
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.port.pollee)
    }
}

impl Drop for PortFile {
    fn drop(&mut self) {
        // What nobody read belongs to nobody.
        self.port.drain(&mut |bytes| bytes.len());
        self.port.guest_open.store(false, Ordering::SeqCst);
        if let Some(console) = self.port.console.upgrade() {
            console.tell(control::port_open(self.port.id, false));
        }
    }
}
