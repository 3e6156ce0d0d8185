//! ICMP and ICMPv6: echoes, and what they say of packets that went.

use super::counts::{Count, count, count_of};
use super::dgram::{self, Report};
use super::input::Incoming;
use super::output::{self, Packet};
use super::{checksum, protocol};
use crate::room;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use net::address::{Endpoint, Family};

/// Echoes of IPv4 are not answered (`net.ipv4.icmp_echo_ignore_all`).
pub static ECHO_IGNORE: AtomicU32 = AtomicU32::new(0);

/// `SO_EE_ORIGIN_ICMP`
const ORIGIN_ICMP: u8 = 2;
/// `SO_EE_ORIGIN_ICMP6`
const ORIGIN_ICMP6: u8 = 3;

/// Types of ICMP.
const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const ECHO: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER: u8 = 12;
/// Codes of `UNREACHABLE`.
const PORT: u8 = 3;
const TOO_LONG: u8 = 4;
/// Types of ICMPv6.
const UNREACHABLE6: u8 = 1;
const TOO_LONG6: u8 = 2;
const TIME_EXCEEDED6: u8 = 3;
const PARAMETER6: u8 = 4;
/// ICMPv6's echo.
pub const ECHO6: u8 = 128;
/// Its answer.
pub const ECHO_REPLY6: u8 = 129;
const PORT6: u8 = 4;

/// Bytes of a message's header.
const HEADER: usize = 8;

/// A ping socket's message as it goes: its number set, its sum made.
///
/// # Errors
/// `EINVAL`: not an echo.
pub fn echo(family: Family, number: u16, bytes: &[u8], packet: &Packet) -> Result<Vec<u8>> {
    let mut message = room::copy(bytes)?;
    let wanted = match family {
        Family::V4 => ECHO,
        Family::V6 => ECHO6,
    };
    match message.as_mut_slice() {
        [kind, 0, sum0, sum1, id0, id1, _, _, ..] if *kind == wanted => {
            [*id0, *id1] = number.to_be_bytes();
            (*sum0, *sum1) = (0, 0);
        }
        _ => return Err(Errno::EINVAL),
    }
    put_sum(&mut message, packet.from.is_ipv4(), packet);
    Ok(message)
}

fn put_sum(message: &mut [u8], v4: bool, packet: &Packet) {
    let sum = if v4 {
        checksum::of(message)
    } else {
        checksum::of_protocol(packet.from, packet.to, protocol::ICMPV6 as u8, message)
    };
    if let Some(place) = message.get_mut(2..4) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
}

/// A raw socket's message: the kernel makes the sum of ICMPv6.
#[must_use]
pub fn complete(number: u8, packet: &Packet, mut bytes: Vec<u8>) -> Vec<u8> {
    if i32::from(number) == protocol::ICMPV6 && packet.to.is_ipv6() && bytes.len() >= 4 {
        if let Some(place) = bytes.get_mut(2..4) {
            place.fill(0);
        }
        put_sum(&mut bytes, false, packet);
    }
    bytes
}

/// A message of ICMP or ICMPv6 came.
pub fn input(packet: &Incoming<'_>) {
    let v4 = packet.from.is_ipv4();
    let sum = if v4 {
        checksum::of(packet.payload)
    } else {
        checksum::of_protocol(packet.from, packet.to, packet.protocol, packet.payload)
    };
    count_of(v4, Count::IcmpInMsgs, Count::Icmp6InMsgs);
    let [kind, code, _, _, a, b, c, d, ..] = *packet.payload else {
        count_of(v4, Count::IcmpInErrors, Count::Icmp6InErrors);
        return;
    };
    if sum != 0 {
        count_of(v4, Count::IcmpInErrors, Count::Icmp6InErrors);
        count_of(v4, Count::IcmpInCsumErrors, Count::Icmp6InCsumErrors);
        return;
    }
    match (v4, kind) {
        (true, UNREACHABLE) => count(Count::IcmpInDestUnreachs),
        (true, ECHO) => count(Count::IcmpInEchos),
        (true, ECHO_REPLY) => count(Count::IcmpInEchoReps),
        (false, UNREACHABLE6) => count(Count::Icmp6InDestUnreachs),
        (false, ECHO6) => count(Count::Icmp6InEchos),
        (false, ECHO_REPLY6) => count(Count::Icmp6InEchoReplies),
        _ => {}
    }
    match (v4, kind) {
        (true, ECHO) if ECHO_IGNORE.load(Relaxed) != 0 => {}
        (true, ECHO) | (false, ECHO6) => answer(packet),
        (false, 130) => super::groups::asked(packet),
        (true, ECHO_REPLY) | (false, ECHO_REPLY6) => {
            dgram::input::ping(packet, u16::from_be_bytes([a, b]));
        }
        _ => {
            let info = u32::from_be_bytes([a, b, c, d]);
            if let Some((error, hard, info)) = meaning(v4, kind, code, info) {
                about_ours(packet, (kind, code), error, hard, info);
            }
        }
    }
}

