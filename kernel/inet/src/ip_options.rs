//! Options of the levels IP and IPv6 (`man 7 ip`, `man 7 ipv6`).

use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering::Relaxed};
use net::address::Family;
use sync::{Capability, Credentials};
use zerocopy::{FromBytes, IntoBytes};

/// Names of options of level IP.
#[allow(missing_docs, dead_code, reason = "the names are those of man 7 ip")]
pub mod ip {
    pub const TOS: i32 = 1;
    pub const TTL: i32 = 2;
    pub const HDRINCL: i32 = 3;
    pub const OPTIONS: i32 = 4;
    pub const RETOPTS: i32 = 7;
    pub const PKTINFO: i32 = 8;
    pub const MTU_DISCOVER: i32 = 10;
    pub const RECVERR: i32 = 11;
    pub const RECVTTL: i32 = 12;
    pub const RECVTOS: i32 = 13;
    pub const MTU: i32 = 14;
    pub const FREEBIND: i32 = 15;
    pub const TRANSPARENT: i32 = 19;
    pub const RECVORIGDSTADDR: i32 = 20;
    pub const MINTTL: i32 = 21;
    pub const NODEFRAG: i32 = 22;
    pub const BIND_ADDRESS_NO_PORT: i32 = 24;
    pub const MULTICAST_IF: i32 = 32;
    pub const MULTICAST_TTL: i32 = 33;
    pub const MULTICAST_LOOP: i32 = 34;
    pub const ADD_MEMBERSHIP: i32 = 35;
    pub const DROP_MEMBERSHIP: i32 = 36;
    pub const UNBLOCK_SOURCE: i32 = 37;
    pub const BLOCK_SOURCE: i32 = 38;
    pub const ADD_SOURCE_MEMBERSHIP: i32 = 39;
    pub const DROP_SOURCE_MEMBERSHIP: i32 = 40;
    pub const MSFILTER: i32 = 41;
    pub const MCAST_JOIN_GROUP: i32 = 42;
    pub const MCAST_BLOCK_SOURCE: i32 = 43;
    pub const MCAST_UNBLOCK_SOURCE: i32 = 44;
    pub const MCAST_LEAVE_GROUP: i32 = 45;
    pub const MCAST_JOIN_SOURCE_GROUP: i32 = 46;
    pub const MCAST_LEAVE_SOURCE_GROUP: i32 = 47;
    pub const MCAST_MSFILTER: i32 = 48;
    pub const MULTICAST_ALL: i32 = 49;
    pub const UNICAST_IF: i32 = 50;
    pub const PROTOCOL: i32 = 52;
}

/// Names of options of level IPv6.
#[allow(missing_docs, dead_code, reason = "the names are those of man 7 ipv6")]
pub mod ipv6 {
    pub const OLD_PKTINFO: i32 = 2;
    pub const CHECKSUM: i32 = 7;
    pub const OLD_HOPLIMIT: i32 = 8;
    pub const UNICAST_HOPS: i32 = 16;
    pub const MULTICAST_IF: i32 = 17;
    pub const MULTICAST_HOPS: i32 = 18;
    pub const MULTICAST_LOOP: i32 = 19;
    pub const JOIN_GROUP: i32 = 20;
    pub const LEAVE_GROUP: i32 = 21;
    pub const MTU_DISCOVER: i32 = 23;
    pub const MTU: i32 = 24;
    pub const RECVERR: i32 = 25;
    pub const V6ONLY: i32 = 26;
    pub const MULTICAST_ALL: i32 = 29;
    pub const RECVPKTINFO: i32 = 49;
    pub const PKTINFO: i32 = 50;
    pub const RECVHOPLIMIT: i32 = 51;
    pub const HOPLIMIT: i32 = 52;
    pub const DONTFRAG: i32 = 62;
    pub const RECVTCLASS: i32 = 66;
    pub const TCLASS: i32 = 67;
    pub const FREEBIND: i32 = 78;
}

/// The level of IP's options.
pub const SOL_IP: i32 = 0;
/// The level of IPv6's options.
pub const SOL_IPV6: i32 = 41;

