//! One port of a virtio console as a file. One program at a time has it open.

use super::console::Console;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use hal::virtio::{Chain, Queue};
use mm::io::{IoDst, IoSrc};
use sync::{Events, Mutex, Pollee, SpinLock, rank};
use vfs::{CharDevice, FileOps, OpenFile, OpenRequest};

/// The major number of ports: the first of those Linux gives out by itself.
pub const MAJOR: u32 = 247;
/// Bytes of a receive buffer.
const RECEIVE_LEN: usize = 4096;
/// Receive buffers the device has.
const RECEIVE_BUFFERS: usize = 8;
/// The most one write moves.
const SEND_LEN: usize = 32 * 1024;
/// Slots of a queue.
const SLOTS: usize = 16;
/// Ports of a device, as far as minor numbers go.
const PORTS: u32 = 32;

/// Bytes that came and were not read: a buffer, how far it is read, how far it is filled.
struct Piece {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

struct State {
    incoming: Queue<SLOTS>,
    outgoing: Queue<SLOTS>,
    received: VecDeque<Piece>,
    host_open: bool,
    guest_open: bool,
    removed: bool,
    name: Vec<u8>,
}

/// A port.
pub struct Port {
    console: Weak<Console>,
    id: u32,
    minor: u32,
    pollee: Pollee,
    state: Mutex<State, { rank::TTY }>,
}

static PORTS_BY_MINOR: SpinLock<BTreeMap<u32, Arc<Port>>, { rank::LEAF }> =
    SpinLock::new(BTreeMap::new());

/// Makes a port's device node: name, major, minor. Installed by who owns `/dev`.
pub type Publish = fn(name: &str, major: u32, minor: u32);

static PUBLISH: sync::Once<Publish> = sync::Once::new();

/// Says who makes device nodes, and registers the driver.
///
/// # Errors
/// `EBUSY` when somebody has the major number.
pub fn install(publish: Publish) -> Result<()> {
    PUBLISH.get_or_init(|| publish);
    vfs::register_chrdev(MAJOR, 0, u32::MAX, "virtio-portsdev", Arc::new(Driver))
}

/// Makes a new port known to programs.
pub fn publish(port: &Arc<Port>) {
    PORTS_BY_MINOR.lock().insert(port.minor, port.clone());
    if let Some(publish) = PUBLISH.get() {
        publish(&port.node_name(), MAJOR, port.minor);
    }
}

struct Driver;

impl CharDevice for Driver {
    fn open(&self, minor: u32, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        let port = PORTS_BY_MINOR
            .lock()
            .get(&minor)
            .cloned()
            .ok_or(Errno::ENXIO)?;
        port.open()?;
        Ok(Arc::new(PortFile { port }))
    }
}

impl Port {
    /// A port the host announced.
    pub fn new(
        console: &Arc<Console>,
        id: u32,
        incoming: Queue<SLOTS>,
        outgoing: Queue<SLOTS>,
    ) -> Arc<Self> {
        Arc::new(Self {
            console: Arc::downgrade(console),
            id,
            minor: console.number() * PORTS + id,
            pollee: Pollee::new(),
            state: Mutex::new(State {
                incoming,
                outgoing,
                received: VecDeque::new(),
                host_open: false,
                guest_open: false,
                removed: false,
                name: Vec::new(),
            }),
        })
    }

    fn node_name(&self) -> String {
        alloc::format!("vport{}p{}", self.minor / PORTS, self.id)
    }

    /// The name the host gave it, for `/sys/class/virtio-ports`.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        self.state.lock().name.clone()
    }

    /// The host gave it a name.
    pub fn set_name(&self, name: &[u8]) {
        self.state.lock().name = name.to_vec();
    }

    fn open(&self) -> Result<()> {
        let mut state = self.state.lock();
        if state.removed {
            return Err(Errno::ENXIO);
        }
        if core::mem::replace(&mut state.guest_open, true) {
            return Err(Errno::EBUSY);
        }
        drop(state);
        if let Some(console) = self.console.upgrade() {
            console.guest_opened(self.id, true);
        }
        Ok(())
    }

    fn close(&self) {
        let mut state = self.state.lock();
        state.guest_open = false;
        let dropped = core::mem::take(&mut state.received);
        drop(state);
        drop(dropped);
        if let Some(console) = self.console.upgrade() {
            console.guest_opened(self.id, false);
        }
    }

    /// The host's side opened or closed.
    pub fn host_opened(&self, open: bool) {
        self.state.lock().host_open = open;
        self.pollee
            .notify(Events::READABLE | Events::WRITABLE | Events::HUP);
    }

