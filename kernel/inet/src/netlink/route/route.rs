//! Routes: `RTM_NEWROUTE`, `RTM_DELROUTE`, `RTM_GETROUTE`.

use super::super::message::{Builder, find, number};
use super::super::{Answers, Request};
use super::{address_of, bytes_of, covers, family_of, group, number_of, of, parse, rtm};
use crate::link::events::Cause;
use crate::link::flags::{kind, scope, table_id};
use crate::link::prefix::{Prefix, width};
use crate::link::route_edit::{How, Pattern};
use crate::link::{self, Route};
use abi::socket::family::{AF_INET, AF_INET6};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;
use sync::Instant;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct rtmsg`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RtMsg {
    family: u8,
    destination_len: u8,
    source_len: u8,
    tos: u8,
    table: u8,
    origin: u8,
    scope: u8,
    kind: u8,
    flags: u32,
}

const FIXED: usize = size_of::<RtMsg>();

/// `RTM_F_CLONED`: the answer to one question, not a route.
const CLONED: u32 = 0x200;
/// `RTNH_F_ONLINK`
const ONLINK: u32 = 4;
/// A table with a larger number than the field holds (`RT_TABLE_COMPAT`).
const COMPAT: u8 = 252;
/// `RTAX_MTU`
const METRIC_MTU: u16 = 2;
/// `RTAX_HOPLIMIT`
const METRIC_HOPS: u16 = 10;

/// Attributes (`RTA_*`).
mod rta {
    pub const DST: u16 = 1;
    pub const OIF: u16 = 4;
    pub const GATEWAY: u16 = 5;
    pub const PRIORITY: u16 = 6;
    pub const PREFSRC: u16 = 7;
    pub const METRICS: u16 = 8;
    pub const MULTIPATH: u16 = 9;
    pub const CACHEINFO: u16 = 12;
    pub const TABLE: u16 = 15;
    pub const VIA: u16 = 18;
    pub const PREF: u16 = 20;
    pub const ENCAP: u16 = 22;
    /// One past the last.
    pub const END: usize = 31;
}

fn message(route: &Route, mut builder: Builder, flags: u32) -> Builder {
    let fixed = RtMsg {
        family: family_of(route.destination.address()),
        destination_len: route.destination.len(),
        source_len: 0,
        tos: route.tos,
        table: u8::try_from(route.table).unwrap_or(COMPAT),
        origin: route.origin,
        scope: route.scope,
        kind: route.kind,
        flags: flags | if route.on_link { ONLINK } else { 0 },
    };
    builder
        .put(fixed.as_bytes())
        .number(rta::TABLE, route.table);
    if !route.destination.is_empty() {
        builder.attribute(rta::DST, &bytes_of(route.destination.address()));
    }
    let is_v6 = route.destination.is_v6();
    if is_v6 || route.metric != 0 {
        builder.number(rta::PRIORITY, route.metric);
    }
    let mut metrics = Vec::new();
    for (kind, value) in [
        (METRIC_MTU, route.mtu),
        (METRIC_HOPS, route.hop_limit.into()),
    ] {
        if value != 0 {
            metrics.extend_from_slice(&8u16.to_ne_bytes());
            metrics.extend_from_slice(&kind.to_ne_bytes());
            metrics.extend_from_slice(&value.to_ne_bytes());
        }
    }
    if !metrics.is_empty() {
        builder.attribute(rta::METRICS, &metrics);
    }
    if let Some(source) = route.source {
        builder.attribute(rta::PREFSRC, &bytes_of(source));
    }
    if let Some(gateway) = route.gateway {
        builder.attribute(rta::GATEWAY, &bytes_of(gateway));
    }
    if route.interface != 0 {
        builder.number(rta::OIF, route.interface);
    }
    if is_v6 {
        let left = route
            .expires
            .map_or(Duration::ZERO, |end| end.saturating_since(Instant::now()));
        // `struct rta_cacheinfo`: the third number is what is left, in hundredths.
        let hundredths = i32::try_from(left.as_millis() / 10).unwrap_or(i32::MAX);
        let cache = [0, 0, hundredths, 0, 0, 0, 0, 0];
        builder.attribute(rta::CACHEINFO, cache.as_bytes());
        builder.attribute(rta::PREF, &[0]);
    }
    builder
}

/// What listeners get.
pub fn news(of: u16, flags: u16, route: &Route, cause: Cause) -> (u32, Builder) {
    let group = if route.destination.is_v6() {
        group::IPV6_ROUTE
    } else {
        group::IPV4_ROUTE
    };
    let builder = Builder::new(of, flags, cause.sequence, cause.port);
    (group, message(route, builder, 0))
}

/// Linux lists its tables from the local one on, each by rising address.
pub fn dump(request: &Request<'_>, wanted: u16, answers: &mut Answers) {
    let fixed = RtMsg::read_from_prefix(request.body)
        .ok()
        .map(|(fixed, _)| fixed);
    if fixed.is_some_and(|fixed| fixed.flags & CLONED != 0) {
        // Answers are not kept.
        return;
    }
    let table = link::table();
    let mut routes: Vec<&Arc<Route>> = table.routes().iter().collect();
    sync::order::sort_by_key(&mut routes, |route| {
        let destination = route.destination;
        let rank = core::cmp::Reverse(route.table);
        (
            destination.is_v6(),
            rank,
            destination.address(),
            destination.len(),
        )
    });
    for route in routes {
        if covers(wanted, family_of(route.destination.address())) {
            answers.push(message(route, request.answer(rtm::NEWROUTE), 0));
        }
    }
}

/// What a message says of a route.
struct Said {
    route: Route,
    kind: u8,
    scope: u8,
    oif: u32,
}

fn read(request: &Request<'_>) -> Result<Said> {
    let (fixed, _) = RtMsg::read_from_prefix(request.body).map_err(|_| Errno::EINVAL)?;
    let found: [_; rta::END] = parse(request.body, FIXED)?;
    let family = u16::from(fixed.family);
    if family != AF_INET && family != AF_INET6 {
        return Err(Errno::EOPNOTSUPP);
    }
    for unknown in [rta::MULTIPATH, rta::VIA, rta::ENCAP] {
        if of(&found, unknown).is_some() {
            return Err(Errno::EOPNOTSUPP);
        }
    }
    let read = |kind| {
        of(&found, kind)
            .map(|data| address_of(family, data))
            .transpose()
    };
    let everything = Prefix::all(family == AF_INET6).address();
    let destination = read(rta::DST)?.unwrap_or(everything);
    if fixed.destination_len > width(destination) || fixed.source_len > 0 {
        return Err(Errno::EINVAL);
    }
    let network = Prefix::new(destination, fixed.destination_len);
    if network.address() != destination && family == AF_INET {
        return Err(Errno::EINVAL);
    }
    let oif = number_of(&found, rta::OIF)?.unwrap_or(0);
    let mut route = Route::new(network, oif);
    route.table = match number_of(&found, rta::TABLE)?.unwrap_or(u32::from(fixed.table)) {
        table_id::UNSPEC => table_id::MAIN,
        table => table,
    };
    route.origin = fixed.origin;
    route.tos = fixed.tos;
    route.kind = if fixed.kind == kind::UNSPEC {
        kind::UNICAST
    } else {
        fixed.kind
    };
    route.scope = if family == AF_INET6 {
        scope::UNIVERSE
    } else {
        fixed.scope
    };
    route.gateway = read(rta::GATEWAY)?.filter(|gateway| !gateway.is_unspecified());
    route.source = read(rta::PREFSRC)?;
    route.metric = number_of(&found, rta::PRIORITY)?.unwrap_or(0);
    route.on_link = fixed.flags & ONLINK != 0;
    let metrics = of(&found, rta::METRICS).unwrap_or_default();
    let metric = |kind| find(metrics, kind).and_then(number).unwrap_or(0);
    route.mtu = metric(METRIC_MTU);
    // As on Linux, what is more than a byte holds is the most there is.
    route.hop_limit = metric(METRIC_HOPS).min(255) as u8;
    Ok(Said {
        route,
        kind: fixed.kind,
        scope: fixed.scope,
        oif,
    })
}

pub fn add(request: &Request<'_>) -> Result<()> {
    let said = read(request)?;
    let how = How::from_bits_truncate(request.header.flags);
    link::change(request.cause(), |table| table.add_route(said.route, how))
}

pub fn remove(request: &Request<'_>) -> Result<()> {
    let said = read(request)?;
    let route = said.route;
    let pattern = Pattern {
        destination: route.destination,
        table: route.table,
        kind: said.kind,
        scope: (said.scope != scope::NOWHERE && !route.destination.is_v6()).then_some(said.scope),
        origin: route.origin,
        metric: route.metric,
        gateway: route.gateway,
        interface: said.oif,
        source: route.source,
        tos: route.tos,
    };
    link::change(request.cause(), |table| table.remove_route(&pattern))
}

/// The way to one address.
pub fn get(request: &Request<'_>, answers: &mut Answers) -> Result<()> {
    let (fixed, _) = RtMsg::read_from_prefix(request.body).map_err(|_| Errno::EINVAL)?;
    let found: [_; rta::END] = parse(request.body, FIXED)?;
    let family = u16::from(fixed.family);
    let asked: IpAddr = match of(&found, rta::DST) {
        Some(data) => address_of(family, data)?,
        None if family == AF_INET || family == AF_INET6 => {
            Prefix::all(family == AF_INET6).address()
        }
        None => return Err(Errno::EOPNOTSUPP),
    };
    let oif = number_of(&found, rta::OIF)?.unwrap_or(0);
    let way = link::table().lookup(asked, oif)?;
    let mut route = Route::new(Prefix::host(asked), way.interface.index);
    route.kind = way.kind;
    route.origin = 0;
    route.scope = scope::UNIVERSE;
    route.gateway = way.gateway;
    route.source = Some(way.source).filter(|source| !source.is_unspecified());
    if way.is_local() {
        // What is for this machine goes through the loopback.
        route.interface = 1;
    }
    answers.push(message(&route, request.answer(rtm::NEWROUTE), CLONED));
    Ok(())
}
