//! Addresses: `RTM_NEWADDR`, `RTM_DELADDR`, `RTM_GETADDR`.

use super::super::message::{Builder, flag, number, text};
use super::super::{Answers, Request};
use super::{address_of, bytes_of, covers, family_of, group, number_of, of, parse, rtm};
use crate::link::address::{FOREVER, Lifetime, natural_scope};
use crate::link::events::Cause;
use crate::link::flags::Ifa;
use crate::link::{self, Address};
use abi::socket::family::{AF_INET, AF_INET6};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::net::{IpAddr, Ipv4Addr};
use sync::Instant;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct ifaddrmsg`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct IfAddr {
    family: u8,
    prefix_len: u8,
    flags: u8,
    scope: u8,
    index: u32,
}

const FIXED: usize = size_of::<IfAddr>();

/// Attributes (`IFA_*`).
mod ifa {
    pub const ADDRESS: u16 = 1;
    pub const LOCAL: u16 = 2;
    pub const LABEL: u16 = 3;
    pub const BROADCAST: u16 = 4;
    pub const CACHEINFO: u16 = 6;
    pub const FLAGS: u16 = 8;
    pub const RT_PRIORITY: u16 = 9;
    pub const PROTO: u16 = 11;
    /// One past the last.
    pub const END: usize = 12;
}

fn message(index: u32, own: &Address, mut builder: Builder) -> Builder {
    let fixed = IfAddr {
        family: family_of(own.local),
        prefix_len: own.prefix_len,
        flags: own.flags.bits() as u8,
        scope: own.scope,
        index,
    };
    builder.put(fixed.as_bytes());
    builder.attribute(ifa::ADDRESS, &bytes_of(own.peer));
    if own.local.is_ipv4() || own.peer != own.local {
        builder.attribute(ifa::LOCAL, &bytes_of(own.local));
    }
    if let Some(broadcast) = own.broadcast {
        builder.attribute(ifa::BROADCAST, &broadcast.octets());
    }
    if own.local.is_ipv4() && !own.label.is_empty() {
        builder.text(ifa::LABEL, &own.label);
    }
    if own.origin != 0 {
        builder.attribute(ifa::PROTO, &[own.origin]);
    }
    builder.number(ifa::FLAGS, own.flags.bits());
    if own.metric != 0 {
        builder.number(ifa::RT_PRIORITY, own.metric);
    }
    let life = &own.lifetime;
    let gone = |lifetime: u32| {
        let passed = Instant::now().saturating_since(life.since).as_secs();
        match lifetime {
            FOREVER => FOREVER,
            _ => lifetime.saturating_sub(u32::try_from(passed).unwrap_or(FOREVER)),
        }
    };
    let hundredths = |at: Instant| (at.as_nanos() / 10_000_000) as u32;
    let cache = [
        gone(life.preferred),
        gone(life.valid),
        hundredths(life.created),
        hundredths(life.since),
    ];
    builder.attribute(ifa::CACHEINFO, cache.as_bytes());
    builder
}

/// What listeners get.
pub fn news(kind: u16, index: u32, own: &Address, cause: Cause) -> (u32, Builder) {
    let group = if own.local.is_ipv4() {
        group::IPV4_ADDR
    } else {
        group::IPV6_ADDR
    };
    let builder = Builder::new(kind, 0, cause.sequence, cause.port);
    (group, message(index, own, builder))
}

pub fn dump(request: &Request<'_>, wanted: u16, answers: &mut Answers) {
    let interfaces = link::interfaces();
    for family in [AF_INET as u8, AF_INET6 as u8] {
        if !covers(wanted, family) {
            continue;
        }
        for interface in &interfaces {
            for own in &interface.addresses {
                if family_of(own.local) == family {
                    let builder = request.answer(rtm::NEWADDR);
                    answers.push(message(interface.index, own, builder));
                }
            }
        }
    }
}

/// The fixed part.
fn fixed(request: &Request<'_>) -> Result<IfAddr> {
    let (fixed, _) = IfAddr::read_from_prefix(request.body).map_err(|_| Errno::EINVAL)?;
    Ok(fixed)
}

/// What the message says of a new address.
fn wanted(request: &Request<'_>) -> Result<(u32, Address)> {
    let fixed = fixed(request)?;
    let found: [_; ifa::END] = parse(request.body, FIXED)?;
    let family = u16::from(fixed.family);
    let width = match family {
        AF_INET => 32,
        AF_INET6 => 128,
        _ => return Err(Errno::EOPNOTSUPP),
    };
    if fixed.prefix_len > width {
        return Err(Errno::EINVAL);
    }
    let read = |kind| {
        of(&found, kind)
            .map(|data| address_of(family, data))
            .transpose()
    };
    let (local, address) = (read(ifa::LOCAL)?, read(ifa::ADDRESS)?);
    let own = match family {
        AF_INET => local.ok_or(Errno::EINVAL)?,
        _ => local.or(address).ok_or(Errno::EINVAL)?,
    };
    let interface = link::by_index(fixed.index).ok_or(Errno::ENODEV)?;
    let label = of(&found, ifa::LABEL)
        .map(|label| text(label).ok_or(Errno::EINVAL))
        .transpose()?
        .unwrap_or(&interface.name);
    let now = Instant::now();
    let mut new = Address::new(own, fixed.prefix_len, "", now);
    new.label = Arc::from(label);
    new.peer = address.unwrap_or(own);
    if family == AF_INET {
        new.scope = fixed.scope;
        new.broadcast = read(ifa::BROADCAST)?.and_then(|all| match all {
            IpAddr::V4(v4) => Some(v4).filter(|v4: &Ipv4Addr| !v4.is_unspecified()),
            IpAddr::V6(_) => None,
        });
    } else {
        new.scope = natural_scope(own);
        if own.is_multicast()
            || own.is_unspecified()
            || own.is_loopback() && !interface.is_loopback()
        {
            return Err(Errno::EADDRNOTAVAIL);
        }
    }
    let flags = number_of(&found, ifa::FLAGS)?.unwrap_or(u32::from(fixed.flags));
    let kept = Ifa::NODAD | Ifa::MANAGETEMPADDR | Ifa::NOPREFIXROUTE;
    new.flags = Ifa::from_bits_truncate(flags) & kept | Ifa::PERMANENT;
    new.metric = number_of(&found, ifa::RT_PRIORITY)?.unwrap_or(0);
    new.origin = of(&found, ifa::PROTO)
        .and_then(|p| p.first().copied())
        .unwrap_or(0);
    if let Some(cache) = of(&found, ifa::CACHEINFO) {
        let preferred = number(cache).ok_or(Errno::EINVAL)?;
        let valid = cache.get(4..).and_then(number).ok_or(Errno::EINVAL)?;
        if valid == 0 || preferred > valid {
            return Err(Errno::EINVAL);
        }
        new.lifetime = Lifetime {
            preferred,
            valid,
            ..Lifetime::forever(now)
        };
        if valid != FOREVER {
            new.flags -= Ifa::PERMANENT;
        }
    }
    Ok((fixed.index, new))
}

pub fn add(request: &Request<'_>) -> Result<()> {
    let (index, new) = wanted(request)?;
    let replaces = request.header.flags & flag::REPLACE != 0;
    let refuses = request.header.flags & flag::EXCL != 0;
    link::change(request.cause(), |table| {
        match table.add_address(index, new.clone()) {
            Err(Errno::EEXIST) if replaces && !refuses => table.update_address(index, &new),
            result => result,
        }
    })
}

pub fn remove(request: &Request<'_>) -> Result<()> {
    let fixed = fixed(request)?;
    let found: [_; ifa::END] = parse(request.body, FIXED)?;
    let family = u16::from(fixed.family);
    if family != AF_INET && family != AF_INET6 {
        return Err(Errno::EOPNOTSUPP);
    }
    let read = |kind| {
        of(&found, kind)
            .map(|data| address_of(family, data))
            .transpose()
    };
    let (local, address) = (read(ifa::LOCAL)?, read(ifa::ADDRESS)?);
    let label = of(&found, ifa::LABEL).and_then(text);
    if family == AF_INET6 && local.is_none() && address.is_none() {
        return Err(Errno::EINVAL);
    }
    link::change(request.cause(), |table| {
        let interface = table.by_index(fixed.index).ok_or(Errno::ENODEV)?;
        let fits = |own: &&Address| {
            if family == AF_INET6 {
                return local.or(address) == Some(own.local) && own.prefix_len == fixed.prefix_len;
            }
            own.local.is_ipv4()
                && local.is_none_or(|local| local == own.local)
                && label.is_none_or(|label| *own.label == *label)
                && address.is_none_or(|address| {
                    own.prefix_len == fixed.prefix_len && own.network().contains(address)
                })
        };
        let own = interface.addresses.iter().find(fits);
        let own = own.ok_or(Errno::EADDRNOTAVAIL)?;
        let (local, len) = (own.local, own.prefix_len);
        table.remove_address(fixed.index, local, len)
    })
}
