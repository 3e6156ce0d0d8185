//! What is counted of IP as a whole, and `/proc/net/snmp`, `snmp6` and `netstat`, which show it (RFC 1213, RFC 4293).
//!
//! Only what is counted has a column. Between two sockets of this machine there are no packets, so IP and TCP's segments
//! count what cards carry; UDP's messages and TCP's connections count everywhere.

use core::fmt::{Result, Write as _};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use fs::proc::Text;

macro_rules! counts {
    ($($group:ident { $($name:ident),* $(,)? })*) => {
        /// One figure; its name is the group's and the column's.
        #[allow(missing_docs, reason = "the names are those of RFC 1213 and RFC 4293")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Count { $($($name),*),*, End }

        $(
            #[allow(non_upper_case_globals, reason = "a group's name is as the file has it")]
            mod $group {
                pub const COLUMNS: &[(&str, super::Count)] =
                    &[$((stringify!($name), super::Count::$name)),*];
            }
        )*
    };
}

counts! {
    ip {
        IpInReceives, IpInHdrErrors, IpInAddrErrors, IpInDelivers, IpOutRequests, IpOutNoRoutes, IpReasmTimeout,
        IpReasmReqds, IpReasmOKs, IpReasmFails, IpFragOKs, IpFragFails, IpFragCreates,
    }
    icmp {
        IcmpInMsgs, IcmpInErrors, IcmpInCsumErrors, IcmpInDestUnreachs, IcmpInEchos, IcmpInEchoReps, IcmpOutMsgs,
        IcmpOutDestUnreachs, IcmpOutEchoReps,
    }
    udp {
        UdpInDatagrams, UdpNoPorts, UdpInErrors, UdpOutDatagrams, UdpRcvbufErrors, UdpInCsumErrors,
    }
    udplite {
        UdpLiteInDatagrams, UdpLiteNoPorts, UdpLiteInErrors, UdpLiteOutDatagrams, UdpLiteRcvbufErrors,
        UdpLiteInCsumErrors,
    }
    ip6 {
        Ip6InReceives, Ip6InHdrErrors, Ip6InAddrErrors, Ip6InDelivers, Ip6OutRequests, Ip6OutNoRoutes, Ip6ReasmTimeout,
        Ip6ReasmReqds, Ip6ReasmOKs, Ip6ReasmFails, Ip6FragOKs, Ip6FragFails, Ip6FragCreates, Ip6InMcastPkts, Ip6OutMcastPkts, Ip6InOctets,
        Ip6OutOctets,
    }
    icmp6 {
        Icmp6InMsgs, Icmp6InErrors, Icmp6InCsumErrors, Icmp6InDestUnreachs, Icmp6InEchos, Icmp6InEchoReplies, Icmp6OutMsgs,
        Icmp6OutDestUnreachs, Icmp6OutEchoReplies,
    }
    udp6 {
        Udp6InDatagrams, Udp6NoPorts, Udp6InErrors, Udp6OutDatagrams, Udp6RcvbufErrors, Udp6InCsumErrors,
    }
    udplite6 {
        UdpLite6InDatagrams, UdpLite6NoPorts, UdpLite6InErrors, UdpLite6OutDatagrams, UdpLite6RcvbufErrors,
        UdpLite6InCsumErrors,
    }
    ipext {
        IpExtInMcastPkts, IpExtOutMcastPkts, IpExtInBcastPkts, IpExtOutBcastPkts, IpExtInOctets, IpExtOutOctets,
    }
    tcp {
        TcpActiveOpens, TcpPassiveOpens, TcpInSegs, TcpInErrs, TcpOutRsts, TcpInCsumErrors,
    }
}

static COUNTS: [AtomicU64; Count::End as usize] =
    [const { AtomicU64::new(0) }; Count::End as usize];

/// What UDP-Lite counts stands as far behind what UDP does.
const LITE: usize = Count::UdpLiteInDatagrams as usize - Count::UdpInDatagrams as usize;

