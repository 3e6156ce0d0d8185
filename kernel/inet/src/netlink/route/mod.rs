//! `NETLINK_ROUTE` (`man 7 rtnetlink`).

mod addr;
mod link;
mod neigh;
#[path = "route.rs"]
mod routes;
mod rule;

use super::message::{Builder, attributes};
use super::{Answers, Protocol, Request, multicast, table};
use crate::link::events::{Cause, Change};
use abi::socket::family::{AF_INET, AF_INET6, AF_UNSPEC};
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Types of messages.
#[allow(missing_docs, reason = "the names are those of man 7 rtnetlink")]
mod rtm {
    pub const NEWLINK: u16 = 16;
    pub const GETLINK: u16 = 18;
    pub const SETLINK: u16 = 19;
    pub const NEWADDR: u16 = 20;
    pub const DELADDR: u16 = 21;
    pub const GETADDR: u16 = 22;
    pub const NEWROUTE: u16 = 24;
    pub const DELROUTE: u16 = 25;
    pub const GETROUTE: u16 = 26;
    pub const NEWNEIGH: u16 = 28;
    pub const DELNEIGH: u16 = 29;
    pub const GETNEIGH: u16 = 30;
    pub const NEWRULE: u16 = 32;
    pub const GETRULE: u16 = 34;
    /// The last one Linux 6.12 knows.
    pub const MAX: u16 = 123;
}

/// Groups of listeners (`RTNLGRP_*`).
mod group {
    pub const LINK: u32 = 1;
    pub const NEIGH: u32 = 3;
    pub const IPV4_ADDR: u32 = 5;
    pub const IPV4_ROUTE: u32 = 7;
    pub const IPV6_ADDR: u32 = 9;
    pub const IPV6_ROUTE: u32 = 11;
}

/// Whether a message asks.
pub(super) fn is_get(kind: u16) -> bool {
    kind & 3 == 2
}

/// Answers a request.
///
/// # Errors
/// `EOPNOTSUPP`: no such message. `EPERM` without `CAP_NET_ADMIN` for those that change something. What the message
/// itself says.
pub(super) fn serve(request: &Request<'_>, answers: &mut Answers) -> Result<()> {
    let kind = request.header.kind;
    if kind > rtm::MAX {
        return Err(Errno::EOPNOTSUPP);
    }
    let Some(family) = request.body.first().copied() else {
        return Ok(());
    };
    if !is_get(kind) && !request.is_admin {
        return Err(Errno::EPERM);
    }
    if is_get(kind) && request.is_dump() {
        dump(request, u16::from(family), answers)?;
        answers.end_dump(request);
        return Ok(());
    }
    match kind {
        rtm::GETLINK => link::get(request, answers),
        rtm::NEWLINK | rtm::SETLINK => link::set(request),
        rtm::NEWADDR => addr::add(request),
        rtm::DELADDR => addr::remove(request),
        rtm::NEWROUTE => routes::add(request),
        rtm::DELROUTE => routes::remove(request),
        rtm::GETROUTE => routes::get(request, answers),
        rtm::NEWNEIGH => neigh::add(request),
        rtm::DELNEIGH => neigh::remove(request),
        rtm::GETNEIGH => neigh::get(request, answers),
        _ => Err(Errno::EOPNOTSUPP),
    }
}

fn dump(request: &Request<'_>, family: u16, answers: &mut Answers) -> Result<()> {
    match request.header.kind {
        rtm::GETLINK => link::dump(request, answers),
        rtm::GETADDR => addr::dump(request, family, answers),
        rtm::GETROUTE => routes::dump(request, family, answers),
        rtm::GETNEIGH => neigh::dump(request, family, answers),
        rtm::GETRULE => rule::dump(request, family, answers),
        _ => return Err(Errno::EOPNOTSUPP),
    }
    Ok(())
}

/// Tells listeners what changed.
pub fn follow(changes: &[Change], cause: Cause) {
    for change in changes {
        let (group, bytes) = match change {
            Change::Link(interface, changed) => {
                let told = link::message(interface, *changed, Builder::new(rtm::NEWLINK, 0, 0, 0));
                (group::LINK, told)
            }
            Change::AddressAdded(index, address) => {
                addr::news(rtm::NEWADDR, *index, address, cause)
            }
            Change::AddressRemoved(index, address) => {
                addr::news(rtm::DELADDR, *index, address, cause)
            }
            Change::RouteAdded(route) => routes::news(rtm::NEWROUTE, 0, route, cause),
            Change::RouteReplaced(route) => {
                routes::news(rtm::NEWROUTE, super::flag::REPLACE, route, cause)
            }
            Change::RouteRemoved(route) => routes::news(rtm::DELROUTE, 0, route, cause),
            Change::Neighbour(one) => (
                group::NEIGH,
                neigh::message(
                    one,
                    Builder::new(rtm::NEWNEIGH, 0, cause.sequence, cause.port),
                ),
            ),
            Change::NeighbourRemoved(one) => (
                group::NEIGH,
                neigh::message(
                    one,
                    Builder::new(rtm::DELNEIGH, 0, cause.sequence, cause.port),
                ),
            ),
        };
        if table::has_listeners(Protocol::Route, group) {
            multicast(Protocol::Route, group, &bytes.finish());
        }
        if let Change::Link(interface, changed) = change
            && *changed == u32::MAX
        {
            announce(interface);
        }
    }
}

/// Tells of a new interface as of a device.
fn announce(interface: &crate::link::Interface) {
    let above = interface.device().and_then(|card| card.place());
    let place = alloc::format!(
        "{}/net/{}",
        above.unwrap_or("devices/virtual"),
        interface.name
    );
    let more = alloc::format!(
        "INTERFACE={}\nIFINDEX={}\n",
        interface.name,
        interface.index
    );
    super::uevent::send("add", &place, "net", &more);
}

/// The family of an address.
fn family_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => AF_INET as u8,
        IpAddr::V6(_) => AF_INET6 as u8,
    }
}

/// The bytes of an address.
fn bytes_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// An address of a family from an attribute.
fn address_of(family: u16, data: &[u8]) -> Result<IpAddr> {
    let address = match family {
        AF_INET => data.first_chunk::<4>().map(|b| Ipv4Addr::from(*b).into()),
        AF_INET6 => data.first_chunk::<16>().map(|b| Ipv6Addr::from(*b).into()),
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    address.ok_or(Errno::EINVAL)
}

/// Whether a dump for `wanted` has things of `family`.
fn covers(wanted: u16, family: u8) -> bool {
    wanted == AF_UNSPEC || wanted == u16::from(family)
}

/// The attributes behind a fixed part of `len` bytes, those of `N` types.
fn parse<const N: usize>(body: &[u8], len: usize) -> Result<[Option<&[u8]>; N]> {
    let rest = body.get(len..).ok_or(Errno::EINVAL)?;
    let mut found = [None; N];
    for (kind, data) in attributes(rest) {
        if let Some(slot) = found.get_mut(usize::from(kind)) {
            *slot = Some(data);
        }
    }
    Ok(found)
}

/// An attribute of those found.
fn of<'a, const N: usize>(found: &[Option<&'a [u8]>; N], kind: u16) -> Option<&'a [u8]> {
    found.get(usize::from(kind)).copied().flatten()
}

/// A number of those found; `EINVAL` when it is too short for one.
fn number_of<const N: usize>(found: &[Option<&[u8]>; N], kind: u16) -> Result<Option<u32>> {
    of(found, kind)
        .map(|data| super::message::number(data).ok_or(Errno::EINVAL))
        .transpose()
}
