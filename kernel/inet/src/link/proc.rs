//! `/proc/net`: interfaces, routes, neighbours (`man 5 proc_pid_net`).

use super::flags::{kind, table_id};
use super::route::Route;
use super::{neighbour, table};
use abi::net::rtf;
use core::fmt::{Result, Write as _};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use fs::proc::{Text, show};
use sync::Instant;

/// Bytes of a row of `route` without its end.
const ROUTE_WIDTH: usize = 127;

/// Hangs the files in. Once.
pub(super) fn install() {
    show("net/dev", dev);
    show("net/route", route);
    show("net/ipv6_route", ipv6_route);
    show("net/arp", arp);
    show("net/if_inet6", if_inet6);
    show("net/packet", |out: &mut Text| {
        out.write_str(&crate::packet::report())
    });
    show("net/netlink", |out: &mut Text| {
        out.write_str(&crate::netlink::report::report())
    });
}

fn dev(out: &mut Text) -> Result {
    out.write_str(
        "Inter-|   Receive                                                |  Transmit\n",
    )?;
    out.write_str(
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n",
    )?;
    for interface in table().interfaces() {
        let of = interface.port.counters();
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        let (rx, tx) = (
            (count(&of.rx_bytes), count(&of.rx_packets)),
            (count(&of.tx_bytes), count(&of.tx_packets)),
        );
        writeln!(
            out,
            "{:>6}: {:7} {:7} {:4} {:4} {:4} {:5} {:10} {:9} {:8} {:7} {:4} {:4} {:4} {:5} {:7} {:10}",
            interface.name,
            rx.0,
            rx.1,
            count(&of.rx_errors),
            count(&of.rx_dropped),
            0,
            0,
            0,
            count(&of.multicast),
            tx.0,
            tx.1,
            count(&of.tx_errors),
            count(&of.tx_dropped),
            0,
            0,
            0,
            0
        )?;
    }
    Ok(())
}

/// An address as the machine's word, as this file writes it.
fn word(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(v4) => u32::from_ne_bytes(v4.octets()),
        IpAddr::V6(_) => 0,
    }
}

fn flags_of(route: &Route) -> u32 {
    let mut flags = rtf::UP;
    if route.gateway.is_some() {
        flags |= rtf::GATEWAY;
    }
    if matches!(route.kind, kind::UNREACHABLE | kind::PROHIBIT) {
        flags |= rtf::REJECT;
    }
    if route.advertised {
        flags |= ADDRCONF
            | if route.gateway.is_some() {
                DEFAULT
            } else {
                PREFIX
            };
    }
    if route.expires.is_some() {
        flags |= EXPIRES;
    }
    flags
}

fn route(out: &mut Text) -> Result {
    let start = out.len();
    out.write_str(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
    )?;
    out.pad_to(start, ROUTE_WIDTH);
    out.write_str("\n")?;
    let table = table();
    let mut rows: alloc::vec::Vec<_> = table
        .routes()
        .iter()
        .filter(|one| one.table == table_id::MAIN && !one.destination.is_v6())
        .filter(|one| one.kind != kind::BROADCAST && one.kind != kind::MULTICAST)
        .collect();
    sync::order::sort_by_key(&mut rows, |one| {
        (one.destination.address(), one.destination.len())
    });
    for one in rows {
        let start = out.len();
        let host = if one.destination.len() == 32 {
            rtf::HOST
        } else {
            0
        };
        let name = table.by_index(one.interface).map_or("*", |on| &*on.name);
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        write!(
            out,
            "{name}\t{:08X}\t{:08X}\t{:04X}\t0\t0\t{}\t{:08X}\t{}\t0\t0",
            word(one.destination.address()),
            word(one.gateway.unwrap_or(nowhere)),
            flags_of(one) | host,
            one.metric,
            word(one.destination.mask().into()),
            one.mtu
        )?;
        out.pad_to(start, ROUTE_WIDTH);
        out.write_str("\n")?;
    }
    Ok(())
}

fn hex(out: &mut Text, address: IpAddr) -> Result {
    let bits = match address {
        IpAddr::V6(v6) => v6.to_bits(),
        IpAddr::V4(_) => 0,
    };
    write!(out, "{bits:032x}")
}

/// Flags of routes a router advertised: `RTF_ADDRCONF`, `RTF_DEFAULT` or `RTF_PREFIX_RT`, and of those that end.
const ADDRCONF: u32 = 0x4_0000;
const DEFAULT: u32 = 0x1_0000;
const PREFIX: u32 = 0x8_0000;
const EXPIRES: u32 = 0x40_0000;
/// The flag of an own address (`RTF_LOCAL`).
const LOCAL: u32 = 0x8000_0000;

fn ipv6_route(out: &mut Text) -> Result {
    let table = table();
    for one in table.routes().iter().filter(|one| one.destination.is_v6()) {
        let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let local = if one.kind == kind::LOCAL { LOCAL } else { 0 };
        let name = table.by_index(one.interface).map_or("lo", |on| &*on.name);
        hex(out, one.destination.address())?;
        write!(out, " {:02x} ", one.destination.len())?;
        hex(out, nowhere)?;
        out.write_str(" 00 ")?;
        hex(out, one.gateway.unwrap_or(nowhere))?;
        writeln!(
            out,
            " {:08x} 00000001 00000000 {:08x} {name:>8}",
            one.metric,
            flags_of(one) | local
        )?;
    }
    Ok(())
}

fn arp(out: &mut Text) -> Result {
    out.write_str(
        "IP address       HW type     Flags       HW address            Mask     Device\n",
    )?;
    let table = table();
    let now = Instant::now();
    for one in neighbour::all() {
        let IpAddr::V4(address) = one.address else {
            continue;
        };
        let Some(interface) = table.by_index(one.interface) else {
            continue;
        };
        let mut mac = alloc::string::String::new();
        super::sysfs::mac(&one.mac, &mut mac);
        let address = alloc::format!("{address}");
        writeln!(
            out,
            "{address:<16} 0x{:<10x}0x{:<10x}{mac:<17}     *        {}",
            interface.hardware(),
            crate::ioctl::neighbour_flags(one.state(now)),
            interface.name
        )?;
    }
    Ok(())
}

fn if_inet6(out: &mut Text) -> Result {
    for interface in table().interfaces() {
        for own in interface.v6() {
            // Scopes as this file numbers them.
            let scope = match own.scope {
                super::flags::scope::HOST => 0x10,
                super::flags::scope::LINK => 0x20,
                super::flags::scope::SITE => 0x40,
                _ => 0,
            };
            hex(out, own.local)?;
            writeln!(
                out,
                " {:02x} {:02x} {scope:02x} {:02x} {:>8}",
                interface.index,
                own.prefix_len,
                own.flags.bits() as u8,
                interface.name
            )?;
        }
    }
    Ok(())
}
