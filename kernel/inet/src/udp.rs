//! UDP: the header, and the way of a message.

use super::counts::{Count, count_udp};
use super::dgram;
use super::input::Incoming;
use super::output::{self, Packet};
use super::{checksum, icmp, protocol, route};
use crate::room;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::IpAddr;

/// Bytes of the header.
pub const HEADER: usize = 8;

/// What a header says besides sums.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The sender's port.
    pub from: u16,
    /// The receiver's port.
    pub to: u16,
    /// What the checksum of UDP-Lite covers: so many bytes, header included, or 0: all. `None`: nobody said.
    pub coverage: Option<u16>,
}

/// Whether a packet is one of UDP-Lite.
fn is_lite(number: u8) -> bool {
    i32::from(number) == protocol::UDPLITE
}

/// Sends a message. What is for this machine goes straight to its receiver.
///
/// # Errors
/// Those of the way there.
pub fn send(packet: &Packet, ends: &Ends, bytes: Vec<u8>) -> Result<()> {
    let v4 = packet.from.is_ipv4();
    let lite = is_lite(packet.protocol);
    count_udp(lite, v4, Count::UdpOutDatagrams, Count::Udp6OutDatagrams);
    dgram::SENT.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    if route::is_local(packet.to) {
        let incoming = packet.incoming(route::LOOPBACK, &[]);
        if let Err(bytes) = dgram::input::udp(&incoming, ends, bytes) {
            // The answer is a message of ICMP, as raw sockets see it.
            let message = message(packet, ends, &bytes)?;
            icmp::refuse(&packet.incoming(route::LOOPBACK, &message), false);
        }
        return Ok(());
    }
    let many = packet.to.is_multicast() || route::is_broadcast(packet.to);
    let device = output::device_of(packet).unwrap_or(route::LOOPBACK);
    // What leaves by the loopback comes back of itself.
    if many && packet.loops && device != route::LOOPBACK {
        let incoming = packet.incoming(device, &[]);
        // Groups without members refuse nothing.
        if let Ok(bytes) = room::copy(&bytes) {
            let _ = dgram::input::udp(&incoming, ends, bytes);
        }
    }
    output::send(packet, &message(packet, ends, &bytes)?)
}

/// A message with its header.
///
/// # Errors
/// `EMSGSIZE`
pub(crate) fn message(packet: &Packet, ends: &Ends, bytes: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(HEADER + bytes.len()).map_err(|_| Errno::EMSGSIZE)?;
    // Who asks for more than there is gets all.
    let told = match ends.coverage {
        Some(coverage) if is_lite(packet.protocol) => coverage.min(length),
        _ => length,
    };
    let mut head = [0; HEADER];
    for (place, word) in head.chunks_mut(2).zip([ends.from, ends.to, told, 0]) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    let mut message = room::joined(&head, bytes)?;
    let covered = if told == 0 { length } else { told };
    let sum = sum(packet.from, packet.to, packet.protocol, &message, covered);
    // A sum of zero would say that there is none.
    let sum = if sum == 0 { 0xffff } else { sum };
    if let Some(place) = message.get_mut(6..8) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    Ok(message)
}

/// The checksum of the first bytes of a message, whose whole length counts.
fn sum(from: IpAddr, to: IpAddr, number: u8, message: &[u8], covered: u16) -> u16 {
    let part = message.get(..usize::from(covered)).unwrap_or(message);
    checksum::of_part(from, to, number, message.len(), part)
}

/// A header as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sender's port.
    pub from: u16,
    /// The receiver's port.
    pub to: u16,
    /// Header and bytes.
    pub length: usize,
    /// Whether there is a checksum.
    pub summed: bool,
}

/// Reads a header; `None` when it is none.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Header> {
    let header = read(bytes)?;
    (HEADER..=bytes.len())
        .contains(&header.length)
        .then_some(header)
}

fn read(bytes: &[u8]) -> Option<Header> {
    let words: [[u8; 2]; 4] = zerocopy::FromBytes::read_from_prefix(bytes).ok()?.0;
    let [from, to, length, sum] = words.map(u16::from_be_bytes);
    Some(Header {
        from,
        to,
        length: usize::from(length),
        summed: sum != 0,
    })
}