/// What an error means to a program: the error, whether it is for good, and the size that would pass.
fn meaning(v4: bool, kind: u8, code: u8, info: u32) -> Option<(Errno, bool, u32)> {
    if v4 {
        return Some(match (kind, code) {
            (UNREACHABLE, 0 | 6 | 11) => (Errno::ENETUNREACH, matches!(code, 6), 0),
            (UNREACHABLE, 2) => (Errno::ENOPROTOOPT, true, 0),
            (UNREACHABLE, PORT) => (Errno::ECONNREFUSED, true, 0),
            (UNREACHABLE, TOO_LONG) => (Errno::EMSGSIZE, false, info & 0xffff),
            (UNREACHABLE, 5) => (Errno::EOPNOTSUPP, false, 0),
            (UNREACHABLE, _) => (Errno::EHOSTUNREACH, code != 1 && code != 12, 0),
            (TIME_EXCEEDED, _) => (Errno::EHOSTUNREACH, false, 0),
            (PARAMETER, _) => (Errno::EPROTO, true, 0),
            _ => return None,
        });
    }
    Some(match (kind, code) {
        (UNREACHABLE6, 0) => (Errno::ENETUNREACH, false, 0),
        (UNREACHABLE6, 1) => (Errno::EACCES, true, 0),
        (UNREACHABLE6, PORT6) => (Errno::ECONNREFUSED, true, 0),
        (UNREACHABLE6, _) => (Errno::EHOSTUNREACH, false, 0),
        (TOO_LONG6, _) => (Errno::EMSGSIZE, false, info),
        (TIME_EXCEEDED6, _) => (Errno::EHOSTUNREACH, false, 0),
        (PARAMETER6, _) => (Errno::EPROTO, true, 0),
        _ => return None,
    })
}

/// An error about a packet that is quoted: its sender hears of it.
fn about_ours(packet: &Incoming<'_>, kind: (u8, u8), error: Errno, hard: bool, info: u32) {
    let quoted = packet.payload.get(HEADER..).unwrap_or_default();
    let Some(inner) = super::input::parse(quoted, packet.device) else {
        return;
    };
    let [from0, from1, to0, to1, ..] = *inner.payload else {
        return;
    };
    let from = Endpoint::new(inner.from, u16::from_be_bytes([from0, from1]));
    let to = Endpoint::new(inner.to, u16::from_be_bytes([to0, to1]));
    let report = Report {
        error,
        origin: if packet.from.is_ipv4() {
            ORIGIN_ICMP
        } else {
            ORIGIN_ICMP6
        },
        kind,
        info,
        offender: Endpoint::new(packet.from, 0),
        to,
        bytes: inner
            .payload
            .get(super::udp::HEADER..)
            .unwrap_or_default()
            .to_vec(),
    };
    match i32::from(inner.protocol) {
        protocol::UDP | protocol::UDPLITE => {
            let number = inner.protocol;
            dgram::input::refused(number, &from, &to, &report, hard, packet.device);
        }
        protocol::TCP => {
            let seq = inner.payload.get(4..).and_then(|rest| rest.first_chunk());
            let seq = seq.map_or(0, |seq| u32::from_be_bytes(*seq));
            super::tcp::refused(&from, &to, seq, error, info);
        }
        protocol::ICMP | protocol::ICMPV6 => {
            // The number stands where a port would not.
            let number = inner
                .payload
                .get(4..6)
                .and_then(|id| id.first_chunk())
                .map_or(0, |id| u16::from_be_bytes(*id));
            dgram::input::ping_refused(&from, &to, number, &report, hard, packet.device);
        }
        _ => {}
    }
}

