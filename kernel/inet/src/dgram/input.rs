//! Packets find the sockets of messages they are for.

use super::{Datagram, DatagramSocket, Kind, LITE, OVERHEAD, PING, RAW, Report, UDP};
use crate::counts::{Count, count_udp};
use crate::input::Incoming;
use crate::ports::{Arrival, Receivers};
use crate::room;
use crate::udp::{Ends, HEADER};
use crate::{groups, protocol, route};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use net::address::{Endpoint, Family};
use sync::Events;

/// The wall clock, in nanoseconds.
fn wall() -> u64 {
    sync::clock::realtime_ns()
}

fn datagram(packet: &Incoming<'_>, from_port: u16, to_port: u16, bytes: Vec<u8>) -> Datagram {
    let link_local =
        matches!(packet.from, core::net::IpAddr::V6(addr) if addr.is_unicast_link_local());
    Datagram {
        from: Endpoint {
            addr: packet.from,
            port: from_port,
            scope: if link_local { packet.device } else { 0 },
        },
        to: packet.to,
        to_port,
        device: packet.device,
        ttl: packet.ttl,
        tos: packet.tos,
        bytes,
        at: wall(),
    }
}

/// Who receives one of the two kinds of UDP.
fn receivers_of(number: u8) -> &'static Receivers<DatagramSocket> {
    if i32::from(number) == protocol::UDPLITE {
        &LITE
    } else {
        &UDP
    }
}

/// A message of UDP; its bytes come back when nobody takes it.
///
/// # Errors
/// The bytes.
pub fn udp(packet: &Incoming<'_>, ends: &Ends, bytes: Vec<u8>) -> Result<(), Vec<u8>> {
    let (from_port, to_port) = (ends.from, ends.to);
    let table = receivers_of(packet.protocol);
    // A sum that covers all is as good as a socket can ask for.
    let whole = bytes.len() + HEADER;
    let covered = ends.coverage.map(usize::from);
    let covered = covered.filter(|covered| (1..whole).contains(covered));
    let arrival = Arrival {
        from: (packet.from, from_port),
        to: (packet.to, to_port),
        device: packet.device,
    };
    let many = packet.to.is_multicast() || route::is_broadcast(packet.to);
    if groups::is_for_others(packet.to, packet.device) {
        return Ok(());
    }
    let message = datagram(packet, from_port, to_port, bytes);
    if !many {
        return match table.find(&arrival) {
            Some(socket) => {
                if socket.takes_covered(covered) {
                    socket.deliver(message);
                }
                Ok(())
            }
            None => {
                let lite = i32::from(packet.protocol) == protocol::UDPLITE;
                let v4 = packet.to.is_ipv4();
                count_udp(lite, v4, Count::UdpNoPorts, Count::Udp6NoPorts);
                Err(message.bytes)
            }
        };
    }
    let multicast = packet.to.is_multicast();
    let takers = table.find_all(&arrival, |receiver| {
        let addressed = receiver.addr.is_unspecified() || receiver.addr == packet.to;
        addressed
            && (receiver.device == 0 || receiver.device == packet.device)
            && receiver.remote.is_none_or(|remote| remote == arrival.from)
            && (receiver.addr.is_ipv4() == packet.to.is_ipv4()
                || receiver.addr.is_ipv6() && receiver.addr.is_unspecified() && !receiver.v6_only)
    });
    for socket in takers {
        let taken = !multicast || socket.takes_group(packet.to, packet.from, packet.device);
        if taken && socket.takes_covered(covered) {
            socket.deliver(message.clone());
        }
    }
    Ok(())
}

/// Every raw socket of a protocol gets its copy; whether there was one.
pub fn raw(packet: &Incoming<'_>) -> bool {
    let arrival = Arrival {
        from: (packet.from, 0),
        to: (packet.to, u16::from(packet.protocol)),
        device: packet.device,
    };
    let takers = RAW.find_all(&arrival, |receiver| {
        (receiver.addr.is_unspecified() || receiver.addr == packet.to)
            && (receiver.device == 0 || receiver.device == packet.device)
            && receiver.remote.is_none_or(|(addr, _)| addr == packet.from)
    });
    let mut taken = false;
    for socket in takers {
        let v4 = packet.from.is_ipv4();
        if (socket.core.family == Family::V4) != v4 || !socket.wants(packet) {
            continue;
        }
        taken = true;
        // IPv4 shows its header, IPv6 does not.
        let bytes = if v4 {
            packet.with_header()
        } else {
            room::copy(packet.payload)
        };
        let Ok(bytes) = bytes else { continue };
        socket.deliver(datagram(packet, 0, u16::from(packet.protocol), bytes));
    }
    taken
}