bitflags::bitflags! {
    /// Options that are on or off.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct IpFlags: u32 {
        /// `IP_PKTINFO`
        const PKTINFO = 1 << 0;
        /// `IP_RECVTTL`
        const RECVTTL = 1 << 1;
        /// `IP_RECVTOS`
        const RECVTOS = 1 << 2;
        /// `IP_RECVERR`
        const RECVERR = 1 << 3;
        /// `IP_HDRINCL`
        const HDRINCL = 1 << 4;
        /// `IP_FREEBIND`, `IPV6_FREEBIND`
        const FREEBIND = 1 << 5;
        /// `IP_MULTICAST_LOOP`
        const MULTICAST_LOOP = 1 << 6;
        /// `IP_MULTICAST_ALL`
        const MULTICAST_ALL = 1 << 7;
        /// `IP_BIND_ADDRESS_NO_PORT`
        const BIND_NO_PORT = 1 << 8;
        /// `IP_RECVORIGDSTADDR`
        const ORIGDSTADDR = 1 << 9;
        /// `IP_TRANSPARENT`
        const TRANSPARENT = 1 << 10;
        /// `IPV6_V6ONLY`
        const V6ONLY = 1 << 16;
        /// `IPV6_RECVPKTINFO`
        const V6_PKTINFO = 1 << 17;
        /// `IPV6_RECVHOPLIMIT`
        const V6_HOPLIMIT = 1 << 18;
        /// `IPV6_RECVTCLASS`
        const V6_TCLASS = 1 << 19;
        /// `IPV6_RECVERR`
        const V6_RECVERR = 1 << 20;
        /// `IPV6_MULTICAST_LOOP`
        const V6_MULTICAST_LOOP = 1 << 21;
        /// `IPV6_MULTICAST_ALL`
        const V6_MULTICAST_ALL = 1 << 22;
        /// `IPV6_DONTFRAG`
        const V6_DONTFRAG = 1 << 23;
        /// `IPV6_2292PKTINFO`
        const V6_OLD_PKTINFO = 1 << 24;
        /// `IPV6_2292HOPLIMIT`
        const V6_OLD_HOPLIMIT = 1 << 25;
    }
}

/// The hop limit of packets nobody has chosen one for (`net.ipv4.ip_default_ttl`).
pub static DEFAULT_TTL: AtomicU32 = AtomicU32::new(64);

/// `IP_PMTUDISC_WANT`
const DISCOVER_WANT: i32 = 1;
/// The highest `IP_PMTUDISC_*`.
const DISCOVER_MAX: i32 = 5;

/// One socket's options of both levels.
#[derive(Debug)]
pub struct IpOptions {
    flags: AtomicU32,
    tos: AtomicI32,
    ttl: AtomicI32,
    min_ttl: AtomicI32,
    discover: AtomicI32,
    multicast_ttl: AtomicI32,
    multicast_if: AtomicU32,
    multicast_addr: AtomicU32,
    hops: AtomicI32,
    tclass: AtomicI32,
    v6_discover: AtomicI32,
    v6_multicast_hops: AtomicI32,
    v6_multicast_if: AtomicU32,
}

impl Default for IpOptions {
    fn default() -> Self {
        let on = IpFlags::MULTICAST_LOOP
            | IpFlags::MULTICAST_ALL
            | IpFlags::V6_MULTICAST_LOOP
            | IpFlags::V6_MULTICAST_ALL;
        Self {
            flags: AtomicU32::new(on.bits()),
            tos: AtomicI32::new(0),
            ttl: AtomicI32::new(-1),
            min_ttl: AtomicI32::new(0),
            discover: AtomicI32::new(DISCOVER_WANT),
            multicast_ttl: AtomicI32::new(1),
            multicast_if: AtomicU32::new(0),
            multicast_addr: AtomicU32::new(0),
            hops: AtomicI32::new(-1),
            tclass: AtomicI32::new(0),
            v6_discover: AtomicI32::new(DISCOVER_WANT),
            v6_multicast_hops: AtomicI32::new(1),
            v6_multicast_if: AtomicU32::new(0),
        }
    }
}

