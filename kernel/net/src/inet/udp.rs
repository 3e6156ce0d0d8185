//! UDP: the header, and the way of a message.

use super::counts::{Count, count_of};
use super::dgram;
use super::input::Incoming;
use super::output::{self, Packet};
use super::{checksum, icmp, route};
use abi::{Errno, Result};
use alloc::vec::Vec;

/// Bytes of the header.
pub const HEADER: usize = 8;

/// Sends a message. What is for this machine goes straight to its receiver.
///
/// # Errors
/// Those of the way there.
pub fn send(packet: &Packet, from: u16, to: u16, bytes: Vec<u8>) -> Result<()> {
    if route::is_local(packet.to) {
        count_of(
            packet.from.is_ipv4(),
            Count::UdpOutDatagrams,
            Count::Udp6OutDatagrams,
        );
        let incoming = packet.incoming(route::LOOPBACK, &[]);
        dgram::SENT.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        if let Err(bytes) = dgram::input::udp(&incoming, from, to, bytes) {
            // The answer is a message of ICMP, as raw sockets see it.
            let message = message(packet, from, to, &bytes)?;
            icmp::refuse(&packet.incoming(route::LOOPBACK, &message), false);
        }
        return Ok(());
    }
    count_of(
        packet.from.is_ipv4(),
        Count::UdpOutDatagrams,
        Count::Udp6OutDatagrams,
    );
    dgram::SENT.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    let many = packet.to.is_multicast() || route::is_broadcast(packet.to);
    let device = output::device_of(packet).unwrap_or(route::LOOPBACK);
    // What leaves by the loopback comes back of itself.
    if many && packet.loops && device != route::LOOPBACK {
        let incoming = packet.incoming(device, &[]);
        // Groups without members refuse nothing.
        let _ = dgram::input::udp(&incoming, from, to, bytes.clone());
    }
    output::send(packet, &message(packet, from, to, &bytes)?)
}

/// A message with its header.
///
/// # Errors
/// `EMSGSIZE`
pub(crate) fn message(packet: &Packet, from: u16, to: u16, bytes: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(HEADER + bytes.len()).map_err(|_| Errno::EMSGSIZE)?;
    let mut message = Vec::with_capacity(HEADER + bytes.len());
    for word in [from, to, length, 0] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    message.extend_from_slice(bytes);
    let sum = checksum::of_protocol(packet.from, packet.to, packet.protocol, &message);
    // A sum of zero would say that there is none.
    let sum = if sum == 0 { 0xffff } else { sum };
    if let Some(place) = message.get_mut(6..8) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    Ok(message)
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
    let words: [[u8; 2]; 4] = zerocopy::FromBytes::read_from_prefix(bytes).ok()?.0;
    let [from, to, length, sum] = words.map(u16::from_be_bytes);
    let length = usize::from(length);
    (HEADER..=bytes.len()).contains(&length).then_some(Header {
        from,
        to,
        length,
        summed: sum != 0,
    })
}

/// A packet of UDP came; `false` when nobody takes it.
pub fn input(packet: &Incoming<'_>, verified: bool) -> bool {
    let v4 = packet.from.is_ipv4();
    let Some(header) = parse(packet.payload) else {
        count_of(v4, Count::UdpInErrors, Count::Udp6InErrors);
        return true;
    };
    let Some(whole) = packet.payload.get(..header.length) else {
        return true;
    };
    if header.summed
        && !verified
        && checksum::of_protocol(packet.from, packet.to, packet.protocol, whole) != 0
    {
        count_of(v4, Count::UdpInCsumErrors, Count::Udp6InCsumErrors);
        count_of(v4, Count::UdpInErrors, Count::Udp6InErrors);
        return true;
    }
    // IPv6 does not do without.
    if !header.summed && packet.from.is_ipv6() {
        return true;
    }
    let bytes = whole.get(HEADER..).unwrap_or_default().to_vec();
    dgram::input::udp(packet, header.from, header.to, bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