/// One more, of IPv4 or of IPv6, of UDP or of UDP-Lite; named is UDP's.
pub fn count_udp(lite: bool, v4: bool, of4: Count, of6: Count) {
    let place = if v4 { of4 } else { of6 } as usize;
    if let Some(one) = COUNTS.get(if lite { place + LITE } else { place }) {
        one.fetch_add(1, Relaxed);
    }
}

/// One more.
#[inline]
pub fn count(what: Count) {
    if let Some(one) = COUNTS.get(what as usize) {
        one.fetch_add(1, Relaxed);
    }
}

/// So many more, of IPv4 or of IPv6.
pub fn add_of(v4: bool, of4: Count, of6: Count, more: usize) {
    if let Some(one) = COUNTS.get(if v4 { of4 } else { of6 } as usize) {
        one.fetch_add(more as u64, Relaxed);
    }
}

/// One more, of IPv4 or of IPv6.
#[inline]
pub fn count_of(v4: bool, of4: Count, of6: Count) {
    count(if v4 { of4 } else { of6 });
}

fn value(what: Count) -> u64 {
    COUNTS.get(what as usize).map_or(0, |one| one.load(Relaxed))
}

/// Two lines: the columns' names without the group's, and the figures.
fn group(out: &mut Text, name: &str, more: &[(&str, u64)], columns: &[(&str, Count)]) -> Result {
    write!(out, "{name}:")?;
    more.iter()
        .try_for_each(|(column, _)| write!(out, " {column}"))?;
    for (column, _) in columns {
        write!(out, " {}", column.strip_prefix(name).unwrap_or(column))?;
    }
    write!(out, "\n{name}:")?;
    more.iter()
        .try_for_each(|(_, figure)| write!(out, " {figure}"))?;
    for (_, what) in columns {
        write!(out, " {}", value(*what))?;
    }
    out.write_str("\n")
}

/// `/proc/net/snmp`
pub(super) fn snmp(out: &mut Text) -> Result {
    let ttl = super::ip_options::DEFAULT_TTL.load(Relaxed);
    // Packets of others are not forwarded: 2.
    group(
        out,
        "Ip",
        &[("Forwarding", 2), ("DefaultTTL", ttl.into())],
        ip::COLUMNS,
    )?;
    group(out, "Icmp", &[], icmp::COLUMNS)?;
    let established = super::tcp::report::established();
    group(
        out,
        "Tcp",
        &[("CurrEstab", established as u64)],
        tcp::COLUMNS,
    )?;
    group(out, "Udp", &[], udp::COLUMNS)?;
    group(out, "UdpLite", &[], udplite::COLUMNS)
}

/// `/proc/net/netstat`
pub(super) fn netstat(out: &mut Text) -> Result {
    group(out, "IpExt", &[], ipext::COLUMNS)
}

/// `/proc/net/snmp6`
pub(super) fn snmp6(out: &mut Text) -> Result {
    for columns in [
        ip6::COLUMNS,
        icmp6::COLUMNS,
        udp6::COLUMNS,
        udplite6::COLUMNS,
    ] {
        for (name, what) in columns {
            writeln!(out, "{name:<32}\t{}", value(*what))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_goes_up_by_one() {
        let before = value(Count::UdpNoPorts);
        count_of(true, Count::UdpNoPorts, Count::Udp6NoPorts);
        assert_eq!(value(Count::UdpNoPorts), before + 1);
    }

    #[test]
    fn what_udp_lite_counts_stands_beside_what_udp_does() {
        let figures = || {
            let all = [udplite::COLUMNS, udplite6::COLUMNS];
            all.map(|columns| columns.last().map(|(_, what)| value(*what)))
        };
        let before = figures();
        for v4 in [true, false] {
            count_udp(true, v4, Count::UdpInCsumErrors, Count::Udp6InCsumErrors);
        }
        assert_eq!(figures(), before.map(|figure| figure.map(|one| one + 1)));
    }

    #[test]
    fn every_column_has_its_place() {
        assert_eq!(
            icmp::COLUMNS.first(),
            Some(&("IcmpInMsgs", Count::IcmpInMsgs))
        );
        assert!(
            tcp::COLUMNS
                .last()
                .is_some_and(|(_, what)| (*what as usize) < COUNTS.len())
        );
    }
}
