//! The console device with its ports (virtio 1.2, 5.3).
//!
//! Interrupts wake one kernel thread a device; it reads the control queue, makes ports as the host adds them, and hands
//! on what arrived. A port's queues are made when the port comes, not at start: most of a device's ports never do.

use super::control::{self, Control};
use super::hvc;
use super::port::{Port, SLOTS};
use crate::node::{self, Node};
use crate::tty::Tty;
use abi::stat::makedev;
use abi::termios::WinSize;
use abi::{Errno, Result};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use hal::virtio::{Chain, Device, Features, Queue, Unusable};
use sync::SortedMap;
use sync::{Events, IrqLock, Mutex, Pollee, SpinLock, rank};
use vfs::{CharDevice, FileOps, OpenRequest};

const SIZE: Features = Features::from_bits_retain(1 << 0);
const MULTIPORT: Features = Features::from_bits_retain(1 << 1);

const CONTROL_IN: u16 = 2;
const CONTROL_OUT: u16 = 3;

/// Times a full control queue is looked at before a message is given up.
const PATIENCE: usize = 10_000;

/// Where the configuration says how many ports there are at most.
const MOST_PORTS: usize = 4;

/// Minor numbers there are for ports.
const MINORS: u32 = 512;

/// Major number of the ports; on Linux it is given out at run time.
const MAJOR: u32 = 248;

static NEXT: AtomicU32 = AtomicU32::new(0);
static NEXT_MINOR: AtomicU32 = AtomicU32::new(1);
static PORTS: SpinLock<SortedMap<u32, Arc<Port>>, { rank::LEAF }> = SpinLock::new(SortedMap::new());

/// The two control queues.
struct Controls {
    incoming: Queue<SLOTS>,
    outgoing: Queue<SLOTS>,
}

/// A console device.
pub struct Console {
    index: u32,
    device: IrqLock<Device, { rank::LEAF }>,
    controls: Option<Mutex<Controls, { rank::DEVICE }>>,
    /// Ports have lower numbers.
    most_ports: u32,
    ports: SpinLock<SortedMap<u32, Arc<Port>>, { rank::LEAF }>,
    terminals: SpinLock<SortedMap<u32, Arc<Tty>>, { rank::LEAF }>,
    work: Pollee,
}

/// Sets a console device up and starts its thread.
///
/// # Errors
/// [`Unusable`] when the device does not work.
#[inline(never)]
pub fn start(mut device: Device) -> core::result::Result<Arc<Console>, Unusable> {
    let features = device.negotiate(SIZE | MULTIPORT)?;
    let multiport = features.contains(MULTIPORT);
    let controls = if multiport {
        let incoming = device.queue(CONTROL_IN)?;
        let outgoing = device.queue(CONTROL_OUT)?;
        Some(Mutex::new(Controls { incoming, outgoing }))
    } else {
        None
    };
    let single = if multiport {
        None
    } else {
        Some((device.queue(0)?, device.queue(1)?))
    };
    let most_ports = device.config::<u32>(MOST_PORTS).unwrap_or(1);
    device.start();
    let line = device.line();
    let console = Arc::new(Console {
        index: NEXT.fetch_add(1, Ordering::Relaxed),
        device: IrqLock::new(device),
        controls,
        most_ports: most_ports.min(MINORS),
        ports: SpinLock::new(SortedMap::new()),
        terminals: SpinLock::new(SortedMap::new()),
        work: Pollee::new(),
    });
    if let Some((receiving, sending)) = single {
        let port = console.new_port(0, receiving, sending);
        port.set_host_open(true);
        console.attach(&port);
        if features.contains(SIZE)
            && let Some(size) = console.configured_size()
        {
            console.resize(port.id, size);
        }
    }
    let handler = console.clone();
    hal::irq::register(
        line,
        "virtio-console",
        Arc::new(move || handler.interrupt()),
    )
    .map_err(|_| Unusable)?;
    let worker = console.clone();
    let name = format!("vport{}", console.index);
    sync::spawn_kernel(&name, move || worker.serve()).map_err(|_| Unusable)?;
    hal::irq::enable(line);
    Ok(console)
}

impl Console {
    fn interrupt(&self) {
        if self.device.lock().acknowledge().any() {
            self.work.notify(Events::READABLE);
        }
    }

    pub(super) fn notify(&self, queue: u16) {
        self.device.lock().notify(queue);
    }

    /// Sends a control message.
    pub(super) fn tell(&self, message: [u8; 8]) {
        let Some(controls) = &self.controls else {
            return;
        };
        let mut chain = Chain::out(message.to_vec().into());
        let mut controls = controls.lock();
        // There are more slots than ports: a host that leaves them full for so long has stopped listening.
        for _ in 0..PATIENCE {
            while controls.outgoing.complete().is_some() {}
            match controls.outgoing.submit(chain) {
                Err(_) if controls.outgoing.is_broken() => return,
                Ok(notify) => {
                    drop(controls);
                    if notify {
                        self.notify(CONTROL_OUT);
                    }
                    return;
                }
                Err(back) => chain = back,
            }
            sync::yield_now();
        }
    }

