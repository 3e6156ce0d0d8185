//! A name server that knows one name, for tests of resolution without a network.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::thread::{self, JoinHandle};

/// The name it knows.
pub const NAME: &str = "guest.test";

/// What it says the name's address is.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);

/// The type of an IPv4 address.
const A: u16 = 1;

/// "Whoever asks for this does not exist."
const NXDOMAIN: u8 = 3;

/// The question's name and type, and where it ends.
fn question(query: &[u8]) -> Option<(String, u16, usize)> {
    let mut at = 12;
    let mut name = String::new();
    loop {
        let len = usize::from(*query.get(at)?);
        at += 1;
        if len == 0 {
            break;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(std::str::from_utf8(query.get(at..at + len)?).ok()?);
        at += len;
    }
    let kind = u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]);
    Some((name, kind, at + 4))
}

fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let (name, kind, end) = question(query)?;
    let known = name == NAME;
    let found = known && kind == A;
    let mut out = query.get(..end)?.to_vec();
    let code = if known { 0 } else { NXDOMAIN };
    // An answer, authoritative, recursion there.
    out.get_mut(2..4)?.copy_from_slice(&[0x85, 0x80 | code]);
    out.get_mut(6..12)?
        .copy_from_slice(&[0, u8::from(found), 0, 0, 0, 0]);
    if found {
        // The question's name again, type A, class IN, a minute, four bytes.
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        out.extend(ADDRESS.octets());
    }
    Some(out)
}

/// Starts the server on the port that resolvers ask; it ends with the process.
pub fn serve() -> io::Result<JoinHandle<io::Result<()>>> {
    let socket = UdpSocket::bind("127.0.0.1:53")?;
    Ok(thread::spawn(move || {
        let mut query = [0; 512];
        loop {
            let (len, from) = socket.recv_from(&mut query)?;
            if let Some(out) = query.get(..len).and_then(answer) {
                socket.send_to(&out, from)?;
            }
        }
    }))
}
