//! What `bind` checks before it looks at ports, in Linux's order.

use super::inet_sock::InetSock;
use super::ip_options::IpFlags;
use super::{ports, route};
use abi::socket::family::AF_UNSPEC;
use abi::{Errno, Result};
use core::net::IpAddr;
use core::sync::atomic::Ordering::Relaxed;
use net::address::{Endpoint, Family, family_of};
use sync::Capability;
use vfs::Caller;

/// The address a program wants to have.
///
/// # Errors
/// `EINVAL`, `EAFNOSUPPORT`: not an address. `EADDRNOTAVAIL`: not one of this machine. `EACCES`: a privileged port.
pub fn check(
    core: &InetSock,
    caller: &dyn Caller,
    address: &[u8],
    stream: bool,
) -> Result<Endpoint> {
    let mut end = match core.family {
        Family::V4 => parse_v4(address)?,
        Family::V6 => Endpoint::parse(Family::V6, address)?,
    };
    let denied = end.port != 0
        && u32::from(end.port) < ports::UNPRIVILEGED.load(Relaxed)
        && !caller.cred().has(Capability::NET_BIND_SERVICE);
    let multicast = end.addr.is_multicast();
    if core.family == Family::V6 {
        if multicast && stream {
            return Err(Errno::EINVAL);
        }
        if denied {
            return Err(Errno::EACCES);
        }
    }
    let only = core.ip.flags().contains(IpFlags::V6ONLY);
    match end.addr {
        IpAddr::V4(_) if core.family == Family::V6 && only => return Err(Errno::EINVAL),
        IpAddr::V6(addr) if addr.is_unicast_link_local() => {
            let device = core.device();
            if end.scope == 0 {
                end.scope = device;
            }
            if end.scope == 0 {
                return Err(Errno::EINVAL);
            }
        }
        _ => {}
    }
    let foreign = IpFlags::FREEBIND | IpFlags::TRANSPARENT;
    let free = core.ip.flags().intersects(foreign);
    let known = end.addr.is_unspecified()
        || free
        || route::is_local(end.addr)
        || multicast
        || route::is_broadcast(end.addr);
    if !known {
        return Err(Errno::EADDRNOTAVAIL);
    }
    if denied {
        return Err(Errno::EACCES);
    }
    Ok(end)
}

/// An address of no family is taken for AF_INET when it is any: what old programs write.
fn parse_v4(address: &[u8]) -> Result<Endpoint> {
    if address.len() >= net::address::SOCKADDR_IN && family_of(address) == Some(AF_UNSPEC) {
        let mut bytes = [0; net::address::SOCKADDR_IN];
        bytes
            .iter_mut()
            .zip(address)
            .for_each(|(to, from)| *to = *from);
        let [low, high, ..] = &mut bytes;
        [*low, *high] = Family::V4.number().to_ne_bytes();
        let end = Endpoint::parse(Family::V4, &bytes)?;
        return if end.is_any() {
            Ok(end)
        } else {
            Err(Errno::EAFNOSUPPORT)
        };
    }
    Endpoint::parse(Family::V4, address)
}
