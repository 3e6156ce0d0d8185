//! timerfd_create(2): a timer that can be waited for.
//!
//! A periodic timer rests from its expiration until somebody reads or asks: only then is it armed for the next period,
//! and the periods that went by meanwhile are counted. So a timer nobody reads costs one interrupt.

use abi::fcntl::OFlags;
use abi::time::{
    CLOCK_REALTIME, CLOCK_REALTIME_ALARM, NSEC_PER_SEC, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET,
};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::fmt;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use mm::io::IoDst;
use sync::clock::{self, Moment};
use sync::timer::Timer;
use sync::{
    Credentials, Events, Instant, IrqLock, Observer, Once, Pollee, Registration, SpinLock, rank,
};

use crate::Caller;
use crate::abilities::Abilities;
use crate::anon::anon_file;
use crate::file::OpenFile;
use crate::file_ops::{FileOps, Whence};

/// What a timer is set to, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Until the first expiration; 0: at rest.
    pub value: u64,
    /// Between two expirations; 0: only one.
    pub interval: u64,
}

struct State {
    /// When it expires or has expired.
    expiry: Moment,
    interval: u64,
    /// In the timer queue.
    armed: bool,
    /// Expired since it was set or read last.
    expired: bool,
    ticks: u64,
    flags: i32,
    /// The wall clock was set under a timer that is to be told.
    cancelled: bool,
}

impl State {
    /// Counts expiries; the sum wraps, as a program can set it to what it likes.
    fn tick(&mut self, more: u64) {
        self.ticks = self.ticks.wrapping_add(more);
    }

    fn cancels(&self, clock: i32) -> bool {
        const BOTH: i32 = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
        is_wall_clock(clock) && self.flags & BOTH == BOTH
    }

    /// Moves the expiration past the present; answers by how many periods.
    fn forward(&mut self) -> u64 {
        let late = Instant::now()
            .saturating_since(self.expiry.instant())
            .as_nanos() as u64;
        let Some(whole) = late.checked_div(self.interval) else {
            return 0;
        };
        let periods = whole.saturating_add(1);
        let step = periods.saturating_mul(self.interval);
        self.expiry = match self.expiry {
            Moment::Monotonic(at) => {
                Moment::Monotonic(Instant::from_nanos(at.as_nanos().saturating_add(step)))
            }
            Moment::Realtime(at) => Moment::Realtime(at.saturating_add(step)),
        };
        periods
    }

    fn remaining(&self) -> u64 {
        if !self.armed {
            return 0;
        }
        let left = self.expiry.instant().saturating_since(Instant::now());
        left.as_nanos() as u64
    }
}

/// What the timer's interrupt and the setting of the wall clock reach.
struct Shared {
    clock: i32,
    state: IrqLock<State, { rank::PROCESS_TIMER }>,
    timer: Once<Timer>,
    pollee: Pollee,
}

impl Shared {
    /// Puts the timer into the queue for its expiration, or lets it expire now.
    fn arm(&self, state: &mut State) {
        if state.expiry.instant().is_past() {
            state.armed = false;
            state.expired = true;
            state.tick(1);
        } else if let Some(timer) = self.timer.get() {
            state.armed = true;
            timer.arm(state.expiry.instant());
        }
    }

    /// A periodic timer that has expired goes on; the periods that were missed are counted.
    fn go_on(&self, state: &mut State) {
        if state.expired && state.interval != 0 {
            state.expired = false;
            let more = state.forward().saturating_sub(1);
            state.tick(more);
            self.arm(state);
        }
    }

    fn ring(&self) {
        let mut state = self.state.lock();
        // A ring that began before the timer was set anew, or the clock, is nobody's.
        if !state.armed || !state.expiry.instant().is_past() {
            return;
        }
        state.armed = false;
        state.expired = true;
        state.tick(1);
        drop(state);
        self.pollee.notify(Events::READABLE);
    }
}

impl Observer for Shared {
    /// The wall clock was set: its moments are at other times now.
    fn notify(&self, _events: Events, _sync: bool) -> bool {
        let mut state = self.state.lock();
        let before = state.ticks;
        if state.armed {
            self.arm(&mut state);
        }
        if state.cancels(self.clock) {
            state.cancelled = true;
            state.tick(1);
        }
        let news = state.ticks != before;
        drop(state);
        if news {
            self.pollee.notify(Events::READABLE);
        }
        true
    }
}

/// A timer behind a descriptor.
pub struct TimerFd {
    shared: Arc<Shared>,
    /// Hears of the wall clock while that matters.
    wall: SpinLock<Option<Registration>, { rank::LEAF }>,
}

fn is_wall_clock(clock: i32) -> bool {
    clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM
}

