//! All netlink sockets, by protocol and port.

use super::{NetlinkSocket, Protocol};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use sync::SortedMap;
use sync::{SpinLock, rank};

type Ports = SortedMap<(Protocol, u32), Weak<NetlinkSocket>>;

static PORTS: SpinLock<Ports, { rank::LEAF }> = SpinLock::new(SortedMap::new());
static SOCKETS: SpinLock<Vec<Weak<NetlinkSocket>>, { rank::LEAF }> = SpinLock::new(Vec::new());
/// Ports for processes with several sockets, as Linux counts them: downwards from -4097.
static NEXT: AtomicU32 = AtomicU32::new(4097_u32.wrapping_neg());

/// A new socket.
pub fn enter(socket: &Arc<NetlinkSocket>) {
    SOCKETS.lock().push(Arc::downgrade(socket));
}

/// A socket that ended.
pub fn leave(socket: &NetlinkSocket) {
    let key = (socket.protocol_kind(), socket.port());
    let this: *const NetlinkSocket = socket;
    let mut gone = Vec::new();
    SOCKETS.lock().retain(|one| {
        let stays = !core::ptr::eq(one.as_ptr(), this);
        if !stays {
            gone.push(one.clone());
        }
        stays
    });
    let mut ports = PORTS.lock();
    if ports
        .get(&key)
        .is_some_and(|one| core::ptr::eq(one.as_ptr(), this))
    {
        gone.extend(ports.remove(&key));
    }
    drop(ports);
    drop(gone);
}

/// Gives a socket a port. One that two threads bind at once keeps the first.
///
/// # Errors
/// `EADDRINUSE`: another has it. `EINVAL`: the socket has got another meanwhile.
pub fn take(socket: &Arc<NetlinkSocket>, port: u32) -> Result<()> {
    let mut ports = PORTS.lock();
    let key = (socket.protocol_kind(), port);
    if socket.port() != 0 {
        return Err(Errno::EINVAL);
    }
    if ports.contains_key(&key) {
        return Err(Errno::EADDRINUSE);
    }
    ports.insert(key, Arc::downgrade(socket));
    socket.set_port(port);
    Ok(())
}

/// Gives a socket the port of its process, or one nobody has; one it got meanwhile stays.
pub fn take_any(socket: &Arc<NetlinkSocket>, pid: u32) {
    let mut port = pid;
    while take(socket, port) == Err(Errno::EADDRINUSE) {
        port = NEXT.fetch_sub(1, Relaxed);
    }
}

/// The socket with a port.
pub fn find(protocol: Protocol, port: u32) -> Option<Arc<NetlinkSocket>> {
    PORTS.lock().get(&(protocol, port)).and_then(Weak::upgrade)
}

/// All sockets.
#[must_use]
pub fn all() -> Vec<Arc<NetlinkSocket>> {
    SOCKETS.lock().iter().filter_map(Weak::upgrade).collect()
}

/// Sends a message of the kernel's to all who listen to a group.
pub fn multicast(protocol: Protocol, group: u32, bytes: &[u8]) {
    for socket in all() {
        if socket.protocol_kind() == protocol && socket.listens(group) {
            socket.hear(bytes.to_vec(), 0, group, None);
        }
    }
}

/// Whether anybody listens to a group.
pub fn has_listeners(protocol: Protocol, group: u32) -> bool {
    all()
        .iter()
        .any(|socket| socket.protocol_kind() == protocol && socket.listens(group))
}
