//! Timers of processes: the alarm of `setitimer(ITIMER_REAL)`, timers of processor time, POSIX timers.
//!
//! A periodic timer that sends a signal is not armed again until the program takes the signal: then what
//! passed meanwhile is counted, and a program that is slow is not flooded. `taken` is that moment.
//!
//! Locks: a process's signal lock comes before those here, so times are read and signals sent without
//! the latter. Callbacks come from the timer interrupt and find the timer as it is now, not as it was armed.

mod alarm;
mod posix;
mod watch;

use alloc::boxed::Box;
use alloc::sync::Arc;

use abi::signal::{SI_TIMER, SIGALRM};

use crate::process::Process;
use crate::signal::SigInfo;

pub use posix::{How, Notice, PosixTimer, Scale, Setting};
pub use watch::{Interval, sleep_until};

/// Linux's tick, the grain of what it counts by ticks.
const TICK_NS: u64 = 4_000_000;

/// What a process has of timers.
#[derive(Default)]
pub struct ProcessTimers {
    /// `ITIMER_REAL`.
    pub alarm: alarm::Alarm,
    /// `timer_create`.
    pub posix: posix::Table,
    /// What waits for processor time to pass.
    pub cpu: watch::Watch,
}

impl ProcessTimers {
    /// Puts all to rest: the process ends.
    pub(crate) fn end(&self) {
        self.alarm.stop();
        self.posix.clear();
        self.cpu.stop();
    }
}

/// Whether a timer may want to know that a signal has been taken.
#[inline]
pub(crate) fn concerns(info: &SigInfo) -> bool {
    info.code == SI_TIMER || info.signo == SIGALRM
}

/// The program takes a signal: the timer that sent it goes on, and says how often it would have sent.
pub(crate) fn taken(process: &Arc<Process>, info: &mut SigInfo) {
    if info.code == SI_TIMER {
        posix::taken(process, info);
    }
    if info.signo == SIGALRM {
        process.timers.alarm.taken();
    }
}

/// Steps a moment that has passed on by whole intervals until it is later than `now`; how many steps.
fn forward(due: &mut u64, interval: u64, now: u64) -> u64 {
    if interval == 0 || *due > now {
        return 0;
    }
    let steps = (now - *due) / interval + 1;
    *due = due.saturating_add(interval.saturating_mul(steps));
    steps
}

/// Drops a reference in an interrupt; what only it held is dropped later.
fn put_down<T: Send + 'static>(held: Arc<T>) {
    if let Some(last) = Arc::into_inner(held) {
        sync::defer_drop(Box::new(last));
    }
}

#[cfg(test)]
mod tests {
    use super::forward;

    #[test]
    fn a_moment_goes_on_by_whole_intervals_past_now() {
        let mut due = 100;
        assert_eq!(forward(&mut due, 10, 99), 0);
        assert_eq!((due, forward(&mut due, 10, 100)), (100, 1));
        assert_eq!((due, forward(&mut due, 10, 145)), (110, 4));
        assert_eq!(due, 150);
        assert_eq!(forward(&mut due, 0, 1000), 0);
        let mut late = u64::MAX - 1;
        assert_eq!(forward(&mut late, 10, u64::MAX), 1);
        assert_eq!(late, u64::MAX);
    }
}
