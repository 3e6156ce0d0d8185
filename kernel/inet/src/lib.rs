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
//! What leaves the machine is a packet, read and written by smoltcp's wire formats: IPv4, IPv6 and its headers, TCP
//! segments, ARP, discovery. Each TCP connection owns a state machine ([`tcp::machine`]) under the socket's own lock; so
//! connections share nothing and a timer of one costs nothing to the others. The machine is our own: smoltcp's socket
//! has rings of one size, whose size fixes the shift of its windows, a sender that knows no ranges, a second before it
//! sends again, and keeps its place through TIME_WAIT. Datagrams, ICMP, fragments and the resolution of neighbours are
//! done here as well.
//!
//! Locks: a socket's inbox or machine (sleeping), in it its `Link` (spinning), in it the tables. Two sockets' locks are
//! never held together.

#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )
)]
#![forbid(unsafe_code)]

extern crate alloc;

mod answers;
mod autoconf;
mod bind;
pub mod checksum;
pub mod counts;
pub mod dgram;
mod group_sources;
pub mod groups;
mod groups_report;
pub mod icmp;
mod inet_sock;
pub mod input;
pub mod ioctl;
pub mod ip_options;
pub mod link;
mod link_options;
pub mod netlink;
pub mod output;
pub mod packet;
pub mod ports;
pub mod receivers;
pub mod report;
pub mod resolve;
mod room;
pub mod route;
pub mod sockstat;
pub mod tcp;
pub mod udp;

use abi::socket::family::AF_INET;
use abi::socket::{SOCK_DGRAM, SOCK_RAW, SOCK_STREAM};
use abi::{Errno, Result};
use alloc::sync::Arc;
use net::address::Family;
use sync::Once;
use vfs::Caller;

use crate::link::worker::{self, Stack};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use dgram::{DatagramSocket, Kind};
use net::socket::Socket;
use sync::Capability;

/// Numbers of protocols.
#[allow(missing_docs, reason = "the names are those of netinet/in.h")]
pub mod protocol {
    pub const IP: i32 = 0;
    pub const ICMP: i32 = 1;
    pub const TCP: i32 = 6;
    pub const UDP: i32 = 17;
    pub const IPV6: i32 = 41;
    pub const ICMPV6: i32 = 58;
    pub const UDPLITE: i32 = 136;
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
        (SOCK_DGRAM, protocol::IP | protocol::UDP) => {
            Ok(DatagramSocket::new(family, Kind::Udp, caller.cred().euid))
        }
        (SOCK_DGRAM, protocol::UDPLITE) => Ok(DatagramSocket::new(
            family,
            Kind::UdpLite,
            caller.cred().euid,
        )),
        (SOCK_DGRAM, protocol::ICMP) if family == Family::V4 => ping(family, caller),
        (SOCK_DGRAM, protocol::ICMPV6) if family == Family::V6 => ping(family, caller),
        (SOCK_RAW, 1..=255) => {
            if !caller.cred().has(Capability::NET_RAW) {
                return Err(Errno::EPERM);
            }
            let kind = Kind::Raw(number as u8);
            Ok(DatagramSocket::new(family, kind, caller.cred().euid))
        }
        (SOCK_STREAM | SOCK_DGRAM | SOCK_RAW, _) => Err(Errno::EPROTONOSUPPORT),
        _ => Err(Errno::ESOCKTNOSUPPORT),
    }
}

/// Groups whose members may have ping sockets (`net.ipv4.ping_group_range`).
pub static PING_GROUPS: [AtomicU32; 2] = [AtomicU32::new(1), AtomicU32::new(0)];

fn ping(family: Family, caller: &dyn Caller) -> Result<Arc<dyn Socket>> {
    let [low, high] = PING_GROUPS.each_ref().map(|group| group.load(Relaxed));
    let cred = caller.cred();
    let member = |group: &u32| (low..=high).contains(group);
    if !member(&cred.egid) && !cred.groups.iter().any(member) {
        return Err(Errno::EACCES);
    }
    Ok(DatagramSocket::new(family, Kind::Ping, cred.euid))
}

/// Takes frames from the cards from now on, and shows what is counted.
pub fn start() {
    fs::proc::show("net/snmp", counts::snmp);
    fs::proc::show("net/snmp6", counts::snmp6);
    fs::proc::show("net/igmp", groups_report::igmp);
    fs::proc::show("net/igmp6", groups_report::igmp6);
    fs::proc::show("net/mcfilter", group_sources::mcfilter);
    fs::proc::show("net/mcfilter6", group_sources::mcfilter6);
    fs::proc::show("net/netstat", counts::netstat);
    fs::proc::show("net/dev_mcast", groups_report::dev_mcast);
    net::interfaces::install(&answers::Answers);
    worker::install_stack(Stack {
        input: input::frame,
        settle,
    });
}

/// What time has come for; when to come again.
fn settle() -> Option<sync::Instant> {
    let times = [resolve::settle(), tcp::settle(), autoconf::settle()];
    times.into_iter().flatten().min()
}
