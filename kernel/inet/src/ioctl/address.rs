//! IPv4 addresses of interfaces, one a label (`devinet_ioctl` in Linux).

use super::{admin, device, fill, plain, read};
use crate::link::events::Cause;
use crate::link::flags::{Ifa, Iff, scope};
use crate::link::prefix::{Prefix, mask_len};
use crate::link::{self, Address, Interface, Table};
use abi::net::{IfReq, SockAddrIn, sioc};
use abi::socket::family::AF_INET;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::net::{IpAddr, Ipv4Addr};
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Instant;
use vfs::Caller;
use zerocopy::{FromBytes, IntoBytes};

/// Asks or changes.
pub fn control(command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    let (mut request, name) = read(arg)?;
    let given = SockAddrIn::read_from_prefix(&request.data)
        .map_or_else(|_| SockAddrIn::default(), |(given, _)| given);
    match command {
        sioc::GIFADDR | sioc::GIFBRDADDR | sioc::GIFDSTADDR | sioc::GIFNETMASK => {
            let interface = link::by_name(plain(&name)).ok_or(Errno::ENODEV)?;
            let own = asked(&interface, &name, &given).ok_or(Errno::EADDRNOTAVAIL)?;
            let shown = SockAddrIn {
                family: AF_INET,
                address: shown(command, own).octets(),
                ..SockAddrIn::default()
            };
            fill_address(&mut request, &shown);
            UserPtr::new(arg).write(&request)
        }
        sioc::SIFFLAGS => {
            admin(caller)?;
            link::change(Cause::default(), |table| {
                let interface = table.by_name(plain(&name)).ok_or(Errno::ENODEV)?.clone();
                set_flags(table, &interface, &name, &request)
            })
        }
        _ => {
            admin(caller)?;
            if given.family != AF_INET {
                return Err(Errno::EINVAL);
            }
            link::change(Cause::default(), |table| {
                let interface = table.by_name(plain(&name)).ok_or(Errno::ENODEV)?.clone();
                set(table, &interface, command, &name, given.address.into())
            })
        }
    }
}

fn fill_address(request: &mut IfReq, address: &SockAddrIn) {
    let rest = request.data;
    fill(request, address.as_bytes());
    for (to, from) in request.data.iter_mut().zip(rest).skip(16) {
        *to = from;
    }
}

/// The address meant: the one of the label that was given, if one was; else the label's first.
fn asked<'a>(interface: &'a Interface, label: &str, given: &SockAddrIn) -> Option<&'a Address> {
    let exact = interface.v4().find(|own| {
        given.family == AF_INET && *own.label == *label && own.local == IpAddr::from(given.address)
    });
    exact.or_else(|| labelled(interface, label))
}

fn labelled<'a>(interface: &'a Interface, label: &str) -> Option<&'a Address> {
    interface.v4().find(|own| *own.label == *label)
}

fn shown(command: u32, own: &Address) -> Ipv4Addr {
    let of = match command {
        sioc::GIFADDR => own.local,
        sioc::GIFDSTADDR => own.peer,
        sioc::GIFBRDADDR => own.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED).into(),
        _ => own.network().mask().into(),
    };
    match of {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// `SIOCSIFFLAGS`; an alias that goes down loses its address.
fn set_flags(
    table: &mut Table,
    interface: &Arc<Interface>,
    name: &str,
    request: &IfReq,
) -> Result<()> {
    if !name.contains(':') {
        return device::set_flags(table, interface.index, request);
    }
    let own = labelled(interface, name).ok_or(Errno::EADDRNOTAVAIL)?;
    let short = request
        .data
        .first_chunk()
        .map_or(0, |b| u16::from_ne_bytes(*b));
    if Iff::from_bits_retain(short.into()).contains(Iff::UP) {
        return Ok(());
    }
    table.remove_address(interface.index, own.local, own.prefix_len)
}

fn set(
    table: &mut Table,
    interface: &Arc<Interface>,
    command: u32,
    label: &str,
    given: Ipv4Addr,
) -> Result<()> {
    let old = labelled(interface, label).cloned();
    if command != sioc::SIFADDR && old.is_none() {
        return Err(Errno::EADDRNOTAVAIL);
    }
    let mut new = match command {
        sioc::SIFADDR => {
            let len = class_len(given).ok_or(Errno::EINVAL)?;
            let mut new = Address::new(given.into(), len, label, Instant::now());
            new.scope = if given.is_loopback() {
                scope::HOST
            } else {
                scope::UNIVERSE
            };
            if interface.set.contains(Iff::BROADCAST) {
                new.broadcast = new.network().broadcast();
            }
            new
        }
        _ => old.clone().ok_or(Errno::EADDRNOTAVAIL)?,
    };
    match command {
        sioc::SIFBRDADDR => new.broadcast = Some(given).filter(|all| !all.is_unspecified()),
        sioc::SIFDSTADDR => {
            class_len(given).ok_or(Errno::EINVAL)?;
            new.peer = given.into();
        }
        sioc::SIFNETMASK => {
            let len = mask_len(given).ok_or(Errno::EINVAL)?;
            let was = Prefix::new(new.local, new.prefix_len).broadcast();
            new.prefix_len = len;
            // One that followed from the old mask follows from the new one.
            if new.broadcast.is_some() && new.broadcast == was {
                new.broadcast = Prefix::new(new.local, len).broadcast();
            }
        }
        _ => {}
    }
    new.flags = Ifa::PERMANENT;
    if let Some(old) = &old {
        let same = old.local == new.local && old.prefix_len == new.prefix_len;
        if same && old.broadcast == new.broadcast && old.peer == new.peer {
            return Ok(());
        }
        table.remove_address(interface.index, old.local, old.prefix_len)?;
    }
    if given.is_unspecified() && command == sioc::SIFADDR {
        return Ok(());
    }
    table.add_address(interface.index, new)
}

/// The length the old classes gave a network; `None` for multicast and reserved addresses.
fn class_len(address: Ipv4Addr) -> Option<u8> {
    match address.octets() {
        [0, 0, 0, 0] | [255, 255, 255, 255] => Some(0),
        [0..=127, ..] => Some(8),
        [128..=191, ..] => Some(16),
        [192..=223, ..] => Some(24),
        [240..=255, ..] => Some(32),
        _ => None,
    }
}