    /// The host took the port away.
    pub fn remove(&self) {
        let mut state = self.state.lock();
        state.removed = true;
        state.host_open = false;
        drop(state);
        PORTS_BY_MINOR.lock().remove(&self.minor);
        self.pollee
            .notify(Events::READABLE | Events::WRITABLE | Events::HUP);
    }

    /// Takes finished buffers back and gives the device new ones.
    pub fn serve(&self) {
        let mut news = Events::empty();
        let mut state = self.state.lock();
        if collect(&mut state) {
            news |= Events::READABLE;
        }
        let offered = offer(&mut state);
        if reclaim(&mut state) {
            news |= Events::WRITABLE;
        }
        let queue = state.incoming.index();
        drop(state);
        if offered {
            self.kick(queue);
        }
        if !news.is_empty() {
            self.pollee.notify(news);
        }
    }

    fn kick(&self, queue: u16) {
        if let Some(console) = self.console.upgrade() {
            console.notify(queue);
        }
    }
}

/// Moves what the device filled to what waits to be read. Without a reader it is dropped.
fn collect(state: &mut State) -> bool {
    let mut came = false;
    while let Some((mut chain, len)) = state.incoming.complete() {
        if let Some(bytes) = chain.incoming.pop()
            && len > 0
            && state.guest_open
        {
            state.received.push_back(Piece {
                bytes,
                start: 0,
                end: len,
            });
            came = true;
        }
    }
    came
}

/// Keeps the device in buffers, as long as programs read what came.
fn offer(state: &mut State) -> bool {
    let mut offered = false;
    while state.received.len() < RECEIVE_BUFFERS
        && SLOTS - state.incoming.free() + state.received.len() < RECEIVE_BUFFERS
        && state.incoming.submit(Chain::room(RECEIVE_LEN)).is_ok()
    {
        offered = true;
    }
    offered
}

/// Frees what the device has sent.
fn reclaim(state: &mut State) -> bool {
    let mut freed = false;
    while state.outgoing.complete().is_some() {
        freed = true;
    }
    freed
}

/// An open port.
struct PortFile {
    port: Arc<Port>,
}

impl FileOps for PortFile {
    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        let mut state = self.port.state.lock();
        if collect(&mut state) {
            offer(&mut state);
        }
        if state.received.is_empty() {
            return if state.host_open {
                Err(Errno::EAGAIN)
            } else {
                Ok(0)
            };
        }
        let mut moved = 0;
        while let Some(piece) = state.received.front_mut() {
            let waiting = piece.bytes.get(piece.start..piece.end).unwrap_or_default();
            let put = dst.put(waiting);
            moved += put;
            piece.start += put;
            if piece.start < piece.end {
                break;
            }
            state.received.pop_front();
        }
        let offered = offer(&mut state);
        let queue = state.incoming.index();
        drop(state);
        if offered {
            self.port.kick(queue);
        }
        if moved == 0 && dst.faulted() {
            Err(Errno::EFAULT)
        } else {
            Ok(moved)
        }
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        if src.remaining() == 0 {
            return Ok(0);
        }
        let mut state = self.port.state.lock();
        reclaim(&mut state);
        if state.removed {
            return Err(Errno::ENODEV);
        }
        if !state.host_open || state.outgoing.free() == 0 {
            return Err(Errno::EAGAIN);
        }
        let mut bytes = alloc::vec![0; src.remaining().min(SEND_LEN)];
        let taken = src.take(&mut bytes);
        if taken == 0 {
            return Err(Errno::EFAULT);
        }
        bytes.truncate(taken);
        let queue = state.outgoing.index();
        let submitted = state.outgoing.submit(Chain::out(bytes.into()));
        drop(state);
        match submitted {
            Ok(tell) => {
                if tell {
                    self.port.kick(queue);
                }
                Ok(taken)
            }
            Err(_) => Err(Errno::EIO),
        }
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        let mut state = self.port.state.lock();
        collect(&mut state);
        reclaim(&mut state);
        let mut events = Events::empty();
        if !state.received.is_empty() || !state.host_open {
            events |= Events::READABLE;
        }
        if state.host_open && state.outgoing.free() > 0 {
            events |= Events::WRITABLE;
        }
        if !state.host_open {
            events |= Events::HUP;
        }
        events
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.port.pollee)
    }

    fn release(&self, _file: &OpenFile) {
        self.port.close();
    }
}
