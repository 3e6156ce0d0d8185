//! IPv6 addresses and routes.

use super::admin;
use crate::link::events::Cause;
use crate::link::flags::scope;
use crate::link::prefix::Prefix;
use crate::link::route_edit::{How, Pattern, by_hand};
use crate::link::{self, Address};
use abi::net::{In6IfReq, In6RtMsg, rtf, sioc};
use abi::{Errno, Result};
use core::net::{IpAddr, Ipv6Addr};
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Instant;
use vfs::Caller;

/// `SIOCSIFADDR` and `SIOCDIFADDR`.
pub fn address(command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    admin(caller)?;
    let request = UserPtr::<In6IfReq>::new(arg).read()?;
    let index = u32::try_from(request.interface).map_err(|_| Errno::ENODEV)?;
    let own = IpAddr::from(Ipv6Addr::from(request.address));
    let len = u8::try_from(request.prefix_len).map_err(|_| Errno::EINVAL)?;
    if len > 128 {
        return Err(Errno::EINVAL);
    }
    link::change(Cause::default(), |table| {
        let interface = table.by_index(index).ok_or(Errno::ENODEV)?.clone();
        if command == sioc::DIFADDR {
            return table.remove_address(index, own, len);
        }
        if own.is_multicast() || own.is_unspecified() {
            return Err(Errno::EADDRNOTAVAIL);
        }
        table.add_address(
            index,
            Address::new(own, len, &interface.name, Instant::now()),
        )
    })
}

/// `SIOCADDRT` and `SIOCDELRT`.
pub fn route(command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    admin(caller)?;
    let message = UserPtr::<In6RtMsg>::new(arg).read()?;
    if message.destination_len > 128 || message.source_len > 0 {
        return Err(Errno::EINVAL);
    }
    let destination = Prefix::new(
        Ipv6Addr::from(message.destination).into(),
        message.destination_len as u8,
    );
    let gateway = Ipv6Addr::from(message.gateway);
    let gateway = (message.flags & rtf::GATEWAY != 0).then_some(IpAddr::from(gateway));
    let interface = u32::try_from(message.interface).map_err(|_| Errno::ENODEV)?;
    let mut route = by_hand(destination);
    route.scope = scope::UNIVERSE;
    route.interface = interface;
    route.gateway = gateway;
    route.metric = message.metric;
    link::change(Cause::default(), |table| {
        if command == sioc::ADDRT {
            return table.add_route(route, How::CREATE | How::EXCL);
        }
        table.remove_route(&Pattern {
            destination,
            table: route.table,
            kind: 0,
            scope: None,
            origin: 0,
            metric: message.metric,
            gateway,
            interface,
            source: None,
            tos: 0,
        })
    })
}
