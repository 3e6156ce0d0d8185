//! Interfaces: `RTM_GETLINK`, `RTM_NEWLINK`, `RTM_SETLINK`.

use super::super::message::{Builder, text};
use super::super::{Answers, Request};
use super::{number_of, of, parse, rtm};
use crate::link::flags::Iff;
use crate::link::port::Counters;
use crate::link::{self, Interface};
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use sync::Instant;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct ifinfomsg`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct IfInfo {
    family: u8,
    pad: u8,
    kind: u16,
    index: i32,
    flags: u32,
    change: u32,
}

const FIXED: usize = size_of::<IfInfo>();

/// Attributes (`IFLA_*`).
mod ifla {
    pub const ADDRESS: u16 = 1;
    pub const BROADCAST: u16 = 2;
    pub const IFNAME: u16 = 3;
    pub const MTU: u16 = 4;
    pub const QDISC: u16 = 6;
    pub const STATS: u16 = 7;
    pub const TXQLEN: u16 = 13;
    pub const OPERSTATE: u16 = 16;
    pub const LINKMODE: u16 = 17;
    pub const STATS64: u16 = 23;
    pub const GROUP: u16 = 27;
    pub const PROMISCUITY: u16 = 30;
    pub const NUM_TX_QUEUES: u16 = 31;
    pub const NUM_RX_QUEUES: u16 = 32;
    pub const CARRIER: u16 = 33;
    /// One past those that are read.
    pub const END: usize = 60;
}

/// Counters of `struct rtnl_link_stats64` and where they stand; the others never count.
const COUNTS: usize = 25;

fn counts(of: &Counters) -> [u64; COUNTS] {
    let load = |counter: &AtomicU64| counter.load(Relaxed);
    let mut counts = [0; COUNTS];
    let real = [
        load(&of.rx_packets),
        load(&of.tx_packets),
        load(&of.rx_bytes),
        load(&of.tx_bytes),
        load(&of.rx_errors),
        load(&of.tx_errors),
        load(&of.rx_dropped),
        load(&of.tx_dropped),
        load(&of.multicast),
    ];
    for (to, from) in counts.iter_mut().zip(real) {
        *to = from;
    }
    counts
}

/// What is told of an interface.
pub fn message(interface: &Interface, changed: u32, mut builder: Builder) -> Builder {
    let info = IfInfo {
        family: 0,
        pad: 0,
        kind: interface.hardware(),
        index: interface.index as i32,
        flags: interface.flags().bits(),
        change: if changed == u32::MAX { 0 } else { changed },
    };
    let qdisc = if interface.is_loopback() {
        "noqueue"
    } else {
        "pfifo_fast"
    };
    let qdisc = if interface.is_up() || interface.is_loopback() {
        qdisc
    } else {
        "noop"
    };
    builder
        .put(info.as_bytes())
        .text(ifla::IFNAME, &interface.name)
        .number(ifla::TXQLEN, interface.queue_len)
        .attribute(ifla::OPERSTATE, &[interface.state() as u8])
        .attribute(ifla::LINKMODE, &[0])
        .number(ifla::MTU, interface.mtu)
        .number(ifla::GROUP, 0)
        .number(
            ifla::PROMISCUITY,
            u32::from(interface.port.is_promiscuous()),
        )
        .number(ifla::NUM_TX_QUEUES, 1)
        .number(ifla::NUM_RX_QUEUES, 1)
        .attribute(ifla::CARRIER, &[u8::from(interface.port.has_carrier())])
        .text(ifla::QDISC, qdisc)
        .attribute(ifla::ADDRESS, &interface.mac)
        .attribute(ifla::BROADCAST, &interface.link_broadcast());
    let counts = counts(interface.port.counters());
    builder.attribute(ifla::STATS64, counts.as_bytes());
    let short: Vec<u32> = counts
        .iter()
        .take(COUNTS - 1)
        .map(|count| *count as u32)
        .collect();
    builder.attribute(ifla::STATS, short.as_bytes());
    builder
}

pub fn dump(request: &Request<'_>, answers: &mut Answers) {
    for interface in link::interfaces() {
        answers.push(message(&interface, 0, request.answer(rtm::NEWLINK)));
    }
}

/// The interface a request names, by number or name.
fn named(info: &IfInfo, name: Option<&[u8]>) -> Result<alloc::sync::Arc<Interface>> {
    if info.index < 0 {
        return Err(Errno::EINVAL);
    }
    let found = match (info.index, name) {
        (0, None) => return Err(Errno::EINVAL),
        (0, Some(name)) => text(name).and_then(link::by_name),
        (index, _) => link::by_index(index as u32),
    };
    found.ok_or(Errno::ENODEV)
}

pub fn get(request: &Request<'_>, answers: &mut Answers) -> Result<()> {
    let (info, _) = IfInfo::read_from_prefix(request.body).map_err(|_| Errno::EINVAL)?;
    let found: [_; ifla::END] = parse(request.body, FIXED)?;
    let interface = named(&info, of(&found, ifla::IFNAME))?;
    answers.push(message(&interface, 0, request.answer(rtm::NEWLINK)));
    Ok(())
}

/// Changes an interface; `RTM_NEWLINK` makes none here.
pub fn set(request: &Request<'_>) -> Result<()> {
    use super::super::message::flag;
    let (info, _) = IfInfo::read_from_prefix(request.body).map_err(|_| Errno::EINVAL)?;
    let found: [_; ifla::END] = parse(request.body, FIXED)?;
    let name = of(&found, ifla::IFNAME);
    let makes = request.header.kind == rtm::NEWLINK && request.header.flags & flag::CREATE != 0;
    let interface = match named(&info, name) {
        Ok(_) if makes && request.header.flags & flag::EXCL != 0 => return Err(Errno::EEXIST),
        Err(Errno::ENODEV) if makes => return Err(Errno::EOPNOTSUPP),
        named => named?,
    };
    let new_name = match name
        .map(|name| text(name).ok_or(Errno::EINVAL))
        .transpose()?
    {
        Some(name) if info.index != 0 => Some(name),
        _ => None,
    };
    let mtu = number_of(&found, ifla::MTU)?;
    let queue_len = number_of(&found, ifla::TXQLEN)?;
    if of(&found, ifla::ADDRESS).is_some_and(|mac| *mac != interface.mac) {
        // The card's address is its own.
        return Err(Errno::EOPNOTSUPP);
    }
    link::change(request.cause(), |table| {
        let index = interface.index;
        if let Some(mtu) = mtu {
            table.set_mtu(index, mtu)?;
        }
        if let Some(len) = queue_len {
            table.set_queue_len(index, len)?;
        }
        if let Some(name) = new_name {
            table.rename(index, name)?;
        }
        if info.flags != 0 || info.change != 0 {
            // Without a mask of changes all flags are meant.
            let mask = if info.change == 0 {
                u32::MAX
            } else {
                info.change
            };
            let flags = Iff::from_bits_retain(info.flags);
            table.set_flags(index, flags, Iff::from_bits_retain(mask), Instant::now())?;
        }
        Ok(())
    })
}
