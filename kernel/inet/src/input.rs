//! Packets that came: reading their headers, and whom they are for.

use super::counts::{Count, add_of, count, count_of};
use super::output::fragments;
use super::{checksum, dgram, groups, icmp, protocol, resolve, route, tcp, udp};
use crate::link::Interface;
use crate::link::device::Frame;
use crate::room;
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use smoltcp::wire::{
    IPV4_HEADER_LEN, IPV6_HEADER_LEN, IpProtocol, Ipv4Packet, Ipv6ExtHeader, Ipv6FragmentHeader,
    Ipv6Packet,
};

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;
/// Types of Ethernet frames.
const TYPE_IPV4: u16 = 0x0800;
const TYPE_ARP: u16 = 0x0806;
const TYPE_IPV6: u16 = 0x86dd;

/// A packet.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Who sent it.
    pub from: IpAddr,
    /// Where it goes.
    pub to: IpAddr,
    /// What it carries.
    pub protocol: u8,
    /// Its hop limit.
    pub ttl: u8,
    /// Its type of service.
    pub tos: u8,
    /// The interface it came by.
    pub device: u32,
    /// The header as it came; empty for one that never was a packet.
    pub header: &'a [u8],
    /// What it carries.
    pub payload: &'a [u8],
    /// Where it stands, if it is a piece of a packet.
    pub piece: Option<Piece>,
}

/// A piece of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The packet's number.
    pub id: u32,
    /// Where the piece begins.
    pub offset: usize,
    /// Others follow.
    pub more: bool,
}

impl Incoming<'_> {
    /// The packet with a header, as raw sockets see it.
    ///
    /// # Errors
    /// `ENOBUFS`
    pub fn with_header(&self) -> Result<Vec<u8>> {
        if self.header.is_empty() {
            let mut bytes = super::output::header(
                &super::output::Packet {
                    hop_limit: self.ttl,
                    tos: self.tos,
                    ..super::output::Packet::plain(self.from, self.to, self.protocol, self.device)
                },
                self.payload.len(),
                None,
            );
            room::append(&mut bytes, self.payload)?;
            Ok(bytes)
        } else {
            room::joined(self.header, self.payload)
        }
    }
}

/// Reads a packet, of which the end may be missing; `None` when it is none.
#[must_use]
pub fn parse(bytes: &[u8], device: u32) -> Option<Incoming<'_>> {
    match bytes.first()? >> 4 {
        4 => parse_v4(bytes, device),
        6 => parse_v6(bytes, device),
        _ => None,
    }
}

fn parse_v4(bytes: &[u8], device: u32) -> Option<Incoming<'_>> {
    if bytes.len() < IPV4_HEADER_LEN {
        return None;
    }
    // The end of a quoted packet is missing, so its length is not checked against the bytes there are.
    let packet = Ipv4Packet::new_unchecked(bytes);
    let header = usize::from(packet.header_len());
    let length = usize::from(packet.total_len());
    if header < IPV4_HEADER_LEN || length < header {
        return None;
    }
    let (offset, more) = (usize::from(packet.frag_offset()), packet.more_frags());
    Some(Incoming {
        from: IpAddr::V4(packet.src_addr()),
        to: IpAddr::V4(packet.dst_addr()),
        protocol: packet.next_header().into(),
        ttl: packet.hop_limit(),
        tos: packet.dscp() << 2 | packet.ecn(),
        device,
        header: bytes.get(..header)?,
        payload: bytes.get(header..length.min(bytes.len()))?,
        piece: (offset != 0 || more).then_some(Piece {
            id: packet.ident().into(),
            offset,
            more,
        }),
    })
}

fn parse_v6(bytes: &[u8], device: u32) -> Option<Incoming<'_>> {
    if bytes.len() < IPV6_HEADER_LEN {
        return None;
    }
    let ip = Ipv6Packet::new_unchecked(bytes);
    let mut packet = Incoming {
        from: IpAddr::V6(ip.src_addr()),
        to: IpAddr::V6(ip.dst_addr()),
        protocol: ip.next_header().into(),
        ttl: ip.hop_limit(),
        tos: ip.traffic_class(),
        device,
        header: bytes.get(..IPV6_HEADER_LEN)?,
        payload: bytes.get(IPV6_HEADER_LEN..ip.total_len().min(bytes.len()))?,
        piece: None,
    };
    // Headers between are passed over; each is shorter than what is left.
    loop {
        let (next, size) = match packet.protocol.into() {
            IpProtocol::HopByHop | IpProtocol::Ipv6Route | IpProtocol::Ipv6Opts => {
                let header = Ipv6ExtHeader::new_checked(packet.payload).ok()?;
                (
                    header.next_header().into(),
                    (usize::from(header.header_len()) + 1) * 8,
                )
            }
            IpProtocol::Ipv6Frag => {
                let place = Ipv6FragmentHeader::new_checked(packet.payload.get(2..8)?).ok()?;
                packet.piece = Some(Piece {
                    id: place.ident(),
                    offset: usize::from(place.frag_offset()) * 8,
                    more: place.more_frags(),
                });
                (*packet.payload.first()?, 8)
            }
            _ => break,
        };
        packet.protocol = next;
        packet.payload = packet.payload.get(size..)?;
        if packet.piece.is_some_and(|piece| piece.offset != 0) {
            break;
        }
    }
    Some(packet)
}

