//! Groups this machine is a member of, an interface at a time: what sockets joined, and those every host is in.
//!
//! Routers on the link hear of the first who joins and the last who leaves, and of all when they ask: by IGMPv2
//! (RFC 2236) and MLDv1 (RFC 2710).

use super::checksum;
use super::input::Incoming;
use super::output::{self, Packet};
use super::{protocol, resolve, route};
use crate::link::{self, Interface};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use sync::{SpinLock, rank};

/// IGMP's number.
pub const IGMP: i32 = 2;

/// Messages of IGMP.
mod igmp {
    pub const QUERY: u8 = 0x11;
    pub const REPORT: u8 = 0x16;
    pub const LEAVE: u8 = 0x17;
}

/// Messages of MLD.
mod mld {
    pub const QUERY: u8 = 130;
    pub const REPORT: u8 = 131;
    pub const DONE: u8 = 132;
}

/// All hosts of a link.
const ALL_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// All hosts of a link.
pub(super) const ALL_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All hosts of an interface.
const SELF_V6: Ipv6Addr = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1);
/// All routers of a link, who hear of groups that are left.
const ROUTERS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
/// All routers of a link.
pub const ROUTERS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// How many sockets joined a group on an interface.
type Members = BTreeMap<(u32, IpAddr), u32>;

static MEMBERS: SpinLock<Members, { rank::LEAF }> = SpinLock::new(BTreeMap::new());

/// A socket joined a group.
pub fn join(group: IpAddr, device: u32) {
    let first = {
        let mut members = MEMBERS.lock();
        let users = members.entry((device, group)).or_insert(0);
        *users += 1;
        *users == 1
    };
    if first {
        tell(group, device, true);
    }
}

/// A socket left a group.
pub fn leave(group: IpAddr, device: u32) {
    let last = {
        let mut members = MEMBERS.lock();
        let Some(users) = members.get_mut(&(device, group)) else {
            return;
        };
        *users -= 1;
        let last = *users == 0;
        if last {
            members.remove(&(device, group));
        }
        last
    };
    if last {
        tell(group, device, false);
    }
}

/// The group of who has addresses that end like this one (RFC 4291).
#[must_use]
pub fn solicited(address: Ipv6Addr) -> Ipv6Addr {
    let low = address.to_bits() & 0xff_ffff;
    Ipv6Addr::from_bits(0xff02 << 112 | 0x1_ff00_0000 | low)
}

/// Groups an interface is in without anybody's joining.
fn natural(interface: &Interface) -> Vec<IpAddr> {
    let mut groups = Vec::new();
    if !interface.is_up() {
        return groups;
    }
    // Who has an address of the loopback is not asked for.
    for own in interface.v6().filter(|_| !interface.is_loopback()) {
        if let IpAddr::V6(own) = own.local {
            groups.push(IpAddr::V6(solicited(own)));
        }
    }
    groups.extend([IpAddr::V6(ALL_V6), IpAddr::V6(SELF_V6), IpAddr::V4(ALL_V4)]);
    groups
}

/// Whether a packet to a group is for this machine when it comes by an interface.
#[must_use]
pub fn is_member(group: IpAddr, device: u32) -> bool {
    let joined = MEMBERS.lock().contains_key(&(device, group));
    joined
        || match group {
            IpAddr::V4(group) => group == ALL_V4,
            IpAddr::V6(group) if group == ALL_V6 || group == SELF_V6 => true,
            IpAddr::V6(_) => link::by_index(device).is_some_and(|on| natural(&on).contains(&group)),
        }
}

/// All groups of an interface, with how many sockets want each.
#[must_use]
pub fn of(interface: &Interface) -> Vec<(IpAddr, u32)> {
    let mut all: Vec<_> = MEMBERS
        .lock()
        .iter()
        .filter(|((device, _), _)| *device == interface.index)
        .map(|((_, group), users)| (*group, *users))
        .collect();
    for group in natural(interface) {
        match all.iter_mut().find(|(own, _)| *own == group) {
            Some((_, users)) => *users += 1,
            None => all.push((group, 1)),
        }
    }
    all
}

/// Routers are told of an interface's groups.
pub(super) fn tell(group: IpAddr, device: u32, joins: bool) {
    let Some(interface) = link::by_index(device).filter(|on| !on.is_loopback() && on.is_up())
    else {
        return;
    };
    match group {
        IpAddr::V4(group) if group == ALL_V4 => {}
        IpAddr::V4(group) => tell_v4(&interface, group, joins),
        // Groups that stay on the link's own wire are no router's business, but switches listen.
        IpAddr::V6(group) if group == ALL_V6 || group.segments()[0] & 0xf < 2 => {}
        IpAddr::V6(group) => tell_v6(&interface, group, joins),
    }
}

