//! Groups, and the options a socket of messages has besides IP's.

use super::sources::{Change, Sources};
use super::{DatagramSocket, Group, ICMP_FILTER, Kind, SOL_ICMPV6, SOL_RAW, SOL_UDP, UDP_CORK};
use crate::inet::address::{Endpoint, Family};
use crate::inet::ip_options::{SOL_IP, SOL_IPV6, ip, ipv6};
use crate::inet::{groups, route};
use abi::{Errno, Result};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vfs::Caller;
use zerocopy::{FromBytes, IntoBytes};

/// Memberships one socket may have (`net.ipv4.igmp_max_memberships`).
const MOST: usize = 20;

impl DatagramSocket {
    pub(super) fn set_level(
        &self,
        level: i32,
        name: i32,
        value: &[u8],
        caller: &dyn Caller,
    ) -> Result<()> {
        match (level, name) {
            (SOL_IPV6, _) if self.core.family == Family::V4 => Err(Errno::ENOPROTOOPT),
            (SOL_IP, _) if self.core.family == Family::V6 && matches!(self.kind, Kind::Raw(_)) => {
                Err(Errno::ENOPROTOOPT)
            }
            (SOL_IPV6, ipv6::V6ONLY) if !self.has_ports() || self.link.lock().local.port != 0 => {
                Err(Errno::EINVAL)
            }
            (SOL_IP, ip::HDRINCL) if !matches!(self.kind, Kind::Raw(_)) => Err(Errno::ENOPROTOOPT),
            (SOL_IP, ip::ADD_MEMBERSHIP) => self.join(v4_request(value)?),
            (SOL_IP, ip::DROP_MEMBERSHIP) => self.leave(v4_request(value)?),
            (SOL_IP, ip::MULTICAST_IF) => self.set_v4_interface(value),
            (SOL_IPV6, ipv6::MULTICAST_IF) => {
                let index = i32::read_from_prefix(value).map_err(|_| Errno::EINVAL)?.0;
                let index = u32::try_from(index).map_err(|_| Errno::ENODEV)?;
                if index != 0 && route::name_of(index).is_none() {
                    return Err(Errno::ENODEV);
                }
                self.core.ip.set_multicast_interface(Family::V6, index, 0);
                Ok(())
            }
            (SOL_IPV6, ipv6::JOIN_GROUP) => self.join(v6_request(value)?),
            (SOL_IPV6, ipv6::LEAVE_GROUP) => self.leave(v6_request(value)?),
            (SOL_IP | SOL_IPV6, ip::MCAST_JOIN_GROUP) => self.join(any_request(level, value)?),
            (SOL_IP | SOL_IPV6, ip::MCAST_LEAVE_GROUP) => self.leave(any_request(level, value)?),
            (SOL_IP | SOL_IPV6, _) => match Change::named(level, name) {
                Some(change) => self.change_sources(level, name, value, change),
                None => self.core.ip.set(level, name, value, caller.cred(), false),
            },
            (SOL_UDP, UDP_CORK) if self.kind == Kind::Udp => {
                let on = i32::read_from_prefix(value).map_err(|_| Errno::EINVAL)?.0 != 0;
                self.link.lock().cork = on;
                if on { Ok(()) } else { self.uncork() }
            }
            // UDP looks at the value before the name.
            (SOL_UDP, _) if self.kind == Kind::Udp && value.len() < size_of::<i32>() => {
                Err(Errno::EINVAL)
            }
            (SOL_RAW, ICMP_FILTER) if self.kind == Kind::Raw(1) => {
                self.set_filter(value.get(..4).unwrap_or(value));
                Ok(())
            }
            (SOL_ICMPV6, ICMP_FILTER) if self.kind == Kind::Raw(58) => {
                self.set_filter(value.get(..32).unwrap_or(value));
                Ok(())
            }
            // Where the kernel finds the checksum of ICMPv6 it knows itself.
            (SOL_RAW | SOL_ICMPV6, _) => Err(Errno::ENOPROTOOPT),
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    /// As much of the filter of ICMP as is given; the rest stays.
    fn set_filter(&self, value: &[u8]) {
        let mut link = self.link.lock();
        for (to, from) in link.filter.as_mut_bytes().iter_mut().zip(value) {
            *to = *from;
        }
    }

    fn set_v4_interface(&self, value: &[u8]) -> Result<()> {
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

    fn join(&self, request: Request) -> Result<()> {
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
            IpAddr::V4(_) => crate::inet::ip_options::IpFlags::MULTICAST_ALL,
            IpAddr::V6(_) => crate::inet::ip_options::IpFlags::V6_MULTICAST_ALL,
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
fn v4_request(value: &[u8]) -> Result<Request> {
    let ([addr, own], rest) = <[u32; 2]>::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    let device = u32::read_from_prefix(rest).map_or(0, |(index, _)| index);
    Ok(Request {
        addr: IpAddr::V4(Ipv4Addr::from(addr.to_ne_bytes())),
        own: Some(Ipv4Addr::from(own.to_ne_bytes())),
        device,
    })
}

/// `struct ipv6_mreq`
fn v6_request(value: &[u8]) -> Result<Request> {
    let (addr, rest) = <[u8; 16]>::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    let device = u32::read_from_prefix(rest).map_err(|_| Errno::EINVAL)?.0;
    Ok(Request {
        addr: IpAddr::V6(Ipv6Addr::from(addr)),
        own: None,
        device,
    })
}

/// `struct group_req`
fn any_request(level: i32, value: &[u8]) -> Result<Request> {
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
