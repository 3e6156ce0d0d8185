//! Interval timers and POSIX timers.

use alloc::sync::Arc;

use abi::signal::NSIG;
use abi::time::{
    ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, Itimerspec, Itimerval, SIGEV_NONE, SIGEV_SIGNAL,
    SIGEV_THREAD, SIGEV_THREAD_ID, Sigevent, TIMER_ABSTIME, Timespec, Timeval,
};
use abi::{Errno, Result};
use hal::ucopy::UserPtr;
use task::timers::{How, Interval, Notice, PosixTimer, Scale, Setting};
use task::{Process, Thread, tree};

use super::Cx;
use super::clock::{Clock, nanoseconds, timespec};

/// Nanoseconds left and between two times.
type Pair = (u64, u64);

fn from_timeval(time: Timeval) -> Result<u64> {
    const USEC_PER_SEC: i64 = 1_000_000;
    if !(0..USEC_PER_SEC).contains(&time.usec) {
        return Err(Errno::EINVAL);
    }
    nanoseconds(Timespec {
        sec: time.sec,
        nsec: time.usec * 1000,
    })
}

fn to_timeval(ns: u64) -> Timeval {
    let time = timespec(ns);
    Timeval {
        sec: time.sec,
        usec: time.nsec / 1000,
    }
}

fn to_itimerval((value, interval): Pair) -> Itimerval {
    Itimerval {
        interval: to_timeval(interval),
        value: to_timeval(value),
    }
}

fn interval_timer(which: i32) -> Option<Interval> {
    match which {
        ITIMER_VIRTUAL => Some(Interval::Virtual),
        ITIMER_PROF => Some(Interval::Profiling),
        _ => None,
    }
}

/// `getitimer(2)`.
pub fn getitimer(cx: &mut Cx<'_>, which: i32, now: UserPtr<Itimerval>) -> Result<usize> {
    let process = cx.process();
    let pair = match interval_timer(which) {
        Some(which) => process.timers.cpu.get(process, which),
        None if which == ITIMER_REAL => process.timers.alarm.get(),
        None => return Err(Errno::EINVAL),
    };
    now.write(&to_itimerval(pair))?;
    Ok(0)
}

/// `setitimer(2)`.
pub fn setitimer(
    cx: &mut Cx<'_>,
    which: i32,
    new: UserPtr<Itimerval>,
    old: UserPtr<Itimerval>,
) -> Result<usize> {
    // Without a new value the timer is put to rest.
    let (value, interval) = match new.non_null() {
        None => (0, 0),
        Some(new) => {
            let new = new.read()?;
            (from_timeval(new.value)?, from_timeval(new.interval)?)
        }
    };
    let process = cx.process();
    let before = match interval_timer(which) {
        Some(which) => process.timers.cpu.set(process, which, value, interval),
        None if which == ITIMER_REAL => process.timers.alarm.set(process, value, interval),
        None => return Err(Errno::EINVAL),
    };
    if !old.is_null() {
        old.write(&to_itimerval(before))?;
    }
    Ok(0)
}

/// Whom a timer tells, as the program says.
fn notice(cx: &Cx<'_>, event: &Sigevent) -> Result<Notice> {
    let how = match event.notify {
        SIGEV_NONE => How::Silent,
        SIGEV_SIGNAL | SIGEV_THREAD => How::Process,
        SIGEV_THREAD_ID => {
            let thread = tree::lock().thread(event.tid as u32).ok_or(Errno::EINVAL)?;
            if !Arc::ptr_eq(thread.process(), cx.process()) {
                return Err(Errno::EINVAL);
            }
            How::Thread(Arc::downgrade(&thread))
        }
        _ => return Err(Errno::EINVAL),
    };
    if event.notify != SIGEV_NONE && !(1..=NSIG).contains(&event.signo) {
        return Err(Errno::EINVAL);
    }
    Ok(Notice {
        how,
        signo: event.signo,
        value: Some(event.value),
    })
}

/// What timers of a clock go by.
fn scale(cx: &Cx<'_>, thread: &Arc<Thread>, clock: i32) -> Result<Scale> {
    if Clock::is_of_descriptor(clock) {
        return Err(Errno::EOPNOTSUPP);
    }
    let clock = Clock::find(thread, clock, false)?;
    clock.judge_alarm(cx)?;
    match clock {
        Clock::Real | Clock::RealAlarm => Ok(Scale::Realtime),
        Clock::Monotonic | Clock::BootAlarm => Ok(Scale::Monotonic),
        Clock::Cpu(clock) => Ok(Scale::Cpu(clock)),
        Clock::RealCoarse | Clock::MonotonicRaw | Clock::MonotonicCoarse => Err(Errno::EOPNOTSUPP),
    }
}

/// `timer_create(2)`.
pub fn timer_create(
    cx: &mut Cx<'_>,
    clock: i32,
    event: UserPtr<Sigevent>,
    id: UserPtr<i32>,
) -> Result<usize> {
    let event = event.non_null().map(UserPtr::read).transpose()?;
    let scale = scale(cx, cx.thread, clock)?;
    let notice = match event {
        Some(event) => notice(cx, &event)?,
        None => Notice::default(),
    };
    let timers = &cx.process().timers.posix;
    let number = timers.create(cx.thread, scale, notice)?;
    if let Err(errno) = id.write(&number) {
        timers.delete(number);
        return Err(errno);
    }
    Ok(0)
}

fn find(process: &Process, id: i32) -> Result<Arc<PosixTimer>> {
    process.timers.posix.get(id).ok_or(Errno::EINVAL)
}

fn to_itimerspec(setting: Setting) -> Itimerspec {
    Itimerspec {
        interval: timespec(setting.interval),
        value: timespec(setting.value),
    }
}

/// `timer_settime(2)`.
pub fn timer_settime(
    cx: &mut Cx<'_>,
    id: i32,
    flags: i32,
    new: UserPtr<Itimerspec>,
    old: UserPtr<Itimerspec>,
) -> Result<usize> {
    let new = new.non_null().ok_or(Errno::EINVAL)?.read()?;
    let setting = Setting {
        interval: nanoseconds(new.interval)?,
        value: nanoseconds(new.value)?,
    };
    let before = find(cx.process(), id)?.set(setting, flags & TIMER_ABSTIME != 0);
    if !old.is_null() {
        old.write(&to_itimerspec(before))?;
    }
    Ok(0)
}

/// `timer_gettime(2)`.
pub fn timer_gettime(cx: &mut Cx<'_>, id: i32, now: UserPtr<Itimerspec>) -> Result<usize> {
    let setting = find(cx.process(), id)?.get();
    now.write(&to_itimerspec(setting))?;
    Ok(0)
}

/// `timer_getoverrun(2)`.
pub fn timer_getoverrun(cx: &mut Cx<'_>, id: i32) -> Result<usize> {
    Ok(find(cx.process(), id)?.overrun() as usize)
}

/// `timer_delete(2)`.
pub fn timer_delete(cx: &mut Cx<'_>, id: i32) -> Result<usize> {
    if cx.process().timers.posix.delete(id) {
        Ok(0)
    } else {
        Err(Errno::EINVAL)
    }
}
