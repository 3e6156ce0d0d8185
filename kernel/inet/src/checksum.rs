//! The Internet checksum (RFC 1071).

use core::net::IpAddr;

/// A sum in the making.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// Adds bytes; those of all but the last piece are even in number.
    #[must_use]
    pub fn with(mut self, bytes: &[u8]) -> Self {
        let mut words = bytes.chunks_exact(4);
        for word in &mut words {
            self.0 += word
                .first_chunk()
                .map_or(0, |word| u64::from(u32::from_be_bytes(*word)));
        }
        let mut rest = [0; 4];
        rest.iter_mut()
            .zip(words.remainder())
            .for_each(|(to, from)| *to = *from);
        self.0 += u64::from(u32::from_be_bytes(rest));
        self
    }

    /// The checksum: the complement of the sum.
    #[must_use]
    pub fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }
}

/// Of some bytes.
#[must_use]
pub fn of(bytes: &[u8]) -> u16 {
    Sum::default().with(bytes).finish()
}

/// Of a message of a protocol between two addresses.
#[must_use]
pub fn of_protocol(from: IpAddr, to: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    of_part(from, to, protocol, bytes.len(), bytes)
}

/// As [`of_protocol`], of a message of `length` bytes of which only `part` is covered.
#[must_use]
pub fn of_part(from: IpAddr, to: IpAddr, protocol: u8, length: usize, part: &[u8]) -> u16 {
    let ends = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            Sum::default().with(&from.octets()).with(&to.octets())
        }
        (from, to) => Sum::default()
            .with(&net::address::mapped(from).octets())
            .with(&net::address::mapped(to).octets()),
    };
    ends.with(&(length as u32).to_be_bytes())
        .with(&u32::from(protocol).to_be_bytes())
        .with(part)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(
            of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            !0xddf2
        );
    }

    #[test]
    fn a_message_with_its_sum_sums_to_nothing() {
        let (from, to) = (IpAddr::from([10, 0, 2, 15]), IpAddr::from([10, 0, 2, 2]));
        let mut message = alloc::vec![0, 7, 0, 9, 0, 11, 0, 0, b'a', b'b', b'c'];
        let sum = of_protocol(from, to, 17, &message);
        message
            .get_mut(6..8)
            .unwrap()
            .copy_from_slice(&sum.to_be_bytes());
        assert_eq!(of_protocol(from, to, 17, &message), 0);
    }
}
