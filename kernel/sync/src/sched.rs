//! The scheduler's place: the trait it implements and where it is installed.

use alloc::sync::Arc;

use crate::once::Once;
use crate::task::Task;

/// Why a task becomes runnable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// It has never run.
    New,
    /// It slept, and was unparked.
    Normal,
    /// It slept, and who unparked it is about to sleep himself: run it here next.
    Sync,
}

/// What decides which task runs. Methods are called with any preempt count, also from interrupts,
/// except where said.
pub trait Scheduler: Sync {
    /// Puts a runnable task on a run queue.
    fn enqueue(&self, task: Arc<Task>, wake: Wake);
    /// Leaves the processor to another task: the current one parks or has ended. Never from an interrupt.
    /// The scheduler hands the task it left to [`Task::switched_out`], on the stack of the next.
    fn switch_away(&self);
    /// Lets the other tasks of this processor run first.
    fn yield_now(&self);
}

static SCHEDULER: Once<&'static dyn Scheduler> = Once::new();

/// Installs the scheduler, once, before the first task is started.
pub fn install(scheduler: &'static dyn Scheduler) {
    // A second one would share run queues with nobody: the first stays.
    let _ = SCHEDULER.set(scheduler);
}

/// Whether tasks are scheduled yet (before, start-up runs alone and may not sleep).
#[inline]
pub fn is_running() -> bool {
    cfg!(not(target_os = "none")) || SCHEDULER.get().is_some()
}

#[inline]
pub(crate) fn scheduler() -> Option<&'static dyn Scheduler> {
    #[cfg(not(target_os = "none"))]
    {
        Some(
            SCHEDULER
                .get()
                .copied()
                .unwrap_or(&crate::machine::host::HostScheduler),
        )
    }
    #[cfg(target_os = "none")]
    {
        SCHEDULER.get().copied()
    }
}
