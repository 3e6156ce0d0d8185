//! Addresses of interfaces.

use super::flags::{Ifa, scope};
use super::prefix::Prefix;
use alloc::sync::Arc;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use sync::Instant;

/// A lifetime without end (`INFINITY_LIFE_TIME`).
pub const FOREVER: u32 = u32::MAX;

/// Made of an advertisement (`IFAPROT_KERNEL_RA`).
pub const ADVERTISED: u8 = 2;

/// How long an address lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Seconds it is preferred for, from `since`.
    pub preferred: u32,
    /// Seconds it is valid for, from `since`.
    pub valid: u32,
    /// When it was made.
    pub created: Instant,
    /// When it was last changed.
    pub since: Instant,
}

impl Lifetime {
    /// Of an address that stays.
    #[must_use]
    pub fn forever(now: Instant) -> Self {
        Self {
            preferred: FOREVER,
            valid: FOREVER,
            created: now,
            since: now,
        }
    }
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address itself (`IFA_LOCAL`).
    pub local: IpAddr,
    /// The other end of a point-to-point line; the same as `local` elsewhere (`IFA_ADDRESS`).
    pub peer: IpAddr,
    /// Bits of the network.
    pub prefix_len: u8,
    /// What all hosts of the network hear (IPv4).
    pub broadcast: Option<Ipv4Addr>,
    /// `RT_SCOPE_*`
    pub scope: u8,
    /// `IFA_F_*`
    pub flags: Ifa,
    /// The name `ifconfig` knows it by: the interface's, or an alias (`eth0:1`).
    pub label: Arc<str>,
    /// Metric of the route to its network; 0 for the family's default.
    pub metric: u32,
    /// Who made it (`IFA_PROTO`).
    pub origin: u8,
    /// Its lifetime.
    pub lifetime: Lifetime,
}

impl Address {
    /// A permanent address with the broadcast address and scope that go with it.
    #[must_use]
    pub fn new(local: IpAddr, prefix_len: u8, label: &str, now: Instant) -> Self {
        Self {
            local,
            peer: local,
            prefix_len,
            broadcast: None,
            scope: natural_scope(local),
            flags: Ifa::PERMANENT,
            label: Arc::from(label),
            metric: 0,
            origin: 0,
            lifetime: Lifetime::forever(now),
        }
    }

    /// The network it is in: that of the peer on a line between two.
    #[must_use]
    pub fn network(&self) -> Prefix {
        Prefix::new(self.peer, self.prefix_len)
    }

    /// Whether it was made of a network that a router advertised.
    #[must_use]
    pub fn is_advertised(&self) -> bool {
        self.origin == ADVERTISED
    }

    /// When it is past its preferred lifetime, and when its life is over.
    #[must_use]
    pub fn ends(&self) -> (Instant, Instant) {
        let end = |seconds: u32| match seconds {
            FOREVER => Instant::NEVER,
            _ => {
                let lasts = Duration::from_secs(seconds.into());
                self.lifetime.since.saturating_add(lasts)
            }
        };
        (end(self.lifetime.preferred), end(self.lifetime.valid))
    }

    /// Whether another address of the same network came first.
    #[must_use]
    pub fn is_secondary(&self) -> bool {
        self.flags.contains(Ifa::SECONDARY)
    }
}

/// The scope an address has by itself.
#[must_use]
pub fn natural_scope(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) if v4.is_loopback() => scope::HOST,
        IpAddr::V6(v6) if v6.is_loopback() => scope::HOST,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => scope::LINK,
        IpAddr::V6(v6)
            if v6
                .segments()
                .first()
                .is_some_and(|first| first & 0xffc0 == 0xfec0) =>
        {
            scope::SITE
        }
        _ => scope::UNIVERSE,
    }
}

/// The link-local address made of a card's address (modified EUI-64, RFC 4291).
#[must_use]
pub fn link_local(mac: super::device::Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    let words = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(u64::from_be_bytes(words)))
}
