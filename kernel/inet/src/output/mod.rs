//! Packets that go: headers, pieces, and the way to the next machine.

pub mod fragments;

use super::counts::{Count, count_of};
use super::input::{self, Incoming};
use super::{checksum, resolve, route};
use crate::link;
use crate::room;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use smoltcp::wire::{
    IPV4_HEADER_LEN, IPV6_HEADER_LEN, IpProtocol, Ipv4Packet, Ipv6FragmentHeader, Ipv6Packet,
};

/// Numbers of packets that may be cut in pieces.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// What the header of a packet says, and how it goes.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Who sends it.
    pub from: IpAddr,
    /// Where it goes.
    pub to: IpAddr,
    /// What it carries.
    pub protocol: u8,
    /// Its hop limit.
    pub hop_limit: u8,
    /// Nobody has chosen that one: IPv6 takes the way's.
    pub any_hops: bool,
    /// Its type of service.
    pub tos: u8,
    /// The interface it must leave by, or 0.
    pub device: u32,
    /// It is not cut in pieces.
    pub never_fragment: bool,
    /// What goes to a group comes back to members on this machine.
    pub loops: bool,
}

impl Packet {
    /// An ordinary one.
    #[must_use]
    pub fn plain(from: IpAddr, to: IpAddr, protocol: u8, device: u32) -> Self {
        Self {
            from,
            to,
            protocol,
            hop_limit: 64,
            any_hops: false,
            tos: 0,
            device,
            never_fragment: false,
            loops: false,
        }
    }

    /// As a receiver on this machine sees it.
    #[must_use]
    pub fn incoming<'a>(&self, device: u32, payload: &'a [u8]) -> Incoming<'a> {
        Incoming {
            from: self.from,
            to: self.to,
            protocol: self.protocol,
            ttl: self.hop_limit,
            tos: self.tos,
            device,
            header: &[],
            payload,
            piece: None,
        }
    }
}

/// A header, with room for what follows it if there is any; `piece`: number, offset and whether more follows.
#[must_use]
pub fn header(packet: &Packet, length: usize, piece: Option<(u32, usize, bool)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = bytes.try_reserve_exact(IPV6_HEADER_LEN + 8 + length);
    match (packet.from, packet.to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let (id, offset, more) = piece.unwrap_or((0, 0, false));
            bytes.resize(IPV4_HEADER_LEN, 0);
            let mut header = Ipv4Packet::new_unchecked(bytes.as_mut_slice());
            header.set_version(4);
            header.set_header_len(IPV4_HEADER_LEN as u8);
            header.set_dscp(packet.tos >> 2);
            header.set_ecn(packet.tos & 3);
            header.set_total_len((IPV4_HEADER_LEN + length) as u16);
            header.set_ident(id as u16);
            header.set_frag_offset(offset as u16);
            header.set_more_frags(more);
            header.set_dont_frag(piece.is_none() && packet.never_fragment);
            header.set_hop_limit(packet.hop_limit);
            header.set_next_header(packet.protocol.into());
            header.set_src_addr(from);
            header.set_dst_addr(to);
            header.fill_checksum();
        }
        (from, to) => {
            let extra = if piece.is_some() { 8 } else { 0 };
            bytes.resize(IPV6_HEADER_LEN + extra, 0);
            let mut header = Ipv6Packet::new_unchecked(bytes.as_mut_slice());
            header.set_version(6);
            header.set_traffic_class(packet.tos);
            header.set_payload_len((length + extra) as u16);
            header.set_next_header(match piece {
                Some(_) => IpProtocol::Ipv6Frag,
                None => packet.protocol.into(),
            });
            header.set_hop_limit(packet.hop_limit);
            header.set_src_addr(net::address::mapped(from));
            header.set_dst_addr(net::address::mapped(to));
            if let (Some((id, offset, more)), Some([next, _, place @ ..])) =
                (piece, bytes.get_mut(IPV6_HEADER_LEN..))
            {
                *next = packet.protocol;
                let mut place = Ipv6FragmentHeader::new_unchecked(place);
                place.set_frag_offset((offset / 8) as u16);
                place.set_more_frags(more);
                place.set_ident(id);
            }
        }
    }
    bytes
}

/// The interface a packet leaves by.
#[must_use]
pub fn device_of(packet: &Packet) -> Option<u32> {
    if packet.device != 0 {
        return Some(packet.device);
    }
    route::device_to(packet.to)
}

