//! Tables against a brute-force oracle, and the routes addresses bring.
// proves B12, D10: longest prefix, source selection, broadcast and local addresses

use super::flags::{Ifa, Iff, kind, scope, table_id};
use super::prefix::{Prefix, mask_len};
use super::{Address, NetDevice, Route, Table};
use abi::Errno;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;
use sync::Instant;

struct Card;

impl NetDevice for Card {
    fn mac(&self) -> super::device::Mac {
        [0x52, 0x54, 0, 0x12, 0x34, 0x56]
    }
    fn mtu(&self) -> u32 {
        1500
    }
    fn driver(&self) -> &'static str {
        "test"
    }
    fn transmit(&self, _frame: &crate::link::device::Outgoing<'_>) -> abi::Result<()> {
        Ok(())
    }
    fn receive(&self, _most: usize, _each: &mut dyn FnMut(super::device::Frame<'_>)) -> usize {
        0
    }
    fn set_waker(&self, _waker: super::device::Waker) {}
}

fn v4(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn address(text: &str, len: u8) -> Address {
    let mut own = Address::new(v4(text), len, "eth0", Instant::BOOT);
    own.broadcast = own.network().broadcast();
    own
}

fn machine() -> Table {
    let mut table = Table::new();
    table.add_card(Arc::new(Card));
    table.add_card(Arc::new(Card));
    for index in 1..=3 {
        table
            .set_flags(index, Iff::UP, Iff::UP, Instant::BOOT)
            .unwrap();
    }
    table.add_address(2, address("10.0.2.15", 24)).unwrap();
    for index in 2..=3 {
        table.probed(index, v4(LINK_LOCAL), true).unwrap();
    }
    table
}

/// What the card makes of its address.
const LINK_LOCAL: &str = "fe80::5054:ff:fe12:3456";

#[test]
fn the_loopback_gets_its_addresses_when_it_comes_up() {
    let mut table = Table::new();
    assert!(table.lookup(v4("127.0.0.1"), 0).is_err());
    table.set_flags(1, Iff::UP, Iff::UP, Instant::BOOT).unwrap();
    let way = table.lookup(v4("127.0.0.2"), 0).unwrap();
    assert!(way.is_local());
    assert_eq!(way.source, v4("127.0.0.1"));
    let way = table.lookup(Ipv6Addr::LOCALHOST.into(), 0).unwrap();
    assert!(way.is_local());
    assert!(table.is_broadcast(v4("127.255.255.255")));
}

#[test]
fn an_address_brings_its_routes_and_takes_them_along() {
    let mut table = machine();
    assert!(table.is_local(v4("10.0.2.15")));
    assert!(table.is_broadcast(v4("10.0.2.255")));
    let way = table.lookup(v4("10.0.2.2"), 0).unwrap();
    assert_eq!((way.interface.index, way.source), (2, v4("10.0.2.15")));
    assert_eq!(
        table.lookup(v4("8.8.8.8"), 0).err(),
        Some(Errno::ENETUNREACH)
    );
    table.remove_address(2, v4("10.0.2.15"), 24).unwrap();
    assert!(!table.is_local(v4("10.0.2.15")));
    assert_eq!(
        table.lookup(v4("10.0.2.2"), 0).err(),
        Some(Errno::ENETUNREACH)
    );
}

#[test]
fn the_second_address_of_a_network_goes_with_the_first() {
    let mut table = machine();
    table.add_address(2, address("10.0.2.16", 24)).unwrap();
    let interface = table.by_index(2).unwrap();
    let flags: Vec<Ifa> = interface.v4().map(|own| own.flags).collect();
    assert_eq!(flags, [Ifa::PERMANENT, Ifa::PERMANENT | Ifa::SECONDARY]);
    assert_eq!(
        table.add_address(2, address("10.0.2.16", 24)).err(),
        Some(Errno::EEXIST)
    );
    table.remove_address(2, v4("10.0.2.15"), 24).unwrap();
    assert_eq!(table.by_index(2).unwrap().v4().count(), 0);
}

#[test]
fn going_down_leaves_the_address_local_and_nothing_else() {
    let mut table = machine();
    let mut route = Route::new(Prefix::all(false), 2);
    route.gateway = Some(v4("10.0.2.2"));
    route.scope = scope::UNIVERSE;
    table.insert(route);
    assert_eq!(
        table.lookup(v4("8.8.8.8"), 0).unwrap().gateway,
        Some(v4("10.0.2.2"))
    );
    table
        .set_flags(2, Iff::empty(), Iff::UP, Instant::BOOT)
        .unwrap();
    assert!(table.is_local(v4("10.0.2.15")));
    assert!(table.lookup(v4("10.0.2.2"), 0).is_err());
    assert!(table.lookup(v4("8.8.8.8"), 0).is_err());
    assert_eq!(table.by_index(2).unwrap().v6().count(), 0);
    table.set_flags(2, Iff::UP, Iff::UP, Instant::BOOT).unwrap();
    assert!(table.lookup(v4("10.0.2.2"), 0).is_ok());
    // What was set by hand does not come back.
    assert!(table.lookup(v4("8.8.8.8"), 0).is_err());
}

#[test]
fn a_packet_bound_to_an_interface_needs_no_route() {
    let table = machine();
    let way = table.lookup(v4("255.255.255.255"), 3).unwrap();
    assert_eq!((way.interface.index, way.kind), (3, kind::BROADCAST));
    assert!(table.lookup(v4("255.255.255.255"), 0).is_err());
}

#[test]
fn link_local_addresses_come_of_the_card() {
    let table = machine();
    let own = table.by_index(2).unwrap().v6().next().unwrap().local;
    assert_eq!(own, v4("fe80::5054:ff:fe12:3456"));
    let way = table.lookup(v4("fe80::1"), 3).unwrap();
    assert_eq!(way.interface.index, 3);
    assert_eq!(way.source, own);
}

#[test]
fn masks_have_their_ones_in_front() {
    assert_eq!(mask_len(Ipv4Addr::new(255, 255, 240, 0)), Some(20));
    assert_eq!(mask_len(Ipv4Addr::new(255, 0, 255, 0)), None);
    assert_eq!(mask_len(Ipv4Addr::UNSPECIFIED), Some(0));
}

#[test]
fn neighbours_are_heard_in_arp_and_discovery_and_garbage_is_not() {
    let mut frame = alloc::vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1, 8, 6]);
    frame.extend([0, 1, 8, 0, 6, 4, 0, 2]);
    frame.extend([2, 0, 0, 0, 0, 1, 10, 0, 2, 2]);
    frame.extend([2, 0, 0, 0, 0, 2, 10, 0, 2, 15]);
    let told = super::neighbour::told_by(&frame);
    assert_eq!(told, Some((v4("10.0.2.2"), [2, 0, 0, 0, 0, 1])));
    for len in 0..frame.len() {
        let _ = super::neighbour::told_by(frame.get(..len).unwrap());
    }
}