    /// The device's thread.
    fn serve(self: &Arc<Self>) {
        if let Some(controls) = &self.controls {
            let mut controls = controls.lock();
            for _ in 0..SLOTS {
                let _ = controls.incoming.submit(Chain::room(256));
            }
            drop(controls);
            self.notify(CONTROL_IN);
            self.tell(control::device_ready());
        }
        let waiter = sync::Waiter::new();
        let _registered = waiter.register(&self.work, Events::READABLE);
        loop {
            waiter.clear();
            let more = self.control();
            let ports: Vec<Arc<Port>> = self.ports.lock().values().cloned().collect();
            for port in ports {
                port.poll();
            }
            if more {
                sync::yield_now();
            } else {
                waiter.wait(None);
            }
        }
    }

    /// Does what the host says, as much as there is room for; whether there may be more.
    fn control(self: &Arc<Self>) -> bool {
        let Some(controls) = &self.controls else {
            return false;
        };
        for _ in 0..SLOTS {
            let Some((chain, len)) = controls.lock().incoming.complete() else {
                return false;
            };
            if let Some(bytes) = chain.incoming.first().and_then(|buffer| buffer.get(..len))
                && let Some(message) = Control::parse(bytes)
            {
                self.act(message);
            }
            if let Ok(true) = controls.lock().incoming.submit(chain) {
                self.notify(CONTROL_IN);
            }
        }
        true
    }

    fn act(self: &Arc<Self>, message: Control<'_>) {
        let port = |id: u32| self.ports.lock().get(&id).cloned();
        match message {
            Control::Add(id) => self.add(id),
            Control::Remove(id) => {
                let removed = self.ports.lock().remove(&id);
                if let Some(port) = removed {
                    port.remove();
                    node::withdraw(&port.node);
                }
            }
            Control::Console(id) => {
                if let Some(port) = port(id) {
                    self.attach(&port);
                    self.tell(control::port_open(id, true));
                }
            }
            Control::Resize(id, columns, rows) => self.resize(id, (columns, rows)),
            Control::Open(id, open) => {
                if let Some(port) = port(id) {
                    port.set_host_open(open);
                }
            }
            Control::Name(id, name) => {
                if let Some(port) = port(id) {
                    port.set_name(name);
                    self.publish(&port);
                }
            }
        }
    }

    /// Columns and rows of the one port of a device without control queues.
    fn configured_size(&self) -> Option<(u16, u16)> {
        let device = self.device.lock();
        let size = (device.config(0).ok()?, device.config(2).ok()?);
        (size != (0, 0)).then_some(size)
    }

    fn resize(&self, id: u32, (columns, rows): (u16, u16)) {
        let terminal = self.terminals.lock().get(&id).cloned();
        if let Some(terminal) = terminal {
            terminal.set_window(WinSize {
                row: rows,
                col: columns,
                ..WinSize::default()
            });
        }
    }

    fn attach(&self, port: &Arc<Port>) {
        if self.terminals.lock().contains_key(&port.id) {
            return;
        }
        if let Some(terminal) = hvc::attach(port) {
            self.terminals.lock().insert(port.id, terminal);
        }
    }

    fn add(self: &Arc<Self>, id: u32) {
        if self.ports.lock().contains_key(&id) {
            return;
        }
        let first = match id {
            0 => Some(0),
            // Each takes memory: not more than the device said it has.
            id if id >= self.most_ports => None,
            id => u16::try_from(id)
                .ok()
                .and_then(|id| id.checked_mul(2)?.checked_add(2)),
        };
        let queues = first.and_then(|first| {
            let mut device = self.device.lock();
            Some((device.queue(first).ok()?, device.queue(first + 1).ok()?))
        });
        let Some((receiving, sending)) = queues else {
            self.tell(control::port_ready(id, false));
            return;
        };
        let port = self.new_port(id, receiving, sending);
        self.publish(&port);
        self.tell(control::port_ready(id, true));
    }

    fn new_port(
        self: &Arc<Self>,
        id: u32,
        receiving: Queue<SLOTS>,
        sending: Queue<SLOTS>,
    ) -> Arc<Port> {
        let name = format!("vport{}p{id}", self.index);
        let minor = NEXT_MINOR.fetch_add(1, Ordering::Relaxed);
        let port = Port::new(id, minor, name, Arc::downgrade(self), receiving, sending);
        self.ports.lock().insert(id, port.clone());
        PORTS.lock().insert(minor, port.clone());
        port
    }

    fn publish(&self, port: &Port) {
        let name = match port.name() {
            // So Linux shows that there is none.
            name if name.is_empty() => "(null)".into(),
            name => name,
        };
        let number = makedev(MAJOR, port.minor);
        let mut node = Node::new(&port.node, number, 0o600, "virtio-ports");
        node.attributes = vec![("name", format!("{name}\n"))];
        node::publish(node);
    }
}

/// Opens ports by their minor numbers.
struct Ports;

impl CharDevice for Ports {
    fn open(&self, minor: u32, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        let port = PORTS.lock().get(&minor).cloned().ok_or(Errno::ENXIO)?;
        Ok(port.open()?)
    }
}

/// Makes ports openable; called once at start-up.
pub(crate) fn register() {
    // Nobody else has the number.
    let _ = vfs::register_chrdev(MAJOR, 0, MINORS, "virtio-portsdev", Arc::new(Ports));
}

#[cfg(test)]
mod tests;
