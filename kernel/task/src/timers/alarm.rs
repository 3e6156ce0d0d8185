//! The alarm of `setitimer(ITIMER_REAL)`: one a process.

use alloc::sync::Arc;

use abi::signal::SIGALRM;
use sync::timer::Timer;
use sync::{Instant, IrqLock, Once, rank};

use super::{forward, put_down};
use crate::process::Process;
use crate::signal::{Origin, SigInfo, send_to_process};

/// Less than this is never said to be left while the alarm is set.
const LEAST_LEFT_NS: u64 = 1000;

#[derive(Default)]
struct State {
    /// When it rings, or rang last.
    due: u64,
    set: bool,
    /// Nanoseconds between two times; 0 for one time.
    interval: u64,
}

/// A process's alarm.
#[derive(Default)]
pub struct Alarm {
    state: IrqLock<State, { rank::PROCESS_TIMER }>,
    timer: Once<Timer>,
}

impl Alarm {
    /// Nanoseconds left and between two times.
    pub fn get(&self) -> (u64, u64) {
        let state = self.state.lock();
        let left = state.due.saturating_sub(Instant::now().as_nanos());
        let left = if state.set {
            left.max(LEAST_LEFT_NS)
        } else {
            0
        };
        (left, state.interval)
    }

    /// Sets it to ring in `value` nanoseconds and then every `interval`, or with a `value` of 0 not at all;
    /// what [`Alarm::get`] said before.
    pub fn set(&self, process: &Arc<Process>, value: u64, interval: u64) -> (u64, u64) {
        let timer = self.timer.get_or_init(|| {
            let process = Arc::downgrade(process);
            Timer::new(Arc::new(move || {
                if let Some(process) = process.upgrade() {
                    process.timers.alarm.ring(&process);
                    put_down(process);
                }
            }))
        });
        let before = self.get();
        let mut state = self.state.lock();
        state.set = value != 0;
        state.interval = if state.set { interval } else { 0 };
        if state.set {
            state.due = Instant::now().as_nanos().saturating_add(value);
            timer.arm(Instant::from_nanos(state.due));
        } else {
            timer.cancel();
        }
        drop(state);
        // A SIGALRM that was on its way is there when the call returns, not later.
        timer.settle();
        before
    }

    pub(super) fn stop(&self) {
        *self.state.lock() = State::default();
        if let Some(timer) = self.timer.get() {
            timer.cancel();
        }
    }

    fn ring(&self, process: &Process) {
        let mut state = self.state.lock();
        if !state.set || state.due > Instant::now().as_nanos() {
            return;
        }
        state.set = false;
        drop(state);
        // From the kernel nothing is refused.
        let _ = send_to_process(process, SigInfo::kernel(SIGALRM), Origin::Kernel);
    }

    /// SIGALRM has been taken: a periodic alarm is set again.
    pub(super) fn taken(&self) {
        let Some(timer) = self.timer.get() else {
            return;
        };
        let mut state = self.state.lock();
        if state.set || state.interval == 0 {
            return;
        }
        let interval = state.interval;
        forward(&mut state.due, interval, Instant::now().as_nanos());
        state.set = true;
        timer.arm(Instant::from_nanos(state.due));
    }
}
