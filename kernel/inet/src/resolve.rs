//! Whose card is a packet for: ARP (RFC 826) and neighbour discovery (RFC 4861).
//!
//! What is heard is kept by [`crate::link::neighbour`]. Packets for who is not known yet wait here, a few for each;
//! who does not answer three times, a second apart, is not there.

use super::counts::{Count, add_of, count, count_of};
use super::input::Incoming;
use super::output::Packet;
use super::{checksum, protocol, route};
use crate::link::device::{BROADCAST, Mac, Outgoing};
use crate::link::discovery::{self, Heard};
use crate::link::flags::Ifa;
use crate::link::{self, Address, Interface, neighbour};
use abi::Result;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use sync::SortedMap;
use sync::{Instant, SpinLock, rank};

/// Packets that wait for one neighbour.
const MOST: usize = 64;
/// Neighbours waited for.
const NEIGHBOURS: usize = 256;
/// Times one is asked.
const TRIES: u32 = 3;
const INTERVAL: Duration = Duration::from_secs(1);
/// What was heard longer ago is asked for again while it is used.
const FRESH: Duration = Duration::from_secs(30);

const TYPE_IPV4: u16 = 0x0800;
const TYPE_ARP: u16 = 0x0806;
const TYPE_IPV6: u16 = 0x86dd;
const ROUTER_ADVERTISEMENT: u8 = 134;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// A packet that is ready to go.
#[derive(Debug)]
pub struct Ready {
    /// From the IP header on.
    pub bytes: Vec<u8>,
    /// The card is to fill in the checksum.
    pub unsummed: bool,
    /// Others follow at once, and a push of the port after them.
    pub more: bool,
}

impl Ready {
    /// One that goes as it is.
    fn whole(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            unsummed: false,
            more: false,
        }
    }
}

struct Pending {
    packets: VecDeque<Ready>,
    tries: u32,
    next: Instant,
}

type Map = SortedMap<(u32, IpAddr), Pending>;

static PENDING: SpinLock<Map, { rank::LEAF }> = SpinLock::new(SortedMap::new());

