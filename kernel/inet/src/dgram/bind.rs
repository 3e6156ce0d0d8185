//! Names: binding, connecting, and the tables that follow them.

use super::{DatagramSocket, Link};
use crate::ip_options::IpFlags;
use crate::ports::Receiver;
use crate::{bind, route};
use abi::socket::family::AF_UNSPEC;
use abi::{Errno, Result};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use net::address::{Endpoint, Family, family_of};
use net::options::Flags;
use vfs::Caller;

impl DatagramSocket {
    /// Stands in the table of receivers as it is now.
    pub(super) fn enter(&self) {
        let link = self.link.lock();
        self.enter_as(&link);
    }

    fn enter_as(&self, link: &Link) {
        if link.local.port == 0 && self.has_ports() || link.closed {
            return;
        }
        let receiver = Receiver {
            socket: self.this.clone(),
            addr: link.local.addr,
            remote: link.remote.map(|remote| (remote.addr, remote.port)),
            v6_only: self.core.ip.flags().contains(IpFlags::V6ONLY),
            device: self.core.device(),
            reuse_port: self.core.options.flags().contains(Flags::REUSEPORT),
        };
        self.receivers()
            .enter(link.local.port, self.core.id, receiver);
    }

    pub(super) fn bind_to(&self, caller: &dyn Caller, address: &[u8]) -> Result<()> {
        let end = bind::check(&self.core, caller, address, false)?;
        let mut link = self.link.lock();
        if !self.has_ports() {
            link.bound = end;
            link.local = Endpoint {
                port: link.local.port,
                ..end
            };
            self.enter_as(&link);
            return Ok(());
        }
        if link.remote.is_some() || link.local.port != 0 {
            return Err(Errno::EINVAL);
        }
        let port = self.ports().claim(end.port, &self.core.claim(end.addr))?;
        link.local = Endpoint { port, ..end };
        // A port the kernel chose for bind is as good as one the program did, until it disconnects.
        link.bound = end;
        self.enter_as(&link);
        Ok(())
    }

    /// A port, if there is none yet.
    pub(super) fn bind_automatically(&self) -> Result<()> {
        let mut link = self.link.lock();
        if link.local.port == 0 && self.has_ports() {
            let claim = self.core.claim(link.local.addr);
            link.local.port = self.ports().claim(0, &claim).map_err(|_| Errno::EAGAIN)?;
            self.enter_as(&link);
        }
        Ok(())
    }

    /// Where a program wants to send, in the checks' order.
    pub(super) fn destination(&self, address: &[u8]) -> Result<Endpoint> {
        let mut to = match (self.core.family, family_of(address)) {
            // An IPv6 socket takes an IPv4 address too.
            (Family::V6, Some(abi::socket::family::AF_INET)) => {
                Endpoint::parse(Family::V4, address)?
            }
            (family, _) => Endpoint::parse(family, address)?,
        };
        let v6_only = self.core.ip.flags().contains(IpFlags::V6ONLY);
        match to.addr {
            IpAddr::V4(_) if self.core.family == Family::V6 && v6_only => {
                return Err(Errno::ENETUNREACH);
            }
            IpAddr::V4(addr) if addr.is_unspecified() => to.addr = IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(addr) if addr.is_unspecified() => to.addr = IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V6(addr) if addr.is_unicast_link_local() || is_link_multicast(addr) => {
                if to.scope == 0 {
                    to.scope = self.core.device();
                }
                if to.scope == 0 && addr.is_multicast() {
                    to.scope = self.core.ip.multicast_interface(Family::V6);
                }
                if to.scope == 0 && !addr.is_multicast() {
                    return Err(Errno::EINVAL);
                }
            }
            _ => {}
        }
        Ok(to)
    }

    /// Whether packets to everybody are allowed.
    pub(super) fn check_broadcast(&self, to: IpAddr) -> Result<()> {
        if route::is_broadcast(to) && !self.core.options.flags().contains(Flags::BROADCAST) {
            return Err(Errno::EACCES);
        }
        Ok(())
    }

    pub(super) fn connect_to(&self, address: &[u8]) -> Result<()> {
        let family = family_of(address).ok_or(Errno::EINVAL)?;
        if family == AF_UNSPEC {
            self.disconnect();
            return Ok(());
        }
        self.bind_automatically()?;
        let to = self.destination(address)?;
        self.check_broadcast(to.addr)?;
        let bound = self.link.lock().bound;
        let source = if bound.is_any() {
            route::source_for(to.addr, self.device_for(&to))?
        } else if bound.addr.is_ipv4() == to.addr.is_ipv4() {
            bound.addr
        } else {
            return Err(Errno::ENETUNREACH);
        };
        let mut link = self.link.lock();
        link.remote = Some(to);
        link.local.addr = source;
        link.error = None;
        self.enter_as(&link);
        Ok(())
    }

    /// The interface what goes there must leave by, or 0.
    pub(super) fn device_for(&self, to: &Endpoint) -> u32 {
        let device = self.core.device();
        if device != 0 {
            device
        } else if to.scope != 0 {
            to.scope
        } else if to.addr.is_multicast() {
            let family = if to.addr.is_ipv4() {
                Family::V4
            } else {
                Family::V6
            };
            self.core.ip.multicast_interface(family)
        } else {
            0
        }
    }

    fn disconnect(&self) {
        let mut link = self.link.lock();
        if link.remote.take().is_none() {
            return;
        }
        link.local.addr = link.bound.addr;
        let old = link.local.port;
        if self.has_ports() && link.bound.port == 0 {
            link.local.port = 0;
            drop(link);
            self.receivers().leave(old, self.core.id);
            self.ports().release(old, self.core.id);
        } else {
            self.enter_as(&link);
        }
    }
}

fn is_link_multicast(addr: Ipv6Addr) -> bool {
    let [first, second, ..] = addr.octets();
    first == 0xff && second & 0xf == 2
}
