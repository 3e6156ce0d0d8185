//! Control messages of IP: what a sender chooses for one message, what a receiver is told of one.

use super::{Datagram, DatagramSocket};
use crate::ip_options::{IpFlags, SOL_IP, SOL_IPV6, ip, ipv6};
use abi::socket::{SOL_SOCKET, so};
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::sync::atomic::Ordering::Relaxed;
use net::address::{Family, mapped};
use net::control::{Ancillary, Beside, Message, messages};
use zerocopy::{FromBytes, IntoBytes};

/// What one call chooses.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The interface to leave by.
    pub device: Option<u32>,
    /// The address to send from.
    pub source: Option<IpAddr>,
    /// The hop limit.
    pub hop_limit: Option<u8>,
    /// The type of service or traffic class.
    pub tos: Option<u8>,
}

impl Choices {
    /// Reads the control messages of a call.
    ///
    /// # Errors
    /// `EINVAL`: one that is not known, or whose value is not.
    pub fn parse(control: &[u8], family: Family) -> Result<Self> {
        let mut choices = Self::default();
        for message in messages(control) {
            if let Message::Other { level, kind, data } = message? {
                match (level, family) {
                    (SOL_IP, _) => choices.take_v4(kind, data)?,
                    (SOL_IPV6, Family::V6) => choices.take_v6(kind, data)?,
                    _ => {}
                }
            }
        }
        Ok(choices)
    }

