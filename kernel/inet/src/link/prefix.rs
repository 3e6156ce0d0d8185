//! Networks: an address and how many of its bits count.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network. The bits that do not count are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

/// Bits of an address of the same family.
#[must_use]
pub fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn mask_v4(len: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(len.min(32)))
        .unwrap_or(0)
}

fn mask_v6(len: u8) -> u128 {
    u128::MAX
        .checked_shl(128 - u32::from(len.min(128)))
        .unwrap_or(0)
}

impl Prefix {
    /// The network of `address` with `len` bits, at most all.
    #[must_use]
    pub fn new(address: IpAddr, len: u8) -> Self {
        let len = len.min(width(address));
        let address = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask_v4(len))),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask_v6(len))),
        };
        Self { address, len }
    }

    /// The network of one address alone.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Self::new(address, width(address))
    }

    /// All addresses of a family.
    #[must_use]
    pub fn all(is_v6: bool) -> Self {
        if is_v6 {
            Self::new(Ipv6Addr::UNSPECIFIED.into(), 0)
        } else {
            Self::new(Ipv4Addr::UNSPECIFIED.into(), 0)
        }
    }

    /// Its first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Bits that count.
    #[must_use]
    pub fn len(&self) -> u8 {
        self.len
    }

    /// Whether no bit counts: every address of the family is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it is a network of IPv6.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        self.address.is_ipv6()
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(of)) => {
                net.to_bits() ^ of.to_bits() & mask_v4(self.len) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(of)) => {
                net.to_bits() ^ of.to_bits() & mask_v6(self.len) == 0
            }
            _ => false,
        }
    }

    /// The last address of an IPv4 network, which all its hosts hear; `None` for IPv6 and networks of
    /// one or two hosts.
    #[must_use]
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(net) if self.len < 31 => {
                Some(Ipv4Addr::from_bits(net.to_bits() | !mask_v4(self.len)))
            }
            _ => None,
        }
    }

    /// The mask of an IPv4 network.
    #[must_use]
    pub fn mask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(mask_v4(self.len))
    }
}

/// The length of a mask; `None` when its ones are not all in front.
#[must_use]
pub fn mask_len(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    (bits.leading_ones() == bits.count_ones()).then_some(bits.count_ones() as u8)
}

/// How many bits two addresses have in common from the front; 0 across families.
#[must_use]
pub fn common_len(one: IpAddr, other: IpAddr) -> u8 {
    match (one, other) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() as u8,
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() as u8,
        _ => 0,
    }
}
