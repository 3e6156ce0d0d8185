//! IP sockets: AF_INET and AF_INET6 (`man 7 ip`, `man 7 ipv6`, `man 7 tcp`, `man 7 udp`).
//!
//! What the kernel has of its own: sockets, ports and their conflicts ([`ports`]), the table of connections
//! ([`tcp::table`]), queues of datagrams, options, errors, what `/proc/net` tells. A packet finds its socket by a look
//! into a table, so its cost does not grow with the number of sockets.
//!
//! Two sockets of one machine need no packets. A TCP connection to an own address is two queues of bytes, as AF_UNIX
//! has them, with the states, errors and times of TCP: `connect` joins the client with a new socket in the listener's
//! queue; a full queue leaves the client where a dropped SYN would, in SYN_SENT, until there is room. A datagram to an
//! own address goes straight into its receiver's queue. A capture on `lo` does not see either.
//!
//! What leaves the machine is a packet. Each TCP connection owns a state machine of smoltcp's: an IP interface with one
//! address, a set of one socket and a device of one packet, all under the socket's own lock; so connections
//! share nothing and a timer of one costs nothing to the others. Datagrams, ICMP, fragments and the resolution of
//! neighbours are done here.
//!
//! Locks: a socket's inbox or machine (sleeping), in it its `Link` (spinning), in it the tables. Two sockets' locks are
//! never held together.

pub mod address;
mod bind;
pub mod core;
mod ip_options;
mod link_options;
pub mod ports;
pub mod report;
pub mod route;
pub mod tcp;

use abi::socket::family::AF_INET;
use abi::socket::{SOCK_DGRAM, SOCK_RAW, SOCK_STREAM};
use abi::{Errno, Result};
use address::Family;
use alloc::sync::Arc;
use sync::Once;
use vfs::Caller;

use crate::socket::Socket;

/// Numbers of protocols.
#[allow(missing_docs, reason = "the names are those of netinet/in.h")]
pub mod protocol {
    pub const IP: i32 = 0;
    pub const ICMP: i32 = 1;
    pub const TCP: i32 = 6;
    pub const UDP: i32 = 17;
    pub const IPV6: i32 = 41;
    pub const ICMPV6: i32 = 58;
    pub const RAW: i32 = 255;
    /// One past the last number of a protocol, and MPTCP.
    pub const MAX: i32 = 263;
}

/// Fills a buffer with random bytes; installed by the task layer.
pub type Random = fn(&mut [u8]);

static RANDOM: Once<Random> = Once::new();

/// Installs where random numbers come from.
pub fn install_random(random: Random) {
    RANDOM.get_or_init(|| random);
}

/// A random number; the same few before a source is installed.
#[must_use]
pub fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    if let Some(random) = RANDOM.get() {
        random(&mut bytes);
    }
    u32::from_ne_bytes(bytes)
}

/// Makes a socket of one of the two families.
///
/// # Errors
/// `EINVAL`, `EPROTONOSUPPORT`, `ESOCKTNOSUPPORT`, `EPERM` as `man 2 socket` tells.
pub fn create(domain: u16, kind: u32, number: i32, caller: &dyn Caller) -> Result<Arc<dyn Socket>> {
    let family = if domain == AF_INET {
        Family::V4
    } else {
        Family::V6
    };
    if !(0..protocol::MAX).contains(&number) {
        return Err(Errno::EINVAL);
    }
    match (kind, number) {
        (SOCK_STREAM, protocol::IP | protocol::TCP) => {
            Ok(tcp::TcpSocket::new(family, caller.cred().euid))
        }
        (SOCK_STREAM | SOCK_DGRAM | SOCK_RAW, _) => Err(Errno::EPROTONOSUPPORT),
        _ => Err(Errno::ESOCKTNOSUPPORT),
    }
}
