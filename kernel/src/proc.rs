//! What the binary itself knows, in `/proc`: version, command line, names.

use abi::Errno;
use alloc::string::String;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicU32, Ordering};

use fs::proc::{Text, setting, show};

use crate::syscall::sysinfo::{RELEASE, VERSION, names, set_domain, set_host};

/// Longest host or domain name.
const NAME_MAX: usize = 64;

/// Makes procfs mountable. Once, before the first process.
pub fn install(command_line: &str) {
    vfs::superblock::register(&fs::proc::ProcFsType);
    task::proc::install();
    show("version", |out: &mut Text| {
        writeln!(
            out,
            "Linux version {RELEASE} (nacre@rust) (rustc) {VERSION}"
        )
    });
    let line = String::from(command_line);
    show("cmdline", move |out: &mut Text| writeln!(out, "{line}"));
    register_net();
    crate::sysrq::install();
    setting::text("sys/kernel/ostype", |out| writeln!(out, "Linux"));
    setting::text("sys/kernel/arch", |out| writeln!(out, "aarch64"));
    setting::text("sys/kernel/osrelease", |out| writeln!(out, "{RELEASE}"));
    setting::text("sys/kernel/version", |out| writeln!(out, "{VERSION}"));
    setting::settable_text(
        "sys/kernel/hostname",
        NAME_MAX,
        || names().0,
        |name| {
            set_host(name);
            Ok(())
        },
    );
    setting::settable_text(
        "sys/kernel/domainname",
        NAME_MAX,
        || names().1,
        |name| {
            set_domain(name);
            Ok(())
        },
    );
}

/// Sockets, and what is set for all of them.
fn register_net() {
    use inet::dgram::report::Which;
    use inet::ip_options::DEFAULT_TTL;
    use inet::output::fragments;
    use inet::ports;
    use net::address::Family;
    use net::settings::{
        BACKLOG_MAX, CONTROL_MAX, RECEIVE_DEFAULT, RECEIVE_MAX, SEND_DEFAULT, SEND_MAX,
        TCP_ORPHANS_MAX, TCP_RESTS_MAX, TCP_REUSE, TCP_TIMESTAMPS, UNIX_QUEUE_MAX,
    };
    show("net/unix", |out: &mut Text| {
        out.push(&net::unix::report());
        Ok(())
    });
    for (name, family) in [("net/tcp", Family::V4), ("net/tcp6", Family::V6)] {
        show(name, move |out: &mut Text| {
            out.push(&inet::tcp::report::report(family));
            Ok(())
        });
    }
    for (name, family) in [("net/sockstat", Family::V4), ("net/sockstat6", Family::V6)] {
        show(name, move |out: &mut Text| {
            out.push(&inet::sockstat::report(family));
            Ok(())
        });
    }
    for (name, which, family) in [
        ("net/udp", Which::Udp, Family::V4),
        ("net/udp6", Which::Udp, Family::V6),
        ("net/udplite", Which::UdpLite, Family::V4),
        ("net/udplite6", Which::UdpLite, Family::V6),
        ("net/raw", Which::Raw, Family::V4),
        ("net/raw6", Which::Raw, Family::V6),
        ("net/icmp", Which::Ping, Family::V4),
        ("net/icmp6", Which::Ping, Family::V6),
    ] {
        show(name, move |out: &mut Text| {
            out.push(&inet::dgram::report::report(which, family));
            Ok(())
        });
    }
    two_numbers("sys/net/ipv4/ip_local_port_range", &ports::EPHEMERAL);
    two_numbers("sys/net/ipv4/ping_group_range", &inet::PING_GROUPS);
    setting::counter(
        "sys/net/ipv4/ip_unprivileged_port_start",
        &ports::UNPRIVILEGED,
    );
    setting::counter("sys/net/ipv4/ip_default_ttl", &DEFAULT_TTL);
    setting::counter("sys/net/ipv4/ipfrag_high_thresh", &fragments::V4.high);
    setting::counter("sys/net/ipv4/ipfrag_time", &fragments::V4.seconds);
    setting::counter("sys/net/ipv6/ip6frag_high_thresh", &fragments::V6.high);
    setting::counter("sys/net/ipv6/ip6frag_time", &fragments::V6.seconds);
    setting::counter(
        "sys/net/ipv4/icmp_echo_ignore_all",
        &inet::icmp::ECHO_IGNORE,
    );
    // What is so and cannot be set: packets of others go nowhere; TCP scales its windows by Reno's rules.
    for (path, is) in [
        ("sys/net/ipv4/ip_forward", "0"),
        ("sys/net/ipv6/conf/all/forwarding", "0"),
        ("sys/net/ipv4/tcp_congestion_control", "reno"),
        ("sys/net/ipv4/tcp_available_congestion_control", "reno"),
        ("sys/net/ipv4/igmp_max_memberships", "20"),
        ("sys/net/ipv4/igmp_max_msf", "10"),
        ("sys/net/ipv6/mld_max_msf", "64"),
    ] {
        setting::text(path, move |out| writeln!(out, "{is}"));
    }
    small("sys/net/ipv4/tcp_timestamps", 255, &TCP_TIMESTAMPS);
    small("sys/net/ipv4/tcp_tw_reuse", 2, &TCP_REUSE);
    small(
        "sys/net/ipv4/ip_autobind_reuse",
        1,
        &inet::ports::AUTOBIND_REUSE,
    );
    net::settings::fit_memory();
    setting::counter("sys/net/ipv4/tcp_max_tw_buckets", &TCP_RESTS_MAX);
    setting::counter("sys/net/ipv4/tcp_max_orphans", &TCP_ORPHANS_MAX);
    setting::counter("sys/net/core/somaxconn", &BACKLOG_MAX);
    setting::counter("sys/net/core/optmem_max", &CONTROL_MAX);
    setting::counter("sys/net/core/wmem_default", &SEND_DEFAULT);
    setting::counter("sys/net/core/rmem_default", &RECEIVE_DEFAULT);
    setting::counter("sys/net/core/wmem_max", &SEND_MAX);
    setting::counter("sys/net/core/rmem_max", &RECEIVE_MAX);
    setting::counter("sys/net/unix/max_dgram_qlen", &UNIX_QUEUE_MAX);
}

/// A number up to `most` that root may set.
fn small(path: &'static str, most: i64, value: &'static AtomicU32) {
    let set = move |to: i64| {
        value.store(u32::try_from(to).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    };
    let get = move || i64::from(value.load(Ordering::Relaxed));
    setting::settable(path, 0..=most, get, set);
}

/// The ends of a range that root may set.
fn two_numbers(path: &'static str, ends: &'static [AtomicU32; 2]) {
    setting::settable_row(
        path,
        move || {
            ends.iter()
                .map(|end| i64::from(end.load(Ordering::Relaxed)))
                .collect()
        },
        move |numbers| {
            for (end, number) in ends.iter().zip(numbers) {
                let number = u32::try_from(*number).map_err(|_| Errno::EINVAL)?;
                end.store(number, Ordering::Relaxed);
            }
            Ok(())
        },
    );
}
