//! `SIOCGIFCONF`: the interfaces with an IPv4 address.

use crate::link;
use abi::net::{IfConf, IfReq, SockAddrIn};
use abi::socket::family::AF_INET;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::IpAddr;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use zerocopy::IntoBytes;

const SIZE: usize = size_of::<IfReq>();

/// Fills the buffer with whole entries, or says how long it must be.
pub fn control(arg: UserAddr) -> Result<()> {
    let user = UserPtr::<IfConf>::new(arg);
    let mut conf = user.read()?;
    let entries = entries();
    let count = if conf.buffer == 0 {
        entries.len()
    } else {
        let room = usize::try_from(conf.len).map_err(|_| Errno::EINVAL)? / SIZE;
        let shown = entries.get(..room.min(entries.len())).unwrap_or_default();
        for (at, entry) in shown.iter().enumerate() {
            let place = conf.buffer as usize + at * SIZE;
            UserPtr::<IfReq>::new(place.into()).write(entry)?;
        }
        shown.len()
    };
    conf.len = i32::try_from(count * SIZE).map_err(|_| Errno::EINVAL)?;
    user.write(&conf)
}

fn entries() -> Vec<IfReq> {
    let mut entries = Vec::new();
    for interface in link::interfaces() {
        for own in interface.v4() {
            let IpAddr::V4(address) = own.local else {
                continue;
            };
            let mut entry = IfReq::default();
            for (to, from) in entry.name.iter_mut().zip(own.label.bytes()) {
                *to = from;
            }
            let shown = SockAddrIn {
                family: AF_INET,
                address: address.octets(),
                ..SockAddrIn::default()
            };
            super::fill(&mut entry, shown.as_bytes());
            entries.push(entry);
        }
    }
    entries
}
