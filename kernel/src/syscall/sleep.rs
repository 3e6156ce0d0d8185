//! Sleeping.

use alloc::boxed::Box;
use alloc::sync::Arc;

use abi::time::{CLOCK_THREAD_CPUTIME_ID, TIMER_ABSTIME, Timespec};
use abi::{Errno, Result};
use hal::ucopy::UserPtr;
use sync::clock::{self, Moment};
use sync::{Events, Instant};
use task::cpu_clock::{CpuClock, Of};
use task::wait::{Restart, WaitOptions, wait};
use task::{Thread, timers};

use super::Cx;
use super::clock::{Clock, nanoseconds, timespec};

/// `nanosleep(2)`.
pub fn nanosleep(
    cx: &mut Cx<'_>,
    time: UserPtr<Timespec>,
    left: UserPtr<Timespec>,
) -> Result<usize> {
    let ns = nanoseconds(time.read()?)?;
    sleep_for(cx.thread, ns, left)
}

/// `clock_nanosleep(2)`.
pub fn clock_nanosleep(
    cx: &mut Cx<'_>,
    clock: i32,
    flags: i32,
    time: UserPtr<Timespec>,
    left: UserPtr<Timespec>,
) -> Result<usize> {
    let clock = match clock {
        CLOCK_THREAD_CPUTIME_ID => return Err(Errno::EOPNOTSUPP),
        clock => Clock::find(cx.thread, clock, false)?,
    };
    let cpu = matches!(clock, Clock::Cpu(_));
    if !cpu && clock.moment(0).is_none() {
        return Err(Errno::EOPNOTSUPP);
    }
    let ns = nanoseconds(time.read()?)?;
    clock.judge_alarm(cx)?;
    let absolute = flags & TIMER_ABSTIME != 0;
    match clock.moment(ns) {
        Some(moment) if absolute => sleep_to(cx.thread, moment),
        Some(_) => sleep_for(cx.thread, ns, left),
        None => match clock {
            Clock::Cpu(clock) => sleep_by_use(cx.thread, &clock, ns, absolute, left),
            _ => Err(Errno::EOPNOTSUPP),
        },
    }
}

/// Sleeps while others use processor time.
fn sleep_by_use(
    thread: &Thread,
    clock: &CpuClock,
    ns: u64,
    absolute: bool,
    left: UserPtr<Timespec>,
) -> Result<usize> {
    // Its own time would never pass.
    if matches!(&clock.of, Of::Thread(of) if of.tid() == thread.tid()) {
        return Err(Errno::EINVAL);
    }
    if absolute {
        return timers::sleep_until(thread, clock, ns, Restart::NoHand).map(|()| 0);
    }
    let due = clock.now_ns().saturating_add(ns);
    sleep_until_used(thread, clock, due, left)
}

fn sleep_until_used(
    thread: &Thread,
    clock: &CpuClock,
    due: u64,
    left: UserPtr<Timespec>,
) -> Result<usize> {
    let again = || -> task::thread::RestartBlock {
        let clock = clock.clone();
        Box::new(move |thread: &Arc<Thread>| sleep_until_used(thread, &clock, due, left))
    };
    let end = timers::sleep_until(thread, clock, due, Restart::Block(&again));
    if end == Err(Errno::ERESTART_RESTARTBLOCK) && !left.is_null() {
        let rest = due.saturating_sub(clock.now_ns());
        left.write(&timespec(rest))?;
    }
    end.map(|()| 0)
}

fn sleep_for(thread: &Thread, ns: u64, left: UserPtr<Timespec>) -> Result<usize> {
    let until = Instant::from_nanos(Instant::now().as_nanos().saturating_add(ns));
    sleep_until(thread, until, left)
}

/// Sleeps for a span that ends at `until`; interrupted, it says what is left of it.
fn sleep_until(thread: &Thread, until: Instant, left: UserPtr<Timespec>) -> Result<usize> {
    let again = || -> task::thread::RestartBlock {
        Box::new(move |thread: &Arc<Thread>| sleep_until(thread, until, left))
    };
    let options = WaitOptions {
        deadline: Some(until),
        restart: Restart::Block(&again),
        ..WaitOptions::default()
    };
    match wait(thread, &options, &[], || Err::<usize, _>(Errno::EAGAIN)) {
        Err(Errno::ETIMEDOUT) => Ok(0),
        Err(Errno::ERESTART_RESTARTBLOCK) if !left.is_null() => {
            let rest = until.saturating_since(Instant::now());
            if rest.is_zero() {
                drop(thread.take_restart());
                return Ok(0);
            }
            left.write(&timespec(rest.as_nanos() as u64))?;
            Err(Errno::ERESTART_RESTARTBLOCK)
        }
        end => end,
    }
}

/// Sleeps to a moment, which moves when the clock it is of is set.
fn sleep_to(thread: &Thread, moment: Moment) -> Result<usize> {
    let wall = [(clock::changes(), Events::IN)];
    let on: &[_] = if moment.is_realtime() { &wall } else { &[] };
    loop {
        let generation = clock::generation();
        let options = WaitOptions {
            deadline: Some(moment.instant()),
            restart: Restart::NoHand,
            ..WaitOptions::default()
        };
        let end = wait(thread, &options, on, || {
            if !on.is_empty() && clock::generation() != generation {
                Ok(())
            } else {
                Err(Errno::EAGAIN)
            }
        });
        match end {
            Ok(()) => {}
            Err(Errno::ETIMEDOUT) => return Ok(0),
            Err(errno) => return Err(errno),
        }
    }
}