/// Which option of a level is which flag.
fn flag_of(level: i32, name: i32) -> Option<IpFlags> {
    Some(match (level, name) {
        (SOL_IP, ip::PKTINFO) => IpFlags::PKTINFO,
        (SOL_IP, ip::RECVTTL) => IpFlags::RECVTTL,
        (SOL_IP, ip::RECVTOS) => IpFlags::RECVTOS,
        (SOL_IP, ip::RECVERR) => IpFlags::RECVERR,
        (SOL_IP, ip::FREEBIND) => IpFlags::FREEBIND,
        (SOL_IP, ip::MULTICAST_LOOP) => IpFlags::MULTICAST_LOOP,
        (SOL_IP, ip::MULTICAST_ALL) => IpFlags::MULTICAST_ALL,
        (SOL_IP, ip::BIND_ADDRESS_NO_PORT) => IpFlags::BIND_NO_PORT,
        (SOL_IP, ip::TRANSPARENT) => IpFlags::TRANSPARENT,
        (SOL_IP, ip::HDRINCL) => IpFlags::HDRINCL,
        (SOL_IP, ip::RECVORIGDSTADDR) => IpFlags::ORIGDSTADDR,
        (SOL_IPV6, ipv6::V6ONLY) => IpFlags::V6ONLY,
        (SOL_IPV6, ipv6::RECVPKTINFO) => IpFlags::V6_PKTINFO,
        (SOL_IPV6, ipv6::RECVHOPLIMIT) => IpFlags::V6_HOPLIMIT,
        (SOL_IPV6, ipv6::RECVTCLASS) => IpFlags::V6_TCLASS,
        (SOL_IPV6, ipv6::RECVERR) => IpFlags::V6_RECVERR,
        (SOL_IPV6, ipv6::MULTICAST_LOOP) => IpFlags::V6_MULTICAST_LOOP,
        (SOL_IPV6, ipv6::MULTICAST_ALL) => IpFlags::V6_MULTICAST_ALL,
        (SOL_IPV6, ipv6::DONTFRAG) => IpFlags::V6_DONTFRAG,
        (SOL_IPV6, ipv6::OLD_PKTINFO) => IpFlags::V6_OLD_PKTINFO,
        (SOL_IPV6, ipv6::OLD_HOPLIMIT) => IpFlags::V6_OLD_HOPLIMIT,
        (SOL_IPV6, ipv6::FREEBIND) => IpFlags::FREEBIND,
        _ => return None,
    })
}

impl IpOptions {
    /// What is on.
    pub fn flags(&self) -> IpFlags {
        IpFlags::from_bits_truncate(self.flags.load(Relaxed))
    }

    fn put_flag(&self, flag: IpFlags, on: bool) {
        if on {
            self.flags.fetch_or(flag.bits(), Relaxed);
        } else {
            self.flags.fetch_and(!flag.bits(), Relaxed);
        }
    }

    /// The type of service of packets that go out.
    pub fn tos(&self) -> u8 {
        self.tos.load(Relaxed) as u8
    }

    /// The traffic class of IPv6 packets that go out.
    pub fn tclass(&self) -> u8 {
        self.tclass.load(Relaxed).max(0) as u8
    }

    /// The hop limit of what goes out to one or to many.
    pub fn hop_limit(&self, family: Family, multicast: bool) -> u8 {
        let chosen = match (family, multicast) {
            (Family::V4, true) => self.multicast_ttl.load(Relaxed),
            (Family::V4, false) => self.ttl.load(Relaxed),
            (Family::V6, true) => self.v6_multicast_hops.load(Relaxed),
            (Family::V6, false) => self.hops.load(Relaxed),
        };
        if chosen < 0 {
            DEFAULT_TTL.load(Relaxed) as u8
        } else {
            chosen as u8
        }
    }

    /// Whether a hop limit was chosen for what goes to one.
    pub fn chooses_hops(&self, family: Family) -> bool {
        let chosen = match family {
            Family::V4 => &self.ttl,
            Family::V6 => &self.hops,
        };
        chosen.load(Relaxed) >= 0
    }

    /// The interface groups are reached by, or 0.
    pub fn multicast_interface(&self, family: Family) -> u32 {
        match family {
            Family::V4 => self.multicast_if.load(Relaxed),
            Family::V6 => self.v6_multicast_if.load(Relaxed),
        }
    }

    /// Whether packets are never cut in pieces (`IP_PMTUDISC_DO`, `IP_PMTUDISC_PROBE`).
    pub fn never_fragments(&self, family: Family) -> bool {
        let discover = match family {
            Family::V4 => self.discover.load(Relaxed),
            Family::V6 => self.v6_discover.load(Relaxed),
        };
        matches!(discover, 2 | 3)
            || family == Family::V6 && self.flags().contains(IpFlags::V6_DONTFRAG)
    }

