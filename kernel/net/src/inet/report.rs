//! What the tables of `/proc/net` have in common.

use super::address::{Endpoint, Family, mapped};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::net::IpAddr;

/// The first line of a family's table.
#[must_use]
pub fn header(family: Family, text: &str) -> Vec<u8> {
    let mut line = Vec::from(text.as_bytes());
    match family {
        // Lines of fixed length.
        Family::V4 => line.resize(149, b' '),
        Family::V6 => {
            line = String::from_utf8_lossy(&line)
                .replace(
                    "local_address rem_address  ",
                    "local_address                         remote_address                       ",
                )
                .into_bytes();
        }
    }
    line.push(b'\n');
    line
}

/// An address as the tables write it: the words as the machine has them, and the port.
#[must_use]
pub fn place(family: Family, end: &Endpoint) -> String {
    let mut text = String::new();
    match (family, end.addr) {
        (Family::V4, IpAddr::V4(addr)) => words(&mut text, &addr.octets()),
        (_, addr) => words(&mut text, &mapped(addr).octets()),
    }
    // Writing to memory does not fail.
    let _ = write!(text, ":{:04X}", end.port);
    text
}

fn words(text: &mut String, bytes: &[u8]) {
    for word in bytes.chunks_exact(4) {
        let word = word.first_chunk().copied().map_or(0, u32::from_ne_bytes);
        // Writing to memory does not fail.
        let _ = write!(text, "{word:08X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn addresses_are_written_as_the_machine_has_them() {
        let v4 = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
        assert_eq!(place(Family::V4, &v4), "0100007F:1F90");
        assert_eq!(
            place(Family::V6, &v4),
            "0000000000000000FFFF00000100007F:1F90"
        );
        let v6 = Endpoint::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 1);
        assert_eq!(
            place(Family::V6, &v6),
            "00000000000000000000000001000000:0001"
        );
    }
}
