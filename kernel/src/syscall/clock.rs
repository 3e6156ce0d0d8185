//! Clocks: reading and setting them.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use abi::time::{
    CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW, CLOCK_REALTIME, CLOCK_REALTIME_ALARM, CLOCK_REALTIME_COARSE, CLOCK_TAI,
    NSEC_PER_SEC, Timespec, Timeval, Timezone,
};
use abi::{Errno, Result};
use hal::ucopy::UserPtr;
use sync::clock::{self, Moment};
use sync::{Capability, Instant};
use task::Thread;
use task::cpu_clock::{CpuClock, Kind};

use super::Cx;

/// Nanoseconds between two ticks of Linux: the grain of its coarse clocks.
const TICK_NS: u64 = 4_000_000;

/// A clock a program names.
pub enum Clock {
    /// Wall clock and atomic time, which nobody has told us to differ.
    Real,
    /// The wall clock to the tick: read only.
    RealCoarse,
    /// Time since the start of the machine.
    Monotonic,
    /// The same, read only.
    MonotonicRaw,
    /// The same to the tick: read only.
    MonotonicCoarse,
    /// The wall clock, for timers that wake the machine from a sleep it never takes.
    RealAlarm,
    /// Time since the start, likewise.
    BootAlarm,
    /// Processor time.
    Cpu(CpuClock),
}

impl Clock {
    /// The clock of a number. `reading` as [`CpuClock::find`] has it.
    ///
    /// # Errors
    /// `EINVAL`.
    pub fn find(thread: &Arc<Thread>, number: i32, reading: bool) -> Result<Self> {
        Ok(match number {
            CLOCK_REALTIME | CLOCK_TAI => Self::Real,
            CLOCK_REALTIME_COARSE => Self::RealCoarse,
            CLOCK_MONOTONIC | CLOCK_BOOTTIME => Self::Monotonic,
            CLOCK_MONOTONIC_RAW => Self::MonotonicRaw,
            CLOCK_MONOTONIC_COARSE => Self::MonotonicCoarse,
            CLOCK_REALTIME_ALARM => Self::RealAlarm,
            CLOCK_BOOTTIME_ALARM => Self::BootAlarm,
            _ => Self::Cpu(CpuClock::find(thread, number, reading).ok_or(Errno::EINVAL)?),
        })
    }

    /// Whether a number names a device's clock by a descriptor of it, of which there are none.
    pub fn is_of_descriptor(number: i32) -> bool {
        number < 0 && number & 7 == 3
    }

    /// What it shows, in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        match self {
            Self::Real | Self::RealCoarse | Self::RealAlarm => clock::realtime_ns(),
            Self::Monotonic | Self::MonotonicRaw | Self::MonotonicCoarse | Self::BootAlarm => {
                Instant::now().as_nanos()
            }
            Self::Cpu(cpu) => cpu.now_ns(),
        }
    }

    /// The grain Linux gives for it, in nanoseconds.
    fn grain(&self) -> u64 {
        match self {
            Self::RealCoarse | Self::MonotonicCoarse => TICK_NS,
            Self::Cpu(cpu) if cpu.kind != Kind::Exact => TICK_NS,
            _ => 1,
        }
    }

    /// The moment `ns` of it; `None` for one that cannot be slept to by the monotonic clock.
    pub fn moment(&self, ns: u64) -> Option<Moment> {
        match self {
            Self::Real | Self::RealAlarm => Some(Moment::Realtime(ns)),
            Self::Monotonic | Self::BootAlarm => Some(Moment::Monotonic(Instant::from_nanos(ns))),
            _ => None,
        }
    }

    /// Refuses the clocks that wake the machine to who may not do that.
    ///
    /// # Errors
    /// `EPERM`.
    pub fn judge_alarm(&self, cx: &Cx<'_>) -> Result<()> {
        match self {
            Self::RealAlarm | Self::BootAlarm if !cx.cred().has(Capability::WAKE_ALARM) => {
                Err(Errno::EPERM)
            }
            _ => Ok(()),
        }
    }
}

/// A span or moment as nanoseconds; what is past counting is the last that can be counted.
///
/// # Errors
/// `EINVAL` for negative ones and for more than a second of nanoseconds.
pub fn nanoseconds(time: Timespec) -> Result<u64> {
    let sec = u64::try_from(time.sec).map_err(|_| Errno::EINVAL)?;
    if !(0..NSEC_PER_SEC).contains(&time.nsec) {
        return Err(Errno::EINVAL);
    }
    let ns = sec
        .saturating_mul(NSEC_PER_SEC as u64)
        .saturating_add(time.nsec as u64);
    Ok(ns.min(i64::MAX as u64))
}

