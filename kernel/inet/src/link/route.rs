//! Routes, and which one a packet takes (`man 8 ip-route`).

use super::address::Address;
use super::conf6::Setting;
use super::flags::{Ifa, kind, scope, table_id};
use super::interface::Interface;
use super::prefix::{Prefix, common_len};
use super::table::Table;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::cmp::Reverse;
use core::net::{IpAddr, Ipv4Addr};
use sync::Instant;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub destination: Prefix,
    /// The table it is in.
    pub table: u32,
    /// `RTN_*`
    pub kind: u8,
    /// `RT_SCOPE_*`; how far away its hosts are.
    pub scope: u8,
    /// `RTPROT_*`: who made it.
    pub origin: u8,
    /// Among routes to one network the lowest is taken.
    pub metric: u32,
    /// Type of service it is for; 0 for all.
    pub tos: u8,
    /// The next machine; `None` when hosts are reached directly.
    pub gateway: Option<IpAddr>,
    /// The interface's number; 0 for routes to nowhere.
    pub interface: u32,
    /// The address to send from.
    pub source: Option<IpAddr>,
    /// `RTNH_F_ONLINK`: the gateway is taken to be on the link.
    pub on_link: bool,
    /// The largest packet on this way; 0 for the interface's.
    pub mtu: u32,
    /// The hop limit of packets nobody has chosen one for; 0 for the interface's.
    pub hop_limit: u8,
    /// When it ends by itself.
    pub expires: Option<Instant>,
    /// A router advertised it.
    pub advertised: bool,
}

impl Route {
    /// A plain route in the main table.
    #[must_use]
    pub fn new(destination: Prefix, interface: u32) -> Self {
        Self {
            destination,
            table: table_id::MAIN,
            kind: kind::UNICAST,
            scope: if destination.is_v6() {
                scope::UNIVERSE
            } else {
                scope::LINK
            },
            origin: super::flags::origin::BOOT,
            metric: 0,
            tos: 0,
            gateway: None,
            interface,
            source: None,
            on_link: false,
            mtu: 0,
            hop_limit: 0,
            expires: None,
            advertised: false,
        }
    }

    /// The order in which a lookup asks: the local table, the main one, the default one; the longest prefix; the
    /// lowest metric.
    pub(super) fn order(&self) -> (Reverse<u32>, Reverse<u8>, Reverse<u8>, u32) {
        (
            Reverse(self.table),
            Reverse(self.destination.len()),
            Reverse(self.tos),
            self.metric,
        )
    }

    fn is_consulted(&self) -> bool {
        matches!(
            self.table,
            table_id::LOCAL | table_id::MAIN | table_id::DEFAULT
        )
    }
}

/// The way a packet takes.
#[derive(Clone, Debug)]
pub struct Way {
    /// `RTN_*`: local, broadcast, multicast, unicast.
    pub kind: u8,
    /// The machine to hand it to; `None`: the destination itself.
    pub gateway: Option<IpAddr>,
    /// The interface; for local destinations the one that has the address.
    pub interface: Arc<Interface>,
    /// The address to send from; unspecified when the interface has none.
    pub source: IpAddr,
    /// The largest packet.
    pub mtu: u32,
    /// The hop limit of IPv6 packets nobody has chosen one for.
    pub hop_limit: u8,
}

impl Way {
    /// Whether the destination is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.kind == kind::LOCAL
    }
}

/// Looks up the way to `destination` in the present table; `interface` is the one the packet must leave by, 0 for
/// any.
///
/// # Errors
/// `ENETUNREACH`: no route. `EHOSTUNREACH`, `EACCES`, `EINVAL`: a route says so.
pub fn lookup(destination: IpAddr, interface: u32) -> Result<Way> {
    super::table().lookup(destination, interface)
}

impl Table {
    /// As [`lookup`], in this table.
    ///
    /// # Errors
    /// As [`lookup`].
    pub fn lookup(&self, destination: IpAddr, interface: u32) -> Result<Way> {
        let mut skipped = None;
        for route in self.routes() {
            if !route.is_consulted()
                || route.tos != 0
                || Some(route.table) == skipped
                || !route.destination.contains(destination)
            {
                continue;
            }
            match route.kind {
                kind::THROW => {
                    skipped = Some(route.table);
                    continue;
                }
                kind::BLACKHOLE => return Err(Errno::EINVAL),
                kind::UNREACHABLE => return Err(Errno::EHOSTUNREACH),
                kind::PROHIBIT => return Err(Errno::EACCES),
                _ => {}
            }
            if interface != 0 && route.interface != interface {
                continue;
            }
            let Some(through) = self.by_index(route.interface) else {
                continue;
            };
            if !through.is_up() && route.kind != kind::LOCAL {
                continue;
            }
            return Ok(self.way(route, through, destination));
        }
        self.without_route(destination, interface)
    }

    fn way(&self, route: &Route, through: &Arc<Interface>, destination: IpAddr) -> Way {
        // IPv4 sends as the gateway's network knows this machine, IPv6 as the destination can answer.
        let near = route
            .gateway
            .filter(|gateway| gateway.is_ipv4())
            .unwrap_or(destination);
        let source = match (route.source, route.kind) {
            (Some(source), _) => source,
            (None, kind::LOCAL) => destination,
            _ => self.source_on(through, near, route.scope),
        };
        Way {
            kind: kind_of(destination, route.kind),
            gateway: route.gateway,
            interface: through.clone(),
            source,
            mtu: match (route.mtu, super::conf6::mtu(through, destination)) {
                (0, own) => own,
                (mtu, own) => mtu.min(own),
            },
            hop_limit: match route.hop_limit {
                0 => through.conf6.get(Setting::HopLimit) as u8,
                limit => limit,
            },
        }
    }

