//! What a segment's header says (RFC 9293, 3.1; RFC 7323; RFC 2018), read and written by smoltcp's wire formats.
//!
//! Its `TcpRepr` knows one of SYN, FIN, RST and PSH at a time; here a segment keeps each bit that came.

use super::sequence::{Seq, Steps};
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use smoltcp::wire::{TCP_HEADER_LEN, TcpOption, TcpPacket};

bitflags::bitflags! {
    /// Bits of the header.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Bits: u8 {
        /// The stream ends.
        const FIN = 1;
        /// The stream begins.
        const SYN = 2;
        /// There is no such connection.
        const RST = 4;
        /// To be told to the program at once.
        const PSH = 8;
        /// The answer's number counts.
        const ACK = 16;
    }
}

/// Bytes of a header without options.
const HEADER: usize = TCP_HEADER_LEN;
/// Ranges one segment may tell of.
pub const RANGES: usize = 3;

/// A stretch of the stream: its first byte, and the first after it.
pub type Range = (Seq, Seq);

/// What a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The sender's port.
    pub from: u16,
    /// The receiver's.
    pub to: u16,
    /// The number of the first byte.
    pub seq: Seq,
    /// The number of the byte wanted next.
    pub ack: Seq,
    /// Its bits.
    pub bits: Bits,
    /// The window as it stands there, not scaled.
    pub window: u16,
    /// The largest segment wanted.
    pub mss: Option<u16>,
    /// How far windows are shifted.
    pub scale: Option<u8>,
    /// Ranges may be told.
    pub sack_permitted: bool,
    /// The sender's time, and the receiver's as it was told last.
    pub stamps: Option<(u32, u32)>,
    /// What came beyond the byte wanted next.
    pub ranges: ArrayVec<Range, RANGES>,
}

