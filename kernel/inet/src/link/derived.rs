//! The routes that come with an interface's addresses, as Linux makes them.

use super::address::Address;
use super::flags::{Ifa, kind, origin, scope, table_id};
use super::interface::Interface;
use super::prefix::Prefix;
use super::route::Route;
use alloc::vec::Vec;
use core::net::IpAddr;

/// The metric of IPv6 routes the kernel makes.
pub(super) const METRIC_KERNEL_V6: u32 = 256;

/// Whether two routes are one to the kernel that made them.
pub(super) fn same_place(one: &Route, other: &Route) -> bool {
    one.destination == other.destination
        && one.table == other.table
        && one.kind == other.kind
        && one.interface == other.interface
        && one.origin == origin::KERNEL
        && other.origin == origin::KERNEL
}

/// The routes an address brings: to itself, to all on its link, to its network.
pub(super) fn derived(interface: &Interface, address: &Address) -> Vec<Route> {
    if address.local.is_ipv6() {
        derived_v6(interface, address)
    } else {
        derived_v4(interface, address)
    }
}

fn kernel_route(destination: Prefix, interface: &Interface, of: u8) -> Route {
    Route {
        kind: of,
        origin: origin::KERNEL,
        ..Route::new(destination, interface.index)
    }
}

fn derived_v4(interface: &Interface, address: &Address) -> Vec<Route> {
    let mut routes = Vec::new();
    let network = address.network();
    // Those that follow send as the network's first address.
    let leader = interface
        .v4()
        .find(|own| !own.is_secondary() && own.network() == network)
        .map_or(address.local, |own| own.local);
    let source = if address.is_secondary() {
        leader
    } else {
        address.local
    };
    let local = |destination: Prefix, of: u8, reach: u8| Route {
        table: table_id::LOCAL,
        scope: reach,
        source: Some(source),
        ..kernel_route(destination, interface, of)
    };
    let own = Prefix::host(address.local);
    routes.push(local(own, kind::LOCAL, scope::HOST));
    if !interface.is_up() {
        return routes;
    }
    if let Some(broadcast) = address.broadcast.filter(|all| !all.is_broadcast()) {
        let all = Prefix::host(broadcast.into());
        routes.push(local(all, kind::BROADCAST, scope::LINK));
    }
    let is_zero = matches!(network.address(), IpAddr::V4(v4) if v4.octets().first() == Some(&0));
    if is_zero || address.is_secondary() || network == own {
        return routes;
    }
    if !address.flags.contains(Ifa::NOPREFIXROUTE) {
        routes.push(if interface.is_loopback() {
            local(network, kind::LOCAL, scope::HOST)
        } else {
            Route {
                source: Some(address.local),
                metric: address.metric,
                ..kernel_route(network, interface, kind::UNICAST)
            }
        });
    }
    if let Some(broadcast) = network.broadcast() {
        let all = Prefix::host(broadcast.into());
        if address.broadcast != Some(broadcast) {
            routes.push(local(all, kind::BROADCAST, scope::LINK));
        }
    }
    routes
}

fn derived_v6(interface: &Interface, address: &Address) -> Vec<Route> {
    let own = Prefix::host(address.local);
    let network = address.network();
    let mut routes = Vec::new();
    let metric = if address.metric == 0 {
        METRIC_KERNEL_V6
    } else {
        address.metric
    };
    // The network of an address that a router's advertisement made came with the advertisement.
    let bare = address.flags.contains(Ifa::NOPREFIXROUTE) || address.is_advertised();
    if network != own && interface.is_up() && !bare {
        routes.push(Route {
            metric,
            ..kernel_route(network, interface, kind::UNICAST)
        });
    }
    // Nobody is spoken to by it before it is known to be this machine's alone.
    if !address.flags.contains(Ifa::TENTATIVE) {
        routes.push(Route {
            table: table_id::LOCAL,
            ..kernel_route(own, interface, kind::LOCAL)
        });
    }
    routes
}
