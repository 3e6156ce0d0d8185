//! Addresses and routes that IPv6 makes by itself, on a table that no packet reaches.
// proves D14: addresses are asked for first, routers' networks come and end, nothing they say is believed beyond reason

use super::conf6::Setting;
use super::device::{Frame, Mac, Waker};
use super::events::Change;
use super::flags::{Ifa, Iff, origin};
use super::prefix::Prefix;
use super::router::{Advertised, Advertisement};
use super::{Address, NetDevice, Route, Table};
use abi::Errno;
use alloc::sync::Arc;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use proptest::prelude::*;
use sync::Instant;

struct Card;

impl NetDevice for Card {
    fn mac(&self) -> Mac {
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
    fn receive(&self, _most: usize, _each: &mut dyn FnMut(Frame<'_>)) -> usize {
        0
    }
    fn set_waker(&self, _waker: Waker) {}
}

const OWN: &str = "fe80::5054:ff:fe12:3456";
const MADE: &str = "fec0::5054:ff:fe12:3456";
const ROUTER: &str = "fe80::2";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn router() -> Ipv6Addr {
    ROUTER.parse().unwrap()
}

fn at(seconds: u64) -> Instant {
    Instant::BOOT.saturating_add(Duration::from_secs(seconds))
}

/// A machine with one card that has come up.
fn machine() -> Table {
    let mut table = Table::new();
    table.add_card(Arc::new(Card));
    table.set_flags(2, Iff::UP, Iff::UP, at(0)).unwrap();
    table.take_changes();
    table
}

fn told(valid: u32, preferred: u32) -> Advertisement {
    let mut prefixes = ArrayVec::new();
    prefixes.push(Advertised {
        network: Prefix::new(ip("fec0::"), 64),
        on_link: true,
        autonomous: true,
        valid,
        preferred,
    });
    Advertisement {
        hop_limit: 64,
        lifetime: 1800,
        mac: None,
        mtu: Some(1400),
        prefixes,
    }
}

fn own(table: &Table, local: &str) -> Option<Address> {
    let interface = table.by_index(2).unwrap();
    interface.v6().find(|own| own.local == ip(local)).cloned()
}

fn default_route(table: &Table) -> Option<Arc<Route>> {
    let all = Prefix::all(true);
    let mut routes = table.routes().iter();
    routes.find(|route| route.destination == all).cloned()
}

#[test]
fn an_address_is_not_this_machines_before_nobody_else_has_it() {
    let mut table = machine();
    assert_eq!(
        own(&table, OWN).unwrap().flags,
        Ifa::TENTATIVE | Ifa::PERMANENT
    );
    assert!(!table.is_local(ip(OWN)));
    let way = table.lookup(ip(ROUTER), 2).unwrap();
    assert_eq!(way.source, ip("::"));
    table.probed(2, ip(OWN), true).unwrap();
    assert!(table.is_local(ip(OWN)));
    assert_eq!(table.lookup(ip(ROUTER), 2).unwrap().source, ip(OWN));
    let told = table.take_changes();
    assert!(matches!(told.first(), Some(Change::AddressAdded(2, _))));
    // Who answers late is too late.
    assert_eq!(
        table.probed(2, ip(OWN), false).err(),
        Some(Errno::EADDRNOTAVAIL)
    );
}

#[test]
fn an_address_somebody_has_stays_and_is_never_used() {
    let mut table = machine();
    table.probed(2, ip(OWN), false).unwrap();
    let flags = Ifa::TENTATIVE | Ifa::PERMANENT | Ifa::DADFAILED;
    assert_eq!(own(&table, OWN).unwrap().flags, flags);
    assert!(table.probed(2, ip(OWN), true).is_err());
    assert!(!table.is_local(ip(OWN)));
    // One made of an advertisement goes instead.
    table
        .hear_router(2, router(), &told(100, 50), at(1))
        .unwrap();
    table.probed(2, ip(MADE), false).unwrap();
    assert!(own(&table, MADE).is_none());
}

#[test]
fn whoever_advertises_much_fills_no_memory() {
    let mut table = machine();
    let routes = |table: &Table| table.routes().iter().filter(|one| one.advertised).count();
    let kind = told(100, 50);
    table.hear_router(2, router(), &kind, at(1)).unwrap();
    for number in 3..2000 {
        let other = Ipv6Addr::from_bits(0xfe80 << 112 | number);
        table.hear_router(2, other, &kind, at(1)).unwrap();
    }
    assert!((2..=256).contains(&routes(&table)));
    // Who came first is believed still, and what has ended makes room.
    let first = default_route(&table).unwrap();
    assert_eq!(first.gateway, Some(router().into()));
    table.end_lives(at(2000));
    assert_eq!(routes(&table), 0);
    table.hear_router(2, router(), &kind, at(2001)).unwrap();
    assert_eq!(routes(&table), 2);
}

#[test]
fn no_questions_are_asked_where_the_setting_or_the_address_says_so() {
    let mut table = machine();
    let mut quiet = Address::new(ip("fd00::1"), 64, "", at(0));
    quiet.flags |= Ifa::NODAD;
    table.add_address(2, quiet).unwrap();
    assert!(table.is_local(ip("fd00::1")));
}

#[test]
fn an_advertisement_makes_an_address_a_network_and_a_way() {
    let mut table = machine();
    table.probed(2, ip(OWN), true).unwrap();
    table
        .hear_router(2, router(), &told(86400, 14400), at(10))
        .unwrap();
    let made = own(&table, MADE).unwrap();
    assert_eq!(made.flags, Ifa::MANAGETEMPADDR | Ifa::TENTATIVE);
    assert_eq!(made.origin, super::address::ADVERTISED);
    let way = default_route(&table).unwrap();
    assert_eq!((way.gateway, way.origin), (Some(ip(ROUTER)), origin::RA));
    assert_eq!((way.metric, way.mtu, way.hop_limit), (1024, 1400, 64));
    assert_eq!(way.expires, Some(at(1810)));
    let near = table.lookup(ip("fec0::77"), 0).unwrap();
    assert_eq!((near.gateway, near.mtu), (None, 1400));
    table.probed(2, ip(MADE), true).unwrap();
    let far = table.lookup(ip("2001:db8::1"), 0).unwrap();
    assert_eq!((far.gateway, far.source), (Some(ip(ROUTER)), ip(MADE)));
    // Told again, nothing doubles and the ends move.
    let before = table.routes().len();
    table
        .hear_router(2, router(), &told(86400, 14400), at(20))
        .unwrap();
    assert_eq!(table.routes().len(), before);
    assert_eq!(default_route(&table).unwrap().expires, Some(at(1820)));
    assert_eq!(own(&table, MADE).unwrap().lifetime.since, at(20));
    // A router that goes takes its way along.
    let gone = Advertisement {
        lifetime: 0,
        ..told(86400, 14400)
    };
    table.hear_router(2, router(), &gone, at(30)).unwrap();
    assert!(default_route(&table).is_none());
}

#[test]
fn lives_end() {
    let mut table = machine();
    table
        .hear_router(2, router(), &told(100, 50), at(0))
        .unwrap();
    table.probed(2, ip(MADE), true).unwrap();
    assert_eq!(table.next_end(), at(50));
    table.end_lives(at(50));
    assert!(own(&table, MADE).unwrap().flags.contains(Ifa::DEPRECATED));
    assert_eq!(table.next_end(), at(100));
    table.end_lives(at(100));
    assert!(own(&table, MADE).is_none());
    assert!(!table.is_local(ip(MADE)));
    assert!(table.lookup(ip("fec0::77"), 0).unwrap().gateway.is_some());
    table.end_lives(at(1800));
    assert!(table.lookup(ip("fec0::77"), 0).is_err());
    assert_eq!(table.next_end(), Instant::NEVER);
}

#[test]
fn a_life_is_not_cut_short_by_whoever_says_so() {
    let mut table = machine();
    table
        .hear_router(2, router(), &told(86400, 14400), at(0))
        .unwrap();
    table
        .hear_router(2, router(), &told(10, 10), at(0))
        .unwrap();
    assert_eq!(own(&table, MADE).unwrap().lifetime.valid, 7200);
    table
        .hear_router(2, router(), &told(10, 10), at(200))
        .unwrap();
    assert_eq!(own(&table, MADE).unwrap().lifetime.valid, 7000);
}

#[test]
fn what_is_off_is_not_done() {
    let mut table = machine();
    let conf = table.by_index(2).unwrap().conf6.clone();
    for off in [
        Setting::Autoconf,
        Setting::AcceptRaDefrtr,
        Setting::AcceptRaMtu,
    ] {
        conf.put(off, 0);
    }
    table
        .hear_router(2, router(), &told(100, 50), at(0))
        .unwrap();
    assert!(own(&table, MADE).is_none() && default_route(&table).is_none());
    assert_eq!(conf.get(Setting::Mtu), 1500);
    conf.put(Setting::AcceptRaPinfo, 0);
    table.turn_v6(2, false, at(1)).unwrap();
    assert_eq!(table.by_index(2).unwrap().v6().count(), 0);
    assert!(!table.routes().iter().any(|route| route.destination.is_v6()));
    conf.put(Setting::DisableIpv6, 1);
    let new = Address::new(ip("fd00::1"), 64, "", at(0));
    assert_eq!(table.add_address(2, new).err(), Some(Errno::EACCES));
    conf.put(Setting::DisableIpv6, 0);
    table.turn_v6(2, true, at(2)).unwrap();
    assert!(own(&table, OWN).is_some());
}

proptest! {
    #[test]
    fn whatever_routers_say_the_table_stays_in_order(
        heard in prop::collection::vec((0u32..4, 0u32..300, 0u32..300, 0u8..=128, 0u16..3, 0u64..400), 0..24)
    ) {
        let mut table = machine();
        table.probed(2, ip(OWN), true).unwrap();
        let mut now = 0;
        for (network, valid, preferred, len, lifetime, later) in heard {
            now += later;
            let mut say = told(valid, preferred);
            say.lifetime = lifetime * 100;
            let start = Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(network) << 64);
            say.prefixes[0].network = Prefix::new(start.into(), len);
            table.hear_router(2, router(), &say, at(now)).unwrap();
            table.end_lives(at(now));
            prop_assert!(table.next_end() > at(now));
            let orders: Vec<_> = table.routes().iter().map(|route| route.order()).collect();
            prop_assert!(orders.is_sorted());
            let made = table.by_index(2).unwrap().v6().count();
            prop_assert!(made <= 5);
        }
        table.end_lives(at(now + 7200 + 300));
        prop_assert_eq!(table.by_index(2).unwrap().v6().count(), 1);
    }
}
