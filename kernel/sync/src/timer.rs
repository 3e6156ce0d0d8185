//! Timers: a queue and a compare register for each processor.
//!
//! A timer is armed on the processor that arms it. The interrupt takes out what is due, one at a time,
//! lets the queue go, and calls it with interrupts off: callbacks mark and wake, no more. Cancelling costs
//! O(log n) and does not wait for a callback that has begun. The compare register is set early when a
//! timer is cancelled; an interrupt without work is cheaper than setting it each time.

use alloc::sync::Arc;
use core::fmt;

use hal::cpu::{CpuId, MAX_CPUS, PerCpu};
use spin::relax::RelaxStrategy;

use crate::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::instant::Instant;
use crate::machine;
use crate::rank;
use crate::sched::Wake;
use crate::spin_lock::IrqLock;
use crate::task::{RANG, Task};

mod heap;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests say where they fail"
)]
mod tests;

use heap::Heap;

/// What is in a queue; where it is, is in its [`Node`].
enum Due {
    Alarm(Arc<Task>),
    Timer(Arc<Inner>),
}

impl Due {
    #[inline]
    fn node(&self) -> &Node {
        match self {
            Self::Alarm(task) => task.alarm(),
            Self::Timer(timer) => &timer.node,
        }
    }
}

/// Where a timer stands: its queue's processor plus one in the high half (0: in none), its place in the
/// heap in the low half. Written only under that queue's lock, but for leaving no queue at all.
pub(crate) struct Node {
    place: AtomicU64,
}

impl Node {
    pub(crate) const fn new() -> Self {
        Self {
            place: AtomicU64::new(0),
        }
    }

