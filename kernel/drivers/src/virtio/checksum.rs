//! Leaving a checksum to the card: the sum over the pseudo header goes into the field, the card adds the rest.

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ETHERNET: usize = 14;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Prepares a frame with a whole TCP segment or UDP datagram: where the sum starts, and where it goes counted from
/// there. `None` for other frames, which are sent as they are.
pub fn prepare(frame: &mut [u8]) -> Option<(u16, u16)> {
    let kind = u16::from_be_bytes(*frame.get(12..)?.first_chunk()?);
    let packet = frame.get(ETHERNET..)?;
    let (header, protocol, addresses) = match kind {
        IPV4 => {
            let header = usize::from(packet.first()? & 15) * 4;
            // Of a datagram in pieces no piece has the whole.
            let piece = u16::from_be_bytes(*packet.get(6..)?.first_chunk()?);
            if piece & 0x3fff != 0 {
                return None;
            }
            (header, *packet.get(9)?, packet.get(12..20)?)
        }
        IPV6 => (40, *packet.get(6)?, packet.get(8..40)?),
        _ => return None,
    };
    let total = match kind {
        IPV4 => usize::from(u16::from_be_bytes(*packet.get(2..)?.first_chunk()?)),
        _ => 40 + usize::from(u16::from_be_bytes(*packet.get(4..)?.first_chunk()?)),
    };
    let len = total.checked_sub(header)?;
    let offset: usize = match protocol {
        TCP => 16,
        UDP => 6,
        _ => return None,
    };
    let mut sum = u32::from(protocol) + u32::try_from(len).ok()?;
    for pair in addresses.chunks_exact(2) {
        let pair: [u8; 2] = *pair.first_chunk()?;
        sum += u32::from(u16::from_be_bytes(pair));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let start = ETHERNET + header;
    if frame.len() < start + len || len < offset + 2 {
        return None;
    }
    let [high, low] = (sum as u16).to_be_bytes();
    let field = frame.get_mut(start + offset..start + offset + 2)?;
    if let [a, b] = field {
        (*a, *b) = (high, low);
    }
    Some((u16::try_from(start).ok()?, u16::try_from(offset).ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    fn udp() -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([8, 0]);
        frame.extend([
            0x45, 0, 0, 30, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 2, 15, 10, 0, 2, 3,
        ]);
        frame.extend([0x80, 0, 0, 53, 0, 10, 0, 0, 1, 2]);
        frame
    }

    /// What the card does with it.
    fn finish(frame: &mut [u8], start: usize, offset: usize) -> u16 {
        let mut sum: u32 = frame
            .get(start..)
            .unwrap()
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)))
            .sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let sum = !(sum as u16);
        frame[start + offset..start + offset + 2].copy_from_slice(&sum.to_be_bytes());
        sum
    }

    #[test]
    fn the_card_ends_with_the_right_sum() {
        let mut frame = udp();
        let (start, offset) = prepare(&mut frame).unwrap();
        assert_eq!((start, offset), (34, 6));
        let sum = finish(&mut frame, 34, 6);
        // 0a00+020f+0a00+0203+0011+000a + 8000+0035+000a+0102 = 995e+..., by hand.
        let by_hand: u32 =
            0x0a00 + 0x020f + 0x0a00 + 0x0203 + 0x11 + 10 + 0x8000 + 53 + 10 + 0x0102;
        assert_eq!(sum, !(by_hand as u16));
    }

    #[test]
    fn pieces_and_garbage_are_left_alone() {
        let mut frame = udp();
        frame[20] = 0x20;
        assert_eq!(prepare(&mut frame), None);
        let whole = udp();
        for len in 0..whole.len() {
            assert_eq!(prepare(&mut whole[..len].to_vec()), None);
        }
    }
}