    /// An accepted socket takes over what its listener has.
    pub fn inherit(&self, from: &Self) {
        self.flags.store(from.flags.load(Relaxed), Relaxed);
        for (own, other) in [
            (&self.tos, &from.tos),
            (&self.ttl, &from.ttl),
            (&self.hops, &from.hops),
            (&self.tclass, &from.tclass),
        ] {
            own.store(other.load(Relaxed), Relaxed);
        }
    }

    /// Sets an option; `stream`: of a socket of TCP.
    ///
    /// # Errors
    /// `EINVAL`: not a value of it. `EPERM`: a privileged one. `EPROTO`: of groups, on a stream. `ENOPROTOOPT`: no such
    /// option.
    pub fn set(
        &self,
        level: i32,
        name: i32,
        bytes: &[u8],
        who: &Credentials,
        stream: bool,
    ) -> Result<()> {
        if stream {
            refuse_on_stream(level, name, bytes.len())?;
        }
        if !is_kept(level, name) {
            return Err(Errno::ENOPROTOOPT);
        }
        let value = read_value(level, name, bytes)?;
        // The congestion's bits are the connection's own.
        let congestion = if stream { 3 } else { 0 };
        let mark =
            |old: &AtomicI32, new: i32| new & 0xff & !congestion | old.load(Relaxed) & congestion;
        match (level, name) {
            (SOL_IP, ip::TOS) => self.tos.store(mark(&self.tos, value), Relaxed),
            (SOL_IP, ip::TTL) if value == -1 => self.ttl.store(-1, Relaxed),
            (SOL_IP, ip::TTL) => store_in(&self.ttl, value, 1..=255)?,
            (SOL_IP, ip::MINTTL) => store_in(&self.min_ttl, value, 0..=255)?,
            (SOL_IP, ip::MTU_DISCOVER) => store_in(&self.discover, value, 0..=DISCOVER_MAX)?,
            (SOL_IP, ip::MULTICAST_TTL) => {
                let value = if value == -1 { 1 } else { value };
                store_in(&self.multicast_ttl, value, 0..=255)?;
            }
            (SOL_IP, ip::TRANSPARENT) => {
                if value != 0 && !who.has(Capability::NET_RAW) && !who.has(Capability::NET_ADMIN) {
                    return Err(Errno::EPERM);
                }
                self.put_flag(IpFlags::TRANSPARENT, value != 0);
            }
            (SOL_IPV6, ipv6::UNICAST_HOPS) => store_in(&self.hops, value, -1..=255)?,
            (SOL_IPV6, ipv6::MULTICAST_HOPS) => {
                let value = if value == -1 { 1 } else { value };
                store_in(&self.v6_multicast_hops, value, 0..=255)?;
            }
            (SOL_IPV6, ipv6::TCLASS) => {
                let value = if value == -1 { 0 } else { value };
                if !(0..=255).contains(&value) {
                    return Err(Errno::EINVAL);
                }
                self.tclass.store(mark(&self.tclass, value), Relaxed);
            }
            (SOL_IPV6, ipv6::MTU_DISCOVER) => store_in(&self.v6_discover, value, 0..=DISCOVER_MAX)?,
            (SOL_IP, ip::MULTICAST_ALL) | (SOL_IPV6, ipv6::MULTICAST_LOOP)
                if !(0..=1).contains(&value) =>
            {
                return Err(Errno::EINVAL);
            }
            _ => self.put_flag(flag_of(level, name).ok_or(Errno::ENOPROTOOPT)?, value != 0),
        }
        Ok(())
    }

    /// Names the interface groups are reached by.
    pub fn set_multicast_interface(&self, family: Family, index: u32, addr: u32) {
        match family {
            Family::V4 => {
                self.multicast_if.store(index, Relaxed);
                self.multicast_addr.store(addr, Relaxed);
            }
            Family::V6 => self.v6_multicast_if.store(index, Relaxed),
        }
    }