impl TimerFd {
    /// A timer at rest, of one of the clocks `timerfd_create` takes.
    #[must_use]
    pub fn new(clock: i32) -> Self {
        let shared = Arc::new(Shared {
            clock,
            state: IrqLock::new(State {
                expiry: Moment::Monotonic(Instant::BOOT),
                interval: 0,
                armed: false,
                expired: false,
                ticks: 0,
                flags: 0,
                cancelled: false,
            }),
            timer: Once::new(),
            pollee: Pollee::new(),
        });
        let weak = Arc::downgrade(&shared);
        shared
            .timer
            .get_or_init(|| Timer::new(Arc::new(move || ring(&weak))));
        Self {
            shared,
            wall: SpinLock::new(None),
        }
    }

    /// A file over a new timer.
    #[must_use]
    pub fn file(clock: i32, nonblocking: bool, cred: Arc<Credentials>) -> Arc<OpenFile> {
        let mut open = OFlags::RDWR;
        open.set(OFlags::NONBLOCK, nonblocking);
        anon_file("[timerfd]", Arc::new(Self::new(clock)), open, cred)
    }

    /// The clock it goes by.
    #[must_use]
    pub fn clock(&self) -> i32 {
        self.shared.clock
    }

    /// Sets the timer; `flags` are timerfd_settime's, checked by the caller. Answers what it was set to.
    ///
    /// # Errors
    /// `ECANCELED`: the wall clock was set meanwhile. The timer is set all the same.
    pub fn set(&self, flags: i32, new: Setting) -> Result<Setting> {
        let absolute = flags & TFD_TIMER_ABSTIME != 0;
        self.heed_wall_clock(absolute && is_wall_clock(self.shared.clock));
        let mut state = self.shared.state.lock();
        if let Some(timer) = self.shared.timer.get() {
            timer.cancel();
        }
        if state.expired && state.interval != 0 {
            state.forward();
            state.armed = true;
        }
        let old = Setting {
            value: state.remaining(),
            interval: state.interval,
        };
        state.armed = false;
        state.expired = false;
        state.ticks = 0;
        state.interval = new.interval;
        state.flags = flags;
        state.expiry = match (absolute, is_wall_clock(self.shared.clock)) {
            (true, true) => Moment::Realtime(new.value),
            (true, false) => Moment::Monotonic(Instant::from_nanos(new.value)),
            // A span is the same by any clock, and goes on when the wall clock is set.
            (false, _) => {
                let end = Instant::now().as_nanos().saturating_add(new.value);
                Moment::Monotonic(Instant::from_nanos(end))
            }
        };
        let mut result = Ok(old);
        if new.value != 0 {
            self.shared.arm(&mut state);
            if core::mem::take(&mut state.cancelled) && state.cancels(self.shared.clock) {
                result = Err(Errno::ECANCELED);
            }
        }
        let news = state.ticks != 0;
        drop(state);
        if news {
            self.shared.pollee.notify(Events::READABLE);
        }
        result
    }

    /// What the timer is set to: the time that is left, and the interval.
    #[must_use]
    pub fn get(&self) -> Setting {
        let mut state = self.shared.state.lock();
        self.shared.go_on(&mut state);
        Setting {
            value: state.remaining(),
            interval: state.interval,
        }
    }

    /// Takes the count of expirations.
    ///
    /// # Errors
    /// `EAGAIN` when there was none, `ECANCELED` when the wall clock was set.
    pub fn take(&self) -> Result<u64> {
        let mut state = self.shared.state.lock();
        if state.cancelled && state.cancels(self.shared.clock) {
            state.cancelled = false;
            state.expired = false;
            state.ticks = 0;
            return Err(Errno::ECANCELED);
        }
        if state.ticks == 0 {
            return Err(Errno::EAGAIN);
        }
        self.shared.go_on(&mut state);
        state.expired = false;
        Ok(core::mem::take(&mut state.ticks))
    }

    /// Hears of the setting of the wall clock, or no longer.
    fn heed_wall_clock(&self, heed: bool) {
        if heed == self.wall.lock().is_some() {
            return;
        }
        let new = heed.then(|| {
            let observer = self.shared.clone();
            clock::changes().register(observer, Events::IN, false)
        });
        let old = core::mem::replace(&mut *self.wall.lock(), new);
        drop(old);
    }
}

/// In the timer interrupt.
fn ring(timer: &Weak<Shared>) {
    let Some(shared) = timer.upgrade() else {
        return;
    };
    shared.ring();
    // The file was closed meanwhile: what is left of it is not for an interrupt to drop.
    if Arc::strong_count(&shared) == 1 {
        sync::defer_drop(Box::new(shared));
    }
}

