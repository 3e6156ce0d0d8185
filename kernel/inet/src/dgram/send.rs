//! Sending messages.

use super::ancillary::Choices;
use super::{DatagramSocket, Kind, Shut};
use crate::ip_options::IpFlags;
use crate::output::{self, Packet};
use crate::room;
use crate::{icmp, protocol, route, udp};
use abi::socket::MsgFlags;
use abi::socket::family::AF_UNSPEC;
use abi::{Errno, Result};
use alloc::vec::Vec;
use mm::io::IoSrc;
use net::address::{Endpoint, Family, family_of};
use net::socket::{Outgoing, Socket};

/// The longest payload of IP, less UDP's header.
const LONGEST_V4: usize = 65_507;
const LONGEST_V6: usize = 65_527;
/// The longest packet.
const LONGEST: usize = 65_535;

impl DatagramSocket {
    pub(super) fn send_message(&self, src: &mut IoSrc<'_>, out: &Outgoing<'_>) -> Result<usize> {
        let len = src.remaining();
        if len > LONGEST {
            return Err(Errno::EMSGSIZE);
        }
        if out.flags.contains(MsgFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        let to = self.target(out.address)?;
        let choices = Choices::parse(out.control, self.core.family)?;
        self.bind_automatically()?;
        self.check_sending()?;
        if !route::is_local(to.addr) {
            self.check_broadcast(to.addr)?;
        }
        let mut bytes = room::zeroes(len)?;
        if src.take(&mut bytes) < len {
            return Err(Errno::EFAULT);
        }
        if self.kind.is_udp()
            && let Some(result) = self.cork(&to, &mut bytes, out.flags)
        {
            return result.map(|()| len);
        }
        self.send_bytes(&to, &choices, bytes)?;
        Ok(len)
    }

    /// Where the message goes: as the call says, or to the peer.
    fn target(&self, address: Option<&[u8]>) -> Result<Endpoint> {
        let named = match (address, self.core.family) {
            // No bytes are no name to a raw socket of IPv4's, and a short one to all others.
            (Some([]), Family::V4) if matches!(self.kind, Kind::Raw(_)) => None,
            (Some(address), Family::V6) if family_of(address) == Some(AF_UNSPEC) => None,
            (Some(address), Family::V6) if address.len() < 2 => return Err(Errno::EINVAL),
            (address, _) => address,
        };
        let Some(address) = named else {
            return self.link.lock().remote.ok_or(Errno::EDESTADDRREQ);
        };
        let to = if self.core.family == Family::V4
            && address.len() >= 16
            && family_of(address) == Some(AF_UNSPEC)
        {
            // No family is IPv4 here.
            let mut bytes = [0; 16];
            bytes
                .iter_mut()
                .zip(address)
                .for_each(|(to, from)| *to = *from);
            let [low, high, ..] = &mut bytes;
            [*low, *high] = Family::V4.number().to_ne_bytes();
            self.destination(&bytes)?
        } else {
            self.destination(address)?
        };
        if to.port == 0 && self.kind.is_udp() {
            return Err(Errno::EINVAL);
        }
        Ok(to)
    }

    fn check_sending(&self) -> Result<()> {
        let mut link = self.link.lock();
        if let Some(error) = link.error.take() {
            return Err(error);
        }
        if link.shut.contains(Shut::SEND) {
            return Err(Errno::EPIPE);
        }
        Ok(())
    }

    /// Keeps the bytes back, or puts those kept before them.
    fn cork(&self, to: &Endpoint, bytes: &mut Vec<u8>, flags: MsgFlags) -> Option<Result<()>> {
        let more = flags.contains(MsgFlags::MORE) || self.link.lock().cork;
        let mut inbox = self.inbox.lock();
        let first = match (&mut inbox.corked, more) {
            (None, false) => return None,
            (None, true) => {
                inbox.corked = Some((*to, core::mem::take(bytes)));
                return Some(Ok(()));
            }
            (Some((_, kept)), true) => {
                if kept.len() + bytes.len() > LONGEST_V4 {
                    return Some(Err(Errno::EMSGSIZE));
                }
                return Some(room::append(kept, bytes));
            }
            (Some(_), false) => inbox.corked.take(),
        };
        drop(inbox);
        if let Some((_, mut whole)) = first {
            if let Err(error) = room::append(&mut whole, bytes) {
                return Some(Err(error));
            }
            *bytes = whole;
        }
        None
    }

    /// What was kept back goes.
    pub(super) fn uncork(&self) -> Result<()> {
        let kept = self.inbox.lock().corked.take();
        match kept {
            Some((to, bytes)) => self.send_bytes(&to, &Choices::default(), bytes),
            None => Ok(()),
        }
    }

    fn send_bytes(&self, to: &Endpoint, choices: &Choices, bytes: Vec<u8>) -> Result<()> {
        let family = if to.addr.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        };
        let local = self.link.lock().local;
        let device = choices.device.unwrap_or_else(|| self.device_for(to));
        let source = match choices.source {
            Some(source) if !source.is_unspecified() => source,
            _ if !local.is_any()
                && local.addr.is_ipv4() == to.addr.is_ipv4()
                && !local.addr.is_multicast() =>
            {
                local.addr
            }
            _ if !local.is_any() && !local.addr.is_multicast() => return Err(Errno::ENETUNREACH),
            _ => route::source_for(to.addr, device)?,
        };
        let multicast = to.addr.is_multicast();
        let ip = &self.core.ip;
        let mut packet = Packet {
            from: source,
            to: to.addr,
            protocol: 0,
            hop_limit: choices
                .hop_limit
                .unwrap_or_else(|| ip.hop_limit(family, multicast)),
            any_hops: choices.hop_limit.is_none() && !multicast && !ip.chooses_hops(family),
            tos: choices.tos.unwrap_or_else(|| match family {
                Family::V4 => ip.tos(),
                Family::V6 => ip.tclass(),
            }),
            device,
            never_fragment: ip.never_fragments(family),
            loops: ip.flags().contains(match family {
                Family::V4 => IpFlags::MULTICAST_LOOP,
                Family::V6 => IpFlags::V6_MULTICAST_LOOP,
            }),
        };
        match self.kind {
            Kind::Udp | Kind::UdpLite => {
                let longest = match family {
                    Family::V4 => LONGEST_V4,
                    Family::V6 => LONGEST_V6,
                };
                if bytes.len() > longest {
                    return Err(Errno::EMSGSIZE);
                }
                packet.protocol = self.protocol() as u8;
                let [coverage, _] = self.link.lock().coverage;
                let header = udp::Ends {
                    from: local.port,
                    to: to.port,
                    coverage,
                };
                udp::send(&packet, &header, bytes)
            }
            Kind::Ping => {
                let message = icmp::echo(family, local.port, &bytes, &packet)?;
                packet.protocol = self.icmp_number();
                output::send(&packet, &message)
            }
            Kind::Raw(_) if ip.flags().contains(IpFlags::HDRINCL) && family == Family::V4 => {
                output::send_with_header(&packet, bytes)
            }
            Kind::Raw(number) => {
                packet.protocol = number;
                let bytes = icmp::complete(number, &packet, bytes);
                if bytes.len() > LONGEST - 20 {
                    return Err(Errno::EMSGSIZE);
                }
                output::send(&packet, &bytes)
            }
        }
    }

    fn icmp_number(&self) -> u8 {
        match self.core.family {
            Family::V4 => protocol::ICMP as u8,
            Family::V6 => protocol::ICMPV6 as u8,
        }
    }
}
