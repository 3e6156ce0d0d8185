//! Netlink's addresses (`man 7 netlink`).

use abi::socket::family::AF_NETLINK;
use abi::{Errno, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct sockaddr_nl`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SockAddrNl {
    pub family: u16,
    pub pad: u16,
    pub port: u32,
    pub groups: u32,
}

/// The group of a mask: the lowest.
pub fn group_of(mask: u32) -> u32 {
    if mask == 0 {
        0
    } else {
        mask.trailing_zeros() + 1
    }
}

/// An address of the family.
///
/// # Errors
/// `EINVAL`: too short, or of another family.
pub fn parse(address: &[u8]) -> Result<SockAddrNl> {
    let (address, _) = SockAddrNl::read_from_prefix(address).map_err(|_| Errno::EINVAL)?;
    if address.family == AF_NETLINK {
        Ok(address)
    } else {
        Err(Errno::EINVAL)
    }
}
