//! `/proc/net/igmp`, `/proc/net/igmp6` and `/proc/net/dev_mcast`.

use super::groups;
use super::resolve::group_mac;
use crate::link::interfaces;
use core::fmt::{Result, Write as _};
use core::net::IpAddr;
use fs::proc::Text;

/// A row an interface, below it one for each IPv4 group.
pub(super) fn igmp(out: &mut Text) -> Result {
    out.write_str("Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n")?;
    for interface in interfaces() {
        let mut all = groups::of(&interface);
        all.retain(|(group, _)| group.is_ipv4());
        if all.is_empty() {
            continue;
        }
        let (index, name) = (interface.index, &interface.name);
        writeln!(out, "{index}\t{name:<10}: {:5}      V2", all.len())?;
        for (group, users) in all {
            if let IpAddr::V4(group) = group {
                let word = u32::from_ne_bytes(group.octets());
                writeln!(out, "\t\t\t\t{word:08X} {users:5} 0:00000000\t\t0")?;
            }
        }
    }
    Ok(())
}

/// `MAF_LAST_REPORTER`: routers were told of it by nobody else.
const TOLD: u32 = 4;
/// `MAF_NOREPORT`: routers are told of no group that is all hosts' or stays on the machine.
const UNREPORTED: u32 = 8;

/// A row an IPv6 group.
pub(super) fn igmp6(out: &mut Text) -> Result {
    for interface in interfaces() {
        for (group, users) in groups::of(&interface) {
            let IpAddr::V6(group) = group else { continue };
            let flags = match group.segments() {
                [0xff01, ..] => UNREPORTED,
                [0xff02, 0, 0, 0, 0, 0, 0, 1] => TOLD | UNREPORTED,
                _ => TOLD,
            };
            writeln!(
                out,
                "{:<4} {:<15} {:032x} {users:5} {flags:08X} 0",
                interface.index,
                interface.name,
                group.to_bits()
            )?;
        }
    }
    Ok(())
}

/// A row for each card's address that is listened to.
pub(super) fn dev_mcast(out: &mut Text) -> Result {
    for interface in interfaces() {
        if interface.is_loopback() {
            continue;
        }
        for (group, users) in groups::of(&interface) {
            let Some([a, b, c, d, e, f]) = group_mac(group) else {
                continue;
            };
            writeln!(
                out,
                "{:<4} {:<15} {users:<5} 0     {a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}",
                interface.index, interface.name
            )?;
        }
    }
    Ok(())
}
