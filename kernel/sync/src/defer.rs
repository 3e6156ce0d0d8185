//! Drops put off: what must not be dropped where it is no longer needed (with interrupts off, under a
//! spin lock, on a stack about to go) is dropped by a kernel thread soon after.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::any::Any;

use crate::events::Events;
use crate::once::Once;
use crate::pollee::Pollee;
use crate::rank;
use crate::spin_lock::IrqLock;
use crate::task::{Task, spawn_kernel};
use crate::wait::wait_until;

enum Dropped {
    Value(#[allow(dead_code, reason = "held to be dropped")] Box<dyn Any + Send>),
    Task(#[allow(dead_code, reason = "held to be dropped")] Arc<Task>),
}

static LIST: IrqLock<VecDeque<Dropped>, { rank::LEAF }> = IrqLock::new(VecDeque::new());
static WORK: Pollee = Pollee::new();
static REAPER: Once<()> = Once::new();

/// Dead tasks let lie before the thread that buries them is woken: a task's end need not cost a switch.
const DEAD_LIMIT: usize = 8;

/// Drops `value` soon, in a kernel thread that may sleep. Callable anywhere.
pub fn defer_drop(value: Box<dyn Any + Send>) {
    LIST.lock().push_back(Dropped::Value(value));
    WORK.notify(Events::IN);
}

/// Drops a task that has ended, when some have come together or somebody calls [`drop_dead_tasks`].
pub(crate) fn bury(task: Arc<Task>) {
    let mut list = LIST.lock();
    list.push_back(Dropped::Task(task));
    let many = list.len() >= DEAD_LIMIT;
    drop(list);
    if many {
        WORK.notify(Events::IN);
    }
}

/// Frees the stacks of tasks that have ended, up to `limit`: who needs a stack asks here first.
pub fn drop_dead_tasks(limit: usize) {
    for _ in 0..limit {
        let mut list = LIST.lock();
        let first = matches!(list.front(), Some(Dropped::Task(_)));
        let task = if first { list.pop_front() } else { None };
        drop(list);
        if task.is_none() {
            return;
        }
    }
}

/// Starts the kernel thread that drops. Once, after the scheduler is installed.
///
/// # Errors
/// `ENOMEM` when there is no memory for its stack.
pub fn start() -> abi::Result<()> {
    if REAPER.set(()).is_err() {
        return Ok(());
    }
    spawn_kernel("reaper", || {
        loop {
            let next = wait_until(&[(&WORK, Events::IN)], None, || LIST.lock().pop_front());
            drop(next);
        }
    })?;
    Ok(())
}