/// The card all members of a group listen with.
pub(super) fn group_mac(addr: IpAddr) -> Option<Mac> {
    match addr {
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            Some([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V4(v4) if route::is_broadcast(IpAddr::V4(v4)) => Some(BROADCAST),
        IpAddr::V6(v6) if v6.is_multicast() => {
            let [.., a, b, c, d] = v6.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

/// Sends a packet to the machine `next` on an interface's link, now or when its card is known.
///
/// # Errors
/// `ENETDOWN`, `EMSGSIZE`. What the card has no room for is lost, as on a wire.
pub fn send(interface: &Arc<Interface>, next: IpAddr, packet: Vec<u8>) -> Result<()> {
    post(interface, next, Ready::whole(packet))
}

/// As [`send`], one of several.
///
/// # Errors
/// As [`send`].
pub fn post(interface: &Arc<Interface>, next: IpAddr, packet: Ready) -> Result<()> {
    count_of(next.is_ipv4(), Count::IpOutRequests, Count::Ip6OutRequests);
    let (v4, bytes) = (next.is_ipv4(), packet.bytes.len());
    add_of(v4, Count::IpExtOutOctets, Count::Ip6OutOctets, bytes);
    if let Some(mac) = group_mac(next) {
        if next.is_multicast() {
            count_of(v4, Count::IpExtOutMcastPkts, Count::Ip6OutMcastPkts);
        } else {
            count(Count::IpExtOutBcastPkts);
        }
        return pass(interface, &mac, &packet);
    }
    let now = Instant::now();
    if let Some(known) = neighbour::find(interface.index, next) {
        let fresh = known.permanent || now.saturating_since(known.heard) < FRESH;
        if !fresh && wait_for(interface.index, next, None, now) {
            ask(interface, next);
        }
        return pass(interface, &known.mac, &packet);
    }
    if wait_for(interface.index, next, Some(packet), now) {
        ask(interface, next);
        link::worker::kick();
    }
    Ok(())
}

/// Puts a packet in the row for a neighbour; whether it is to be asked for now.
fn wait_for(index: u32, next: IpAddr, packet: Option<Ready>, now: Instant) -> bool {
    let mut dropped = None;
    let mut pending = PENDING.lock();
    let asks = !pending.contains_key(&(index, next));
    if asks && pending.len() >= NEIGHBOURS {
        drop(pending);
        drop(packet);
        return false;
    }
    let entry = pending.get_or_insert_with((index, next), || Pending {
        packets: VecDeque::new(),
        tries: 1,
        next: now.saturating_add(INTERVAL),
    });
    if let Some(packet) = packet {
        if entry.packets.len() >= MOST {
            dropped = entry.packets.pop_front();
        }
        entry.packets.push_back(Ready {
            more: false,
            ..packet
        });
    }
    drop(pending);
    drop(dropped);
    asks
}

fn transmit(interface: &Interface, to: &Mac, packet: &[u8]) -> Result<()> {
    transmit_as(interface, to, kind_of(packet), packet)
}

fn kind_of(packet: &[u8]) -> u16 {
    if packet.first().is_some_and(|first| first >> 4 == 6) {
        TYPE_IPV6
    } else {
        TYPE_IPV4
    }
}

fn transmit_as(interface: &Interface, to: &Mac, kind: u16, body: &[u8]) -> Result<()> {
    pass_as(interface, to, kind, Outgoing::whole(body))
}

fn pass(interface: &Interface, to: &Mac, packet: &Ready) -> Result<()> {
    let frame = Outgoing {
        unsummed: packet.unsummed,
        more: packet.more,
        ..Outgoing::whole(&packet.bytes)
    };
    pass_as(interface, to, kind_of(&packet.bytes), frame)
}

/// Sends the packet that stands where the frame's head will.
fn pass_as(interface: &Interface, to: &Mac, kind: u16, packet: Outgoing<'_>) -> Result<()> {
    let [a, b, c, d, e, f] = *to;
    let [g, h, i, j, k, l] = interface.mac;
    let [m, n] = kind.to_be_bytes();
    let frame = Outgoing {
        head: &[a, b, c, d, e, f, g, h, i, j, k, l, m, n],
        body: packet.head,
        ..packet
    };
    match interface.port.send(&frame, 0) {
        Err(abi::Errno::EAGAIN) => {
            interface
                .port
                .counters()
                .tx_dropped
                .fetch_add(1, core::sync::atomic::Ordering::Relaxed);
            Ok(())
        }
        result => result,
    }
}

/// Asks who has an address.
fn ask(interface: &Arc<Interface>, next: IpAddr) {
    // A question that does not go is asked again in a second.
    let _ = match next {
        IpAddr::V4(next) => {
            let own = own_v4(interface, next);
            let question = discovery::arp(&interface.mac, own, None, next);
            transmit_as(interface, &BROADCAST, TYPE_ARP, &question)
        }
        IpAddr::V6(next) => {
            let group = super::groups::solicited(next);
            let own = own_v6(interface, next);
            if own.is_unspecified() {
                // To ask from no address is to claim the one asked for.
                return;
            }
            let packet = discovery_packet(own, group, true, next, &interface.mac);
            transmit_to(interface, group, &packet)
        }
    };
}

/// Sends a packet to a group.
fn transmit_to(interface: &Interface, group: Ipv6Addr, packet: &[u8]) -> Result<()> {
    let card = group_mac(IpAddr::V6(group)).unwrap_or(BROADCAST);
    transmit(interface, &card, packet)
}

/// Asks whether somebody else has an address that is to be this machine's.
pub(super) fn probe(interface: &Interface, own: Ipv6Addr) {
    let group = super::groups::solicited(own);
    let nobody = Ipv6Addr::UNSPECIFIED;
    let packet = discovery_packet(nobody, group, true, own, &interface.mac);
    // One that is lost finds no duplicate, as on a wire.
    let _ = transmit_to(interface, group, &packet);
}

/// Asks routers to advertise.
pub(super) fn solicit_routers(interface: &Interface, own: Ipv6Addr) {
    let to = super::groups::ROUTERS_V6;
    let message = crate::link::router::solicitation(own, to, &interface.mac);
    // One that is lost is asked again.
    let _ = transmit_to(interface, to, &headed(own, to, &message));
}

fn own_v4(interface: &Interface, next: Ipv4Addr) -> Ipv4Addr {
    match route::source(IpAddr::V4(next), interface.index) {
        Ok(IpAddr::V4(own)) => own,
        _ => interface.first_v4().unwrap_or(Ipv4Addr::UNSPECIFIED),
    }
}

fn own_v6(interface: &Interface, next: Ipv6Addr) -> Ipv6Addr {
    match route::source(IpAddr::V6(next), interface.index) {
        Ok(IpAddr::V6(own)) => own,
        _ => Ipv6Addr::UNSPECIFIED,
    }
}

fn discovery_packet(from: Ipv6Addr, to: Ipv6Addr, asks: bool, of: Ipv6Addr, mac: &Mac) -> Vec<u8> {
    headed(from, to, &discovery::neighbour(asks, from, to, of, mac))
}

/// A message of discovery with its header: its hop limit says that it comes from this link.
fn headed(from: Ipv6Addr, to: Ipv6Addr, message: &[u8]) -> Vec<u8> {
    let packet = Packet {
        hop_limit: 255,
        ..Packet::plain(from.into(), to.into(), protocol::ICMPV6 as u8, 0)
    };
    let mut bytes = super::output::header(&packet, message.len(), None);
    bytes.extend_from_slice(message);
    bytes
}

/// An ARP packet came: its sender is known now; a question for an own address is answered.
pub fn arp_input(interface: &Arc<Interface>, body: &[u8]) {
    let Some(Heard {
        asks,
        address: IpAddr::V4(from),
        mac: Some(mac),
        target: IpAddr::V4(target),
    }) = discovery::read_arp(body)
    else {
        return;
    };
    if asks && interface.has(IpAddr::V4(target)) {
        let answer = discovery::arp(&interface.mac, target, Some(&mac), from);
        // Who asked asks again.
        let _ = transmit_as(interface, &mac, TYPE_ARP, &answer);
    }
    flush(interface, IpAddr::V4(from), &mac);
}

/// A message of neighbour discovery came; `false` when it is another one.
pub fn discovery_input(packet: &Incoming<'_>) -> bool {
    let Some(kind) = packet.payload.first() else {
        return false;
    };
    if !matches!(*kind, ROUTER_ADVERTISEMENT | SOLICITATION | ADVERTISEMENT) {
        return matches!(*kind, 133 | 137);
    }
    let sum = checksum::of_protocol(packet.from, packet.to, packet.protocol, packet.payload);
    let (Some(interface), IpAddr::V6(from)) = (link::by_index(packet.device), packet.from) else {
        return true;
    };
    if packet.ttl != 255 || sum != 0 {
        return true;
    }
    if *kind == ROUTER_ADVERTISEMENT {
        super::autoconf::advertised(&interface, from, packet.payload);
        return true;
    }
    let Some(heard) = discovery::read_neighbour(from, packet.payload) else {
        return true;
    };
    if !heard.asks || from.is_unspecified() {
        super::autoconf::claimed(&interface, heard.target);
    }
    if !heard.asks {
        if let Some(known) = neighbour::find(packet.device, heard.target) {
            flush(&interface, heard.target, &known.mac);
        }
        return true;
    }
    let IpAddr::V6(target) = heard.target else {
        return true;
    };
    let ours = |own: &Address| own.local == heard.target && !own.flags.contains(Ifa::TENTATIVE);
    if !interface.v6().any(ours) {
        return true;
    }
    if from.is_unspecified() {
        // Who wants the address hears whose it is, and so do all.
        let all = super::groups::ALL_V6;
        let answer = discovery_packet(target, all, false, target, &interface.mac);
        let _ = transmit_to(&interface, all, &answer);
        return true;
    }
    let answer = discovery_packet(target, from, false, target, &interface.mac);
    if let Some(known) = neighbour::find(packet.device, packet.from) {
        // Who asked asks again.
        let _ = transmit(&interface, &known.mac, &answer);
        flush(&interface, packet.from, &known.mac);
    }
    true
}

/// A neighbour is known: what waited for it goes.
pub(super) fn flush(interface: &Arc<Interface>, addr: IpAddr, mac: &Mac) {
    let Some(pending) = PENDING.lock().remove(&(interface.index, addr)) else {
        return;
    };
    for packet in pending.packets {
        // Lost like any other when it does not go.
        let _ = pass(interface, mac, &packet);
    }
}

/// Asks again where it is time; gives up who did not answer. When to come again.
pub fn settle() -> Option<Instant> {
    let now = Instant::now();
    let mut again = Vec::new();
    let mut given_up = Vec::new();
    let next = {
        let mut pending = PENDING.lock();
        if pending.is_empty() {
            return None;
        }
        for (key, entry) in pending.iter_mut() {
            if entry.next > now {
                continue;
            }
            if entry.tries >= TRIES {
                given_up.push((*key, core::mem::take(&mut entry.packets)));
            } else {
                entry.tries += 1;
                entry.next = now.saturating_add(INTERVAL);
                again.push(*key);
            }
        }
        for (key, _) in &given_up {
            pending.remove(key);
        }
        pending.values().map(|entry| entry.next).min()
    };
    for (index, addr) in again {
        if let Some(interface) = link::by_index(index) {
            ask(&interface, addr);
        }
    }
    for ((index, _), packets) in given_up {
        for packet in packets {
            super::icmp::host_unreachable(&packet.bytes, index);
        }
    }
    next
}