/// A packet of UDP came; `false` when nobody takes it.
pub fn input(packet: &Incoming<'_>, verified: bool) -> bool {
    let (v4, lite) = (packet.from.is_ipv4(), is_lite(packet.protocol));
    let count = |of4, of6| count_udp(lite, v4, of4, of6);
    if lite {
        return lite_input(packet, &count);
    }
    let Some(header) = parse(packet.payload) else {
        count(Count::UdpInErrors, Count::Udp6InErrors);
        return true;
    };
    let Some(whole) = packet.payload.get(..header.length) else {
        return true;
    };
    if header.summed
        && !verified
        && checksum::of_protocol(packet.from, packet.to, packet.protocol, whole) != 0
    {
        count(Count::UdpInCsumErrors, Count::Udp6InCsumErrors);
        count(Count::UdpInErrors, Count::Udp6InErrors);
        return true;
    }
    // IPv6 does not do without.
    if !header.summed && packet.from.is_ipv6() {
        return true;
    }
    let ends = Ends {
        from: header.from,
        to: header.to,
        coverage: None,
    };
    let bytes = whole.get(HEADER..).unwrap_or_default().to_vec();
    dgram::input::udp(packet, &ends, bytes).is_ok()
}

/// The same of UDP-Lite, which is never without a sum (RFC 3828). Cards do not verify it.
fn lite_input(packet: &Incoming<'_>, count: &dyn Fn(Count, Count)) -> bool {
    let whole = packet.payload;
    let header = read(whole).filter(|header| {
        header.summed && (header.length == 0 || (HEADER..=whole.len()).contains(&header.length))
    });
    let Some(header) = header else {
        count(Count::UdpInErrors, Count::Udp6InErrors);
        return true;
    };
    // It was read from as many bits.
    let coverage = header.length as u16;
    let covered = if coverage == 0 { u16::MAX } else { coverage };
    if sum(packet.from, packet.to, packet.protocol, whole, covered) != 0 {
        count(Count::UdpInCsumErrors, Count::Udp6InCsumErrors);
        count(Count::UdpInErrors, Count::Udp6InErrors);
        return true;
    }
    let ends = Ends {
        from: header.from,
        to: header.to,
        coverage: Some(coverage),
    };
    let bytes = whole.get(HEADER..).unwrap_or_default().to_vec();
    dgram::input::udp(packet, &ends, bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_udp_lite_covers_what_is_said() {
        let (own, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let packet = Packet::plain(own, other, protocol::UDPLITE as u8, 0);
        let ends = |coverage| Ends {
            from: 1,
            to: 2,
            coverage,
        };
        for (coverage, told, covered) in [
            (None, 12, 12),
            (Some(0), 0, 12),
            (Some(8), 8, 8),
            (Some(9), 9, 9),
            (Some(900), 12, 12),
        ] {
            let mut whole = message(&packet, &ends(coverage), b"abcd").unwrap();
            let header = read(&whole).unwrap();
            assert_eq!((header.length, header.summed), (told, true));
            assert_eq!(sum(own, other, packet.protocol, &whole, covered), 0);
            // What is not covered may change on the way.
            if let Some(byte) = whole.get_mut(usize::from(covered)) {
                *byte ^= 1;
            }
            assert_eq!(sum(own, other, packet.protocol, &whole, covered), 0);
        }
    }

    #[test]
    fn a_header_says_no_more_than_there_is() {
        let bytes = [0, 1, 0, 2, 0, 9, 0, 0, b'x'];
        let header = parse(&bytes).unwrap();
        assert_eq!(
            (header.from, header.to, header.length, header.summed),
            (1, 2, 9, false)
        );
        assert_eq!(parse(bytes.get(..8).unwrap()), None);
        assert_eq!(parse(&[0, 1, 0, 2, 0, 7, 0, 0, 0]), None);
        assert_eq!(parse(&[0; 7]), None);
    }
}
