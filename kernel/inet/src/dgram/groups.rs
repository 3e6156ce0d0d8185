//! Groups: joining and leaving, and who hears what comes to one.

use super::sources::Sources;
use super::{DatagramSocket, Group};
use crate::ip_options::SOL_IP;
use crate::{groups, route};
use abi::{Errno, Result};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use net::address::{Endpoint, Family};
use zerocopy::FromBytes;

/// Memberships one socket may have (`net.ipv4.igmp_max_memberships`).
const MOST: usize = 20;

impl DatagramSocket {
    pub(super) fn set_v4_interface(&self, value: &[u8]) -> Result<()> {
        let (addr, index) = match value.len() {
            12.. => {
                let [_, addr, index] = <[u32; 3]>::read_from_prefix(value)
                    .map_err(|_| Errno::EINVAL)?
                    .0;
                (addr, index)
            }
            8.. => {
                let [_, addr] = <[u32; 2]>::read_from_prefix(value)
                    .map_err(|_| Errno::EINVAL)?
                    .0;
                (addr, 0)
            }
            _ => (
                u32::read_from_prefix(value).map_err(|_| Errno::EINVAL)?.0,
                0,
            ),
        };
        let own = Ipv4Addr::from(addr.to_ne_bytes());
        let index = if index != 0 {
            route::name_of(index)
                .map(|_| index)
                .ok_or(Errno::EADDRNOTAVAIL)?
        } else if own.is_unspecified() {
            0
        } else {
            route::interface_of(IpAddr::V4(own)).ok_or(Errno::EADDRNOTAVAIL)?
        };
        self.core
            .ip
            .set_multicast_interface(Family::V4, index, addr);
        Ok(())
    }

    pub(super) fn find_device(request: &Request) -> Result<u32> {
        if request.device != 0 {
            return route::name_of(request.device)
                .map(|_| request.device)
                .ok_or(Errno::ENODEV);
        }
        if let Some(own) = request.own.filter(|own| !own.is_unspecified()) {
            return route::interface_of(IpAddr::V4(own)).ok_or(Errno::ENODEV);
        }
        route::device_to(request.addr).ok_or(Errno::ENODEV)
    }

    pub(super) fn join(&self, request: Request) -> Result<()> {
        self.join_with(&request, Sources::all())
    }

    /// Becomes a member, and hears these senders.
    pub(super) fn join_with(&self, request: &Request, sources: Sources) -> Result<()> {
        if !request.addr.is_multicast() {
            return Err(Errno::EINVAL);
        }
        let group = Group {
            addr: request.addr,
            device: Self::find_device(request)?,
            sources,
        };
        let (addr, device) = (group.addr, group.device);
        {
            let mut link = self.link.lock();
            if link.groups.iter().any(|own| own.is(addr, device)) {
                return Err(Errno::EADDRINUSE);
            }
            if link.groups.len() >= MOST {
                return Err(Errno::ENOBUFS);
            }
            link.groups.push(group);
        }
        groups::join(addr, device);
        Ok(())
    }

    pub(super) fn leave(&self, request: Request) -> Result<()> {
        if request.addr.is_ipv6() && !request.addr.is_multicast() {
            return Err(Errno::EINVAL);
        }
        let device = Self::find_device(&request);
        let group = {
            let mut link = self.link.lock();
            let found = link
                .groups
                .iter()
                .position(|own| device.is_ok_and(|device| own.is(request.addr, device)));
            match found {
                Some(index) => link.groups.swap_remove(index),
                None => {
                    return Err(if device.is_err() {
                        Errno::ENODEV
                    } else {
                        Errno::EADDRNOTAVAIL
                    });
                }
            }
        };
        group.forget_named();
        groups::leave(group.addr, group.device);
        Ok(())
    }

    /// Whether a message of `from` to a group is for this socket.
    pub(super) fn takes_group(&self, addr: IpAddr, from: IpAddr, device: u32) -> bool {
        let link = self.link.lock();
        let own = link
            .groups
            .iter()
            .find(|own| own.addr == addr && (own.device == device || device == 0));
        if let Some(own) = own {
            return own.sources.take(from);
        }
        drop(link);
        // Who joined nothing here hears what others of the machine joined (`IP_MULTICAST_ALL`).
        let all = match addr {
            IpAddr::V4(_) => crate::ip_options::IpFlags::MULTICAST_ALL,
            IpAddr::V6(_) => crate::ip_options::IpFlags::V6_MULTICAST_ALL,
        };
        self.core.ip.flags().contains(all)
    }
}

/// Which group, and on which interface.
pub(super) struct Request {
    pub addr: IpAddr,
    pub own: Option<Ipv4Addr>,
    pub device: u32,
}

/// `struct ip_mreq`, `struct ip_mreqn`
pub(super) fn v4_request(value: &[u8]) -> Result<Request> {
    let ([addr, own], rest) = <[u32; 2]>::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    let device = u32::read_from_prefix(rest).map_or(0, |(index, _)| index);
    Ok(Request {
        addr: IpAddr::V4(Ipv4Addr::from(addr.to_ne_bytes())),
        own: Some(Ipv4Addr::from(own.to_ne_bytes())),
        device,
    })
}

/// `struct ipv6_mreq`
pub(super) fn v6_request(value: &[u8]) -> Result<Request> {
    let (addr, rest) = <[u8; 16]>::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    let device = u32::read_from_prefix(rest).map_err(|_| Errno::EINVAL)?.0;
    Ok(Request {
        addr: IpAddr::V6(Ipv6Addr::from(addr)),
        own: None,
        device,
    })
}

/// `struct group_req`
pub(super) fn any_request(level: i32, value: &[u8]) -> Result<Request> {
    /// Bytes of `struct group_req`.
    const SIZE: usize = 136;
    if value.len() < SIZE {
        return Err(Errno::EINVAL);
    }
    let device = u32::read_from_prefix(value).map_err(|_| Errno::EINVAL)?.0;
    let family = if level == SOL_IP {
        Family::V4
    } else {
        Family::V6
    };
    let group = value.get(8..).ok_or(Errno::EINVAL)?;
    let end = Endpoint::parse(family, group).map_err(|_| Errno::EINVAL)?;
    Ok(Request {
        addr: end.addr,
        own: None,
        device,
    })
}
