//! Options of a socket of messages: which level has which, and those that are not IP's or all sockets' alone.

use super::groups::{any_request, v4_request, v6_request};
use super::sources::Change;
use super::{DatagramSocket, Kind};
use crate::ip_options::{self, SOL_IP, SOL_IPV6, ip, ipv6};
use crate::route;
use abi::{Errno, Result};
use alloc::vec::Vec;
use net::address::Family;
use vfs::Caller;
use zerocopy::{FromBytes, IntoBytes};

/// The level of UDP's options.
const SOL_UDP: i32 = 17;
/// The level of UDP-Lite's, which are the same.
const SOL_UDPLITE: i32 = 136;
/// The level of a raw socket's options.
const SOL_RAW: i32 = 255;
/// `ICMP_FILTER`
const ICMP_FILTER: i32 = 1;
/// The level of ICMPv6's options.
const SOL_ICMPV6: i32 = 58;
/// `UDP_CORK`
const UDP_CORK: i32 = 1;
/// `UDPLITE_SEND_CSCOV`: bytes the checksum of what goes covers.
const SEND_COVERAGE: i32 = 10;
/// `UDPLITE_RECV_CSCOV`: the least of what comes.
const RECEIVE_COVERAGE: i32 = 11;

impl DatagramSocket {
    pub(super) fn set_level(
        &self,
        level: i32,
        name: i32,
        value: &[u8],
        caller: &dyn Caller,
    ) -> Result<()> {
        match (level, name) {
            (SOL_IPV6, _) if self.core.family == Family::V4 => Err(Errno::ENOPROTOOPT),
            (SOL_IP, _) if self.core.family == Family::V6 && matches!(self.kind, Kind::Raw(_)) => {
                Err(Errno::ENOPROTOOPT)
            }
            (SOL_IPV6, ipv6::V6ONLY) if !self.has_ports() || self.link.lock().local.port != 0 => {
                Err(Errno::EINVAL)
            }
            (SOL_IP, ip::HDRINCL) if !matches!(self.kind, Kind::Raw(_)) => Err(Errno::ENOPROTOOPT),
            (SOL_IP, ip::ADD_MEMBERSHIP) => self.join(v4_request(value)?),
            (SOL_IP, ip::DROP_MEMBERSHIP) => self.leave(v4_request(value)?),
            (SOL_IP, ip::MULTICAST_IF) => self.set_v4_interface(value),
            (SOL_IPV6, ipv6::MULTICAST_IF) => {
                let index = i32::read_from_prefix(value).map_err(|_| Errno::EINVAL)?.0;
                let index = u32::try_from(index).map_err(|_| Errno::ENODEV)?;
                if index != 0 && route::name_of(index).is_none() {
                    return Err(Errno::ENODEV);
                }
                self.core.ip.set_multicast_interface(Family::V6, index, 0);
                Ok(())
            }
            (SOL_IPV6, ipv6::JOIN_GROUP) => self.join(v6_request(value)?),
            (SOL_IPV6, ipv6::LEAVE_GROUP) => self.leave(v6_request(value)?),
            (SOL_IP | SOL_IPV6, ip::MCAST_JOIN_GROUP) => self.join(any_request(level, value)?),
            (SOL_IP | SOL_IPV6, ip::MCAST_LEAVE_GROUP) => self.leave(any_request(level, value)?),
            (SOL_IP, ip::MSFILTER) | (SOL_IP | SOL_IPV6, ip::MCAST_MSFILTER) => {
                self.set_source_list(level, name, value)
            }
            (SOL_IP | SOL_IPV6, _) => match Change::named(level, name) {
                Some(change) => self.change_sources(level, name, value, change),
                None => self.core.ip.set(level, name, value, caller.cred(), false),
            },
            (SOL_UDP | SOL_UDPLITE, _) if self.kind.is_udp() => {
                // UDP looks at the value before the name.
                let value = i32::read_from_prefix(value).map_err(|_| Errno::EINVAL)?.0;
                self.set_udp(name, value)
            }
            (SOL_RAW, ICMP_FILTER) if self.kind == Kind::Raw(1) => {
                self.set_filter(value.get(..4).unwrap_or(value));
                Ok(())
            }
            (SOL_ICMPV6, ICMP_FILTER) if self.kind == Kind::Raw(58) => {
                self.set_filter(value.get(..32).unwrap_or(value));
                Ok(())
            }
            // Where the kernel finds the checksum of ICMPv6 it knows itself.
            (SOL_RAW | SOL_ICMPV6, _) => Err(Errno::ENOPROTOOPT),
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    fn set_udp(&self, name: i32, value: i32) -> Result<()> {
        let lite = self.kind == Kind::UdpLite;
        match name {
            UDP_CORK => {
                self.link.lock().cork = value != 0;
                if value != 0 { Ok(()) } else { self.uncork() }
            }
            SEND_COVERAGE | RECEIVE_COVERAGE if lite => {
                // All, or at least the header.
                let bytes = match value {
                    0 => 0,
                    value => value.clamp(8, 0xffff) as u16,
                };
                let mut link = self.link.lock();
                let [sent, received] = &mut link.coverage;
                *(if name == SEND_COVERAGE {
                    sent
                } else {
                    received
                }) = Some(bytes);
                Ok(())
            }
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    /// As much of the filter of ICMP as is given; the rest stays.
    fn set_filter(&self, value: &[u8]) {
        let mut link = self.link.lock();
        for (to, from) in link.filter.as_mut_bytes().iter_mut().zip(value) {
            *to = *from;
        }
    }

    /// The value of an option, of which the program gave `given` and has `room` for.
    pub(super) fn get_level(
        &self,
        level: i32,
        name: i32,
        given: &[u8],
        room: usize,
    ) -> Result<Vec<u8>> {
        match (level, self.kind) {
            (SOL_IPV6, _) if self.core.family == Family::V4 => Err(Errno::EOPNOTSUPP),
            (SOL_IP, Kind::Raw(_)) if self.core.family == Family::V6 => Err(Errno::ENOPROTOOPT),
            (SOL_IP, _) if name == ip::MSFILTER => self.source_list(level, name, given),
            (SOL_IP | SOL_IPV6, _) if name == ip::MCAST_MSFILTER => {
                self.source_list(level, name, given)
            }
            (SOL_IP | SOL_IPV6, _) => {
                let link = self.link.lock();
                let to = link.remote.map(|to| to.addr);
                let number = match self.kind {
                    Kind::Raw(protocol) => protocol.into(),
                    _ => link.local.port.into(),
                };
                drop(link);
                let value = self.core.get_ip(level, name, number, to)?;
                Ok(ip_options::tell(level, value, room))
            }
            (SOL_UDP | SOL_UDPLITE, kind) if kind.is_udp() => {
                let link = self.link.lock();
                let [sent, received] = link.coverage.map(|bytes| i32::from(bytes.unwrap_or(0)));
                let value = match name {
                    UDP_CORK => i32::from(link.cork),
                    SEND_COVERAGE => sent,
                    RECEIVE_COVERAGE => received,
                    _ => return Err(Errno::ENOPROTOOPT),
                };
                Ok(value.to_ne_bytes().to_vec())
            }
            (SOL_RAW, Kind::Raw(1)) if name == ICMP_FILTER => {
                let [first, ..] = self.link.lock().filter;
                Ok(first.to_ne_bytes().to_vec())
            }
            (SOL_ICMPV6, Kind::Raw(58)) if name == ICMP_FILTER => {
                let filter = self.link.lock().filter;
                Ok(filter.iter().flat_map(|word| word.to_ne_bytes()).collect())
            }
            (SOL_RAW, Kind::Raw(_)) => Err(Errno::ENOPROTOOPT),
            _ => Err(self.core.family.no_level()),
        }
    }
}