fn routes() -> impl Strategy<Value = Vec<(u32, u8, u32, u8)>> {
    // Few distinct addresses, so that prefixes nest.
    prop::collection::vec((0u32..16, 0u8..=32, 0u32..3, 2u8..4), 0..40)
}

proptest! {
    #[test]
    fn lookup_agrees_with_brute_force(set in routes(), asked in 0u32..16) {
        let spread = |n: u32| Ipv4Addr::from_bits(n << 28 | n << 4 | 0x0800_0000);
        let mut table = Table::new();
        table.add_card(Arc::new(Card));
        table.add_card(Arc::new(Card));
        for index in 2..=3 {
            table.set_flags(index, Iff::UP, Iff::UP, Instant::BOOT).unwrap();
        }
        for (address, len, metric, through) in &set {
            let mut route = Route::new(Prefix::new(spread(*address).into(), *len), u32::from(*through));
            route.metric = *metric;
            table.insert(route);
        }
        let asked: IpAddr = spread(asked).into();
        let mut best: Option<(u8, u32, u8)> = None;
        for (address, len, metric, through) in &set {
            if !Prefix::new(spread(*address).into(), *len).contains(asked) {
                continue;
            }
            let better = best.is_none_or(|(l, m, _)| *len > l || *len == l && *metric < m);
            if better {
                best = Some((*len, *metric, *through));
            }
        }
        let found = table.lookup(asked, 0).ok().map(|way| way.interface.index);
        prop_assert_eq!(found, best.map(|(_, _, through)| u32::from(through)));
    }

    #[test]
    fn a_prefix_contains_what_it_was_made_of(bits: u128, len in 0u8..=128, other: u128) {
        let net = Prefix::new(Ipv6Addr::from_bits(bits).into(), len);
        prop_assert!(net.contains(Ipv6Addr::from_bits(bits).into()));
        let same = len == 0 || bits >> (128 - u32::from(len)) == other >> (128 - u32::from(len));
        prop_assert_eq!(net.contains(Ipv6Addr::from_bits(other).into()), same);
    }

    #[test]
    fn addresses_come_and_go_and_leave_no_route(list in prop::collection::vec((0u8..6, 20u8..=32), 0..12)) {
        let mut table = Table::new();
        table.add_card(Arc::new(Card));
        table.set_flags(2, Iff::UP, Iff::UP, Instant::BOOT).unwrap();
        let before = table.routes().len();
        for (host, len) in &list {
            let own = Address::new(Ipv4Addr::new(10, 0, 0, *host).into(), *len, "eth0", Instant::BOOT);
            let _ = table.add_address(2, own);
        }
        loop {
            let own = table.by_index(2).unwrap().addresses.iter().find(|own| own.local.is_ipv4()).cloned();
            let Some(own) = own else { break };
            prop_assert!(table.is_local(own.local));
            table.remove_address(2, own.local, own.prefix_len).unwrap();
        }
        prop_assert_eq!(table.routes().len(), before);
        prop_assert!(!table.routes().iter().any(|r| r.table == table_id::LOCAL && !r.destination.is_v6()));
    }
}
