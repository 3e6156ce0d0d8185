//! All sockets of the family, for `/proc/net/unix` (`man 5 proc_pid_net`).

use super::UnixSocket;
use super::graph::SocketId;
use crate::socket::Socket;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt::Write as _;
use sync::{SpinLock, rank};

static SOCKETS: SpinLock<BTreeMap<SocketId, Weak<UnixSocket>>, { rank::LEAF }> =
    SpinLock::new(BTreeMap::new());

/// A new socket.
pub fn enter(socket: &Arc<UnixSocket>) {
    SOCKETS.lock().insert(socket.id(), Arc::downgrade(socket));
}

/// A socket that ended.
pub fn leave(id: SocketId) {
    let gone = SOCKETS.lock().remove(&id);
    drop(gone);
}

/// All sockets there are.
pub fn sockets() -> Vec<Arc<UnixSocket>> {
    SOCKETS.lock().values().filter_map(Weak::upgrade).collect()
}

/// `SS_*` of a socket with a file.
const UNCONNECTED: u32 = 1;
const CONNECTED: u32 = 3;
/// `SS_CONNECTING`: connected, and not accepted yet.
const CONNECTING: u32 = 2;
/// The flag of a listener.
const ACCEPTCON: u32 = 1 << 16;

/// The text of `/proc/net/unix`.
#[must_use]
pub fn report() -> Vec<u8> {
    let sockets = sockets();
    let mut out = Vec::from(&b"Num       RefCount Protocol Flags    Type St Inode Path\n"[..]);
    for socket in &sockets {
        row(socket, &mut out);
    }
    out
}

fn row(socket: &UnixSocket, out: &mut Vec<u8>) {
    let ino = socket.ino();
    let link = socket.link.lock();
    let (connected, listening) = (link.is_connected(), link.is_listening());
    let name = link.address();
    drop(link);
    let state = match (connected, ino) {
        (true, 0) => CONNECTING,
        (true, _) => CONNECTED,
        (false, _) => UNCONNECTED,
    };
    // A reference of its own, one of its file, one of its peer.
    let references = 2 + u32::from(connected);
    let flags = if listening { ACCEPTCON } else { 0 };
    let mut text = alloc::string::String::new();
    // Writing to memory does not fail.
    let _ = write!(
        text,
        "{:016x}: {references:08X} {:08X} {flags:08X} {:04X} {state:02X} {ino:5}",
        socket.id().0,
        0,
        socket.kind()
    );
    out.extend_from_slice(text.as_bytes());
    if let Some(name) = name {
        out.push(b' ');
        out.extend_from_slice(&name.display());
    }
    out.push(b'\n');
}
