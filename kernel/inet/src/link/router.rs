//! What routers advertise on a link, and asking them to (RFC 4861, sections 4.1 and 4.2), read and written by smoltcp's
//! wire formats. Pure.

use super::device::Mac;
use super::prefix::Prefix;
use alloc::vec;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use core::net::Ipv6Addr;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, Icmpv6Message, Icmpv6Packet, Icmpv6Repr, NdiscOption, NdiscOptionType,
    NdiscPrefixInfoFlags, NdiscRepr,
};

/// Bytes of an advertisement before its options.
const FIXED: usize = 16;
/// Prefixes that are taken of one advertisement; a packet of Ethernet holds 46.
const MOST_PREFIXES: usize = 48;

/// An advertisement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// The hop limit to use; 0 when it does not say.
    pub hop_limit: u8,
    /// Seconds it may be the way to everything; 0 when it is not.
    pub lifetime: u16,
    /// Its card.
    pub mac: Option<Mac>,
    /// The largest packet of the link.
    pub mtu: Option<u32>,
    /// Networks of the link.
    pub prefixes: ArrayVec<Advertised, MOST_PREFIXES>,
}

/// A network as a router advertises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertised {
    /// The network.
    pub network: Prefix,
    /// Its hosts are reached directly.
    pub on_link: bool,
    /// Hosts make themselves addresses of it.
    pub autonomous: bool,
    /// Seconds it is valid for.
    pub valid: u32,
    /// Seconds addresses of it are preferred for.
    pub preferred: u32,
}

/// Reads an advertisement; `None` when it is none, or one of its options is not whole.
#[must_use]
pub fn read(message: &[u8]) -> Option<Advertisement> {
    let packet = Icmpv6Packet::new_checked(message).ok()?;
    if packet.msg_type() != Icmpv6Message::RouterAdvert || packet.msg_code() != 0 {
        return None;
    }
    let mut options = message.get(FIXED..)?;
    let mut told = Advertisement {
        hop_limit: packet.current_hop_limit(),
        lifetime: u16::try_from(packet.router_lifetime().secs()).unwrap_or(u16::MAX),
        mac: None,
        mtu: None,
        prefixes: ArrayVec::new(),
    };
    while let [kind, eighths, ..] = *options {
        let length = usize::from(eighths) * 8;
        let one = options.get(..length).filter(|one| !one.is_empty())?;
        options = options.get(length..)?;
        // An option whose length is not its type's is passed over, and so is one that is not known.
        let Ok(option) = NdiscOption::new_checked(one) else {
            continue;
        };
        match NdiscOptionType::from(kind) {
            NdiscOptionType::SourceLinkLayerAddr if eighths == 1 => {
                told.mac = Mac::try_from(option.link_layer_addr().as_bytes()).ok();
            }
            NdiscOptionType::Mtu if eighths == 1 => told.mtu = Some(option.mtu()),
            NdiscOptionType::PrefixInformation if eighths == 4 && option.prefix_len() <= 128 => {
                let flags = option.prefix_flags();
                let seconds = |of: smoltcp::time::Duration| of.secs() as u32;
                let _ = told.prefixes.try_push(Advertised {
                    network: Prefix::new(option.prefix().into(), option.prefix_len()),
                    on_link: flags.contains(NdiscPrefixInfoFlags::ON_LINK),
                    autonomous: flags.contains(NdiscPrefixInfoFlags::ADDRCONF),
                    valid: seconds(option.valid_lifetime()),
                    preferred: seconds(option.preferred_lifetime()),
                });
            }
            _ => {}
        }
    }
    Some(told)
}

/// A question to all routers, with its sum.
#[must_use]
pub fn solicitation(from: Ipv6Addr, to: Ipv6Addr, mac: &Mac) -> Vec<u8> {
    let repr = Icmpv6Repr::Ndisc(NdiscRepr::RouterSolicit {
        lladdr: (!from.is_unspecified()).then(|| EthernetAddress(*mac).into()),
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

/// The address a card gives itself in a network of 64 bits (modified EUI-64, RFC 4291).
#[must_use]
pub fn own_address(network: Ipv6Addr, mac: Mac) -> Ipv6Addr {
    let low = super::address::link_local(mac).to_bits() & u128::from(u64::MAX);
    Ipv6Addr::from_bits(network.to_bits() & !u128::from(u64::MAX) | low)
}

#[cfg(test)]
mod tests {
    // proves D14: what routers advertise is read, and garbage is not
    use super::*;
    use proptest::prelude::*;

    /// What QEMU's user network sends.
    fn advertisement() -> Vec<u8> {
        let mut bytes = vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([1, 1, 0x52, 0x56, 0, 0, 0, 2]);
        bytes.extend([
            3, 4, 64, 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0,
        ]);
        bytes.extend(Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0).octets());
        bytes.extend([25, 3, 0, 0, 0, 0, 0x51, 0x80]);
        bytes.extend(Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 3).octets());
        bytes.extend([5, 1, 0, 0, 0, 0, 5, 0]);
        bytes
    }

    #[test]
    fn an_advertisement_is_as_rfc_4861_has_it() {
        let told = read(&advertisement()).unwrap();
        assert_eq!((told.hop_limit, told.lifetime), (64, 1800));
        assert_eq!(told.mac, Some([0x52, 0x56, 0, 0, 0, 2]));
        assert_eq!(told.mtu, Some(1280));
        let network = Prefix::new("fec0::".parse::<Ipv6Addr>().unwrap().into(), 64);
        let all = told.prefixes.as_slice();
        assert_eq!(
            all,
            [Advertised {
                network,
                on_link: true,
                autonomous: true,
                valid: 86400,
                preferred: 14400,
            }]
        );
    }

    #[test]
    fn an_option_without_length_or_end_spoils_it() {
        let mut bytes = advertisement();
        bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(read(&bytes), None);
        let whole = advertisement();
        for end in 17..24 {
            let short = read(whole.get(..end).unwrap());
            assert!(short.is_none() || end == 17, "{end}");
        }
        let mut other = advertisement();
        if let Some(code) = other.get_mut(1) {
            *code = 1;
        }
        assert_eq!(read(&other), None);
    }

    #[test]
    fn a_question_tells_the_card_unless_nobody_asks() {
        let (own, all) = (
            "fe80::1".parse().unwrap(),
            Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2),
        );
        let asked = solicitation(own, all, &[2, 0, 0, 0, 0, 7]);
        assert_eq!(asked.get(8..), Some(&[1, 1, 2, 0, 0, 0, 0, 7][..]));
        assert_eq!(solicitation(Ipv6Addr::UNSPECIFIED, all, &[2; 6]).len(), 8);
    }

    #[test]
    fn addresses_end_as_the_card_says() {
        let own = own_address("fec0::".parse().unwrap(), [0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        assert_eq!(own, "fec0::5054:ff:fe12:3456".parse::<Ipv6Addr>().unwrap());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), end in 0usize..100) {
            let mut whole = vec![134, 0];
            whole.extend(&bytes);
            let _ = read(&whole);
            let good = advertisement();
            let mut cut = good.get(..end.min(good.len())).unwrap_or_default().to_vec();
            cut.extend(&bytes);
            if let Some(told) = read(&cut) {
                prop_assert!(told.prefixes.iter().all(|one| one.network.len() <= 128));
            }
        }
    }
}
