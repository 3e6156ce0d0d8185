//! `/proc/net/udp`, `/proc/net/raw`, `/proc/net/icmp` and their IPv6 kin.

use super::{DatagramSocket, LITE, PING, RAW, UDP};
use crate::report::{Seen, place};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::sync::atomic::Ordering::Relaxed;
use net::address::{Endpoint, Family};

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// UDP
    Udp,
    /// UDP-Lite
    UdpLite,
    /// Raw IP
    Raw,
    /// Ping
    Ping,
}

/// The text for one family.
#[must_use]
pub fn report(which: Which, family: Family) -> Vec<u8> {
    let mut text = Vec::new();
    let head = match family {
        Family::V4 => {
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
        }
        Family::V6 => {
            "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
        }
    };
    text.extend_from_slice(head.as_bytes());
    if family == Family::V4 {
        text.resize(127, b' ');
    }
    text.push(b'\n');
    let mut sockets = sockets(which);
    sockets.retain(|socket| socket.core.family == family);
    for (number, socket) in sockets.iter().enumerate() {
        row(&mut text, family, socket, number);
    }
    text
}

/// All sockets of a kind, for `ss` and its kin.
#[must_use]
pub fn all(which: Which) -> Vec<Seen> {
    sockets(which).iter().map(|one| seen(one)).collect()
}

fn sockets(which: Which) -> Vec<Arc<DatagramSocket>> {
    match which {
        Which::Udp => &UDP,
        Which::UdpLite => &LITE,
        Which::Raw => &RAW,
        Which::Ping => &PING,
    }
    .everyone()
}

fn seen(socket: &DatagramSocket) -> Seen {
    let waiting = socket.inbox.lock().charged as u32;
    let link = socket.link.lock();
    let (local, remote, shut) = (link.local, link.remote, link.shut.bits());
    drop(link);
    let family = socket.core.family;
    Seen {
        family,
        state: if remote.is_some() { 1 } else { 7 },
        local,
        remote: remote.unwrap_or(Endpoint::none(family)),
        device: socket.core.device(),
        id: socket.core.id,
        waiting,
        uid: socket.core.uid,
        ino: socket.core.ino.load(Relaxed),
        shut,
        tos: socket.core.ip.tos(),
        ..Seen::default()
    }
}

fn row(text: &mut Vec<u8>, family: Family, socket: &DatagramSocket, number: usize) {
    let waiting = socket.inbox.lock().charged;
    let link = socket.link.lock();
    let (local, remote) = (link.local, link.remote);
    drop(link);
    let state = if remote.is_some() { 1 } else { 7 };
    let remote = remote.unwrap_or(Endpoint::none(family));
    let mut line = String::new();
    // Writing to memory does not fail.
    let _ = write!(
        line,
        "{number:5}: {} {} {state:02X} {:08X}:{waiting:08X} 00:00000000 00000000 {:5}        0 {} 2 {:016x} {}",
        place(family, &local),
        place(family, &remote),
        0,
        socket.core.uid,
        socket.core.ino.load(Relaxed),
        socket.core.id,
        socket.drops.load(Relaxed),
    );
    text.extend_from_slice(line.as_bytes());
    if family == Family::V4 {
        text.resize(text.len() + 127usize.saturating_sub(line.len()), b' ');
    }
    text.push(b'\n');
}
