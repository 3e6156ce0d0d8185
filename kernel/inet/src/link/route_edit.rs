//! Adding and deleting routes as programs ask, with Linux's checks (`man 7 rtnetlink`, `man 8 route`).

use super::flags::{kind, origin, scope};
use super::interface::Interface;
use super::prefix::Prefix;
use super::route::Route;
use super::table::Table;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;

/// The metric of an IPv6 route nobody gave one (`IP6_RT_PRIO_USER`).
const METRIC_V6: u32 = 1024;

bitflags::bitflags! {
    /// What to do when there is such a route already, and when there is none (`NLM_F_*`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct How: u16 {
        /// Take its place.
        const REPLACE = 0x100;
        /// Do nothing.
        const EXCL = 0x200;
        /// Make one.
        const CREATE = 0x400;
        /// Behind those that are there.
        const APPEND = 0x800;
    }
}

/// Which route to delete; what is `None` or 0 may be anything.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// Where to.
    pub destination: Prefix,
    /// The table.
    pub table: u32,
    /// `RTN_*`
    pub kind: u8,
    /// `RT_SCOPE_*`
    pub scope: Option<u8>,
    /// `RTPROT_*`
    pub origin: u8,
    /// The metric.
    pub metric: u32,
    /// The next machine.
    pub gateway: Option<IpAddr>,
    /// The interface.
    pub interface: u32,
    /// The address to send from.
    pub source: Option<IpAddr>,
    /// Type of service.
    pub tos: u8,
}

impl Pattern {
    fn fits(&self, route: &Route) -> bool {
        let any = |wanted: u32, is: u32| wanted == 0 || wanted == is;
        route.destination == self.destination
            && route.table == self.table
            && route.tos == self.tos
            && any(self.kind.into(), route.kind.into())
            && self.scope.is_none_or(|scope| scope == route.scope)
            && any(self.origin.into(), route.origin.into())
            && any(self.metric, route.metric)
            && any(self.interface, route.interface)
            && (self.gateway.is_none() || self.gateway == route.gateway)
            && (self.source.is_none() || self.source == route.source)
    }
}

impl Table {
    /// Adds a route. What it leaves open (the interface, an IPv6 metric) is filled in.
    ///
    /// # Errors
    /// `ENODEV`: no such interface, or none to be found. `ENETDOWN`: it is down. `ENETUNREACH`, `EHOSTUNREACH`: no
    /// way to the gateway. `EINVAL`: the gateway is everybody, or by IPv6 this machine; the source is not this machine.
    /// `EEXIST`, `ENOENT`: as `how` says.
    pub fn add_route(&mut self, mut route: Route, how: How) -> Result<()> {
        if route.destination.is_v6() {
            self.complete_v6(&mut route)?;
        } else {
            self.complete_v4(&mut route)?;
        }
        let alike: Vec<Arc<Route>> = self
            .routes()
            .iter()
            .filter(|other| {
                other.order() == route.order() && other.destination == route.destination
            })
            .cloned()
            .collect();
        if let Some(first) = alike.first() {
            if how.contains(How::EXCL) {
                return Err(Errno::EEXIST);
            }
            let same = |other: &Arc<Route>| {
                other.kind == route.kind
                    && other.scope == route.scope
                    && other.gateway == route.gateway
                    && other.interface == route.interface
            };
            if how.contains(How::REPLACE) {
                self.replace(first, route);
                return Ok(());
            }
            if alike.iter().any(same) {
                return Err(Errno::EEXIST);
            }
        }
        if !how.contains(How::CREATE) {
            return Err(Errno::ENOENT);
        }
        if how.contains(How::APPEND) || alike.is_empty() || route.destination.is_v6() {
            self.insert(route);
        } else {
            self.insert_before(route);
        }
        Ok(())
    }