/// Nanoseconds as programs see them.
pub fn timespec(ns: u64) -> Timespec {
    Timespec {
        sec: (ns / NSEC_PER_SEC as u64) as i64,
        nsec: (ns % NSEC_PER_SEC as u64) as i64,
    }
}

/// `clock_gettime(2)`.
pub fn clock_gettime(cx: &mut Cx<'_>, clock: i32, time: UserPtr<Timespec>) -> Result<usize> {
    let now = Clock::find(cx.thread, clock, true)?.now_ns();
    time.write(&timespec(now))?;
    Ok(0)
}

/// `clock_getres(2)`.
pub fn clock_getres(cx: &mut Cx<'_>, clock: i32, grain: UserPtr<Timespec>) -> Result<usize> {
    let clock = Clock::find(cx.thread, clock, false)?;
    if !grain.is_null() {
        grain.write(&timespec(clock.grain()))?;
    }
    Ok(0)
}

/// `clock_settime(2)`.
pub fn clock_settime(cx: &mut Cx<'_>, clock: i32, time: UserPtr<Timespec>) -> Result<usize> {
    // The number alone says whether there is a way to set it.
    if clock != CLOCK_REALTIME && clock >= 0 {
        return Err(Errno::EINVAL);
    }
    let time = time.read()?;
    if clock < 0 {
        Clock::find(cx.thread, clock, false)?;
        return Err(Errno::EPERM);
    }
    set(cx, nanoseconds(time)?)?;
    Ok(0)
}

fn may_set(cx: &Cx<'_>) -> Result<()> {
    if cx.cred().has(Capability::SYS_TIME) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

fn set(cx: &Cx<'_>, ns: u64) -> Result<()> {
    if ns > clock::LATEST {
        return Err(Errno::EINVAL);
    }
    may_set(cx)?;
    set_to(ns)
}

fn set_to(ns: u64) -> Result<()> {
    clock::set_realtime(ns)?;
    super::adjtime::clock_was_set();
    Ok(())
}

/// The machine's time zone: the kernel only keeps it.
static MINUTES_WEST: AtomicI32 = AtomicI32::new(0);
static DST: AtomicI32 = AtomicI32::new(0);
/// Whether the zone has been set: the first time may tell that the clock chip goes by local time.
static ZONE_KNOWN: AtomicBool = AtomicBool::new(false);

/// `gettimeofday(2)`.
pub fn gettimeofday(
    _: &mut Cx<'_>,
    time: UserPtr<Timeval>,
    zone: UserPtr<Timezone>,
) -> Result<usize> {
    if !time.is_null() {
        let now = timespec(clock::realtime_ns());
        time.write(&Timeval {
            sec: now.sec,
            usec: now.nsec / 1000,
        })?;
    }
    if !zone.is_null() {
        zone.write(&Timezone {
            minutes_west: MINUTES_WEST.load(Ordering::Relaxed),
            dst: DST.load(Ordering::Relaxed),
        })?;
    }
    Ok(0)
}

/// `settimeofday(2)`.
pub fn settimeofday(
    cx: &mut Cx<'_>,
    time: UserPtr<Timeval>,
    zone: UserPtr<Timezone>,
) -> Result<usize> {
    const USEC_PER_SEC: i64 = 1_000_000;
    let time = match time.non_null() {
        None => None,
        Some(time) => {
            let time = time.read()?;
            if time.usec > USEC_PER_SEC {
                return Err(Errno::EINVAL);
            }
            Some(time)
        }
    };
    let zone = zone.non_null().map(UserPtr::read).transpose()?;
    let ns = match time {
        None => None,
        Some(time) => Some(nanoseconds(Timespec {
            sec: time.sec,
            nsec: time.usec.saturating_mul(1000),
        })?),
    };
    may_set(cx)?;
    if let Some(zone) = zone {
        set_zone(zone, ns.is_none())?;
    }
    if let Some(ns) = ns {
        set_to(ns)?;
    }
    Ok(0)
}

/// The first zone that comes without a time says that the clock went by local time until now.
fn set_zone(zone: Timezone, alone: bool) -> Result<()> {
    const MOST: i32 = 15 * 60;
    if !(-MOST..=MOST).contains(&zone.minutes_west) {
        return Err(Errno::EINVAL);
    }
    MINUTES_WEST.store(zone.minutes_west, Ordering::Relaxed);
    DST.store(zone.dst, Ordering::Relaxed);
    let first = !ZONE_KNOWN.swap(true, Ordering::Relaxed);
    if first && alone && zone.minutes_west != 0 {
        let shift = i64::from(zone.minutes_west) * 60 * NSEC_PER_SEC;
        return set_to(clock::realtime_ns().saturating_add_signed(shift));
    }
    Ok(())
}