    fn take_v4(&mut self, kind: i32, data: &[u8]) -> Result<()> {
        match kind {
            ip::PKTINFO => {
                let [index, source, _] = words(data)?;
                self.device = (index != 0).then_some(index);
                self.source = Some(IpAddr::V4(Ipv4Addr::from(source.to_ne_bytes())));
            }
            ip::TTL => self.hop_limit = Some(byte(int(data)?, 1)?),
            ip::TOS => {
                let value = match data {
                    [tos] => i32::from(*tos),
                    data => int(data)?,
                };
                self.tos = Some(byte(value, 0)?);
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    fn take_v6(&mut self, kind: i32, data: &[u8]) -> Result<()> {
        match kind {
            ipv6::PKTINFO => {
                let (addr, rest) = <[u8; 16]>::read_from_prefix(data).map_err(|_| Errno::EINVAL)?;
                let index = u32::read_from_prefix(rest).map_err(|_| Errno::EINVAL)?.0;
                self.device = (index != 0).then_some(index);
                self.source = Some(Ipv6Addr::from(addr).to_canonical());
            }
            ipv6::HOPLIMIT => self.hop_limit = choice(int(data)?)?,
            ipv6::TCLASS => self.tos = choice(int(data)?)?,
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }
}

fn words(data: &[u8]) -> Result<[u32; 3]> {
    <[u32; 3]>::read_from_bytes(data).map_err(|_| Errno::EINVAL)
}

fn int(data: &[u8]) -> Result<i32> {
    i32::read_from_bytes(data).map_err(|_| Errno::EINVAL)
}

fn byte(value: i32, least: u8) -> Result<u8> {
    u8::try_from(value)
        .ok()
        .filter(|value| *value >= least)
        .ok_or(Errno::EINVAL)
}

/// A byte, or -1 for what the socket has.
fn choice(value: i32) -> Result<Option<u8>> {
    if value == -1 {
        Ok(None)
    } else {
        byte(value, 0).map(Some)
    }
}

impl DatagramSocket {
    /// What the socket's program asked to be told of each message.
    pub(super) fn control_of(&self, message: &Datagram) -> Beside {
        let flags = self.core.ip.flags();
        let stamp = self.core.timestamp.load(Relaxed);
        let interesting = !(IpFlags::MULTICAST_LOOP
            | IpFlags::MULTICAST_ALL
            | IpFlags::V6_MULTICAST_LOOP
            | IpFlags::V6_MULTICAST_ALL);
        if stamp == 0 && !flags.intersects(interesting) {
            return Beside::default();
        }
        let mut told = Vec::new();
        if stamp != 0 {
            told.push(timestamp(stamp as i32, message.at));
        }
        match message.from.addr {
            IpAddr::V6(_) => v6_control(flags, message, &mut told),
            IpAddr::V4(_) => {
                if self.core.family == Family::V6 && flags.contains(IpFlags::V6_PKTINFO) {
                    told.push(v6_info(message, ipv6::PKTINFO));
                }
                v4_control(flags, message, &mut told);
            }
        }
        told.into()
    }
}

fn message_of(level: i32, kind: i32, data: &[u8]) -> Ancillary {
    Ancillary {
        level,
        kind,
        data: data.to_vec(),
    }
}

fn timestamp(name: i32, at: u64) -> Ancillary {
    let (seconds, rest) = ((at / 1_000_000_000) as i64, (at % 1_000_000_000) as i64);
    let nanoseconds = matches!(name, so::TIMESTAMPNS | 64);
    let value = [seconds, if nanoseconds { rest } else { rest / 1000 }];
    message_of(SOL_SOCKET, name, value.as_bytes())
}

fn v4_control(flags: IpFlags, message: &Datagram, told: &mut Vec<Ancillary>) {
    let IpAddr::V4(to) = message.to else { return };
    if flags.contains(IpFlags::PKTINFO) {
        let own = if to.is_multicast() || to.is_broadcast() {
            crate::route::first_address(message.device).unwrap_or(to)
        } else {
            to
        };
        let info = [
            message.device,
            u32::from_ne_bytes(own.octets()),
            u32::from_ne_bytes(to.octets()),
        ];
        told.push(message_of(SOL_IP, ip::PKTINFO, info.as_bytes()));
    }
    if flags.contains(IpFlags::RECVTTL) {
        told.push(message_of(
            SOL_IP,
            ip::TTL,
            i32::from(message.ttl).as_bytes(),
        ));
    }
    if flags.contains(IpFlags::RECVTOS) {
        told.push(message_of(SOL_IP, ip::TOS, &[message.tos]));
    }
    if flags.contains(IpFlags::ORIGDSTADDR) {
        let end = net::address::Endpoint::new(message.to, message.to_port);
        told.push(message_of(
            SOL_IP,
            ip::RECVORIGDSTADDR,
            &end.to_bytes(Family::V4),
        ));
    }
}

fn v6_info(message: &Datagram, name: i32) -> Ancillary {
    let mut info = mapped(message.to).octets().to_vec();
    info.extend_from_slice(&message.device.to_ne_bytes());
    message_of(SOL_IPV6, name, &info)
}

fn v6_control(flags: IpFlags, message: &Datagram, told: &mut Vec<Ancillary>) {
    let number = |name, value: u8| message_of(SOL_IPV6, name, i32::from(value).as_bytes());
    if flags.contains(IpFlags::V6_PKTINFO) {
        told.push(v6_info(message, ipv6::PKTINFO));
    }
    if flags.contains(IpFlags::V6_HOPLIMIT) {
        told.push(number(ipv6::HOPLIMIT, message.ttl));
    }
    if flags.contains(IpFlags::V6_TCLASS) {
        told.push(number(ipv6::TCLASS, message.tos));
    }
    // As RFC 2292 has them, which older programs ask for.
    if flags.contains(IpFlags::V6_OLD_PKTINFO) {
        told.push(v6_info(message, ipv6::OLD_PKTINFO));
    }
    if flags.contains(IpFlags::V6_OLD_HOPLIMIT) {
        told.push(number(ipv6::OLD_HOPLIMIT, message.ttl));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::socket::CmsgHdr;
    use net::control::HEADER;

    fn sent(level: i32, kind: i32, data: &[u8]) -> Result<Choices> {
        let len = (HEADER + data.len()) as u64;
        let mut buffer = CmsgHdr { len, level, kind }.as_bytes().to_vec();
        buffer.extend(data);
        Choices::parse(&buffer, Family::V6)
    }

    #[test]
    fn a_sender_chooses_the_source_and_the_interface() {
        let mut info = 3u32.to_ne_bytes().to_vec();
        info.extend([127, 0, 0, 2, 0, 0, 0, 0]);
        let choices = sent(SOL_IP, ip::PKTINFO, &info).unwrap();
        assert_eq!(choices.device, Some(3));
        assert_eq!(
            choices.source,
            Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)))
        );
    }

    #[test]
    fn hop_limits_are_bytes() {
        assert_eq!(
            sent(SOL_IP, ip::TTL, &5i32.to_ne_bytes()).map(|c| c.hop_limit),
            Ok(Some(5))
        );
        assert_eq!(
            sent(SOL_IP, ip::TTL, &0i32.to_ne_bytes()),
            Err(Errno::EINVAL)
        );
        assert_eq!(sent(SOL_IP, ip::TTL, &[1]), Err(Errno::EINVAL));
        assert_eq!(
            sent(SOL_IPV6, ipv6::HOPLIMIT, &(-1i32).to_ne_bytes()).map(|c| c.hop_limit),
            Ok(None)
        );
        assert_eq!(
            sent(SOL_IPV6, ipv6::HOPLIMIT, &256i32.to_ne_bytes()),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn what_is_not_known_is_refused_and_other_levels_are_passed_over() {
        assert_eq!(sent(SOL_IP, 99, &[]), Err(Errno::EINVAL));
        assert_eq!(sent(6, 1, &[]), Ok(Choices::default()));
    }
}
