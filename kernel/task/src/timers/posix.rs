//! POSIX timers (`man 2 timer_create`).

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use sync::SortedMap;

use abi::signal::SIGALRM;
use abi::{Errno, Result};
use sync::clock::{self, Moment};
use sync::timer::Timer;
use sync::{Events, Instant, IrqLock, Observer, Once, Registration, Resource, rank};

use super::watch::Watch;
use super::{TICK_NS, forward, put_down};
use crate::cpu_clock::{CpuClock, Of};
use crate::process::Process;
use crate::signal::SigInfo;
use crate::signal::pending::Charge;
use crate::signal::send::{Sent, send_timer};
use crate::thread::Thread;

/// What a timer goes by.
#[derive(Clone)]
pub enum Scale {
    /// Time since the start of the machine.
    Monotonic,
    /// The wall clock; spans are of monotonic time.
    Realtime,
    /// Processor time.
    Cpu(CpuClock),
}

/// Who is told.
#[derive(Clone)]
pub enum How {
    /// Nobody.
    Silent,
    /// The process.
    Process,
    /// One of its threads.
    Thread(Weak<Thread>),
}

/// What is told to whom.
#[derive(Clone)]
pub struct Notice {
    /// Who.
    pub how: How,
    /// The signal.
    pub signo: i32,
    /// The program's value; the timer's number when it gave none.
    pub value: Option<u64>,
}

impl Default for Notice {
    fn default() -> Self {
        Self {
            how: How::Process,
            signo: SIGALRM,
            value: None,
        }
    }
}

/// Nanoseconds until a timer expires, 0 for never, and between two times.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Setting {
    /// Until the first.
    pub value: u64,
    /// Between two.
    pub interval: u64,
}

#[derive(Default)]
struct State {
    /// When it expires next or expired last, by its scale.
    due: u64,
    /// `due` is of the wall clock.
    wall: bool,
    armed: bool,
    interval: u64,
    /// Expirations past the first since the signal was last taken, or -1.
    overrun: i64,
    last_overrun: i64,
    /// Counts changes: a signal of before one says nothing about the timer.
    serial: u64,
    /// A periodic timer waits for its signal to be taken.
    waits: bool,
}

/// The clocks at one moment, read before a timer's lock is taken.
struct Now {
    monotonic: u64,
    wall: u64,
    cpu: u64,
}

/// A timer.
pub struct PosixTimer {
    id: i32,
    scale: Scale,
    notice: Notice,
    owner: Weak<Process>,
    state: IrqLock<State, { rank::PROCESS_TIMER }>,
    timer: Timer,
    /// Told when the wall clock is set.
    wall: Once<Registration>,
    _charge: Charge,
}

/// Moves a timer of the wall clock when that is set.
struct OnWall(Weak<PosixTimer>);

impl Observer for OnWall {
    fn notify(&self, _: Events, _: bool) -> bool {
        if let Some(timer) = self.0.upgrade() {
            timer.arm();
            put_down(timer);
        }
        true
    }
}

impl PosixTimer {
    fn now(&self) -> Now {
        Now {
            monotonic: Instant::now().as_nanos(),
            wall: clock::realtime_ns(),
            cpu: match &self.scale {
                Scale::Cpu(clock) => clock.now_ns(),
                _ => 0,
            },
        }
    }

    fn pick(&self, now: &Now, state: &State) -> u64 {
        match self.scale {
            Scale::Cpu(_) => now.cpu,
            _ if state.wall => now.wall,
            _ => now.monotonic,
        }
    }

    fn is_silent(&self) -> bool {
        matches!(self.notice.how, How::Silent)
    }

    /// Has it called when it is due. Callbacks look at the timer as it is then; arming takes other locks,
    /// so it is done without the timer's, again if the timer changed meanwhile.
    fn arm(self: &Arc<Self>) {
        if self.is_silent() {
            return;
        }
        loop {
            let state = self.state.lock();
            let (armed, due, wall) = (state.armed, state.due, state.wall);
            drop(state);
            match &self.scale {
                Scale::Cpu(clock) => self.arm_by_use(clock, armed, due),
                _ if !armed => {
                    self.timer.cancel();
                }
                _ if wall => self.timer.arm(Moment::Realtime(due).instant()),
                _ => self.timer.arm(Instant::from_nanos(due)),
            }
            let state = self.state.lock();
            if (state.armed, state.due, state.wall) == (armed, due, wall) {
                return;
            }
        }
    }