/// Sends what a packet carries.
///
/// # Errors
/// `ENETUNREACH`, `EHOSTUNREACH`: no way there. `EMSGSIZE`: too long and not to be cut. `ENETDOWN`.
pub fn send(packet: &Packet, payload: &[u8]) -> Result<()> {
    if route::is_local(packet.to) {
        input::deliver(&packet.incoming(route::LOOPBACK, payload), true);
        return Ok(());
    }
    let v4 = packet.from.is_ipv4();
    let (interface, next, mtu, hops) =
        way(packet).inspect_err(|_| count_of(v4, Count::IpOutNoRoutes, Count::Ip6OutNoRoutes))?;
    if interface.is_loopback() {
        input::deliver(&packet.incoming(route::LOOPBACK, payload), true);
        return Ok(());
    }
    let mut packet = *packet;
    if packet.any_hops && !v4 && hops != 0 {
        packet.hop_limit = hops;
    }
    let packet = &packet;
    let head = if v4 { 20 } else { 40 };
    if head + payload.len() <= mtu {
        let mut bytes = header(packet, payload.len(), None);
        room::append(&mut bytes, payload)?;
        return resolve::send(&interface, next, bytes);
    }
    if packet.never_fragment {
        count_of(v4, Count::IpFragFails, Count::Ip6FragFails);
        return Err(Errno::EMSGSIZE);
    }
    let head = if v4 { 20 } else { 48 };
    let room = mtu.saturating_sub(head) / 8 * 8;
    if room == 0 {
        return Err(Errno::EMSGSIZE);
    }
    let id = NEXT_ID.fetch_add(1, Relaxed);
    let mut offset = 0;
    for part in payload.chunks(room) {
        let more = offset + part.len() < payload.len();
        let mut bytes = header(packet, part.len(), Some((id, offset, more)));
        room::append(&mut bytes, part)?;
        resolve::send(&interface, next, bytes)?;
        count_of(v4, Count::IpFragCreates, Count::Ip6FragCreates);
        offset += part.len();
    }
    count_of(v4, Count::IpFragOKs, Count::Ip6FragOKs);
    Ok(())
}

/// The interface, the next machine, the largest packet and the hop limit of the way.
fn way(packet: &Packet) -> Result<(alloc::sync::Arc<link::Interface>, IpAddr, usize, u8)> {
    match link::route::lookup(packet.to, packet.device) {
        Ok(way) => Ok((
            way.interface,
            way.gateway.unwrap_or(packet.to),
            way.mtu as usize,
            way.hop_limit,
        )),
        Err(error) => {
            // Groups and everybody are reached by an interface without a route.
            let many = packet.to.is_multicast() || route::is_broadcast(packet.to);
            let interface = link::by_index(packet.device)
                .filter(|_| many)
                .ok_or(error)?;
            let mtu = interface.mtu as usize;
            Ok((interface, packet.to, mtu, 0))
        }
    }
}

/// Sends a packet whose header a program wrote (`IP_HDRINCL`): the kernel fills in length, sum and what is zero.
///
/// # Errors
/// `EINVAL`: no header. And those of [`send`].
pub fn send_with_header(packet: &Packet, mut bytes: Vec<u8>) -> Result<()> {
    let length = u16::try_from(bytes.len()).map_err(|_| Errno::EMSGSIZE)?;
    let IpAddr::V4(own) = packet.from else {
        return Err(Errno::EINVAL);
    };
    let head = usize::from(bytes.first().ok_or(Errno::EINVAL)? & 0xf) * 4;
    if head < 20 || bytes.len() < head {
        return Err(Errno::EINVAL);
    }
    if let [_, _, l0, l1, id0, id1, _, _, _, _, s0, s1, a, b, c, d, ..] = bytes.as_mut_slice() {
        [*l0, *l1] = length.to_be_bytes();
        if (*id0, *id1) == (0, 0) {
            [*id0, *id1] = (NEXT_ID.fetch_add(1, Relaxed) as u16).to_be_bytes();
        }
        (*s0, *s1) = (0, 0);
        if [*a, *b, *c, *d] == [0; 4] {
            [*a, *b, *c, *d] = own.octets();
        }
    }
    let sum = checksum::of(bytes.get(..head).unwrap_or_default());
    if let Some(place) = bytes.get_mut(10..12) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    if route::is_local(packet.to) {
        if let Some(incoming) = input::parse(&bytes, route::LOOPBACK) {
            input::deliver(&incoming, false);
        }
        return Ok(());
    }
    let (interface, next, mtu, _) = way(packet)?;
    if bytes.len() > mtu {
        return Err(Errno::EMSGSIZE);
    }
    resolve::send(&interface, next, bytes)
}
