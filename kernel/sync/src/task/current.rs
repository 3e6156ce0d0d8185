//! The current task: who it is, sleeping, ending; and starting one more.

use alloc::boxed::Box;
use alloc::sync::Arc;

use abi::Result;

use super::{DEAD, Task, TaskName};
use crate::atomic::Ordering;
use crate::instant::Instant;
use crate::sched::scheduler;

/// Calls `f` with the current task.
///
/// # Panics
/// In early start-up, before this processor has a task.
#[inline]
pub fn with_current<R>(f: impl FnOnce(&Task) -> R) -> R {
    #[cfg(not(target_os = "none"))]
    {
        crate::machine::host::with_current(|task| f(task))
    }
    #[cfg(target_os = "none")]
    hal::thread::with_current(f)
}

/// As [`with_current`], doing nothing in early start-up.
#[inline]
#[allow(dead_code, reason = "the checker's, in test builds")]
pub(crate) fn try_with_current(f: impl FnOnce(&Task)) {
    #[cfg(target_os = "none")]
    if !hal::thread::is_thread() {
        return;
    }
    with_current(f);
}

/// The current task.
///
/// # Panics
/// In early start-up, before this processor has a task.
#[inline]
#[must_use]
pub fn current() -> Arc<Task> {
    #[cfg(not(target_os = "none"))]
    {
        crate::machine::host::with_current(Arc::clone)
    }
    #[cfg(target_os = "none")]
    hal::thread::current()
}

/// The current task; `None` in early start-up.
#[must_use]
pub fn try_current() -> Option<Arc<Task>> {
    #[cfg(target_os = "none")]
    if !hal::thread::is_thread() {
        return None;
    }
    Some(current())
}

/// Sleeps, uninterruptibly, until somebody unparks the current task or `deadline` passes; returns at once
/// when it was unparked since its last park. May also return for no reason: look at the condition again.
pub fn park(deadline: Option<Instant>) {
    with_current(|task| match deadline {
        None => task.park_here(),
        Some(deadline) => {
            if deadline.is_past() {
                return;
            }
            crate::timer::set_alarm(task, deadline);
            task.park_here();
            crate::timer::stop_alarm(task);
        }
    });
}

/// Lets the other tasks of this processor run first.
pub fn yield_now() {
    if let Some(scheduler) = scheduler() {
        scheduler.yield_now();
    }
}

/// Tasks that have ended since the machine was started.
static ENDED: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);

/// How many tasks have ended since the machine was started.
#[must_use]
pub fn ended() -> u64 {
    ENDED.load(Ordering::Relaxed)
}

/// Ends the current task, at the end of its entry function or sooner.
#[cfg(target_os = "none")]
pub fn exit_current() -> ! {
    ENDED.fetch_add(1, Ordering::Relaxed);
    with_current(|task| task.state.store(DEAD, Ordering::Release));
    loop {
        if let Some(scheduler) = scheduler() {
            scheduler.switch_away();
        }
    }
}

/// Ends the current task; on the host the thread stands still for good.
#[cfg(not(target_os = "none"))]
pub fn exit_current() -> ! {
    with_current(|task| task.state.store(DEAD, Ordering::Release));
    loop {
        std::thread::park();
    }
}

/// Starts a kernel thread.
///
/// # Errors
/// `ENOMEM` when there is no memory for its stack.
pub fn spawn_kernel(name: &str, entry: impl FnOnce() + Send + 'static) -> Result<Arc<Task>> {
    let task = Task::new(TaskName::new(name.as_bytes()), Box::new(entry))?;
    task.start();
    Ok(task)
}