/// Sends the same bytes back.
fn answer(packet: &Incoming<'_>) {
    if packet.to.is_multicast() && packet.from.is_ipv4() || super::route::is_broadcast(packet.to) {
        return;
    }
    let Ok(from) = (if packet.to.is_multicast() {
        super::route::source_for(packet.from, packet.device)
    } else {
        Ok(packet.to)
    }) else {
        return;
    };
    let reply = Packet {
        hop_limit: 64,
        ..Packet::plain(from, packet.from, packet.protocol, packet.device)
    };
    let Ok(mut message) = room::copy(packet.payload) else {
        return;
    };
    if let Some(kind) = message.first_mut() {
        *kind = if packet.from.is_ipv4() {
            ECHO_REPLY
        } else {
            ECHO_REPLY6
        };
    }
    if let Some(place) = message.get_mut(2..4) {
        place.fill(0);
    }
    put_sum(&mut message, packet.from.is_ipv4(), &reply);
    // Who asked asks again.
    let v4 = packet.from.is_ipv4();
    count_of(v4, Count::IcmpOutMsgs, Count::Icmp6OutMsgs);
    count_of(v4, Count::IcmpOutEchoReps, Count::Icmp6OutEchoReplies);
    let _ = output::send(&reply, &message);
}

/// Tells a sender that nobody is at a port, or speaks a protocol.
pub fn refuse(packet: &Incoming<'_>, no_protocol: bool) {
    if packet.to.is_multicast()
        || super::route::is_broadcast(packet.to)
        || packet.from.is_unspecified()
    {
        return;
    }
    let v4 = packet.from.is_ipv4();
    let (kind, code) = match (v4, no_protocol) {
        (true, false) => (UNREACHABLE, PORT),
        (true, true) => (UNREACHABLE, 2),
        (false, false) => (UNREACHABLE6, PORT6),
        (false, true) => (PARAMETER6, 1),
    };
    let number = if v4 { protocol::ICMP } else { protocol::ICMPV6 };
    let reply = Packet {
        hop_limit: 64,
        tos: 0xc0,
        ..Packet::plain(packet.to, packet.from, number as u8, packet.device)
    };
    // The minimum every host takes, less headers.
    let most = if v4 {
        576 - 20 - HEADER
    } else {
        1280 - 40 - HEADER
    };
    let Ok(quoted) = packet.with_header() else {
        return;
    };
    let mut message = alloc::vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend(quoted.iter().take(most));
    put_sum(&mut message, v4, &reply);
    count_of(v4, Count::IcmpOutMsgs, Count::Icmp6OutMsgs);
    if matches!((v4, kind), (true, UNREACHABLE) | (false, UNREACHABLE6)) {
        count_of(v4, Count::IcmpOutDestUnreachs, Count::Icmp6OutDestUnreachs);
    }
    let _ = output::send(&reply, &message);
}

/// A packet of ours found nobody on the link: its sender hears of it.
pub fn host_unreachable(bytes: &[u8], device: u32) {
    let Some(inner) = super::input::parse(bytes, device) else {
        return;
    };
    let v4 = inner.from.is_ipv4();
    let mut payload = alloc::vec![0; HEADER];
    payload.extend_from_slice(bytes);
    let packet = Incoming {
        from: inner.from,
        to: inner.from,
        header: &[],
        payload: &payload,
        piece: None,
        ..inner
    };
    let kind = if v4 {
        (UNREACHABLE, 1)
    } else {
        (UNREACHABLE6, 3)
    };
    about_ours(&packet, kind, Errno::EHOSTUNREACH, true, 0);
}
