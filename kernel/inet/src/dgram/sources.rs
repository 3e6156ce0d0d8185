//! Which senders a member of a group hears (`man 7 ip`, `IP_ADD_SOURCE_MEMBERSHIP` and its kin).

use super::DatagramSocket;
use super::groups::Request;
use crate::group_sources;
use crate::ip_options::{SOL_IP, SOL_IPV6, ip};
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use net::address::{Endpoint, Family};
use zerocopy::FromBytes;

/// A group a socket is a member of.
#[derive(Clone, Debug)]
pub struct Group {
    pub addr: IpAddr,
    pub device: u32,
    /// Whom it hears.
    pub sources: Sources,
}

impl Group {
    pub fn is(&self, addr: IpAddr, device: u32) -> bool {
        self.addr == addr && self.device == device
    }

    /// What it names counts no more for its interface.
    pub fn forget_named(&self) {
        let (only, named) = (self.sources.only, &self.sources.named);
        group_sources::forget(self.device, self.addr, only, named);
    }

    /// Hears others.
    ///
    /// # Errors
    /// `ENOBUFS`: it hears whom it heard.
    pub fn exchange(&mut self, sources: Sources) -> Result<()> {
        group_sources::name(self.device, self.addr, sources.only, &sources.named)?;
        self.forget_named();
        self.sources = sources;
        Ok(())
    }
}

/// Senders one membership may name (`net.ipv4.igmp_max_msf`, `net.ipv6.mld_max_msf`).
const MOST_V4: usize = 10;
const MOST_V6: usize = 64;

/// Senders one membership of a family may name.
pub(super) fn most(v4: bool) -> usize {
    if v4 { MOST_V4 } else { MOST_V6 }
}

/// Bytes of `struct sockaddr_storage`.
pub(super) const STORAGE: usize = 128;

/// Everybody but some, or only some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources {
    only: bool,
    /// There was a list once, so its kind stays.
    fixed: bool,
    named: Vec<IpAddr>,
}

impl Sources {
    /// Everybody.
    pub fn all() -> Self {
        Self {
            only: false,
            fixed: false,
            named: Vec::new(),
        }
    }

    fn nobody() -> Self {
        Self {
            only: true,
            fixed: false,
            named: Vec::new(),
        }
    }

    /// Only these, or all but these.
    pub fn listed(only: bool, named: Vec<IpAddr>) -> Self {
        Self {
            only,
            fixed: !named.is_empty(),
            named,
        }
    }

    /// Whether it is only those it names, and which.
    pub fn list(&self) -> (bool, Vec<IpAddr>) {
        (self.only, self.named.clone())
    }

    /// Whether a sender is heard.
    pub fn take(&self, from: IpAddr) -> bool {
        self.named.contains(&from) == self.only
    }
}

/// One sender more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Of those that are heard, not of those that are not.
    only: bool,
    adds: bool,
}

impl Change {
    /// What an option asks for, if it is one of these.
    pub fn named(level: i32, name: i32) -> Option<Self> {
        let (only, adds) = match (level, name) {
            (SOL_IP, ip::BLOCK_SOURCE) | (SOL_IP | SOL_IPV6, ip::MCAST_BLOCK_SOURCE) => {
                (false, true)
            }
            (SOL_IP, ip::UNBLOCK_SOURCE) | (SOL_IP | SOL_IPV6, ip::MCAST_UNBLOCK_SOURCE) => {
                (false, false)
            }
            (SOL_IP, ip::ADD_SOURCE_MEMBERSHIP)
            | (SOL_IP | SOL_IPV6, ip::MCAST_JOIN_SOURCE_GROUP) => (true, true),
            (SOL_IP, ip::DROP_SOURCE_MEMBERSHIP)
            | (SOL_IP | SOL_IPV6, ip::MCAST_LEAVE_SOURCE_GROUP) => (true, false),
            _ => return None,
        };
        Some(Self { only, adds })
    }
}

