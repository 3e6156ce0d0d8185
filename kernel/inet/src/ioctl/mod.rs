//! The ioctls of sockets that ask for interfaces, addresses, routes and neighbours (`man 7 netdevice`).
//!
//! Those of interfaces work on sockets of every family; those of IPv4 addresses, routes and neighbours on IPv4 and
//! packet sockets, those of IPv6 on IPv6 sockets.

mod address;
mod arp;
mod device;
mod ethtool;
mod inet6;
mod list;
mod route;

pub use arp::flags_of as neighbour_flags;

use abi::net::{IfReq, sioc};
use abi::socket::family::{AF_INET, AF_INET6, AF_PACKET};
use abi::{Errno, Result};
use alloc::string::String;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Capability;
use vfs::Caller;

/// Does an ioctl of a socket of `family`.
///
/// # Errors
/// `ENOTTY`: no socket knows it. `EFAULT`; `EPERM` without `CAP_NET_ADMIN` for those that change something; `ENODEV`:
/// no such interface; and what `man 7 netdevice` tells.
pub fn control(family: u16, command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    match family {
        AF_INET | AF_PACKET => match command {
            sioc::ADDRT | sioc::DELRT => return route::change(command, arg, caller),
            sioc::DARP | sioc::GARP | sioc::SARP => return arp::control(command, arg, caller),
            sioc::GIFADDR
            | sioc::SIFADDR
            | sioc::GIFDSTADDR
            | sioc::SIFDSTADDR
            | sioc::GIFBRDADDR
            | sioc::SIFBRDADDR
            | sioc::GIFNETMASK
            | sioc::SIFNETMASK
            | sioc::SIFFLAGS => return address::control(command, arg, caller),
            _ => {}
        },
        AF_INET6 => match command {
            sioc::ADDRT | sioc::DELRT => return inet6::route(command, arg, caller),
            sioc::SIFADDR | sioc::DIFADDR => return inet6::address(command, arg, caller),
            _ => {}
        },
        _ => {}
    }
    match command {
        sioc::GIFCONF => list::control(arg),
        sioc::GIFNAME => device::name(arg),
        sioc::ETHTOOL => ethtool::control(arg, caller),
        _ => device::control(command, arg, caller),
    }
}

fn read(arg: UserAddr) -> Result<(IfReq, String)> {
    let request = UserPtr::<IfReq>::new(arg).read()?;
    let name = text(&request.name);
    Ok((request, name))
}

/// The name in a fixed field, whose last byte is its end.
fn text(name: &[u8]) -> String {
    let name = name.split_last().map_or(name, |(_, name)| name);
    let end = name.iter().position(|byte| *byte == 0);
    let name = name.get(..end.unwrap_or(name.len())).unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

/// A name without its alias (`eth0:1` is `eth0`).
fn plain(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

fn admin(caller: &dyn Caller) -> Result<()> {
    if caller.cred().has(Capability::NET_ADMIN) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// Puts bytes at the start of a request's data; the rest is zero.
fn fill(request: &mut IfReq, bytes: &[u8]) {
    request.data = [0; 24];
    for (to, from) in request.data.iter_mut().zip(bytes) {
        *to = *from;
    }
}

/// A number at the start of a request's data.
fn int(request: &IfReq) -> i32 {
    request
        .data
        .first_chunk()
        .map_or(0, |b| i32::from_ne_bytes(*b))
}