impl FileOps for TimerFd {
    fn abilities(&self) -> Abilities {
        Abilities::USUAL - Abilities::WRITE
    }

    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        if dst.remaining() < 8 {
            return Err(Errno::EINVAL);
        }
        let ticks = self.take()?;
        let mark = dst.mark();
        if dst.put(&ticks.to_ne_bytes()) < 8 {
            // The page is not there: nothing has happened, and the caller comes again with it.
            dst.rewind(mark);
            self.shared.state.lock().tick(ticks);
            return Ok(0);
        }
        Ok(8)
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        if self.shared.state.lock().ticks == 0 {
            Events::empty()
        } else {
            Events::IN
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.shared.pollee)
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, _offset: i64, _whence: Whence) -> Result<u64> {
        Ok(*pos)
    }

    /// `TFD_IOC_SET_TICKS`: what a restored program has not read yet.
    fn ioctl(&self, _: &OpenFile, command: u32, arg: usize, _: &dyn Caller) -> Result<usize> {
        const SET_TICKS: u32 = 0x4008_5400;
        if command != SET_TICKS {
            return Err(Errno::ENOTTY);
        }
        let ticks = UserPtr::<u64>::new(UserAddr(arg)).read()?;
        if ticks == 0 {
            return Err(Errno::EINVAL);
        }
        self.shared.state.lock().ticks = ticks;
        self.shared.pollee.notify(Events::READABLE);
        Ok(0)
    }

    fn show_info(&self, _file: &OpenFile, out: &mut dyn fmt::Write) -> fmt::Result {
        let state = self.shared.state.lock();
        let (ticks, flags) = (state.ticks, state.flags);
        let (value, interval) = (parts(state.remaining()), parts(state.interval));
        drop(state);
        writeln!(out, "clockid: {}", self.shared.clock)?;
        writeln!(out, "ticks: {ticks}")?;
        writeln!(out, "settime flags: 0{flags:o}")?;
        writeln!(out, "it_value: ({}, {})", value.0, value.1)?;
        writeln!(out, "it_interval: ({}, {})", interval.0, interval.1)
    }
}

/// Seconds and nanoseconds.
fn parts(ns: u64) -> (u64, u64) {
    const SECOND: u64 = NSEC_PER_SEC as u64;
    (ns / SECOND, ns % SECOND)
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use abi::time::CLOCK_MONOTONIC;
    use sync::wait_until;

    const MS: u64 = 1_000_000;

    fn once(value: u64) -> Setting {
        Setting { value, interval: 0 }
    }

    fn wait(timer: &TimerFd) -> u64 {
        let on = [(&timer.shared.pollee, Events::IN)];
        wait_until(&on, None, || timer.take().ok()).unwrap()
    }

    #[test]
    fn it_expires_once() {
        let timer = TimerFd::new(CLOCK_MONOTONIC);
        assert_eq!(timer.take(), Err(Errno::EAGAIN));
        assert_eq!(timer.set(0, once(3_600_000 * MS)), Ok(Setting::default()));
        assert!(timer.get().value > 0);
        assert!(timer.set(0, once(MS)).unwrap().value > 0);
        assert_eq!(wait(&timer), 1);
        assert_eq!(timer.take(), Err(Errno::EAGAIN));
        assert_eq!(timer.get(), Setting::default());
    }

    #[test]
    fn missed_periods_are_counted() {
        let timer = TimerFd::new(CLOCK_MONOTONIC);
        let every = Setting {
            value: MS,
            interval: MS,
        };
        timer.set(0, every).unwrap();
        std::thread::sleep(core::time::Duration::from_millis(20));
        assert!(wait(&timer) >= 10);
        assert!(wait(&timer) >= 1);
        let old = timer.set(0, Setting::default()).unwrap();
        assert_eq!(old.interval, MS);
        assert!(old.value <= MS);
        assert_eq!(timer.take(), Err(Errno::EAGAIN));
    }

    #[test]
    fn a_moment_that_has_passed_expires_at_once() {
        let timer = TimerFd::new(CLOCK_REALTIME);
        timer.set(TFD_TIMER_ABSTIME, once(1)).unwrap();
        assert_eq!(timer.take(), Ok(1));
    }

    #[test]
    fn setting_the_wall_clock_moves_and_cancels() {
        const FAR: u64 = 3600 * NSEC_PER_SEC as u64;
        clock::set_realtime(10 * FAR).unwrap();
        let moved = TimerFd::new(CLOCK_REALTIME);
        let cancelled = TimerFd::new(CLOCK_REALTIME);
        let span = TimerFd::new(CLOCK_REALTIME);
        let at = once(clock::realtime_ns() + FAR);
        moved.set(TFD_TIMER_ABSTIME, at).unwrap();
        let flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
        cancelled.set(flags, at).unwrap();
        span.set(0, once(FAR)).unwrap();
        clock::set_realtime(clock::realtime_ns() + 2 * FAR).unwrap();
        assert_eq!(moved.take(), Ok(1));
        assert_eq!(cancelled.take(), Err(Errno::ECANCELED));
        assert_eq!(cancelled.take(), Err(Errno::EAGAIN));
        assert_eq!(span.take(), Err(Errno::EAGAIN));
        clock::set_realtime(clock::realtime_ns() - 2 * FAR).unwrap();
        assert_eq!(
            cancelled.set(flags, once(clock::realtime_ns() + FAR)),
            Err(Errno::ECANCELED)
        );
    }
}
