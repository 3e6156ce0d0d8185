//! What the scheduler and the table of processes know of the machine: `stat`, `uptime`, `loadavg`, the
//! log, and the settings of this layer below `/proc/sys/kernel`.

use abi::Errno;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use fs::proc::{Text, setting, show};

use super::stat::TICK_NS;
use crate::{klog, machine, random, sched, tree};

/// Least and most that `kernel.pid_max` may be.
const PID_MAX_LEAST: i64 = 301;
const PID_MAX_MOST: i64 = 4 << 20;
/// Least that `kernel.threads-max` may be, as on Linux.
const THREADS_LEAST: i64 = 20;

pub(super) fn register() {
    show("stat", stat);
    show("uptime", uptime);
    show("loadavg", loadavg);
    fs::proc::register("kmsg", 0o400, super::kmsg::Log);
    settings();
    randomness();
    setting::settable(
        "sys/kernel/dmesg_restrict",
        0..=1,
        || i64::from(klog::restricted()),
        |on| {
            klog::restrict(on != 0);
            Ok(())
        },
    );
}

/// `/proc/stat`: where each processor's time went, in ticks.
fn stat(out: &mut Text) -> fmt::Result {
    let (mut user, mut system, mut idle, mut switches) = (0, 0, 0, 0);
    let mut rows = String::new();
    for cpu in sched::active().iter() {
        let times = sched::times(cpu);
        user += times.user;
        system += times.system;
        idle += times.idle;
        switches += times.switches;
        row(
            &mut rows,
            &format!("cpu{cpu}"),
            times.user,
            times.system,
            times.idle,
        )?;
    }
    let mut total = String::new();
    row(&mut total, "cpu ", user, system, idle)?;
    out.push(total.as_bytes());
    out.push(rows.as_bytes());
    let now = hal::time::now_ns();
    let born = hal::time::realtime_ns().saturating_sub(now) / hal::time::NANOS_PER_SEC;
    let forks = tree::lock().fork_count();
    fs::proc::interrupts(out)?;
    writeln!(out, "ctxt {switches}")?;
    writeln!(out, "btime {born}")?;
    writeln!(out, "processes {forks}")?;
    writeln!(out, "procs_running {}", sched::runnable())?;
    writeln!(out, "procs_blocked 0")
}

/// user nice system idle iowait irq softirq steal guest guest_nice: what is not told apart is 0.
fn row(out: &mut String, name: &str, user: u64, system: u64, idle: u64) -> fmt::Result {
    let [user, system, idle] = [user, system, idle].map(|ns| ns / TICK_NS);
    writeln!(out, "{name} {user} 0 {system} {idle} 0 0 0 0 0 0")
}

/// Seconds with hundredths.
struct Hundredths(u64);

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = self.0 / TICK_NS;
        write!(f, "{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

/// `/proc/uptime`: since the start, and idle summed over processors.
fn uptime(out: &mut Text) -> fmt::Result {
    let idle: u64 = sched::active()
        .iter()
        .map(|cpu| sched::times(cpu).idle)
        .sum();
    writeln!(
        out,
        "{} {}",
        Hundredths(hal::time::now_ns()),
        Hundredths(idle)
    )
}

/// `/proc/loadavg`.
fn loadavg(out: &mut Text) -> fmt::Result {
    for load in sched::load_average() {
        write!(out, "{}.{:02} ", load / 100, load % 100)?;
    }
    let last = tree::lock().last_pid();
    writeln!(out, "{}/{} {last}", sched::runnable(), sched::living())
}

fn settings() {
    setting::settable(
        "sys/kernel/pid_max",
        PID_MAX_LEAST..=PID_MAX_MOST,
        || i64::from(tree::lock().pid_max()),
        |max| {
            tree::lock().set_pid_max(u32::try_from(max).map_err(|_| Errno::EINVAL)?);
            Ok(())
        },
    );
    setting::settable(
        "sys/kernel/threads-max",
        THREADS_LEAST..=i64::from(i32::MAX),
        || machine::max_threads() as i64,
        |max| {
            machine::set_max_threads(usize::try_from(max).map_err(|_| Errno::EINVAL)?);
            Ok(())
        },
    );
    setting::settable(
        "sys/kernel/randomize_va_space",
        0..=2,
        || if machine::randomizes() { 2 } else { 0 },
        |level| {
            // Everything is laid out at random, or nothing: there is no step between.
            match level {
                0 => machine::set_randomizes(false),
                2 => machine::set_randomizes(true),
                _ => return Err(Errno::EINVAL),
            }
            Ok(())
        },
    );
    // Only the first, which messages reach the console, can be set; the others are as they are.
    setting::settable_row("sys/kernel/printk", printk, |levels| {
        let asked = levels.iter().skip(1);
        let fixed = printk().into_iter().skip(1);
        let level = levels.first().and_then(|level| u8::try_from(*level).ok());
        match level {
            Some(level) if asked.copied().eq(fixed.take(levels.len() - 1)) => {
                klog::set_console_level(level);
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        }
    });
    setting::number("sys/kernel/ngroups_max", || 65_536);
    setting::number("sys/kernel/cap_last_cap", || {
        i64::from(sync::Capability::LAST)
    });
}

/// Levels: what reaches the console, of a message without one, the least and the usual of the console.
fn printk() -> Vec<i64> {
    vec![i64::from(klog::console_level()), 4, 1, 7]
}

fn randomness() {
    let boot: [u8; 16] = random::bytes();
    setting::text("sys/kernel/random/boot_id", move |out| uuid(out, boot));
    setting::text("sys/kernel/random/uuid", |out| uuid(out, random::bytes()));
    setting::number("sys/kernel/random/poolsize", || 256);
    setting::number("sys/kernel/random/entropy_avail", || {
        if random::is_ready() { 256 } else { 0 }
    });
}

/// A random UUID (RFC 9562, version 4).
fn uuid(out: &mut Text, mut bytes: [u8; 16]) -> fmt::Result {
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.write_char('-')?;
        }
        write!(out, "{byte:02x}")?;
    }
    out.write_char('\n')
}
