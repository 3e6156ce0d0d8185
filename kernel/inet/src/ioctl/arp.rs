//! `SIOCSARP`, `SIOCDARP`, `SIOCGARP` (`man 7 arp`).

use super::{admin, text};
use crate::link::events::Cause;
use crate::link::flags::ETHER;
use crate::link::neighbour::{self, state};
use crate::link::{self, Interface};
use abi::net::{ArpReq, atf, sioc};
use abi::socket::family::AF_INET;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::net::IpAddr;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Instant;
use vfs::Caller;

/// Asks, sets or deletes.
pub fn control(command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    if command != sioc::GARP {
        admin(caller)?;
    }
    let user = UserPtr::<ArpReq>::new(arg);
    let mut request = user.read()?;
    if request.protocol.family != AF_INET {
        return Err(Errno::EPFNOSUPPORT);
    }
    if request.flags & atf::PUBL == 0 && request.flags & (atf::NETMASK | atf::DONTPUB) != 0 {
        return Err(Errno::EINVAL);
    }
    if request.flags & atf::PUBL != 0 {
        // Nothing here answers for others.
        return Err(Errno::EOPNOTSUPP);
    }
    let address = IpAddr::from(request.protocol.address);
    let named = text(&request.device);
    let interface = if !named.is_empty() {
        let interface = link::by_name(&named).ok_or(Errno::ENODEV)?;
        if request.hardware.family == 0 {
            request.hardware.family = interface.hardware();
        }
        if request.flags & atf::COM != 0 && request.hardware.family != interface.hardware() {
            return Err(Errno::EINVAL);
        }
        interface
    } else if command == sioc::GARP {
        return Err(Errno::ENODEV);
    } else {
        towards(address)?
    };
    match command {
        sioc::GARP => {
            let found = neighbour::find(interface.index, address).ok_or(Errno::ENXIO)?;
            request.hardware.family = ETHER;
            request.hardware.data = [0; 14];
            for (to, from) in request.hardware.data.iter_mut().zip(found.mac) {
                *to = from;
            }
            request.flags = flags_of(found.state(Instant::now()));
            user.write(&request)
        }
        sioc::SARP => {
            let mac = request.hardware.data.first_chunk().ok_or(Errno::EINVAL)?;
            let permanent = request.flags & atf::PERM != 0;
            neighbour::set(interface.index, address, *mac, permanent, Cause::default());
            Ok(())
        }
        _ => {
            neighbour::remove(interface.index, address, Cause::default()).map_err(|_| Errno::ENXIO)
        }
    }
}

fn towards(address: IpAddr) -> Result<Arc<Interface>> {
    let way = link::route::lookup(address, 0)?;
    if way.is_local() {
        return Err(Errno::EINVAL);
    }
    Ok(way.interface)
}

/// `ATF_*` of a state.
pub fn flags_of(of: u16) -> u32 {
    match of {
        state::PERMANENT => atf::PERM | atf::COM,
        state::FAILED => 0,
        _ => atf::COM,
    }
}