    fn complete_v4(&self, route: &mut Route) -> Result<()> {
        if route.kind > kind::MAX {
            return Err(Errno::EINVAL);
        }
        if leads_nowhere(route.kind) {
            return if route.gateway.is_some() || route.interface != 0 {
                Err(Errno::EINVAL)
            } else {
                Ok(())
            };
        }
        if let Some(gateway) = route.gateway {
            if route.scope >= scope::LINK {
                return Err(Errno::EINVAL);
            }
            self.check_gateway(route, gateway)?;
        } else {
            let through = self.named(route.interface)?;
            if !through.is_up() {
                return Err(Errno::ENETDOWN);
            }
        }
        if let Some(source) = route.source
            && !self.is_local(source)
        {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    fn named(&self, interface: u32) -> Result<&Arc<Interface>> {
        self.by_index(interface).ok_or(Errno::ENODEV)
    }

    fn check_gateway(&self, route: &mut Route, gateway: IpAddr) -> Result<()> {
        if route.on_link {
            let through = self.named(route.interface)?;
            if self.is_local(gateway) || self.is_broadcast(gateway) || gateway.is_multicast() {
                return Err(Errno::EINVAL);
            }
            return if through.is_up() {
                Ok(())
            } else {
                Err(Errno::ENETDOWN)
            };
        }
        if route.interface != 0 && !self.named(route.interface)?.is_up() {
            return Err(Errno::ENETDOWN);
        }
        let unreachable = if gateway.is_ipv6() {
            Errno::EHOSTUNREACH
        } else {
            Errno::ENETUNREACH
        };
        // The gateway itself must be on a link.
        let way = self
            .routes()
            .iter()
            .find(|one| {
                one.destination.contains(gateway)
                    && (route.interface == 0 || one.interface == route.interface)
                    && (one.kind == kind::UNICAST || one.kind == kind::LOCAL)
            })
            .ok_or(unreachable)?;
        // IPv4 lets this machine be its own gateway.
        if way.kind == kind::LOCAL && gateway.is_ipv6() || self.is_broadcast(gateway) {
            return Err(Errno::EINVAL);
        }
        if way.gateway.is_some() {
            return Err(unreachable);
        }
        route.interface = way.interface;
        Ok(())
    }

    fn complete_v6(&self, route: &mut Route) -> Result<()> {
        if route.metric == 0 {
            route.metric = METRIC_V6;
        }
        if leads_nowhere(route.kind) {
            // Linux hangs such routes at the loopback.
            route.interface = 1;
            return Ok(());
        }
        if let Some(gateway) = route.gateway {
            let link_local = matches!(gateway, IpAddr::V6(v6) if v6.is_unicast_link_local());
            if link_local && route.interface == 0 {
                return Err(Errno::EINVAL);
            }
            self.check_gateway(route, gateway)?;
        } else {
            let through = self.named(route.interface)?;
            if !through.is_up() {
                return Err(Errno::ENETDOWN);
            }
        }
        if let Some(source) = route.source
            && !self.is_local(source)
        {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    /// Deletes the first route that fits.
    ///
    /// # Errors
    /// `ESRCH`: none does.
    pub fn remove_route(&mut self, pattern: &Pattern) -> Result<()> {
        let found = self.routes().iter().find(|route| pattern.fits(route));
        let found = found.ok_or(Errno::ESRCH)?.clone();
        self.take_route(&found);
        Ok(())
    }
}

fn leads_nowhere(of: u8) -> bool {
    matches!(
        of,
        kind::BLACKHOLE | kind::UNREACHABLE | kind::PROHIBIT | kind::THROW
    )
}

/// The scope of a route nobody gave one, as old tools mean it.
#[must_use]
pub fn scope_of(route: &Route) -> u8 {
    match route.kind {
        _ if route.destination.is_v6() => scope::UNIVERSE,
        kind::LOCAL => scope::HOST,
        kind::BROADCAST | kind::MULTICAST | kind::ANYCAST => scope::LINK,
        kind::UNICAST if route.gateway.is_none() => scope::LINK,
        _ => scope::UNIVERSE,
    }
}

/// A route as `route(8)` makes it.
#[must_use]
pub fn by_hand(destination: Prefix) -> Route {
    Route {
        origin: origin::BOOT,
        ..Route::new(destination, 0)
    }
}