    fn arm_by_use(self: &Arc<Self>, clock: &CpuClock, armed: bool, due: u64) {
        let process = match &clock.of {
            Of::Thread(thread) => thread.process(),
            Of::Process(process) => process,
        };
        let key = Arc::as_ptr(self) as usize;
        if !armed {
            return process.timers.cpu.remove(key);
        }
        let this = Arc::downgrade(self);
        let call = Arc::new(move || expired(&this));
        Watch::add(process, key, clock, due, call);
    }

    /// It may have expired: tells, and goes on if nobody listens.
    fn expire(self: &Arc<Self>) {
        let now = self.now();
        let mut state = self.state.lock();
        if !state.armed {
            return;
        }
        if state.due > self.pick(&now, &state) {
            drop(state);
            return self.arm();
        }
        state.armed = false;
        state.serial += 1;
        state.waits = state.interval != 0;
        let serial = state.serial;
        drop(state);
        if self.tell(serial) == Sent::Queued {
            return;
        }
        // Ignored: nobody will take it, so a periodic timer goes on by itself, not faster than Linux's
        // tick.
        let mut state = self.state.lock();
        if state.serial != serial || state.interval == 0 {
            return;
        }
        let pause = if state.interval < TICK_NS { TICK_NS } else { 0 };
        let now = self.pick(&now, &state).saturating_add(pause);
        self.go_on(&mut state, now);
        drop(state);
        self.arm();
    }

    fn go_on(&self, state: &mut State, now: u64) {
        let interval = state.interval;
        let steps = forward(&mut state.due, interval, now);
        state.overrun = state.overrun.saturating_add_unsigned(steps);
        state.armed = true;
        state.waits = false;
        state.serial += 1;
    }

    fn tell(&self, serial: u64) -> Sent {
        let Some(owner) = self.owner.upgrade() else {
            return Sent::Queued;
        };
        let value = self.notice.value.unwrap_or(self.id as u32 as u64);
        let mut info = SigInfo::timer(self.notice.signo, self.id, 0, value);
        info.set_timer_serial(serial);
        let sent = match &self.notice.how {
            How::Silent => Sent::Queued,
            How::Process => send_timer(&owner, None, info),
            How::Thread(thread) => match thread.upgrade() {
                None => Sent::Ignored,
                Some(thread) => {
                    let sent = send_timer(&owner, Some(&thread), info);
                    put_down(thread);
                    sent
                }
            },
        };
        put_down(owner);
        sent
    }

    fn taken(self: &Arc<Self>, info: &mut SigInfo, serial: u64) {
        let now = self.now();
        let mut state = self.state.lock();
        if state.serial != serial || !state.waits {
            return;
        }
        let now = self.pick(&now, &state);
        self.go_on(&mut state, now);
        state.last_overrun = core::mem::replace(&mut state.overrun, -1);
        info.set_timer_overrun(shown(state.last_overrun));
        drop(state);
        self.arm();
    }

    fn setting(&self, now: &Now, state: &mut State) -> Setting {
        let interval = state.interval;
        if interval == 0 && !state.armed {
            return Setting::default();
        }
        let now = self.pick(now, state);
        if interval != 0 && (state.waits || self.is_silent()) {
            let steps = forward(&mut state.due, interval, now);
            state.overrun = state.overrun.saturating_add_unsigned(steps);
        }
        let value = match state.due.saturating_sub(now) {
            // It has come, but the signal has not gone out yet.
            0 if !self.is_silent() => 1,
            left => left,
        };
        Setting { value, interval }
    }

    /// What is left.
    pub fn get(&self) -> Setting {
        let now = self.now();
        self.setting(&now, &mut self.state.lock())
    }