fn tell_v4(interface: &Arc<Interface>, group: Ipv4Addr, joins: bool) {
    let from = interface.first_v4().unwrap_or(Ipv4Addr::UNSPECIFIED);
    let mut message = alloc::vec![if joins { igmp::REPORT } else { igmp::LEAVE }, 0, 0, 0];
    message.extend_from_slice(&group.octets());
    let sum = checksum::of(&message);
    if let Some(place) = message.get_mut(2..4) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    let to = IpAddr::V4(if joins { group } else { ROUTERS_V4 });
    let packet = Packet {
        hop_limit: 1,
        ..Packet::plain(IpAddr::V4(from), to, IGMP as u8, interface.index)
    };
    let mut bytes = output::header(&packet, message.len(), None);
    bytes.extend_from_slice(&message);
    // A report that is lost is sent again when a router asks.
    let _ = resolve::send(interface, to, bytes);
}

fn tell_v6(interface: &Arc<Interface>, group: Ipv6Addr, joins: bool) {
    let own = interface.first_link_local();
    let mut message = alloc::vec![
        if joins { mld::REPORT } else { mld::DONE },
        0,
        0,
        0,
        0,
        0,
        0,
        0
    ];
    message.extend_from_slice(&group.octets());
    let from = own.unwrap_or(Ipv6Addr::UNSPECIFIED);
    let to = if joins { group } else { ROUTERS_V6 };
    let bytes = with_router_alert(from, to, message);
    // As above.
    let _ = resolve::send(interface, IpAddr::V6(to), bytes);
}

/// A message of MLD goes behind a header that bids routers look at it.
fn with_router_alert(from: Ipv6Addr, to: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let number = protocol::ICMPV6 as u8;
    let (from, to) = (IpAddr::V6(from), IpAddr::V6(to));
    let sum = checksum::of_protocol(from, to, number, &message);
    if let Some(place) = message.get_mut(2..4) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    let alert = [number, 0, 5, 2, 0, 0, 1, 0];
    let packet = Packet {
        hop_limit: 1,
        ..Packet::plain(from, to, 0, 0)
    };
    let mut bytes = output::header(&packet, alert.len() + message.len(), None);
    bytes.extend_from_slice(&alert);
    bytes.extend_from_slice(&message);
    bytes
}

/// A router asks who is a member: of one group, or of any. It is answered at once, which is one of the times allowed.
pub fn asked(packet: &Incoming<'_>) {
    let group: IpAddr = match (packet.from, packet.payload) {
        (IpAddr::V4(_), [igmp::QUERY, _, _, _, a, b, c, d, ..])
            if checksum::of(packet.payload) == 0 =>
        {
            IpAddr::from([*a, *b, *c, *d])
        }
        (IpAddr::V6(_), [mld::QUERY, _, _, _, _, _, _, _, group @ ..]) if packet.ttl == 1 => {
            let Some(group) = group.first_chunk::<16>() else {
                return;
            };
            let number = protocol::ICMPV6 as u8;
            if checksum::of_protocol(packet.from, packet.to, number, packet.payload) != 0 {
                return;
            }
            IpAddr::from(*group)
        }
        _ => return,
    };
    let Some(interface) = link::by_index(packet.device) else {
        return;
    };
    for (own, _) in of(&interface) {
        let same = own.is_ipv4() == group.is_ipv4();
        if same && (group.is_unspecified() || group == own) {
            tell(own, packet.device, true);
        }
    }
}

/// Whether a packet goes to groups, and nobody here is in this one.
#[must_use]
pub fn is_for_others(to: IpAddr, device: u32) -> bool {
    to.is_multicast() && !is_member(to, if device == 0 { route::LOOPBACK } else { device })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_counted_and_the_last_one_ends_it() {
        let group = IpAddr::from([239, 9, 9, 9]);
        assert!(!is_member(group, 77));
        join(group, 77);
        join(group, 77);
        assert!(is_member(group, 77) && !is_member(group, 78));
        leave(group, 77);
        assert!(is_member(group, 77));
        leave(group, 77);
        assert!(!is_member(group, 77));
        leave(group, 77);
    }

    #[test]
    fn everybody_is_a_member_of_all_hosts() {
        assert!(is_member(IpAddr::V4(ALL_V4), 1));
        assert!(is_member(IpAddr::V6(ALL_V6), 1));
    }

    #[test]
    fn the_solicited_group_ends_as_the_address_does() {
        let group = solicited("fe80::1234:5678:9abc:def0".parse().unwrap());
        assert_eq!(group, "ff02::1:ffbc:def0".parse::<Ipv6Addr>().unwrap());
    }

    #[test]
    fn reports_of_mld_bid_routers_look() {
        let to = "ff02::4:2".parse().unwrap();
        let bytes = with_router_alert(Ipv6Addr::UNSPECIFIED, to, alloc::vec![mld::REPORT; 24]);
        assert_eq!(bytes.len(), 40 + 8 + 24);
        assert_eq!(bytes.get(6..8), Some(&[0, 1][..]));
        assert_eq!(bytes.get(40..48), Some(&[58, 0, 5, 2, 0, 0, 1, 0][..]));
    }
}
