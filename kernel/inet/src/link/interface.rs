//! One interface, as it is configured at a moment.

use super::address::Address;
use super::conf6::Conf6;
use super::device::{Mac, NetDevice};
use super::flags::{ETHER, Ifa, Iff, LOOPBACK};
use super::port::Port;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name and its end (`IFNAMSIZ`).
pub const NAME_SIZE: usize = 16;

/// An interface. What changes by itself (counters, carrier) is the [`Port`]'s.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its number, from 1 on; `lo` is 1.
    pub index: u32,
    /// Its name.
    pub name: Arc<str>,
    /// What is set; [`Interface::flags`] tells the rest.
    pub set: Iff,
    /// The largest packet.
    pub mtu: u32,
    /// Packets that may wait to be sent (`txqueuelen`).
    pub queue_len: u32,
    /// Its link-layer address.
    pub mac: Mac,
    /// Its addresses, in the order Linux lists them.
    pub addresses: Vec<Address>,
    /// What frames go through.
    pub port: Arc<Port>,
    /// What is set for IPv6.
    pub conf6: Arc<Conf6>,
}

impl Interface {
    /// The card; `None` for the loopback.
    #[must_use]
    pub fn device(&self) -> Option<&Arc<dyn NetDevice>> {
        self.port.device()
    }

    /// Whether it is the loopback.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.set.contains(Iff::LOOPBACK)
    }

    /// Whether it is administratively up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.set.contains(Iff::UP)
    }

    /// All flags as programs see them.
    #[must_use]
    pub fn flags(&self) -> Iff {
        let mut flags = self.set;
        if self.port.is_promiscuous() {
            flags |= Iff::PROMISC;
        }
        if self.is_up() && self.port.has_carrier() {
            flags |= Iff::RUNNING | Iff::LOWER_UP;
        }
        flags
    }

    /// What it can do at the moment.
    #[must_use]
    pub fn state(&self) -> State {
        if self.is_loopback() {
            State::Unknown
        } else if self.is_up() && self.port.has_carrier() {
            State::Up
        } else {
            State::Down
        }
    }

    /// `ARPHRD_*`
    #[must_use]
    pub fn hardware(&self) -> u16 {
        if self.is_loopback() { LOOPBACK } else { ETHER }
    }

    /// What all stations hear; zeros on the loopback.
    #[must_use]
    pub fn link_broadcast(&self) -> Mac {
        if self.is_loopback() {
            [0; 6]
        } else {
            super::device::BROADCAST
        }
    }

    /// Whether an address is one of its own.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.local == address)
    }

    /// Its IPv4 addresses.
    pub fn v4(&self) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(|own| own.local.is_ipv4())
    }

    /// Its IPv6 addresses.
    pub fn v6(&self) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(|own| own.local.is_ipv6())
    }

    /// Its link-local address that is known to be its own.
    #[must_use]
    pub fn first_link_local(&self) -> Option<Ipv6Addr> {
        self.v6().find_map(|own| match own.local {
            IpAddr::V6(v6) if v6.is_unicast_link_local() && !own.flags.contains(Ifa::TENTATIVE) => {
                Some(v6)
            }
            _ => None,
        })
    }

    /// Its first IPv4 address.
    #[must_use]
    pub fn first_v4(&self) -> Option<Ipv4Addr> {
        self.v4().find_map(|own| match own.local {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        })
    }
}

/// Whether packets can pass (RFC 2863).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The loopback does not tell.
    Unknown = 0,
    /// No.
    Down = 2,
    /// Yes.
    Up = 6,
}

impl State {
    /// As sysfs writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}
