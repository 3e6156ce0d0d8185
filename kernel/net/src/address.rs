//! Addresses as programs write them (`sockaddr_in`, `sockaddr_in6`) and as the sockets keep them.
//!
//! An IPv4 address mapped into IPv6 is kept as what it is, an IPv4 address; only an AF_INET6 socket's program sees it
//! mapped.

use abi::socket::family::{AF_INET, AF_INET6};
use abi::{Errno, Result};
use arrayvec::ArrayVec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of a `sockaddr_in`.
pub const SOCKADDR_IN: usize = 16;
/// Bytes of a `sockaddr_in6`.
pub const SOCKADDR_IN6: usize = 28;
/// Bytes of a `sockaddr_in6` without its scope, as RFC 2133 had it: enough for Linux.
const SOCKADDR_IN6_OLD: usize = 24;

/// The two families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// AF_INET
    V4,
    /// AF_INET6
    V6,
}

impl Family {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::V4 => AF_INET,
            Self::V6 => AF_INET6,
        }
    }

    /// What `getsockopt` says of a level there is not.
    #[must_use]
    pub const fn no_level(self) -> Errno {
        match self {
            Self::V4 => Errno::EOPNOTSUPP,
            Self::V6 => Errno::ENOPROTOOPT,
        }
    }

    /// The address that stands for any.
    #[must_use]
    pub const fn any(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The address; never an IPv4 address in IPv6's clothes.
    pub addr: IpAddr,
    /// The port.
    pub port: u16,
    /// The interface a link-local address belongs to, or 0.
    pub scope: u32,
}

/// Bytes of any address.
pub type SockAddr = ArrayVec<u8, SOCKADDR_IN6>;

impl Endpoint {
    /// An address without a scope.
    #[must_use]
    pub const fn new(addr: IpAddr, port: u16) -> Self {
        Self {
            addr,
            port,
            scope: 0,
        }
    }

    /// No address, no port.
    #[must_use]
    pub const fn none(family: Family) -> Self {
        Self::new(family.any(), 0)
    }

    /// Reads a `sockaddr` of `family`.
    ///
    /// # Errors
    /// `EINVAL`: too short. `EAFNOSUPPORT`: of another family.
    pub fn parse(family: Family, bytes: &[u8]) -> Result<Self> {
        let least = match family {
            Family::V4 => SOCKADDR_IN,
            Family::V6 => SOCKADDR_IN6_OLD,
        };
        if bytes.len() < least {
            return Err(Errno::EINVAL);
        }
        if family_of(bytes) != Some(family.number()) {
            return Err(Errno::EAFNOSUPPORT);
        }
        let port = u16::from_be_bytes(part(bytes, 2)?);
        Ok(match family {
            Family::V4 => Self::new(IpAddr::V4(Ipv4Addr::from(part::<4>(bytes, 4)?)), port),
            Family::V6 => Self {
                addr: Ipv6Addr::from(part::<16>(bytes, 8)?).to_canonical(),
                port,
                scope: part(bytes, 24).map_or(0, u32::from_ne_bytes),
            },
        })
    }

    /// The bytes a program of `family` sees.
    #[must_use]
    pub fn to_bytes(&self, family: Family) -> SockAddr {
        let mut bytes = SockAddr::new();
        bytes.extend(family.number().to_ne_bytes());
        bytes.extend(self.port.to_be_bytes());
        match (family, self.addr) {
            (Family::V4, IpAddr::V4(addr)) => {
                bytes.extend(addr.octets());
                bytes.extend([0; 8]);
            }
            (Family::V4, IpAddr::V6(_)) => bytes.extend([0; 12]),
            (Family::V6, addr) => {
                bytes.extend([0; 4]);
                bytes.extend(mapped(addr).octets());
                bytes.extend(self.scope.to_ne_bytes());
            }
        }
        bytes
    }

    /// Whether it has no address.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.addr.is_unspecified()
    }
}

/// The address as IPv6 writes it.
#[must_use]
pub fn mapped(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped(),
        IpAddr::V6(addr) => addr,
    }
}

/// The family of a `sockaddr`; `None` when it is too short to have one.
#[must_use]
pub fn family_of(bytes: &[u8]) -> Option<u16> {
    bytes
        .first_chunk()
        .map(|family| u16::from_ne_bytes(*family))
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or(Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(len: usize, family: u16) -> alloc::vec::Vec<u8> {
        let mut bytes = family.to_ne_bytes().to_vec();
        bytes.extend([0x1f, 0x90, 127, 0, 0, 1]);
        bytes.resize(len, 0);
        bytes
    }

    #[test]
    fn an_ipv4_address_is_sixteen_bytes_of_its_family() {
        let end = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
        assert_eq!(Endpoint::parse(Family::V4, &v4(16, AF_INET)), Ok(end));
        assert_eq!(Endpoint::parse(Family::V4, &v4(28, AF_INET)), Ok(end));
        assert_eq!(
            Endpoint::parse(Family::V4, &v4(15, AF_INET)),
            Err(Errno::EINVAL)
        );
        assert_eq!(
            Endpoint::parse(Family::V4, &v4(16, 10)),
            Err(Errno::EAFNOSUPPORT)
        );
        assert_eq!(end.to_bytes(Family::V4).as_slice(), v4(16, AF_INET));
    }

    #[test]
    fn a_mapped_address_is_kept_as_ipv4_and_shown_mapped() {
        let end = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
        let bytes = end.to_bytes(Family::V6);
        assert_eq!(bytes.len(), SOCKADDR_IN6);
        assert_eq!(Endpoint::parse(Family::V6, &bytes), Ok(end));
        assert_eq!(
            Endpoint::parse(Family::V6, bytes.get(..24).unwrap()),
            Ok(end)
        );
        assert_eq!(
            Endpoint::parse(Family::V6, bytes.get(..23).unwrap()),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn a_scope_is_kept() {
        let end = Endpoint {
            addr: IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
            port: 1,
            scope: 3,
        };
        assert_eq!(
            Endpoint::parse(Family::V6, &end.to_bytes(Family::V6)),
            Ok(end)
        );
    }
}
