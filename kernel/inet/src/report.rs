//! What the tables of `/proc/net` and `NETLINK_SOCK_DIAG` have in common.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::net::IpAddr;
use net::address::{Endpoint, Family, mapped};

/// One socket, as tools are told of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its family.
    pub family: Family,
    /// `TCP_*`
    pub state: u8,
    /// Which timer runs, as TCP numbers them.
    pub timer: u8,
    /// Its own end.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
    /// The interface it is bound to, or 0.
    pub device: u32,
    /// The socket's number.
    pub id: u64,
    /// Milliseconds the timer has left.
    pub expires: u32,
    /// Bytes, or connections, that wait to be taken.
    pub waiting: u32,
    /// Bytes not acknowledged; a listener's backlog.
    pub unsent: u32,
    /// Whose it is.
    pub uid: u32,
    /// The inode of its file, or 0.
    pub ino: u64,
    /// `RCV_SHUTDOWN` and `SEND_SHUTDOWN`.
    pub shut: u8,
    /// Its type of service.
    pub tos: u8,
    /// `struct tcp_info`
    pub info: Option<Vec<u8>>,
}

impl Default for Seen {
    fn default() -> Self {
        let none = Endpoint::none(Family::V4);
        Self {
            family: Family::V4,
            state: 0,
            timer: 0,
            local: none,
            remote: none,
            device: 0,
            id: 0,
            expires: 0,
            waiting: 0,
            unsent: 0,
            uid: 0,
            ino: 0,
            shut: 0,
            tos: 0,
            info: None,
        }
    }
}

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