impl Header {
    /// Reads a segment: its header and what it carries. `None` when it is none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let packet = TcpPacket::new_checked(bytes).ok()?;
        let mut bits = Bits::empty();
        bits.set(Bits::FIN, packet.fin());
        bits.set(Bits::SYN, packet.syn());
        bits.set(Bits::RST, packet.rst());
        bits.set(Bits::PSH, packet.psh());
        bits.set(Bits::ACK, packet.ack());
        let mut header = Self {
            from: packet.src_port(),
            to: packet.dst_port(),
            seq: packet.seq_number(),
            ack: packet.ack_number(),
            bits,
            window: packet.window_len(),
            ..Self::default()
        };
        header.read_options(packet.options());
        Some((header, packet.payload()))
    }

    /// What cannot be read ends them; what is not known is passed over. What two ends agree on counts in a SYN only.
    fn read_options(&mut self, mut options: &[u8]) {
        let syn = self.bits.contains(Bits::SYN);
        while let Ok((rest, option)) = TcpOption::parse(options) {
            match option {
                TcpOption::EndOfList => return,
                TcpOption::MaxSegmentSize(mss) if syn => {
                    self.mss = Some(mss).filter(|mss| *mss > 0)
                }
                TcpOption::WindowScale(shift) if syn => self.scale = Some(shift.min(14)),
                TcpOption::SackPermitted if syn => self.sack_permitted = true,
                TcpOption::TimeStamp { tsval, tsecr } => self.stamps = Some((tsval, tsecr)),
                TcpOption::SackRange(ranges) => {
                    self.ranges = ranges
                        .iter()
                        .flatten()
                        .map(|(start, end)| (Seq(*start as i32), Seq(*end as i32)))
                        .collect();
                }
                _ => {}
            }
            options = rest;
        }
    }

    /// Bytes of the header with its options.
    #[must_use]
    pub fn length(&self) -> usize {
        let mut length = HEADER;
        if self.mss.is_some() {
            length += 4;
        }
        if self.scale.is_some() {
            length += 4;
        }
        if self.stamps.is_some() {
            length += super::stamps::LENGTH;
        } else if self.sack_permitted {
            length += 4;
        }
        if !self.ranges.is_empty() {
            length += 4 + 8 * self.ranges.len();
        }
        length
    }

    /// How many of its ranges so many bytes hold.
    #[must_use]
    pub fn ranges_in(&self, room: usize) -> usize {
        self.ranges.len().min(room.saturating_sub(4) / 8)
    }

    /// Appends the header; its sum is 0.
    pub fn write(&self, out: &mut Vec<u8>) {
        let at = out.len();
        out.resize(at + self.length(), 0);
        let mut packet = TcpPacket::new_unchecked(out.get_mut(at..).unwrap_or_default());
        packet.set_src_port(self.from);
        packet.set_dst_port(self.to);
        packet.set_seq_number(self.seq);
        packet.set_ack_number(self.ack);
        packet.set_header_len(self.length() as u8);
        packet.set_fin(self.bits.contains(Bits::FIN));
        packet.set_syn(self.bits.contains(Bits::SYN));
        packet.set_rst(self.bits.contains(Bits::RST));
        packet.set_psh(self.bits.contains(Bits::PSH));
        packet.set_ack(self.bits.contains(Bits::ACK));
        packet.set_window_len(self.window);
        // Each begins where a word ends, as Linux lays them out.
        let nothing = TcpOption::NoOperation;
        let mut room = packet.options_mut();
        if let Some(mss) = self.mss {
            room = TcpOption::MaxSegmentSize(mss).emit(room);
        }
        // Two bytes before the times are free, and as many is what the other takes.
        if self.stamps.is_none() && self.sack_permitted
            || self.stamps.is_some() && !self.sack_permitted
        {
            room = nothing.emit(nothing.emit(room));
        }
        if self.sack_permitted {
            room = TcpOption::SackPermitted.emit(room);
        }
        if let Some((tsval, tsecr)) = self.stamps {
            room = TcpOption::TimeStamp { tsval, tsecr }.emit(room);
        }
        if let Some(scale) = self.scale {
            room = TcpOption::WindowScale(scale).emit(nothing.emit(room));
        }
        if !self.ranges.is_empty() {
            let mut told = [None; RANGES];
            for (place, (start, end)) in told.iter_mut().zip(&self.ranges) {
                *place = Some((start.0 as u32, end.0 as u32));
            }
            TcpOption::SackRange(told).emit(nothing.emit(nothing.emit(room)));
        }
    }

    /// Numbers a segment with so many bytes takes: SYN and FIN take one each.
    #[must_use]
    pub fn span(&self, payload: usize) -> usize {
        payload
            + usize::from(self.bits.contains(Bits::SYN))
            + usize::from(self.bits.contains(Bits::FIN))
    }

    /// The reset that answers a segment nobody waits for; `None` when it is a reset itself.
    #[must_use]
    pub fn refusal(&self, payload: usize) -> Option<Self> {
        if self.bits.contains(Bits::RST) {
            return None;
        }
        let (seq, ack, bits) = if self.bits.contains(Bits::ACK) {
            (self.ack, Seq(0), Bits::RST)
        } else {
            let end = self.seq.plus(self.span(payload));
            (Seq(0), end, Bits::RST | Bits::ACK)
        };
        Some(Self {
            from: self.to,
            to: self.from,
            seq,
            ack,
            bits,
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let mut header = Header {
            from: 80,
            to: 40000,
            seq: Seq(-16),
            ack: Seq(7),
            bits: Bits::SYN | Bits::ACK,
            window: 512,
            mss: Some(1460),
            scale: Some(7),
            sack_permitted: true,
            ..Header::default()
        };
        header.ranges.push((Seq(1), Seq(2)));
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        assert_eq!(bytes.len(), header.length());
        bytes.extend_from_slice(b"body");
        assert_eq!(Header::parse(&bytes), Some((header, &b"body"[..])));
    }

    #[test]
    fn a_reset_is_not_answered_and_an_answer_is_in_its_place() {
        let mut header = Header {
            from: 1,
            to: 2,
            seq: Seq(10),
            ack: Seq(20),
            bits: Bits::ACK,
            ..Header::default()
        };
        let reply = header.refusal(5).unwrap();
        assert_eq!((reply.seq, reply.bits), (Seq(20), Bits::RST));
        header.bits = Bits::SYN;
        let reply = header.refusal(0).unwrap();
        assert_eq!((reply.ack, reply.bits), (Seq(11), Bits::RST | Bits::ACK));
        header.bits = Bits::RST;
        assert_eq!(header.refusal(0), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some((header, payload)) = Header::parse(&bytes) {
                prop_assert!(payload.len() + HEADER <= bytes.len());
                // All of them at once fit where they came from, but not as they are laid out here.
                let crowded = header.mss.is_some() && header.stamps.is_some();
                prop_assume!(!(crowded && header.ranges.len() >= 3));
                let mut again = Vec::new();
                header.write(&mut again);
                prop_assert!(again.len() <= 60);
                let (read, _) = Header::parse(&again).unwrap();
                prop_assert_eq!(read, header);
            }
        }
    }
}