    /// The value of an option.
    ///
    /// # Errors
    /// `ENOPROTOOPT`: no such option.
    pub fn get(&self, level: i32, name: i32) -> Result<i32> {
        Ok(match (level, name) {
            (SOL_IP, ip::TOS) => self.tos.load(Relaxed),
            (SOL_IP, ip::TTL) => i32::from(self.hop_limit(Family::V4, false)),
            (SOL_IP, ip::MINTTL) => self.min_ttl.load(Relaxed),
            (SOL_IP, ip::MTU_DISCOVER) => self.discover.load(Relaxed),
            (SOL_IP, ip::MULTICAST_TTL) => self.multicast_ttl.load(Relaxed),
            (SOL_IP, ip::MULTICAST_IF) => self.multicast_addr.load(Relaxed) as i32,
            (SOL_IPV6, ipv6::UNICAST_HOPS) => i32::from(self.hop_limit(Family::V6, false)),
            (SOL_IPV6, ipv6::MULTICAST_HOPS) => self.v6_multicast_hops.load(Relaxed),
            (SOL_IPV6, ipv6::MULTICAST_IF) => self.v6_multicast_if.load(Relaxed) as i32,
            (SOL_IPV6, ipv6::TCLASS) => self.tclass.load(Relaxed),
            (SOL_IPV6, ipv6::MTU_DISCOVER) => self.v6_discover.load(Relaxed),
            _ => {
                let flag = flag_of(level, name).ok_or(Errno::ENOPROTOOPT)?;
                i32::from(self.flags().contains(flag))
            }
        })
    }
}

/// The bytes `getsockopt` tells an `int` of level IP in: one where the program has room for no more.
#[must_use]
pub fn tell(level: i32, value: i32, room: usize) -> Vec<u8> {
    if level == SOL_IP && (1..size_of::<i32>()).contains(&room) && (0..256).contains(&value) {
        alloc::vec![value as u8]
    } else {
        value.as_bytes().to_vec()
    }
}

/// Options of groups and of where they are reached, which a stream has not.
fn refuse_on_stream(level: i32, name: i32, len: usize) -> Result<()> {
    /// Bytes of `struct ipv6_mreq`.
    const REQUEST: usize = 20;
    Err(match (level, name) {
        (SOL_IPV6, ipv6::JOIN_GROUP | ipv6::LEAVE_GROUP) if len < REQUEST => Errno::EINVAL,
        (SOL_IP, ip::ADD_MEMBERSHIP | ip::DROP_MEMBERSHIP)
        | (SOL_IPV6, ipv6::JOIN_GROUP | ipv6::LEAVE_GROUP) => Errno::EPROTO,
        (SOL_IP, ip::MULTICAST_IF | ip::MULTICAST_TTL) => Errno::EINVAL,
        (SOL_IP, ip::HDRINCL) | (SOL_IPV6, ipv6::MULTICAST_IF | ipv6::MULTICAST_HOPS) => {
            Errno::ENOPROTOOPT
        }
        _ => return Ok(()),
    })
}

/// Whether it is an option that can be set here.
fn is_kept(level: i32, name: i32) -> bool {
    let number = match level {
        SOL_IP => matches!(
            name,
            ip::TOS | ip::TTL | ip::MINTTL | ip::MTU_DISCOVER | ip::MULTICAST_TTL
        ),
        _ => matches!(
            name,
            ipv6::UNICAST_HOPS | ipv6::MULTICAST_HOPS | ipv6::TCLASS | ipv6::MTU_DISCOVER
        ),
    };
    number || flag_of(level, name).is_some()
}

/// IP takes one byte where there is no `int`, and of some options none at all; IPv6 does not, but for one.
fn read_value(level: i32, name: i32, bytes: &[u8]) -> Result<i32> {
    if let Ok((value, _)) = i32::read_from_prefix(bytes) {
        return Ok(value);
    }
    match bytes.first() {
        Some(byte) if level == SOL_IP => Ok(i32::from(*byte)),
        None if level == SOL_IP => match name {
            ip::TTL
            | ip::MINTTL
            | ip::FREEBIND
            | ip::TRANSPARENT
            | ip::MULTICAST_TTL
            | ip::MULTICAST_LOOP
            | ip::MULTICAST_ALL => Err(Errno::EINVAL),
            _ => Ok(0),
        },
        _ if name == ipv6::DONTFRAG => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

fn store_in(kept: &AtomicI32, value: i32, range: core::ops::RangeInclusive<i32>) -> Result<()> {
    if !range.contains(&value) {
        return Err(Errno::EINVAL);
    }
    kept.store(value, Relaxed);
    Ok(())
}
