//! Sleeping.

use alloc::boxed::Box;
use alloc::sync::Arc;

use abi::time::{CLOCK_THREAD_CPUTIME_ID, TIMER_ABSTIME, Timespec};
use abi::{Errno, Result};
use hal::ucopy::UserPtr;
use sync::clock::{self, Moment};
use sync::{Events, Instant};
use task::Thread;
use task::wait::{Restart, WaitOptions, wait};

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
    // There is no way to sleep by processor time, nor on Linux by these clocks' kin.
    if clock.moment(0).is_none() {
        return Err(Errno::EOPNOTSUPP);
    }
    let ns = nanoseconds(time.read()?)?;
    clock.judge_alarm(cx)?;
    match clock.moment(ns) {
        Some(moment) if flags & TIMER_ABSTIME != 0 => sleep_to(cx.thread, moment),
        _ => sleep_for(cx.thread, ns, left),
    }
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
