//! What IPv6 gives an interface by itself (RFC 4862): a link-local address, addresses and routes as routers advertise
//! them, and the end of their lives. Pure, like the [`Table`] it changes.

use super::address::{ADVERTISED, Address, FOREVER, Lifetime, link_local};
use super::conf6::{LEAST_MTU, Setting};
use super::derived::METRIC_KERNEL_V6;
use super::events::Change;
use super::flags::{Ifa, kind, origin, table_id};
use super::interface::Interface;
use super::prefix::Prefix;
use super::route::Route;
use super::router::{self, Advertised, Advertisement};
use super::table::Table;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use sync::Instant;

/// Who made the link-local address (`IFAPROT_KERNEL_LL`).
const LINK_LOCAL: u8 = 3;
/// An advertisement does not shorten what is left of an address's life below this (RFC 4862, 5.5.3).
const LEAST_LIFE: u32 = 2 * 60 * 60;

/// Routes advertisements may bring: anybody on the link can send some. Linux sets them no limit.
const MOST_ROUTES: usize = 256;

/// The moment `seconds` from `now`; `None` for ever.
fn end(now: Instant, seconds: u32) -> Option<Instant> {
    (seconds != FOREVER).then(|| now.saturating_add(Duration::from_secs(seconds.into())))
}

impl Table {
    /// An interface came up, or IPv6 was turned on there.
    pub(super) fn begin_v6(&mut self, interface: &Arc<Interface>, now: Instant) {
        let index = interface.index;
        if interface.is_loopback() {
            if interface.v6().next().is_none() {
                let own = Address::new(Ipv6Addr::LOCALHOST.into(), 128, &interface.name, now);
                // It had none, so this is no other's.
                let _ = self.add_address(index, own);
            }
            return;
        }
        if interface.conf6.is(Setting::DisableIpv6) {
            return;
        }
        let groups = Prefix::new(Ipv6Addr::from_bits(0xff << 120).into(), 8);
        self.insert(Route {
            table: table_id::LOCAL,
            kind: kind::MULTICAST,
            origin: origin::KERNEL,
            metric: METRIC_KERNEL_V6,
            ..Route::new(groups, index)
        });
        let mut own = Address::new(link_local(interface.mac).into(), 64, &interface.name, now);
        own.origin = LINK_LOCAL;
        let _ = self.add_address(index, own);
    }

    /// IPv6 goes from an interface, with its addresses and routes.
    pub(super) fn end_v6(&mut self, interface: &Arc<Interface>) {
        let index = interface.index;
        let gone: Vec<Address> = interface.v6().cloned().collect();
        for address in gone {
            // They were there a moment ago.
            let _ = self.remove_address(index, address.local, address.prefix_len);
        }
        self.drop_routes(|route| route.interface == index && route.destination.is_v6());
    }

    /// Turns IPv6 of an interface on or off.
    ///
    /// # Errors
    /// `ENODEV`.
    pub fn turn_v6(&mut self, index: u32, on: bool, now: Instant) -> Result<()> {
        let interface = self.by_index(index).ok_or(Errno::ENODEV)?.clone();
        if !on {
            self.end_v6(&interface);
        } else if interface.is_up() {
            self.begin_v6(&interface, now);
        }
        Ok(())
    }

    /// Does what a router on an interface's link advertises, as far as the interface's settings let it.
    ///
    /// # Errors
    /// `ENODEV`.
    pub fn hear_router(
        &mut self,
        index: u32,
        from: Ipv6Addr,
        told: &Advertisement,
        now: Instant,
    ) -> Result<()> {
        let interface = self.by_index(index).ok_or(Errno::ENODEV)?.clone();
        let conf = &interface.conf6;
        let limit = i32::from(told.hop_limit);
        let limited = limit != 0 && conf.get(Setting::AcceptRaMinHopLimit) <= limit;
        if limited {
            conf.put(Setting::HopLimit, limit);
        }
        let mtu = told.mtu.unwrap_or(0).cast_signed();
        let largest = interface.mtu.cast_signed();
        let sized = conf.is(Setting::AcceptRaMtu) && (LEAST_MTU..=largest).contains(&mtu);
        if sized {
            conf.put(Setting::Mtu, mtu);
        }
        if conf.is(Setting::AcceptRaDefrtr) {
            let metric = conf.get(Setting::RaDefrtrMetric).cast_unsigned();
            let way = Route {
                origin: origin::RA,
                gateway: Some(from.into()),
                metric,
                ..Route::new(Prefix::all(true), index)
            };
            self.advertised(way, told.lifetime.into(), now, |way| {
                if limited {
                    way.hop_limit = told.hop_limit;
                }
                if sized {
                    way.mtu = mtu.cast_unsigned();
                }
            });
        }
        if conf.is(Setting::AcceptRaPinfo) {
            for one in &told.prefixes {
                self.hear_network(&interface, one, now);
            }
        }
        Ok(())
    }

    /// A route an advertisement tells of for so many seconds: it comes, stays on, or with 0 goes.
    fn advertised(&mut self, new: Route, seconds: u32, now: Instant, also: impl Fn(&mut Route)) {
        let at = self.routes.iter().position(|old| {
            old.advertised
                && old.destination == new.destination
                && old.interface == new.interface
                && old.gateway == new.gateway
        });
        let full = self.routes.iter().filter(|old| old.advertised).count() >= MOST_ROUTES;
        let old = at.and_then(|at| self.routes.get_mut(at));
        if seconds == 0 {
            if let Some(old) = old.map(|old| old.clone()) {
                self.take_route(&old);
            }
            return;
        }
        let mut new = Route {
            expires: end(now, seconds),
            advertised: true,
            ..new
        };
        match old {
            // Its end and its marks are another's business than its place.
            Some(old) => {
                new.metric = old.metric;
                (new.mtu, new.hop_limit) = (old.mtu, old.hop_limit);
                also(&mut new);
                *old = Arc::new(new);
            }
            None if !full => {
                also(&mut new);
                self.insert(new);
            }
            None => {}
        }
    }