    #[inline]
    fn queue(&self) -> Option<CpuId> {
        let number = self.place.load(Ordering::Acquire) >> 32;
        CpuId::new(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    #[inline]
    fn index(&self) -> usize {
        self.place.load(Ordering::Relaxed) as u32 as usize
    }

    #[inline]
    fn set(&self, cpu: CpuId, index: usize) {
        let place = (cpu.index() as u64 + 1) << 32 | u64::from(index as u32);
        self.place.store(place, Ordering::Release);
    }

    #[inline]
    fn clear(&self) {
        self.place.store(0, Ordering::Release);
    }

    /// Enters `cpu`'s queue; false when another processor has put it in its own meanwhile.
    #[inline]
    fn enter(&self, cpu: CpuId) -> bool {
        let place = (cpu.index() as u64 + 1) << 32;
        self.place
            .compare_exchange(0, place, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}

struct Queue {
    heap: Heap<Due>,
    /// What the compare register is set to.
    programmed: u64,
    /// When the scheduler wants to be called, `u64::MAX` for never.
    slice: u64,
}

impl Queue {
    const fn new() -> Self {
        Self {
            heap: Heap::new(),
            programmed: u64::MAX,
            slice: u64::MAX,
        }
    }

    #[inline]
    fn program(&mut self, due: u64) {
        if due < self.programmed {
            self.programmed = due;
            set_deadline(Some(due));
        }
    }
}

type QueueLock = IrqLock<Queue, { rank::TIMER_QUEUE }>;

static QUEUES: PerCpu<QueueLock> =
    PerCpu::from_array([const { IrqLock::new(Queue::new()) }; MAX_CPUS]);

#[cfg(target_os = "none")]
fn set_deadline(at: Option<u64>) {
    hal::time::set_deadline(at);
}

#[cfg(not(target_os = "none"))]
fn set_deadline(at: Option<u64>) {
    machine::host::set_deadline(at);
}

#[inline]
fn here() -> CpuId {
    // The host has one timer thread: one queue.
    if cfg!(target_os = "none") {
        machine::cpu()
    } else {
        CpuId::BOOT
    }
}

fn insert(due: Due, deadline: Instant) {
    loop {
        remove(due.node());
        let cpu = here();
        let mut queue = QUEUES.on(cpu).lock();
        // On this processor while interrupts are off; if the thread moved before, go with it.
        if cpu != here() || !due.node().enter(cpu) {
            continue;
        }
        let first = queue.heap.push(deadline.as_nanos(), due, |due, index| {
            due.node().set(cpu, index)
        });
        if first {
            queue.program(deadline.as_nanos());
        }
        return;
    }
}

/// Takes a timer out of its queue. Gives back what was in there, to be dropped without a lock.
fn remove(node: &Node) -> Option<Due> {
    loop {
        let cpu = node.queue()?;
        let mut queue = QUEUES.on(cpu).lock();
        if node.queue() != Some(cpu) {
            continue;
        }
        let removed = queue
            .heap
            .remove(node.index(), |due, index| due.node().set(cpu, index));
        node.clear();
        return removed;
    }
}

/// The timer interrupt of this processor. Interrupts are off. Answers whether the scheduler's slice has
/// ended.
pub fn expired() -> bool {
    let cpu = here();
    let mut slice_over = false;
    loop {
        let mut queue = QUEUES.on(cpu).lock();
        let now = machine::now_ns();
        if queue.slice <= now {
            queue.slice = u64::MAX;
            slice_over = true;
        }
        if queue.heap.first_key().is_some_and(|first| first <= now) {
            let due = queue
                .heap
                .remove(0, |due, index| due.node().set(cpu, index));
            if let Some(due) = &due {
                if let Due::Timer(timer) = due {
                    timer.ringing.fetch_add(1, Ordering::Relaxed);
                }
                due.node().clear();
            }
            drop(queue);
            match due {
                Some(Due::Alarm(task)) => {
                    task.raise(RANG, Wake::Normal);
                }
                Some(Due::Timer(timer)) => timer.ring(),
                None => {}
            }
            continue;
        }
        let next = queue.heap.first_key().unwrap_or(u64::MAX).min(queue.slice);
        queue.programmed = next;
        set_deadline((next != u64::MAX).then_some(next));
        return slice_over;
    }
}

/// For the scheduler: its slice on this processor ends at `end`; `None` when nobody else waits to run.
/// Interrupts are off.
#[inline]
pub fn set_slice(end: Option<Instant>) {
    let mut queue = QUEUES.on(here()).lock();
    queue.slice = end.map_or(u64::MAX, Instant::as_nanos);
    let slice = queue.slice;
    queue.program(slice);
}

/// When this processor's earliest timer is due.
#[must_use]
pub fn next_deadline() -> Option<Instant> {
    QUEUES
        .on(here())
        .lock()
        .heap
        .first_key()
        .map(Instant::from_nanos)
}

/// Rings the current task's alarm at `deadline`: raises its flag and unparks it.
pub(crate) fn set_alarm(task: &Task, deadline: Instant) {
    task.clear_flag(RANG);
    if let Some(task) = task.this() {
        insert(Due::Alarm(task), deadline);
    }
}

/// Stops the alarm, rung or not.
pub(crate) fn stop_alarm(task: &Task) {
    drop(remove(task.alarm()));
}

struct Inner {
    node: Node,
    /// Processors that run the callback.
    ringing: AtomicU32,
    callback: Arc<dyn Fn() + Send + Sync>,
}

impl Inner {
    fn ring(self: Arc<Self>) {
        (self.callback)();
        self.ringing.fetch_sub(1, Ordering::Release);
        // The timer was dropped meanwhile: what its callback owns must not be dropped in an interrupt.
        if Arc::strong_count(&self) == 1 {
            crate::defer_drop(alloc::boxed::Box::new(self));
        }
    }
}

/// A timer that calls a function when its time comes, as often as it is armed.
pub struct Timer {
    inner: Arc<Inner>,
}

impl Timer {
    /// A timer at rest. `callback` runs in the timer interrupt, with interrupts off: it may mark and wake,
    /// and must not sleep.
    #[must_use]
    pub fn new(callback: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self {
            inner: Arc::new(Inner {
                node: Node::new(),
                ringing: AtomicU32::new(0),
                callback,
            }),
        }
    }

    /// Calls back at `deadline`, soon if that has passed. Armed before, it is armed anew.
    pub fn arm(&self, deadline: Instant) {
        insert(Due::Timer(self.inner.clone()), deadline);
    }

    /// Puts the timer to rest; whether it was armed. A callback that has begun goes on.
    pub fn cancel(&self) -> bool {
        remove(&self.inner.node).is_some()
    }

    /// Waits until no callback runs any more that began before: what it does has been done then. Not under a
    /// lock that the callback takes, and not in the callback.
    pub fn settle(&self) {
        while self.inner.ringing.load(Ordering::Acquire) != 0 {
            machine::Relax::relax();
        }
    }

    /// Whether it is armed.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.inner.node.queue().is_some()
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timer(armed: {})", self.is_armed())
    }
}
