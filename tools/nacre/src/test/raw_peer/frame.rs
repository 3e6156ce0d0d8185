//! Frames as they stand on the wire: ARP, and TCP in IPv4 with the options that matter here.

use std::net::Ipv4Addr;

/// A card's address.
pub type Mac = [u8; 6];
/// An end of a connection.
pub type End = (Ipv4Addr, u16);

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const TCP: u8 = 6;

/// A question or an answer of ARP.
#[derive(Debug, Clone, Copy)]
pub struct Arp {
    pub asks: bool,
    pub mac: Mac,
    pub from: Ipv4Addr,
    pub to: Ipv4Addr,
}

/// A segment of TCP.
#[derive(Debug, Clone)]
pub struct Segment {
    pub from: End,
    pub to: End,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    /// The sender's time and the one it tells back.
    pub stamp: Option<(u32, u32)>,
    pub body: Vec<u8>,
}

fn sum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
            [high, ..] => u32::from(*high) << 8,
            [] => 0,
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn ethernet(own: Mac, other: Mac, kind: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(128);
    frame.extend(other);
    frame.extend(own);
    frame.extend(kind.to_be_bytes());
    frame
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Arp {
    /// As a frame to one card, or to all.
    pub fn frame(&self, other: Option<Mac>, to_mac: Mac) -> Vec<u8> {
        let mut frame = ethernet(self.mac, other.unwrap_or([0xff; 6]), ARP);
        frame.extend([0, 1, 8, 0, 6, 4, 0, if self.asks { 1 } else { 2 }]);
        frame.extend(self.mac);
        frame.extend(self.from.octets());
        frame.extend(to_mac);
        frame.extend(self.to.octets());
        frame
    }

    /// Reads a frame; `None` when it is another.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        if word(frame, 12)? != ARP {
            return None;
        }
        Some(Self {
            asks: word(frame, 20)? == 1,
            mac: *frame.get(22..)?.first_chunk()?,
            from: long(frame, 28)?.into(),
            to: long(frame, 38)?.into(),
        })
    }
}

impl Segment {
    /// Numbers it takes.
    pub fn span(&self) -> u32 {
        let one = |flag| u32::from(self.flags & flag != 0);
        self.body.len() as u32 + one(SYN) + one(FIN)
    }

    /// As a frame from one card to another.
    pub fn frame(&self, own: Mac, other: Mac) -> Vec<u8> {
        let mut tcp = Vec::with_capacity(64);
        tcp.extend(self.from.1.to_be_bytes());
        tcp.extend(self.to.1.to_be_bytes());
        tcp.extend(self.seq.to_be_bytes());
        tcp.extend(self.ack.to_be_bytes());
        let words = 5 + if self.stamp.is_some() { 3 } else { 0 };
        tcp.extend([words << 4, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        if let Some((value, echo)) = self.stamp {
            tcp.extend([1, 1, 8, 10]);
            tcp.extend(value.to_be_bytes());
            tcp.extend(echo.to_be_bytes());
        }
        tcp.extend(&self.body);
        let mut whole = Vec::with_capacity(tcp.len() + 12);
        whole.extend(self.from.0.octets());
        whole.extend(self.to.0.octets());
        whole.extend([0, TCP]);
        whole.extend((tcp.len() as u16).to_be_bytes());
        whole.extend(&tcp);
        if let Some(place) = tcp.get_mut(16..18) {
            place.copy_from_slice(&sum(&whole).to_be_bytes());
        }
        let mut ip = vec![0x45, 0];
        ip.extend((20 + tcp.len() as u16).to_be_bytes());
        ip.extend([0, 0, 0x40, 0, 64, TCP, 0, 0]);
        ip.extend(self.from.0.octets());
        ip.extend(self.to.0.octets());
        let of_header = sum(&ip);
        if let Some(place) = ip.get_mut(10..12) {
            place.copy_from_slice(&of_header.to_be_bytes());
        }
        let mut frame = ethernet(own, other, IPV4);
        frame.extend(ip);
        frame.extend(tcp);
        frame
    }

    /// Reads a frame; `None` when it is another.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        if word(frame, 12)? != IPV4 || *frame.get(23)? != TCP {
            return None;
        }
        let ip = frame.get(14..)?;
        let head = usize::from(ip.first()? & 15) * 4;
        let tcp = ip.get(head..usize::from(word(ip, 2)?))?;
        let body = usize::from(tcp.get(12)? >> 4) * 4;
        Some(Self {
            from: (long(ip, 12)?.into(), word(tcp, 0)?),
            to: (long(ip, 16)?.into(), word(tcp, 2)?),
            seq: long(tcp, 4)?,
            ack: long(tcp, 8)?,
            flags: *tcp.get(13)?,
            stamp: stamp(tcp.get(20..body)?),
            body: tcp.get(body..)?.to_vec(),
        })
    }
}

fn stamp(mut options: &[u8]) -> Option<(u32, u32)> {
    loop {
        match options {
            [1, rest @ ..] => options = rest,
            [8, 10, rest @ ..] => return Some((long(rest, 0)?, long(rest, 4)?)),
            [2..=255, length, ..] => options = options.get(usize::from(*length).max(2)..)?,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let segment = Segment {
            from: (Ipv4Addr::new(10, 9, 0, 2), 77),
            to: (Ipv4Addr::new(10, 9, 0, 1), 5001),
            seq: 1 << 31,
            ack: 3,
            flags: FIN | ACK,
            stamp: Some((5, 6)),
            body: b"body".to_vec(),
        };
        let frame = segment.frame([2; 6], [3; 6]);
        let read = Segment::parse(&frame);
        assert_eq!(format!("{read:?}"), format!("{:?}", Some(&segment)));
        assert_eq!(segment.span(), 5);
        assert!(Arp::parse(&frame).is_none());
        for length in 0..frame.len() {
            assert!(Segment::parse(frame.get(..length).unwrap_or_default()).is_none());
        }
    }
}