impl DatagramSocket {
    pub(super) fn change_sources(
        &self,
        level: i32,
        name: i32,
        value: &[u8],
        change: Change,
    ) -> Result<()> {
        let (request, source) = if name < ip::MCAST_JOIN_GROUP {
            v4_source_request(value)?
        } else {
            any_source_request(level, value)?
        };
        if change.only && change.adds {
            match self.join_with(&request, Sources::nobody()) {
                Ok(()) | Err(Errno::EADDRINUSE) => {}
                Err(error) => return Err(error),
            }
        }
        if !request.addr.is_multicast() {
            return Err(Errno::EINVAL);
        }
        let device = Self::find_device(&request)?;
        if self.change_source(request.addr, device, source, change)? {
            return Ok(());
        }
        // To hear nobody is to leave.
        self.leave(Request { device, ..request })
    }

    /// Changes the list; `false` when nobody would be heard any more.
    fn change_source(
        &self,
        group: IpAddr,
        device: u32,
        source: IpAddr,
        change: Change,
    ) -> Result<bool> {
        let mut link = self.link.lock();
        let own = link.groups.iter_mut().find(|own| own.is(group, device));
        let own = own.ok_or(Errno::EINVAL)?;
        let mut sources = own.sources.clone();
        let result = sources.change(source, change, group.is_ipv4());
        own.exchange(sources)?;
        result
    }
}

impl Sources {
    /// Names a sender more or less; `false`, and nothing changed, when nobody would be heard any more.
    fn change(&mut self, source: IpAddr, change: Change, v4: bool) -> Result<bool> {
        let sources = self;
        if sources.only != change.only {
            if sources.fixed {
                return Err(Errno::EINVAL);
            }
            sources.only = change.only;
        }
        let at = sources.named.iter().position(|named| *named == source);
        match (change.adds, at) {
            (true, Some(_)) | (false, None) => Err(Errno::EADDRNOTAVAIL),
            (true, None) => {
                if sources.named.len() >= most(v4) {
                    return Err(Errno::ENOBUFS);
                }
                sources.named.push(source);
                sources.fixed = true;
                Ok(true)
            }
            (false, Some(_)) if sources.only && sources.named.len() == 1 => Ok(false),
            (false, Some(at)) => {
                sources.named.swap_remove(at);
                Ok(true)
            }
        }
    }
}

/// `struct ip_mreq_source`
fn v4_source_request(value: &[u8]) -> Result<(Request, IpAddr)> {
    let [group, own, source] = <[[u8; 4]; 3]>::read_from_bytes(value)
        .map_err(|_| Errno::EINVAL)?
        .map(Ipv4Addr::from);
    let request = Request {
        addr: IpAddr::V4(group),
        own: Some(own),
        device: 0,
    };
    Ok((request, IpAddr::V4(source)))
}

/// `struct group_source_req`
fn any_source_request(level: i32, value: &[u8]) -> Result<(Request, IpAddr)> {
    if value.len() != 8 + 2 * STORAGE {
        return Err(Errno::EINVAL);
    }
    let device = u32::read_from_prefix(value).map_err(|_| Errno::EINVAL)?.0;
    let family = if level == SOL_IP {
        Family::V4
    } else {
        Family::V6
    };
    let address = |at: usize| {
        let bytes = value.get(at..at + STORAGE).ok_or(Errno::EINVAL)?;
        Endpoint::parse(family, bytes).map_err(|_| Errno::EADDRNOTAVAIL)
    };
    let (group, source) = (address(8)?, address(8 + STORAGE)?);
    let request = Request {
        addr: group.addr,
        own: None,
        device,
    };
    Ok((request, source.addr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_say_who_is_heard() {
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert!(Sources::all().take(one) && !Sources::nobody().take(one));
        let only = Sources {
            only: true,
            fixed: false,
            named: alloc::vec![one],
        };
        assert!(only.take(one) && !only.take(other));
    }

    #[test]
    fn requests_have_their_sizes() {
        assert!(v4_source_request(&[0; 12]).is_ok());
        assert_eq!(v4_source_request(&[0; 11]).err(), Some(Errno::EINVAL));
        assert_eq!(
            any_source_request(SOL_IP, &[0; 264]).err(),
            Some(Errno::EADDRNOTAVAIL)
        );
    }
}