/// An answer to an echo finds the ping socket with its number.
pub fn ping(packet: &Incoming<'_>, number: u16) -> bool {
    let arrival = Arrival {
        from: (packet.from, 0),
        to: (packet.to, number),
        device: packet.device,
    };
    match find_ping(&arrival) {
        Some(socket) => {
            if let Ok(bytes) = room::copy(packet.payload) {
                socket.deliver(datagram(packet, 0, number, bytes));
            }
            true
        }
        None => false,
    }
}

fn find_ping(arrival: &Arrival) -> Option<Arc<DatagramSocket>> {
    PING.find_all(arrival, |_| true).into_iter().find(|socket| {
        let link = socket.link.lock();
        let addressed = link.local.is_any() || link.local.addr == arrival.to.0;
        addressed
            && link
                .remote
                .is_none_or(|remote| remote.addr == arrival.from.0)
    })
}

impl DatagramSocket {
    /// Whether a checksum covers as much as the socket's program asked for; `None`: all.
    fn takes_covered(&self, covered: Option<usize>) -> bool {
        let (Some(covered), Some(least)) = (covered, self.link.lock().coverage[1]) else {
            return true;
        };
        let enough = least != 0 && covered >= usize::from(least);
        if !enough {
            self.drops.fetch_add(1, Relaxed);
            self.count(Count::UdpInErrors, Count::Udp6InErrors);
        }
        enough
    }

    /// Whether a raw socket of ICMP wants a message of this type.
    fn wants(&self, packet: &Incoming<'_>) -> bool {
        let Some(kind) = packet.payload.first().copied() else {
            return true;
        };
        let filter = self.link.lock().filter;
        match (self.kind, packet.from.is_ipv4()) {
            (Kind::Raw(1), true) => {
                let [word, ..] = filter;
                kind >= 32 || word & (1 << kind) == 0
            }
            (Kind::Raw(58), false) => {
                let word = filter.get(usize::from(kind / 32)).copied().unwrap_or(0);
                word & (1 << (kind % 32)) == 0
            }
            _ => true,
        }
    }
}

/// A message of ours from `from` to `to` was refused.
pub fn refused(
    number: u8,
    from: &Endpoint,
    to: &Endpoint,
    report: &Report,
    hard: bool,
    device: u32,
) {
    let arrival = Arrival {
        from: (to.addr, to.port),
        to: (from.addr, from.port),
        device,
    };
    if let Some(socket) = receivers_of(number).find(&arrival) {
        socket.report(report.clone(), hard);
    }
}

/// An echo of ours was refused.
pub fn ping_refused(
    from: &Endpoint,
    to: &Endpoint,
    number: u16,
    report: &Report,
    hard: bool,
    device: u32,
) {
    let arrival = Arrival {
        from: (to.addr, 0),
        to: (from.addr, number),
        device,
    };
    if let Some(socket) = find_ping(&arrival) {
        socket.report(report.clone(), hard);
    }
}

impl DatagramSocket {
    /// Puts a message into the queue; `false` when it was lost.
    pub(super) fn deliver(&self, datagram: Datagram) -> bool {
        let charge = datagram.bytes.len() + OVERHEAD;
        let mut inbox = self.inbox.lock();
        if inbox.charged > self.core.options.receive_buffer()
            || self.link.lock().closed
            || inbox.queue.try_reserve(1).is_err()
        {
            drop(inbox);
            self.drops.fetch_add(1, Relaxed);
            self.count_drop();
            return false;
        }
        inbox.charged += charge;
        inbox.queue.push_back(datagram);
        self.stirred.store(true, Relaxed);
        drop(inbox);
        self.count(Count::UdpInDatagrams, Count::Udp6InDatagrams);
        self.core.pollee.notify_sync(Events::READABLE);
        true
    }

    /// One more of UDP, or of UDP-Lite.
    fn count(&self, of4: Count, of6: Count) {
        if self.kind.is_udp() {
            let v4 = self.core.family == Family::V4;
            count_udp(self.kind == Kind::UdpLite, v4, of4, of6);
        }
    }

    #[cold]
    fn count_drop(&self) {
        self.count(Count::UdpRcvbufErrors, Count::Udp6RcvbufErrors);
        self.count(Count::UdpInErrors, Count::Udp6InErrors);
    }
}
