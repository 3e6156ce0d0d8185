//! virtio-console with ports (virtio 1.2, 5.3): channels to the host, `/dev/vport<device>p<port>`.
//!
//! Queues 0 and 1 are port 0's, 2 and 3 carry control messages, 4 and 5 are port 1's and so on. A
//! port's queues are made when the host announces it: a device that allows 31 ports and uses four
//! costs four ports' memory. The interrupt acknowledges and wakes a worker, which moves buffers.

use super::Worker;
use super::port::{self, Port};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use hal::virtio::{Chain, Device, Features, Queue};
use sync::{IrqLock, Mutex, Once, rank};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `VIRTIO_CONSOLE_F_MULTIPORT`
const MULTIPORT: Features = Features::from_bits_retain(1 << 1);
/// Where `max_nr_ports` stands in the configuration.
const MAX_PORTS: usize = 4;
/// The control queues.
const CONTROL_IN: u16 = 2;
const CONTROL_OUT: u16 = 3;
/// Slots of a queue.
const SLOTS: usize = 16;
/// Longest control message: a name behind the header.
const CONTROL_LEN: usize = 128;

/// What a control message says.
mod event {
    pub const DEVICE_READY: u16 = 0;
    pub const PORT_ADD: u16 = 1;
    pub const PORT_REMOVE: u16 = 2;
    pub const PORT_READY: u16 = 3;
    pub const CONSOLE_PORT: u16 = 4;
    pub const PORT_OPEN: u16 = 6;
    pub const PORT_NAME: u16 = 7;
}

/// `struct virtio_console_control`
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Control {
    port: U32,
    event: U16,
    value: U16,
}

/// The queues control messages go through.
struct ControlQueues {
    incoming: Queue<SLOTS>,
    outgoing: Queue<SLOTS>,
}

/// One device.
pub struct Console {
    number: u32,
    device: IrqLock<Device, { rank::DEVICE }>,
    control: Mutex<Option<ControlQueues>, { rank::SOCKET_TABLE }>,
    ports: Mutex<BTreeMap<u32, Arc<Port>>, { rank::FILE }>,
    max_ports: u32,
    worker: Once<Worker>,
}

/// Sets a device up; `number` is the one in its ports' names.
///
/// # Errors
/// `ENODEV` for a device without ports, `ENOMEM`.
pub fn start(mut device: Device, number: u32) -> Result<()> {
    if !device.negotiate(MULTIPORT).contains(MULTIPORT) {
        return Err(Errno::ENODEV);
    }
    let max_ports = device
        .config::<U32>(MAX_PORTS)
        .map_err(|_| Errno::ENODEV)?
        .get();
    let control = ControlQueues {
        incoming: device.queue(CONTROL_IN).map_err(|_| Errno::ENOMEM)?,
        outgoing: device.queue(CONTROL_OUT).map_err(|_| Errno::ENOMEM)?,
    };
    device.start();
    let line = device.line();
    let console = Arc::new(Console {
        number,
        device: IrqLock::new(device),
        control: Mutex::new(Some(control)),
        ports: Mutex::new(BTreeMap::new()),
        max_ports,
        worker: Once::new(),
    });
    let working = console.clone();
    let worker = sync::spawn_kernel("virtio-console", move || working.work())?;
    console.worker.get_or_init(|| worker);
    let interrupted = console.clone();
    let handler = move || {
        if interrupted.device.lock().acknowledge() {
            interrupted.wake();
        }
    };
    hal::irq::register(line, Arc::new(handler)).map_err(|_| Errno::ENODEV)?;
    hal::irq::enable(line);
    console.send(0, event::DEVICE_READY, 1);
    Ok(())
}

impl Console {
    /// The device's number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Lets the worker look at all queues.
    pub fn wake(&self) {
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }

    /// Tells the device to look at a queue.
    pub fn notify(&self, queue: u16) {
        self.device.lock().notify(queue);
    }

    /// The program opened or closed a port.
    pub fn guest_opened(&self, port: u32, open: bool) {
        self.send(port, event::PORT_OPEN, u16::from(open));
    }

    fn send(&self, port: u32, event: u16, value: u16) {
        let message = Control {
            port: U32::new(port),
            event: U16::new(event),
            value: U16::new(value),
        };
        let mut control = self.control.lock();
        let Some(queues) = control.as_mut() else {
            return;
        };
        // What was sent before comes back first, to make room.
        while queues.outgoing.complete().is_some() {}
        if queues
            .outgoing
            .submit(Chain::out(message.as_bytes().into()))
            .is_ok()
        {
            self.notify(CONTROL_OUT);
        }
    }

    /// The worker: runs for ever.
    fn work(self: Arc<Self>) {
        self.offer_control();
        loop {
            for message in self.control_messages() {
                self.obey(&message);
            }
            let ports: Vec<Arc<Port>> = self.ports.lock().values().cloned().collect();
            for port in ports {
                port.serve();
            }
            sync::park(None);
        }
    }

    /// Gives the device buffers for control messages.
    fn offer_control(&self) {
        let mut control = self.control.lock();
        let Some(queues) = control.as_mut() else {
            return;
        };
        while queues.incoming.submit(Chain::room(CONTROL_LEN)).is_ok() {}
        drop(control);
        self.notify(CONTROL_IN);
    }

    fn control_messages(&self) -> Vec<Box<[u8]>> {
        let mut messages = Vec::new();
        let mut control = self.control.lock();
        if let Some(queues) = control.as_mut() {
            while let Some((chain, len)) = queues.incoming.complete() {
                messages.extend(
                    chain
                        .incoming
                        .first()
                        .and_then(|bytes| bytes.get(..len))
                        .map(Into::into),
                );
            }
        }
        drop(control);
        if !messages.is_empty() {
            self.offer_control();
        }
        messages
    }

    fn obey(self: &Arc<Self>, message: &[u8]) {
        let Ok((control, name)) = Control::read_from_prefix(message) else {
            return;
        };
        let (id, value) = (control.port.get(), control.value.get());
        let port = self.ports.lock().get(&id).cloned();
        match (control.event.get(), port) {
            (event::PORT_ADD, None) => self.add(id),
            (event::PORT_REMOVE, Some(port)) => {
                self.ports.lock().remove(&id);
                port.remove();
            }
            (event::PORT_OPEN, Some(port)) => port.host_opened(value != 0),
            (event::PORT_NAME, Some(port)) => {
                let end = name
                    .iter()
                    .position(|byte| *byte == 0)
                    .unwrap_or(name.len());
                port.set_name(name.get(..end).unwrap_or(name));
            }
            // A console port: it is ready from the start.
            (event::CONSOLE_PORT, Some(port)) => {
                port.host_opened(true);
                self.guest_opened(id, true);
            }
            _ => {}
        }
    }

    fn add(self: &Arc<Self>, id: u32) {
        if id >= self.max_ports {
            return;
        }
        // Port 0 comes before the control queues, the others behind.
        let first = if id == 0 { 0 } else { (id as u16) * 2 + 2 };
        let mut device = self.device.lock();
        let queues = (device.queue(first), device.queue(first + 1));
        drop(device);
        let (Ok(incoming), Ok(outgoing)) = queues else {
            self.send(id, event::PORT_READY, 0);
            return;
        };
        let port = Port::new(self, id, incoming, outgoing);
        self.ports.lock().insert(id, port.clone());
        port::publish(&port);
        port.serve();
        self.send(id, event::PORT_READY, 1);
    }
}
