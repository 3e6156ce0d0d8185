//! What programs and frames are made of: addresses, what comes beside a frame, types.

use abi::socket::family::AF_PACKET;
use abi::{Errno, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of an Ethernet header, and of a VLAN tag behind it.
pub const ETHERNET: usize = 14;
pub const TAG: usize = 4;
/// `ETH_P_ALL`, `ETH_P_802_3`, `ETH_P_802_2`
pub const ALL: u16 = 3;
pub const IEEE_802_3: u16 = 1;
pub const IEEE_802_2: u16 = 4;
/// The least number that is a type and not a length.
pub const LEAST_TYPE: u16 = 0x600;

/// `struct sockaddr_ll`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SockAddrLl {
    pub family: u16,
    pub protocol: [u8; 2],
    pub interface: i32,
    pub hardware: u16,
    pub direction: u8,
    pub len: u8,
    pub address: [u8; 8],
}

/// Bytes before the address.
pub const BEFORE_ADDRESS: usize = 12;

/// `struct tpacket_auxdata`
#[derive(Clone, Copy, Debug, IntoBytes, Immutable)]
#[repr(C)]
pub struct AuxData {
    pub status: u32,
    pub len: u32,
    pub kept: u32,
    pub link: u16,
    pub network: u16,
    pub tag: u16,
    pub tag_protocol: u16,
}

/// `TP_STATUS_USER`, `TP_STATUS_CSUMNOTREADY`, `TP_STATUS_CSUM_VALID`
pub const FOR_USER: u32 = 1;
pub const SUM_NOT_READY: u32 = 1 << 3;
pub const SUM_VALID: u32 = 1 << 7;

/// Reads an address a program gave.
///
/// # Errors
/// `EINVAL`: too short, or of another family.
pub fn parse(address: &[u8]) -> Result<SockAddrLl> {
    let (address, _) = SockAddrLl::read_from_prefix(address).map_err(|_| Errno::EINVAL)?;
    if address.family == AF_PACKET {
        Ok(address)
    } else {
        Err(Errno::EINVAL)
    }
}

/// The type of a frame; those with a length instead have numbers of their own.
pub fn type_of(frame: &[u8]) -> u16 {
    let bytes = frame.get(12..).and_then(|rest| rest.first_chunk());
    match bytes.map_or(0, |b| u16::from_be_bytes(*b)) {
        kind if kind >= LEAST_TYPE => kind,
        _ if frame.get(14..16) == Some(&[0xff, 0xff]) => IEEE_802_3,
        _ => IEEE_802_2,
    }
}