/// A frame came by a card.
pub fn frame(interface: &Arc<Interface>, frame: Frame<'_>) {
    let Some(kind) = frame.bytes.get(12..).and_then(|kind| kind.first_chunk()) else {
        return;
    };
    let Some(body) = frame.bytes.get(ETHERNET..) else {
        return;
    };
    match u16::from_be_bytes(*kind) {
        TYPE_ARP => resolve::arp_input(interface, body),
        TYPE_IPV4 | TYPE_IPV6 => {
            let v4 = u16::from_be_bytes(*kind) == TYPE_IPV4;
            count_of(v4, Count::IpInReceives, Count::Ip6InReceives);
            let packet = parse(body, interface.index);
            let packet = packet.filter(|packet| !v4 || checksum::of(packet.header) == 0);
            let Some(packet) = packet else {
                count_of(v4, Count::IpInHdrErrors, Count::Ip6InHdrErrors);
                return;
            };
            count_in(&packet, body.len());
            if !is_for_us(&packet) {
                count_of(v4, Count::IpInAddrErrors, Count::Ip6InAddrErrors);
                return;
            }
            if packet.piece.is_some() {
                count_of(v4, Count::IpReasmReqds, Count::Ip6ReasmReqds);
                if let Some(whole) = fragments::add(&packet) {
                    count_of(v4, Count::IpReasmOKs, Count::Ip6ReasmOKs);
                    deliver(
                        &Incoming {
                            payload: &whole,
                            piece: None,
                            ..packet
                        },
                        false,
                    );
                }
                return;
            }
            deliver(&packet, frame.verified);
        }
        _ => {}
    }
}

/// What came, by how many it was for.
fn count_in(packet: &Incoming<'_>, bytes: usize) {
    let v4 = packet.from.is_ipv4();
    add_of(v4, Count::IpExtInOctets, Count::Ip6InOctets, bytes);
    if packet.to.is_multicast() {
        count_of(v4, Count::IpExtInMcastPkts, Count::Ip6InMcastPkts);
    } else if v4 && route::is_broadcast(packet.to) {
        count(Count::IpExtInBcastPkts);
    }
}

fn is_for_us(packet: &Incoming<'_>) -> bool {
    match packet.to {
        to if to.is_multicast() => groups::is_member(to, packet.device),
        // An address of the loopback does not come by a cable.
        IpAddr::V4(to) if to.is_loopback() => false,
        to => route::is_local(to) || route::is_broadcast(to),
    }
}

/// A packet for this machine.
pub fn deliver(packet: &Incoming<'_>, verified: bool) {
    let v4 = packet.from.is_ipv4();
    count_of(v4, Count::IpInDelivers, Count::Ip6InDelivers);
    let raw = dgram::input::raw(packet);
    match (i32::from(packet.protocol), packet.from.is_ipv4()) {
        (protocol::ICMP, true) => icmp::input(packet),
        (protocol::ICMPV6, false) => {
            if !resolve::discovery_input(packet) {
                icmp::input(packet);
            }
        }
        (protocol::UDP | protocol::UDPLITE, _) => {
            if !udp::input(packet, verified) {
                icmp::refuse(packet, false);
            }
        }
        (protocol::TCP, _) => {
            count(Count::TcpInSegs);
            tcp::input(packet, verified);
        }
        (groups::IGMP, true) => groups::asked(packet),
        _ if raw => {}
        _ => icmp::refuse(packet, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4() -> Vec<u8> {
        let mut bytes = alloc::vec![
            0x45, 0, 0, 22, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
        ];
        bytes.extend([1, 2, 3]);
        bytes
    }

    #[test]
    fn a_packet_is_as_long_as_it_says() {
        let bytes = v4();
        let packet = parse(&bytes, 1).unwrap();
        assert_eq!(packet.payload, [1, 2]);
        assert_eq!(packet.to, IpAddr::from([10, 0, 0, 2]));
        assert_eq!(packet.piece, None);
    }

    #[test]
    fn a_short_packet_is_none_and_never_a_panic() {
        let bytes = v4();
        for end in 0..20 {
            assert!(parse(bytes.get(..end).unwrap(), 1).is_none());
        }
        let mut six = alloc::vec![0; 64];
        if let Some(first) = six.first_mut() {
            *first = 0x60;
        }
        for next in [0, 43, 44, 60] {
            six[6] = next;
            for end in 0..64 {
                let _ = parse(six.get(..end).unwrap(), 1);
            }
        }
    }

    #[test]
    fn a_piece_says_where_it_stands() {
        let mut bytes = v4();
        bytes[6] = 0x20;
        bytes[7] = 2;
        let piece = parse(&bytes, 1).and_then(|packet| packet.piece);
        assert_eq!(
            piece,
            Some(Piece {
                id: 1,
                offset: 16,
                more: true
            })
        );
    }
}