    /// Sets it: `new.value` is a moment of its clock when `absolute`. What [`PosixTimer::get`] said before.
    pub fn set(self: &Arc<Self>, new: Setting, absolute: bool) -> Setting {
        let wall = absolute && matches!(self.scale, Scale::Realtime);
        if wall && new.value != 0 {
            self.wall.get_or_init(|| {
                let observer = Arc::new(OnWall(Arc::downgrade(self)));
                clock::changes().register(observer, Events::IN, false)
            });
        }
        let now = self.now();
        let mut state = self.state.lock();
        let before = self.setting(&now, &mut state);
        state.serial += 1;
        state.waits = false;
        state.overrun = -1;
        state.last_overrun = 0;
        state.wall = wall;
        state.armed = new.value != 0;
        state.interval = if state.armed { new.interval } else { 0 };
        state.due = match absolute {
            _ if !state.armed => 0,
            true => new.value,
            false => self.pick(&now, &state).saturating_add(new.value),
        };
        drop(state);
        self.arm();
        self.timer.settle();
        before
    }

    /// Expirations past the first that the last signal stood for.
    pub fn overrun(&self) -> i32 {
        shown(self.state.lock().last_overrun)
    }

    fn retire(self: &Arc<Self>) {
        let mut state = self.state.lock();
        state.armed = false;
        state.waits = false;
        state.serial += 1;
        drop(state);
        self.arm();
        // A signal that was on its way is there when the timer is gone, not later.
        self.timer.settle();
    }
}

/// A count of overruns as programs see it.
fn shown(overrun: i64) -> i32 {
    i32::try_from(overrun).unwrap_or(i32::MAX)
}

/// The timer interrupt, or processor time has passed.
fn expired(timer: &Weak<PosixTimer>) {
    if let Some(timer) = timer.upgrade() {
        timer.expire();
        put_down(timer);
    }
}

/// A timer's signal is taken.
pub(super) fn taken(process: &Process, info: &mut SigInfo) {
    let (id, serial) = (info.timer_id(), info.take_timer_serial());
    if let Some(timer) = process.timers.posix.get(id) {
        timer.taken(info, serial);
    }
}

#[derive(Default)]
struct Timers {
    next: i32,
    all: SortedMap<i32, Arc<PosixTimer>>,
}

/// A process's timers by number.
#[derive(Default)]
pub struct Table {
    timers: IrqLock<Timers, { rank::PROCESS_TIMER }>,
}

impl Table {
    /// A new timer at rest; its number.
    ///
    /// # Errors
    /// `EAGAIN` when its signal would exceed `RLIMIT_SIGPENDING`.
    pub fn create(&self, thread: &Thread, scale: Scale, notice: Notice) -> Result<i32> {
        let limit = thread.process().limits().soft(Resource::SignalsPending);
        let charge = Charge::take(&thread.user(), limit).ok_or(Errno::EAGAIN)?;
        let owner = Arc::downgrade(thread.process());
        let id = self.number()?;
        let timer = Arc::new_cyclic(|this: &Weak<PosixTimer>| {
            let this = this.clone();
            PosixTimer {
                id,
                scale,
                notice,
                owner,
                state: IrqLock::new(State {
                    overrun: -1,
                    ..State::default()
                }),
                timer: Timer::new(Arc::new(move || expired(&this))),
                wall: Once::new(),
                _charge: charge,
            }
        });
        self.timers.lock().all.insert(id, timer);
        Ok(id)
    }

    /// The next number that is free; not used again soon.
    fn number(&self) -> Result<i32> {
        let mut timers = self.timers.lock();
        for _ in 0..=timers.all.len() {
            let id = timers.next;
            timers.next = id.checked_add(1).unwrap_or(0);
            if !timers.all.contains_key(&id) {
                return Ok(id);
            }
        }
        Err(Errno::EAGAIN)
    }

    /// The timer of a number.
    pub fn get(&self, id: i32) -> Option<Arc<PosixTimer>> {
        self.timers.lock().all.get(&id).cloned()
    }

    /// Puts a timer to rest and forgets it; whether it was there.
    pub fn delete(&self, id: i32) -> bool {
        let timer = self.timers.lock().all.remove(&id);
        match timer {
            None => false,
            Some(timer) => {
                timer.retire();
                true
            }
        }
    }

    /// Deletes all.
    pub(crate) fn clear(&self) {
        let timers = core::mem::take(&mut self.timers.lock().all);
        let timers: Vec<_> = timers.into_values().collect();
        for timer in timers {
            timer.retire();
        }
    }
}
