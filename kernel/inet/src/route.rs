//! Where an address leads, as far as sockets care.

use crate::link;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

/// The index of the loopback interface.
pub const LOOPBACK: u32 = 1;

/// Whether an address is one of this machine's.
#[must_use]
pub fn is_local(addr: IpAddr) -> bool {
    match addr {
        // All of 127.0.0.0/8 is this machine, but for the address of everybody there.
        IpAddr::V4(v4) if v4.is_loopback() => v4.octets() != [127, 255, 255, 255],
        _ => link::is_local(addr),
    }
}

/// Whether an address is everybody's on some network.
#[must_use]
pub fn is_broadcast(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => {
            v4.is_broadcast() || v4.octets() == [127, 255, 255, 255] || link::is_broadcast(addr)
        }
        IpAddr::V6(_) => false,
    }
}

/// The address of this machine that speaks to `to`, by this interface or (0) any.
///
/// # Errors
/// `ENETUNREACH` and others of the table of routes: nothing leads there.
pub fn source(to: IpAddr, device: u32) -> Result<IpAddr> {
    if is_local(to) {
        return Ok(to);
    }
    let way = link::route::lookup(to, device)?;
    if way.source.is_unspecified() && to.is_ipv6() {
        return Err(Errno::EADDRNOTAVAIL);
    }
    Ok(way.source)
}

/// As [`source`], for messages, which may go to groups and to everybody.
///
/// # Errors
/// As [`source`].
pub fn source_for(to: IpAddr, device: u32) -> Result<IpAddr> {
    match source(to, device) {
        Ok(source) => Ok(source),
        Err(_) if device != 0 && (to.is_multicast() || is_broadcast(to)) => {
            let first = first_address(device).map(IpAddr::V4);
            Ok(first.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
        }
        Err(error) => Err(error),
    }
}

/// The index of an interface's name.
#[must_use]
pub fn index_of(name: &[u8]) -> Option<u32> {
    let name = core::str::from_utf8(name).ok()?;
    link::by_name(name).map(|interface| interface.index)
}

/// The name of an interface.
#[must_use]
pub fn name_of(index: u32) -> Option<Vec<u8>> {
    link::by_index(index).map(|interface| interface.name.as_bytes().to_vec())
}

/// The first IPv4 address of an interface.
#[must_use]
pub fn first_address(index: u32) -> Option<Ipv4Addr> {
    link::by_index(index).and_then(|interface| interface.first_v4())
}

/// The interface that has an address.
#[must_use]
pub fn interface_of(addr: IpAddr) -> Option<u32> {
    link::interfaces()
        .iter()
        .find(|interface| interface.has(addr))
        .map(|interface| interface.index)
}

/// The interface packets to an address leave by.
#[must_use]
pub fn device_to(addr: IpAddr) -> Option<u32> {
    link::route::lookup(addr, 0)
        .ok()
        .map(|way| way.interface.index)
}

/// The longest packet that goes to `addr` in one piece.
#[must_use]
pub fn mtu(addr: IpAddr, device: u32) -> Option<i32> {
    let mtu = if is_local(addr) {
        link::by_index(LOOPBACK)?.mtu
    } else {
        link::route::lookup(addr, device).ok()?.mtu
    };
    // No packet of IPv4 is longer than its length can say.
    let most = if addr.is_ipv4() { 0xffff } else { u32::MAX };
    i32::try_from(mtu.min(most)).ok()
}