    /// A network of the link.
    fn hear_network(&mut self, interface: &Arc<Interface>, told: &Advertised, now: Instant) {
        let IpAddr::V6(network) = told.network.address() else {
            return;
        };
        if network.is_multicast() || network.is_unicast_link_local() || told.preferred > told.valid
        {
            return;
        }
        let index = interface.index;
        if told.on_link {
            let known = self.routes.iter().any(|route| {
                !route.advertised
                    && route.destination == told.network
                    && route.interface == index
                    && route.table == table_id::MAIN
                    && route.gateway.is_none()
            });
            // What an own address brought stays as it is.
            if !known {
                let way = Route {
                    origin: origin::KERNEL,
                    metric: METRIC_KERNEL_V6,
                    ..Route::new(told.network, index)
                };
                self.advertised(way, told.valid, now, |_| {});
            }
        }
        if told.autonomous && interface.conf6.is(Setting::Autoconf) && told.network.len() == 64 {
            let own = router::own_address(network, interface.mac);
            self.hear_address(interface, own.into(), told, now);
        }
    }

    /// An address an advertisement makes, or lets live on.
    fn hear_address(
        &mut self,
        interface: &Arc<Interface>,
        own: IpAddr,
        told: &Advertised,
        now: Instant,
    ) {
        let index = interface.index;
        let there = interface.v6().find(|old| old.local == own);
        let Some(old) = there else {
            let most = usize::try_from(interface.conf6.get(Setting::MaxAddresses)).unwrap_or(0);
            if told.valid == 0 || most != 0 && interface.v6().count() >= most {
                return;
            }
            let mut new = Address::new(own, 64, &interface.name, now);
            new.flags = Ifa::MANAGETEMPADDR;
            new.origin = ADVERTISED;
            new.lifetime = Lifetime {
                preferred: told.preferred,
                valid: told.valid,
                ..Lifetime::forever(now)
            };
            // It is not there, and a place is found for any.
            let _ = self.add_address(index, new);
            return;
        };
        if !old.is_advertised() {
            return;
        }
        let (_, over) = old.ends();
        let left = match old.lifetime.valid {
            FOREVER => FOREVER,
            _ => u32::try_from(over.saturating_since(now).as_secs()).unwrap_or(FOREVER),
        };
        if left == 0 {
            return;
        }
        let mut new = old.clone();
        new.flags -= Ifa::DEPRECATED;
        new.lifetime.valid = told.valid.max(left.min(LEAST_LIFE));
        new.lifetime.preferred = told.preferred;
        new.lifetime.since = now;
        // It is there.
        let _ = self.update_address(index, &new);
    }

    /// Nobody answered for an address that was asked for, or (`free` is not) somebody did.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL`: it is not one that was asked for.
    pub fn probed(&mut self, index: u32, local: IpAddr, free: bool) -> Result<()> {
        let interface = self.by_index(index).ok_or(Errno::EADDRNOTAVAIL)?;
        let waits = |own: &&Address| {
            own.local == local
                && own.flags.contains(Ifa::TENTATIVE)
                && !own.flags.contains(Ifa::DADFAILED)
        };
        let found = interface.v6().find(waits).ok_or(Errno::EADDRNOTAVAIL)?;
        let mut own = found.clone();
        if !free && !own.flags.contains(Ifa::PERMANENT) {
            return self.remove_address(index, local, own.prefix_len);
        }
        if free {
            own.flags -= Ifa::TENTATIVE;
        } else {
            own.flags |= Ifa::DADFAILED;
        }
        self.mark(index, &own)?;
        if free {
            let interface = self.by_index(index).ok_or(Errno::EADDRNOTAVAIL)?.clone();
            self.add_derived(&interface, &own);
        }
        Ok(())
    }

    /// Gives an address that is there the flags of `own`, and tells of it.
    fn mark(&mut self, index: u32, own: &Address) -> Result<()> {
        self.edit(index, |interface| {
            for old in &mut interface.addresses {
                if old.local == own.local && old.prefix_len == own.prefix_len {
                    old.flags = own.flags;
                }
            }
        })?;
        self.changes.push(Change::AddressAdded(index, own.clone()));
        Ok(())
    }

    /// When the next life ends, or is past what it is preferred for.
    #[must_use]
    pub fn next_end(&self) -> Instant {
        let addresses = self.interfaces().iter().flat_map(|one| &one.addresses);
        let of_address = |own: &Address| match own.ends() {
            (_, over) if own.flags.contains(Ifa::DEPRECATED) => over,
            (past, _) => past,
        };
        let routes = self.routes.iter().filter_map(|route| route.expires);
        let first = addresses.map(of_address).chain(routes).min();
        first.unwrap_or(Instant::NEVER)
    }

    /// Ends what has lived long enough.
    pub fn end_lives(&mut self, now: Instant) {
        for interface in self.interfaces().to_vec() {
            for own in &interface.addresses {
                let (past, over) = own.ends();
                // Both are there still, unless an address took its followers along.
                if over <= now {
                    let _ = self.remove_address(interface.index, own.local, own.prefix_len);
                } else if past <= now && !own.flags.contains(Ifa::DEPRECATED) {
                    let mut old = own.clone();
                    old.flags |= Ifa::DEPRECATED;
                    let _ = self.mark(interface.index, &old);
                }
            }
        }
        self.drop_routes(|route| route.expires.is_some_and(|end| end <= now));
    }
}