    /// A packet that must leave by an interface is taken to be for its link.
    fn without_route(&self, destination: IpAddr, interface: u32) -> Result<Way> {
        let through = self
            .by_index(interface)
            .filter(|through| through.is_up() && destination.is_ipv4())
            .ok_or(Errno::ENETUNREACH)?;
        Ok(Way {
            kind: kind_of(destination, kind::UNICAST),
            gateway: None,
            interface: through.clone(),
            source: self.source_on(through, destination, scope::LINK),
            mtu: through.mtu,
            hop_limit: 0,
        })
    }

    /// The address to send from by an interface, to a machine on its link.
    #[must_use]
    pub fn source_on(&self, through: &Interface, near: IpAddr, reach: u8) -> IpAddr {
        match near {
            IpAddr::V4(_) => self.source_v4(through, near, reach),
            IpAddr::V6(_) => self.source_v6(through, near),
        }
    }

    /// Linux's `inet_select_addr`: an address of the same network, else the first; failing that, one of any
    /// interface.
    fn source_v4(&self, through: &Interface, near: IpAddr, reach: u8) -> IpAddr {
        let near_is_host =
            matches!(near, IpAddr::V4(v4) if !v4.is_broadcast() && !v4.is_multicast());
        let mut first = None;
        for own in through
            .v4()
            .filter(|own| own.scope <= reach && !own.is_secondary())
        {
            if !near_is_host || own.network().contains(near) {
                return own.local;
            }
            first = first.or(Some(own.local));
        }
        first
            .or_else(|| {
                let others = self.interfaces().iter().filter(|other| other.is_up());
                others
                    .flat_map(|other| other.v4())
                    .find(|own| own.scope <= reach && own.scope != scope::LINK)
                    .map(|own| own.local)
            })
            .unwrap_or(Ipv4Addr::UNSPECIFIED.into())
    }

    /// RFC 6724 as far as one interface goes: the same address, the same scope, one that is still preferred, then the
    /// longest match. What may be another's as well is not sent from.
    fn source_v6(&self, through: &Interface, near: IpAddr) -> IpAddr {
        let reach = reach_v6(near);
        let best = |candidates: &mut dyn Iterator<Item = &Address>| {
            let usable = candidates.filter(|own| !own.flags.contains(Ifa::TENTATIVE));
            let best = usable.max_by_key(|own| {
                let scope = reach_v6(own.local);
                // A scope too small is worse than one too large.
                let fit = if scope == reach {
                    u8::MAX
                } else if scope < reach {
                    255 - scope
                } else {
                    scope
                };
                let preferred = !own.flags.contains(Ifa::DEPRECATED);
                (
                    own.local == near,
                    fit,
                    preferred,
                    common_len(own.local, near),
                )
            });
            best.map(|own| own.local)
        };
        best(&mut through.v6())
            .or_else(|| {
                let mut others = self
                    .interfaces()
                    .iter()
                    .filter(|other| other.is_up())
                    .flat_map(|other| other.v6())
                    .filter(|own| reach_v6(own.local) <= reach);
                best(&mut others)
            })
            .unwrap_or(core::net::Ipv6Addr::UNSPECIFIED.into())
    }

    /// Whether an address is this machine's: bound to an interface, or in the loopback's network.
    #[must_use]
    pub fn is_local(&self, address: IpAddr) -> bool {
        self.kind_of_own(address) == Some(kind::LOCAL)
    }

    /// Whether all hosts of a link hear an IPv4 address.
    #[must_use]
    pub fn is_broadcast(&self, address: IpAddr) -> bool {
        matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
            || self.kind_of_own(address) == Some(kind::BROADCAST)
    }

    fn kind_of_own(&self, address: IpAddr) -> Option<u8> {
        self.routes()
            .iter()
            .take_while(|route| route.table >= table_id::LOCAL)
            .find(|route| route.table == table_id::LOCAL && route.destination.contains(address))
            .map(|route| route.kind)
    }
}

/// Limited broadcast and groups need no route of their own.
fn kind_of(destination: IpAddr, of_route: u8) -> u8 {
    match destination {
        IpAddr::V4(v4) if v4.is_broadcast() => kind::BROADCAST,
        _ if destination.is_multicast() => kind::MULTICAST,
        _ => of_route,
    }
}

/// The scope of an IPv6 address as RFC 6724 numbers it; small is far.
fn reach_v6(address: IpAddr) -> u8 {
    match address {
        IpAddr::V6(v6) if v6.is_loopback() => scope::HOST,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => scope::LINK,
        IpAddr::V6(v6) if v6.is_multicast() => match v6.octets().get(1).map(|byte| byte & 15) {
            Some(1) => scope::HOST,
            Some(2) => scope::LINK,
            Some(5) => scope::SITE,
            _ => scope::UNIVERSE,
        },
        _ => scope::UNIVERSE,
    }
}
