//! What `NETLINK_SOCK_DIAG` tells of each socket.

use super::link::Shut;
use super::table;
use crate::socket::Socket as _;
use alloc::vec::Vec;

/// States as TCP numbers them.
const ESTABLISHED: u8 = 1;
const CLOSED: u8 = 7;
const LISTENING: u8 = 10;

/// One socket.
#[derive(Debug)]
pub struct Seen {
    /// The inode of its file.
    pub ino: u64,
    /// Its number.
    pub cookie: u64,
    /// `SOCK_*`
    pub kind: u8,
    /// `TCP_*`
    pub state: u8,
    /// Its name, a leading NUL for an abstract one.
    pub name: Option<Vec<u8>>,
    /// The inode of its peer's file.
    pub peer: Option<u64>,
    /// Bytes that wait; connections that wait at a listener.
    pub waiting: u32,
    /// Bytes sent and not received; the backlog of a listener.
    pub limit: u32,
    /// `RCV_SHUTDOWN` and `SEND_SHUTDOWN`.
    pub shut: u8,
}

/// All sockets with a file.
#[must_use]
pub fn all() -> Vec<Seen> {
    let mut all = Vec::new();
    for socket in table::sockets() {
        let ino = socket.ino();
        let waiting = socket.waiting().unwrap_or(0);
        let link = socket.link.lock();
        let (listening, connected) = (link.is_listening(), link.is_connected());
        let name = link.address();
        let peer = link.peer();
        let shut = u8::from(link.shut.contains(Shut::RECEIVE))
            | u8::from(link.shut.contains(Shut::SEND)) << 1;
        drop(link);
        if ino == 0 {
            continue;
        }
        let state = if listening {
            LISTENING
        } else if connected {
            ESTABLISHED
        } else {
            CLOSED
        };
        all.push(Seen {
            ino,
            cookie: socket.cookie(),
            kind: socket.kind() as u8,
            state,
            // Without the family in front.
            name: name.and_then(|name| name.to_bytes().get(2..).map(<[u8]>::to_vec)),
            peer: peer.map(|peer| peer.ino()).filter(|ino| *ino != 0),
            waiting: waiting as u32,
            limit: if listening {
                0
            } else {
                socket.charged() as u32
            },
            shut,
        });
    }
    all
}
