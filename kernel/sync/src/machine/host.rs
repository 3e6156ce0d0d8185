//! Threads of the host as tasks: `std`'s, or shuttle's under that feature.
//!
//! The scheduler here follows the kernel's protocol to the letter (a parking task's reference goes to
//! its slot, whoever unparks it takes it out), so that tests exercise the same states.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::cell::RefCell;

#[cfg(feature = "shuttle")]
use shuttle::{
    sync::{Condvar, Mutex},
    thread, thread_local,
};
#[cfg(not(feature = "shuttle"))]
use std::{
    sync::{Condvar, Mutex},
    thread, thread_local,
};

use crate::sched::{Scheduler, Wake};
use crate::task::Task;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Task>>> = const { RefCell::new(None) };
}

/// The gate a host thread stands at while it does not run.
pub(crate) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            open: Mutex::new(false),
            opened: Condvar::new(),
        }
    }

    fn pass(&self) {
        let Ok(mut open) = self.open.lock() else {
            return;
        };
        while !*open {
            match self.opened.wait(open) {
                Ok(guard) => open = guard,
                Err(_) => return,
            }
        }
        *open = false;
    }

    fn open(&self) {
        if let Ok(mut open) = self.open.lock() {
            *open = true;
        }
        self.opened.notify_one();
    }
}

/// Calls `f` with this thread's task, which is made when there is none yet.
pub(crate) fn with_current<R>(f: impl FnOnce(&Arc<Task>) -> R) -> R {
    let task = CURRENT.with(|slot| {
        slot.borrow_mut()
            .get_or_insert_with(|| Task::for_host_thread("host".into()))
            .clone()
    });
    f(&task)
}

/// Starts a host thread for a task and its function.
pub(crate) fn start(task: Arc<Task>, run: Box<dyn FnOnce() + Send>) {
    let name = task.name().to_string();
    let body = move || {
        CURRENT.with(|slot| *slot.borrow_mut() = Some(task.clone()));
        task.gate().pass();
        run();
    };
    #[cfg(not(feature = "shuttle"))]
    drop(thread::Builder::new().name(name).spawn(body));
    #[cfg(feature = "shuttle")]
    {
        drop(name);
        drop(thread::spawn(body));
    }
}

/// The scheduler of a host process: the host's own does the work.
pub(crate) struct HostScheduler;

impl Scheduler for HostScheduler {
    fn enqueue(&self, task: Arc<Task>, _wake: Wake) {
        task.gate().open();
    }

    fn switch_away(&self) {
        with_current(|task| {
            if let Some(again) = Task::switched_out(task.clone()) {
                drop(again);
            } else {
                task.gate().pass();
            }
        });
    }

    fn yield_now(&self) {
        thread::yield_now();
    }
}

/// The host's timer interrupt: one thread that runs what is due.
#[cfg(not(feature = "shuttle"))]
pub(crate) fn set_deadline(at: Option<u64>) {
    use std::sync::OnceLock;
    use std::time::Duration;

    static CLOCK: OnceLock<&'static (Mutex<Option<u64>>, Condvar)> = OnceLock::new();
    let (deadline, changed) = CLOCK.get_or_init(|| {
        let clock: &'static _ = Box::leak(Box::new((Mutex::new(None::<u64>), Condvar::new())));
        let (deadline, changed) = clock;
        drop(
            thread::Builder::new()
                .name("timer".to_string())
                .spawn(move || {
                    let Ok(mut due) = deadline.lock() else { return };
                    loop {
                        let now = super::now_ns();
                        let Ok(guard) = (match *due {
                            Some(at) if at <= now => {
                                *due = None;
                                drop(due);
                                crate::timer::expired();
                                deadline.lock()
                            }
                            Some(at) => changed
                                .wait_timeout(due, Duration::from_nanos(at - now))
                                .map(|(guard, _)| guard)
                                .map_err(|poison| {
                                    std::sync::PoisonError::new(poison.into_inner().0)
                                }),
                            None => changed.wait(due),
                        }) else {
                            return;
                        };
                        due = guard;
                    }
                }),
        );
        clock
    });
    if let Ok(mut due) = deadline.lock() {
        *due = at;
    }
    changed.notify_one();
}

/// A model has no clock: its timers expire when the test says so.
#[cfg(feature = "shuttle")]
pub(crate) fn set_deadline(_at: Option<u64>) {}
