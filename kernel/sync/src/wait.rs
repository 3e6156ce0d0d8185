//! Waiting: try, register, try again, sleep.
//!
//! [`wait_on`] is the core that the interruptible wait of system calls is built on; [`wait_until`] is the
//! uninterruptible form for kernel threads and drivers. Neither takes memory for up to four objects.
//!
//! Flags decide, the token only ends a sleep: whoever notifies raises the flag and unparks; who waits
//! clears the flag, tries, and parks only while the flag is down. A sleeping lock inside the try may eat
//! the token, never the flag.

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::{Errno, Result};

use crate::events::Events;
use crate::instant::Instant;
use crate::pollee::{Observer, Pollee, Registration};
use crate::task::{self, ANY_WAIT, LOCKING, NOTIFIED, RANG, Task, UNLOCKED};
use crate::timer;

/// How to sleep in [`wait_on`].
pub struct Sleep<'a> {
    /// When to give up.
    pub deadline: Option<Instant>,
    /// Register so that only one of those who wait is woken at a time.
    pub exclusive: bool,
    /// The first look is left out: who waits has just seen that there is nothing.
    pub idle: bool,
    /// Asked before each sleep: whether to give up for another reason, a signal. Whoever makes the answer
    /// turn true unparks the task afterwards.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// Why a wait ended without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The deadline has passed.
    TimedOut,
    /// `interrupted` said so.
    Interrupted,
}

/// Objects whose registrations need no memory.
const INLINE: usize = 4;

/// Registrations of the waiting task; withdrawn when dropped.
struct Enrolled<'a> {
    on: &'a [(&'a Pollee, Events)],
    keys: [u64; INLINE],
    more: Vec<u64>,
}

impl<'a> Enrolled<'a> {
    /// # Errors
    /// `ENOMEM`: for the keys of many.
    #[inline(always)]
    fn new(task: &Task, on: &'a [(&'a Pollee, Events)], exclusive: bool) -> Result<Self> {
        let rest = on.get(INLINE..).unwrap_or_default();
        let mut more = Vec::new();
        if !rest.is_empty() {
            more.try_reserve_exact(rest.len())
                .map_err(|_| Errno::ENOMEM)?;
        }
        let mut keys = [0; INLINE];
        let wait = if exclusive {
            task.this_wait()
        } else {
            ANY_WAIT
        };
        let enrol = |(pollee, events): &(&Pollee, Events)| {
            pollee.enrol(task::current(), *events, exclusive, wait)
        };
        for (one, key) in on.iter().zip(&mut keys) {
            *key = enrol(one);
        }
        more.extend(rest.iter().map(enrol));
        Ok(Self { on, keys, more })
    }
}

impl Drop for Enrolled<'_> {
    #[inline]
    fn drop(&mut self) {
        for ((pollee, _), key) in self.on.iter().zip(self.keys.iter().chain(&self.more)) {
            pollee.withdraw(*key);
        }
    }
}

/// Tries until the answer is something else than `EAGAIN`, sleeping until one of the objects `on`
/// notifies, or somebody calls [`Task::tell`].
///
/// # Errors
/// [`Stop`] when the deadline passed or the wait was interrupted; the try's own answer is inside `Ok`, and `ENOMEM` when
/// there are many objects.
pub fn wait_on<T>(
    sleep: &Sleep<'_>,
    on: &[(&Pollee, Events)],
    mut attempt: impl FnMut() -> Result<T>,
) -> core::result::Result<Result<T>, Stop> {
    if !sleep.idle {
        match attempt() {
            Err(Errno::EAGAIN) => {}
            done => return Ok(done),
        }
    }
    task::with_current(|task| {
        let enrolled = match Enrolled::new(task, on, sleep.exclusive) {
            Ok(enrolled) => enrolled,
            Err(errno) => return Ok(Err(errno)),
        };
        let mut armed = false;
        let stop = loop {
            task.clear_flag(NOTIFIED);
            match attempt() {
                Err(Errno::EAGAIN) => {}
                done => {
                    if armed {
                        timer::stop_alarm(task);
                    }
                    drop(enrolled);
                    if sleep.exclusive && task.end_wait() {
                        pass_on(on);
                    }
                    return Ok(done);
                }
            }
            if let Some(stop) = sleep_here(task, sleep, &mut armed) {
                break stop;
            }
        };
        if armed {
            timer::stop_alarm(task);
        }
        drop(enrolled);
        // An exclusive notification that came last must not be lost: take what it announced.
        let told = if sleep.exclusive {
            task.end_wait()
        } else {
            task.flag(NOTIFIED)
        };
        if told {
            match attempt() {
                Err(Errno::EAGAIN) => {}
                done => return Ok(done),
            }
        }
        Err(stop)
    })
}

