//! The schedulable entity: a thread as locks, wait queues and the scheduler see it.
//!
//! Park and unpark have one token. `park` takes the token or sleeps; `unpark` leaves it or wakes. Four
//! states hold it together: *active* (running, or on a run queue), *parking* (will sleep, still on its
//! stack), *parked* (asleep), *dead*. Unparking a parking task only leaves the token: the processor that
//! takes it off its stack finds it and makes it runnable again, so nobody spins for a stack.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::any::Any;
use core::fmt;

#[cfg(target_os = "none")]
use abi::Errno;
use abi::Result;

use crate::atomic::{AtomicU32, Ordering};
use crate::events::Events;
use crate::lockdep;
use crate::once::Once;
use crate::pollee::Observer;
use crate::rank;
use crate::sched::{Wake, scheduler};
use crate::spin_lock::IrqLock;
use crate::timer::Node;

mod current;
mod entity;
mod name;

pub(crate) use current::try_with_current;
pub use current::{
    current, ended, exit_current, park, spawn_kernel, try_current, with_current, yield_now,
};

pub use entity::Entity;
pub use name::TaskName;

/// What a task carries for the layer above: its thread.
pub trait Payload: Any + Send + Sync {
    /// The task goes on this processor: take up its address space. Interrupts are off.
    fn switched_in(&self) {}
}

const TOKEN: u32 = 1;
const ACTIVE: u32 = 0;
const PARKING: u32 = 2;
const PARKED: u32 = 4;
const DEAD: u32 = 8;

/// A [`Waiter`](crate::Waiter)'s or [`wait_on`](crate::wait_on)'s pollee has spoken.
pub(crate) const NOTIFIED: u32 = 1;
/// A sleeping lock may be free.
pub(crate) const UNLOCKED: u32 = 2;
/// The alarm has rung.
pub(crate) const RANG: u32 = 4;
/// It waits for a sleeping lock.
pub(crate) const LOCKING: u32 = 8;
/// Above the flags, exclusive waits are counted: who is told of something after his wait has ended has not heard it.
const WAITS: u32 = 1 << 8;
/// Instead of the number of a wait: whichever it is.
pub(crate) const ANY_WAIT: u32 = 1;

/// A schedulable entity.
pub struct Task {
    this: Weak<Task>,
    state: AtomicU32,
    flags: AtomicU32,
    entity: Entity,
    alarm: Node,
    place: core::sync::atomic::AtomicU32,
    payload: Once<Arc<dyn Payload>>,
    name: IrqLock<TaskName, { rank::LEAF }>,
    /// Keeps the task from its start to its end, also while only its own stack knows of it.
    alive: IrqLock<Option<Arc<Task>>, { rank::LEAF }>,
    #[cfg_attr(
        not(any(debug_assertions, feature = "lockdep")),
        allow(dead_code, reason = "read by the checker")
    )]
    held: lockdep::Held,
    #[cfg(target_os = "none")]
    context: hal::thread::Context,
    #[cfg(not(target_os = "none"))]
    gate: crate::machine::host::Gate,
    #[cfg(not(target_os = "none"))]
    entry: IrqLock<Option<Box<dyn FnOnce() + Send>>, { rank::LEAF }>,
}

#[cfg(target_os = "none")]
hal::runnable!(Task, context);

impl Task {
    /// A task that will run `entry` once it is started; it ends when `entry` returns.
    ///
    /// # Errors
    /// `ENOMEM` when there is no memory for its stack.
    #[cfg(target_os = "none")]
    pub fn new(name: TaskName, entry: Box<dyn FnOnce() + Send>) -> Result<Arc<Self>> {
        let body = move || {
            entry();
            exit_current();
        };
        let context = hal::thread::Context::new(Box::new(body)).map_err(|_| Errno::ENOMEM)?;
        Ok(Self::with_context(name, context))
    }

    /// The flow that started this processor, which becomes its idle task. Once a processor.
    #[cfg(target_os = "none")]
    #[must_use]
    pub fn adopt_idle(name: TaskName) -> Arc<Self> {
        let task = Self::with_context(name, hal::thread::Context::for_this_flow());
        *task.alive.lock() = Some(task.clone());
        hal::thread::adopt(task.clone());
        task
    }

