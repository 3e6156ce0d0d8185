//! `SIOCADDRT` and `SIOCDELRT` for IPv4.

use super::{admin, plain, text};
use crate::link::events::Cause;
use crate::link::flags::{kind, scope};
use crate::link::prefix::{Prefix, mask_len};
use crate::link::route_edit::{How, Pattern, by_hand};
use crate::link::{self, Route, Table};
use abi::net::{IFNAMSIZ, RtEntry, rtf, sioc};
use abi::socket::family::AF_INET;
use abi::{Errno, Result};
use core::net::Ipv4Addr;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use vfs::Caller;

/// Adds or deletes.
pub fn change(command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    admin(caller)?;
    let entry = UserPtr::<RtEntry>::new(arg).read()?;
    let device = if entry.device == 0 {
        None
    } else {
        let mut name = [0; IFNAMSIZ];
        // As Linux reads it: what is there, up to the end of a name.
        let start = UserAddr(entry.device as usize);
        hal::ucopy::read_cstr(start, &mut name).map_err(|_| Errno::EFAULT)?;
        Some(text(&name))
    };
    link::change(Cause::default(), |table| {
        let delete = command == sioc::DELRT;
        let route = parse(table, &entry, device.as_deref(), delete)?;
        if delete {
            return table.remove_route(&Pattern {
                destination: route.destination,
                table: route.table,
                kind: 0,
                scope: None,
                origin: 0,
                metric: route.metric,
                gateway: route.gateway,
                interface: route.interface,
                source: route.source,
                tos: 0,
            });
        }
        table.add_route(route, How::CREATE)
    })
}

fn parse(table: &Table, entry: &RtEntry, device: Option<&str>, delete: bool) -> Result<Route> {
    if entry.destination.family != AF_INET {
        return Err(Errno::EAFNOSUPPORT);
    }
    let destination = Ipv4Addr::from(entry.destination.address);
    let flags = u32::from(entry.flags);
    let mut len = 32;
    if flags & rtf::HOST == 0 {
        let mask = Ipv4Addr::from(entry.mask.address);
        if entry.mask.family != AF_INET && (!mask.is_unspecified() || entry.mask.family != 0) {
            return Err(Errno::EAFNOSUPPORT);
        }
        len = mask_len(mask).ok_or(Errno::EINVAL)?;
        if destination.to_bits() & !mask.to_bits() != 0 {
            return Err(Errno::EINVAL);
        }
    }
    let mut route = by_hand(Prefix::new(destination.into(), len));
    route.scope = scope::LINK;
    if entry.metric > 0 {
        route.metric = u32::from(entry.metric.unsigned_abs()) - 1;
    }
    if flags & rtf::REJECT != 0 {
        route.scope = scope::HOST;
        route.kind = kind::UNREACHABLE;
        return Ok(route);
    }
    if let Some(name) = device {
        let interface = table.by_name(plain(name)).ok_or(Errno::ENODEV)?;
        route.interface = interface.index;
        if name.contains(':') {
            let own = interface.v4().find(|own| *own.label == *name);
            route.source = Some(own.ok_or(Errno::ENODEV)?.local);
        }
    }
    let gateway = Ipv4Addr::from(entry.gateway.address);
    if entry.gateway.family == AF_INET && !gateway.is_unspecified() {
        route.gateway = Some(gateway.into());
        if flags & rtf::GATEWAY != 0 {
            route.scope = scope::UNIVERSE;
        }
    }
    if !delete && flags & rtf::GATEWAY != 0 && route.gateway.is_none() {
        return Err(Errno::EINVAL);
    }
    route.mtu = u32::try_from(entry.mtu).unwrap_or(0);
    Ok(route)
}