/// What an exclusive waiter was told after it had looked is for the next one: it goes away with what it has.
#[cold]
fn pass_on(on: &[(&Pollee, Events)]) {
    for (pollee, events) in on {
        pollee.notify(*events);
    }
}

/// Sleeps until the task is notified (`None`) or must stop.
#[inline]
fn sleep_here(task: &Task, sleep: &Sleep<'_>, armed: &mut bool) -> Option<Stop> {
    loop {
        if task.flag(NOTIFIED) {
            return None;
        }
        if (sleep.interrupted)() {
            return Some(Stop::Interrupted);
        }
        if let Some(deadline) = sleep.deadline {
            if *armed {
                if task.flag(RANG) {
                    return Some(Stop::TimedOut);
                }
            } else {
                if deadline.is_past() {
                    return Some(Stop::TimedOut);
                }
                timer::set_alarm(task, deadline);
                *armed = true;
            }
        }
        task.park_here();
    }
}

/// Tries until there is an answer, sleeping uninterruptibly until one of the objects `on` notifies.
/// `None` when `deadline` passes first.
pub fn wait_until<T>(
    on: &[(&Pollee, Events)],
    deadline: Option<Instant>,
    mut attempt: impl FnMut() -> Option<T>,
) -> Option<T> {
    let sleep = Sleep {
        deadline,
        exclusive: false,
        idle: false,
        interrupted: &|| false,
    };
    wait_on(&sleep, on, || attempt().ok_or(Errno::EAGAIN))
        .ok()?
        .ok()
}

/// Sleeps uninterruptibly until `deadline`.
pub fn sleep_until(deadline: Instant) {
    wait_until::<()>(&[], Some(deadline), || None);
}

/// Gets a sleeping lock that was not free at first. `attempt` is told whether the task has slept.
#[cold]
#[inline(never)]
pub(crate) fn for_lock<G>(
    waiters: &Pollee,
    exclusive: bool,
    mut attempt: impl FnMut(bool) -> Option<G>,
) -> G {
    let Some(task) = task::try_current() else {
        // Start-up alone has nobody to wait for but another processor.
        loop {
            if let Some(guard) = attempt(true) {
                return guard;
            }
            core::hint::spin_loop();
        }
    };
    let key = waiters.enrol(task.clone(), Events::UNLOCKED, exclusive, ANY_WAIT);
    task.set_flag(LOCKING);
    let mut slept = false;
    loop {
        task.clear_flag(UNLOCKED);
        if let Some(guard) = attempt(slept) {
            task.clear_flag(LOCKING);
            waiters.withdraw(key);
            return guard;
        }
        while !task.flag(UNLOCKED) {
            task.park_here();
        }
        slept = true;
    }
}

/// The current task as an observer, for kernel threads that keep registrations over many waits.
pub struct Waiter {
    task: Arc<Task>,
}

impl Waiter {
    /// The current task's.
    #[must_use]
    pub fn new() -> Self {
        Self {
            task: task::current(),
        }
    }

    /// Registers the task with an object.
    #[must_use = "dropping the registration ends it"]
    pub fn register(&self, pollee: &Pollee, events: Events) -> Registration {
        pollee.register(self.observer(), events, false)
    }

    /// The task as an observer.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        self.task.clone()
    }

    /// Forgets earlier notifications: call it before looking at the objects.
    pub fn clear(&self) {
        self.task.clear_flag(NOTIFIED);
    }

    /// Sleeps until notified since the last [`Waiter::clear`]; `false` when `deadline` passed first.
    pub fn wait(&self, deadline: Option<Instant>) -> bool {
        let sleep = Sleep {
            deadline,
            exclusive: false,
            idle: false,
            interrupted: &|| false,
        };
        let mut armed = false;
        let stop = sleep_here(&self.task, &sleep, &mut armed);
        if armed {
            timer::stop_alarm(&self.task);
        }
        stop.is_none()
    }
}

impl Default for Waiter {
    fn default() -> Self {
        Self::new()
    }
}