    #[cfg(target_os = "none")]
    fn with_context(name: TaskName, context: hal::thread::Context) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            state: AtomicU32::new(ACTIVE),
            flags: AtomicU32::new(0),
            entity: Entity::new(),
            alarm: Node::new(),
            place: core::sync::atomic::AtomicU32::new(0),
            payload: Once::new(),
            name: IrqLock::new(name),
            alive: IrqLock::new(None),
            held: lockdep::Held::new(),
            context,
        })
    }

    /// A task that will run `entry` once it is started; it ends when `entry` returns.
    ///
    /// # Errors
    /// None on the host.
    #[cfg(not(target_os = "none"))]
    pub fn new(name: TaskName, entry: Box<dyn FnOnce() + Send>) -> Result<Arc<Self>> {
        let task = Self::for_host_thread(name);
        *task.entry.lock() = Some(entry);
        Ok(task)
    }

    #[cfg(not(target_os = "none"))]
    pub(crate) fn for_host_thread(name: TaskName) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            state: AtomicU32::new(ACTIVE),
            flags: AtomicU32::new(0),
            entity: Entity::new(),
            alarm: Node::new(),
            place: core::sync::atomic::AtomicU32::new(0),
            payload: Once::new(),
            name: IrqLock::new(name),
            alive: IrqLock::new(None),
            held: lockdep::Held::new(),
            gate: crate::machine::host::Gate::new(),
            entry: IrqLock::new(None),
        })
    }

    /// Makes a new task runnable. Once.
    pub fn start(self: &Arc<Self>) {
        #[cfg(not(target_os = "none"))]
        {
            // Not under the lock: the thread takes others of its rank.
            let entry = self.entry.lock().take();
            if let Some(entry) = entry {
                crate::machine::host::start(self.clone(), entry);
            }
        }
        #[cfg(target_os = "none")]
        {
            *self.alive.lock() = Some(self.clone());
        }
        if let Some(scheduler) = scheduler() {
            scheduler.enqueue(self.clone(), Wake::New);
        }
    }

    /// What the layer above put here; `None` for kernel threads.
    #[inline]
    pub fn payload(&self) -> Option<&Arc<dyn Payload>> {
        self.payload.get()
    }

    /// Gives the task its thread, before it is started. The first one stays.
    pub fn set_payload(&self, payload: Arc<dyn Payload>) {
        let _ = self.payload.set(payload);
    }

    /// The name as `/proc/<pid>/comm` shows it.
    pub fn name(&self) -> TaskName {
        *self.name.lock()
    }

    /// Renames the task.
    pub fn set_name(&self, name: TaskName) {
        *self.name.lock() = name;
    }

    /// What the scheduler keeps about the task.
    #[inline]
    pub fn entity(&self) -> &Entity {
        &self.entity
    }

    /// Ticks of the counter that the task's program has had, up to now.
    #[cfg(target_os = "none")]
    #[inline]
    #[must_use]
    pub fn user_ticks(&self) -> u64 {
        self.context.user_ticks()
    }

    /// On the host nothing runs programs.
    #[cfg(not(target_os = "none"))]
    #[must_use]
    pub fn user_ticks(&self) -> u64 {
        0
    }

    /// Nanoseconds of processor time in the program and in the kernel, up to now.
    #[must_use]
    pub fn times(&self) -> (u64, u64) {
        // In this order: what runs meanwhile is the kernel's at most.
        let user = self.user_ticks();
        let system = self.entity.ran().saturating_sub(user);
        (hal::time::ticks_to_ns(user), hal::time::ticks_to_ns(system))
    }

    /// The machine's side, for `kick` and the processor it runs on.
    #[cfg(target_os = "none")]
    #[inline]
    pub fn machine(&self) -> &hal::thread::Context {
        &self.context
    }

    /// Whether the task sleeps or is about to.
    pub fn is_parked(&self) -> bool {
        self.state.load(Ordering::Relaxed) & (PARKING | PARKED) != 0
    }

    /// Whether the task waits for a sleeping lock: for a moment, and for nothing that a program knows of.
    pub fn waits_for_lock(&self) -> bool {
        self.flag(LOCKING)
    }

    /// Whether the task has ended.
    pub fn is_dead(&self) -> bool {
        self.state.load(Ordering::Relaxed) == DEAD
    }

    /// Another reference to this task.
    #[inline]
    pub fn this(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// Ends the task's present or next [`park`]. Callable from interrupts.
    #[inline]
    pub fn unpark(&self) {
        self.wake(Wake::Normal);
    }

    /// As [`Task::unpark`], by a caller about to sleep: the task runs next on this processor.
    #[inline]
    pub fn unpark_sync(&self) {
        self.wake(Wake::Sync);
    }

    fn wake(&self, how: Wake) {
        // Release: what the waker wrote is seen by who takes the token.
        if self.state.fetch_or(TOKEN, Ordering::AcqRel) != PARKED {
            return;
        }
        // Parked without a token, and the token is ours: nobody else wakes it.
        if let (Some(this), Some(scheduler)) = (self.this.upgrade(), scheduler()) {
            self.state.store(ACTIVE, Ordering::Release);
            scheduler.enqueue(this, how);
        }
    }

    /// For the scheduler, on the new stack: the processor has left `prev`. Gives it back when it is
    /// runnable (it was preempted, or unparked while it parked).
    #[must_use = "a task given back belongs on a run queue"]
    pub fn switched_out(prev: Arc<Self>) -> Option<Arc<Self>> {
        match prev.state.load(Ordering::Acquire) {
            PARKING => {
                let parked = prev.state.compare_exchange(
                    PARKING,
                    PARKED,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                );
                if parked.is_ok() {
                    // Not the last reference: `alive` has one.
                    return None;
                }
                prev.state.store(ACTIVE, Ordering::Release);
                Some(prev)
            }
            DEAD => {
                let alive = prev.alive.lock().take();
                drop(alive);
                crate::defer::bury(prev);
                None
            }
            state if state & PARKING != 0 => {
                prev.state.store(ACTIVE, Ordering::Release);
                Some(prev)
            }
            _ => Some(prev),
        }
    }

    /// For the scheduler: whether the current task, about to be switched away from, may simply go on
    /// because it was unparked meanwhile. It is active then.
    #[inline]
    pub fn may_go_on(&self) -> bool {
        let unparked = self.state.load(Ordering::Acquire) == PARKING | TOKEN;
        if unparked {
            self.state.store(ACTIVE, Ordering::Release);
        }
        unparked
    }

    /// Makes the task try again in [`wait_on`](crate::wait_on): for who keeps it on a list of his own
    /// instead of a [`Pollee`](crate::Pollee). What the try will find is written before.
    #[inline]
    pub fn tell(&self) {
        self.raise(NOTIFIED, Wake::Normal);
    }

    #[inline]
    pub(crate) fn flag(&self, flag: u32) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    #[inline]
    pub(crate) fn set_flag(&self, flag: u32) {
        self.flags.fetch_or(flag, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn clear_flag(&self, flag: u32) {
        self.flags.fetch_and(!flag, Ordering::AcqRel);
    }

    /// Sets a flag and unparks; whether the flag was new.
    #[inline]
    pub(crate) fn raise(&self, flag: u32, how: Wake) -> bool {
        if self.flags.fetch_or(flag, Ordering::AcqRel) & flag != 0 {
            return false;
        }
        self.wake(how);
        true
    }

    /// The number of the present exclusive wait.
    #[inline]
    pub(crate) fn this_wait(&self) -> u32 {
        self.flags.load(Ordering::Relaxed) & !(WAITS - 1)
    }

    /// Ends the present exclusive wait: from here on nobody's notification is accepted for it. Answers whether one was
    /// that has not been looked at.
    #[inline]
    pub(crate) fn end_wait(&self) -> bool {
        self.flags.fetch_add(WAITS, Ordering::AcqRel) & NOTIFIED != 0
    }

    /// As [`Task::raise`], if `wait` is the present one.
    fn raise_in(&self, wait: u32, flag: u32, how: Wake) -> bool {
        let mut old = self.flags.load(Ordering::Relaxed);
        loop {
            if old & !(WAITS - 1) != wait || old & flag != 0 {
                return false;
            }
            let new = old | flag;
            match self
                .flags
                .compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => break,
                Err(now) => old = now,
            }
        }
        self.wake(how);
        true
    }

    /// A word for whoever keeps the task on a list of his own while it waits (futexes): where it is.
    #[inline]
    pub fn place(&self) -> &core::sync::atomic::AtomicU32 {
        &self.place
    }

    #[inline]
    pub(crate) fn alarm(&self) -> &Node {
        &self.alarm
    }

    #[cfg(any(debug_assertions, feature = "lockdep"))]
    pub(crate) fn held(&self) -> &lockdep::Held {
        &self.held
    }

    #[cfg(not(target_os = "none"))]
    pub(crate) fn gate(&self) -> &crate::machine::host::Gate {
        &self.gate
    }

    /// Sleeps until the token comes, and takes it. `self` is the current task.
    #[inline]
    pub(crate) fn park_here(&self) {
        lockdep::might_sleep();
        let parking =
            self.state
                .compare_exchange(ACTIVE, PARKING, Ordering::AcqRel, Ordering::Acquire);
        if parking.is_err() {
            self.state.store(ACTIVE, Ordering::Release);
            return;
        }
        match scheduler() {
            Some(scheduler) => scheduler.switch_away(),
            // Start-up alone: whoever should unpark us is an interrupt.
            None => self.state.store(ACTIVE, Ordering::Release),
        }
    }
}

impl Observer for Task {
    fn notify(&self, events: Events, sync: bool) -> bool {
        let flag = if events.contains(Events::UNLOCKED) {
            UNLOCKED
        } else {
            NOTIFIED
        };
        self.raise(flag, if sync { Wake::Sync } else { Wake::Normal })
    }

    #[inline]
    fn notify_waiter(&self, events: Events, sync: bool, wait: u32) -> bool {
        if wait == ANY_WAIT {
            return self.notify(events, sync);
        }
        let how = if sync { Wake::Sync } else { Wake::Normal };
        self.raise_in(wait, NOTIFIED, how)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Task({}, state {})",
            self.name(),
            self.state.load(Ordering::Relaxed)
        )
    }
}
