//! Who has an address on the link: questions and answers of ARP (RFC 826) and of neighbour discovery (RFC 4861), in
//! smoltcp's wire formats. Pure.

use super::device::Mac;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, Icmpv6Packet, Icmpv6Repr,
    NdiscNeighborFlags, NdiscRepr,
};

/// A question or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// It wants an answer.
    pub asks: bool,
    /// The address it tells of: the sender's, or the one it answers for.
    pub address: IpAddr,
    /// The card of that address; a question need not say it.
    pub mac: Option<Mac>,
    /// The address it asks for, or answers for.
    pub target: IpAddr,
}

impl Heard {
    /// The neighbour it tells of: one address of one card.
    #[must_use]
    pub fn neighbour(&self) -> Option<(IpAddr, Mac)> {
        // A probe for duplicates comes from nobody.
        let one = !self.address.is_unspecified() && !self.address.is_multicast();
        let mac = self.mac.filter(|[first, ..]| first & 1 == 0);
        mac.filter(|_| one).map(|mac| (self.address, mac))
    }
}

/// Reads an ARP packet.
#[must_use]
pub fn read_arp(bytes: &[u8]) -> Option<Heard> {
    let packet = ArpPacket::new_checked(bytes).ok()?;
    let ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: mac,
        source_protocol_addr: from,
        target_protocol_addr: target,
        ..
    } = ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    Some(Heard {
        asks: operation == ArpOperation::Request,
        address: IpAddr::V4(from),
        mac: Some(mac.0),
        target: IpAddr::V4(target),
    })
}

/// An ARP question for `theirs`, or with `to` an answer to that card.
#[must_use]
pub fn arp(mac: &Mac, own: Ipv4Addr, to: Option<&Mac>, theirs: Ipv4Addr) -> Vec<u8> {
    let repr = ArpRepr::EthernetIpv4 {
        operation: if to.is_some() {
            ArpOperation::Reply
        } else {
            ArpOperation::Request
        },
        source_hardware_addr: EthernetAddress(*mac),
        source_protocol_addr: own,
        target_hardware_addr: EthernetAddress(to.copied().unwrap_or_default()),
        target_protocol_addr: theirs,
    };
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes));
    bytes
}

/// Reads a neighbour solicitation or advertisement that `from` sent with a hop limit of 255 and a right sum.
#[must_use]
pub fn read_neighbour(from: Ipv6Addr, message: &[u8]) -> Option<Heard> {
    let packet = Icmpv6Packet::new_checked(message).ok()?;
    if !packet.msg_type().is_ndisc() {
        return None;
    }
    let (asks, target, card) = match NdiscRepr::parse(&packet).ok()? {
        NdiscRepr::NeighborSolicit {
            target_addr,
            lladdr,
        } => (true, target_addr, lladdr),
        NdiscRepr::NeighborAdvert {
            target_addr,
            lladdr,
            ..
        } => (false, target_addr, lladdr),
        _ => return None,
    };
    Some(Heard {
        asks,
        address: IpAddr::V6(if asks { from } else { target }),
        mac: card.and_then(|card| Mac::try_from(card.as_bytes()).ok()),
        target: IpAddr::V6(target),
    })
}

/// A solicitation of `target`, or an advertisement that `mac` has it; with its sum. Who asks from no address tells of
/// no card, and to all an answer is not that of a question.
#[must_use]
pub fn neighbour(asks: bool, from: Ipv6Addr, to: Ipv6Addr, target: Ipv6Addr, mac: &Mac) -> Vec<u8> {
    let lladdr = (!from.is_unspecified()).then(|| EthernetAddress(*mac).into());
    let mut flags = NdiscNeighborFlags::OVERRIDE;
    flags.set(NdiscNeighborFlags::SOLICITED, !to.is_multicast());
    let repr = Icmpv6Repr::Ndisc(if asks {
        NdiscRepr::NeighborSolicit {
            target_addr: target,
            lladdr,
        }
    } else {
        NdiscRepr::NeighborAdvert {
            flags,
            target_addr: target,
            lladdr,
        }
    });
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(
        &from,
        &to,
        &mut Icmpv6Packet::new_unchecked(&mut bytes),
        &ChecksumCapabilities::default(),
    );
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 7];

    #[test]
    fn an_arp_question_is_as_rfc_826_has_it() {
        let bytes = arp(&MAC, [10, 0, 2, 15].into(), None, [10, 0, 2, 2].into());
        let head: &[u8] = &[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 7, 10, 0, 2, 15];
        assert_eq!(bytes.get(..18), Some(head));
        let heard = read_arp(&bytes).unwrap();
        assert!(heard.asks);
        assert_eq!(heard.target, IpAddr::from([10, 0, 2, 2]));
        assert_eq!(heard.neighbour(), Some(([10, 0, 2, 15].into(), MAC)));
    }

    #[test]
    fn a_probe_tells_of_nobody() {
        let bytes = arp(&MAC, Ipv4Addr::UNSPECIFIED, None, [10, 0, 2, 2].into());
        assert_eq!(read_arp(&bytes).unwrap().neighbour(), None);
    }

    #[test]
    fn an_advertisement_tells_whose_the_target_is() {
        let (own, other) = (
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2),
        );
        let bytes = neighbour(false, own, other, own, &MAC);
        // Solicited, override; the target's card.
        assert_eq!(bytes.get(4), Some(&0x60));
        assert_eq!(bytes.get(24..26), Some(&[2, 1][..]));
        assert_eq!(
            crate::checksum::of_protocol(own.into(), other.into(), 58, &bytes),
            0
        );
        let heard = read_neighbour(own, &bytes).unwrap();
        assert_eq!(heard.neighbour(), Some((own.into(), MAC)));
        let bytes = neighbour(true, own, other, other, &MAC);
        assert_eq!(bytes.get(24..26), Some(&[1, 1][..]));
        assert!(read_neighbour(own, &bytes).unwrap().asks);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..96), kind in 130u8..140) {
            let _ = read_arp(&bytes);
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = kind;
            }
            let _ = read_neighbour(Ipv6Addr::LOCALHOST, &bytes);
        }
    }
}
