//! One processor's run queue: pure bookkeeping, under its lock.

use alloc::collections::BinaryHeap;
use alloc::sync::Arc;
use core::cmp::Ordering;

use sync::Task;

/// Nanoseconds of weighted run time that a task which slept may be ahead of the others: enough to run
/// soon after waking, not enough to keep them off.
const SLEEPER_CREDIT: u64 = 1_500_000;

/// How much less a waking task must have run than the running one to take its place at once.
const WAKEUP_GRANULARITY: u64 = 1_000_000;

struct Queued {
    vruntime: u64,
    /// First come, first served among equals.
    order: u64,
    task: Arc<Task>,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    /// The heap gives its greatest first: the least run time is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.vruntime, other.order).cmp(&(self.vruntime, self.order))
    }
}

/// The task that has the processor, at its last booking.
#[derive(Clone, Copy)]
struct Running {
    vruntime: u64,
    weight: u64,
    since: u64,
}

impl Running {
    #[inline]
    fn vruntime_at(&self, now: u64) -> u64 {
        self.vruntime
            .saturating_add(weighted(now.saturating_sub(self.since), self.weight))
    }
}

/// Weight of a task at nice 0.
const NICE_0_WEIGHT: u64 = 1024;

/// Run time as a task of that weight is charged for it.
#[inline]
pub(super) fn weighted(spent: u64, weight: u64) -> u64 {
    if weight == NICE_0_WEIGHT {
        spent
    } else {
        spent.saturating_mul(NICE_0_WEIGHT) / weight.max(1)
    }
}

/// Tasks that wait for a processor, and what is known of the one that has it.
pub(super) struct RunQueue {
    heap: BinaryHeap<Queued>,
    /// Runs next, whatever the order: the partner of a synchronous wake-up.
    next: Option<Arc<Task>>,
    order: u64,
    /// Never falls; tasks that come are placed by it.
    floor: u64,
    /// `None` while the processor idles.
    running: Option<Running>,
    /// The slice timer is set.
    pub(super) ticking: bool,
}

impl RunQueue {
    pub(super) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            next: None,
            order: 0,
            floor: 0,
            running: None,
            ticking: false,
        }
    }

    /// How many wait.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.heap.len() + usize::from(self.next.is_some())
    }

    /// The weighted run time that new tasks start from.
    #[inline]
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// The processor runs `task` from `now` on, or idles.
    #[inline]
    pub(super) fn set_running(&mut self, task: Option<&Task>, now: u64) {
        self.running = task.map(|task| Running {
            vruntime: task.entity().vruntime(),
            weight: u64::from(task.entity().weight()),
            since: now,
        });
        self.raise_floor(now);
    }

    /// Brings the floor up to what the running task has had by `now`.
    #[inline]
    pub(super) fn raise_floor(&mut self, now: u64) {
        let running = self.running.map(|running| running.vruntime_at(now));
        let first = self.heap.peek().map(|queued| queued.vruntime);
        let least = match (running, first) {
            (Some(running), Some(first)) => running.min(first),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return,
        };
        self.floor = self.floor.max(least);
    }

    /// Whether the processor runs its idle task.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none()
    }

    /// Gives a task that slept or is new its place in time. It keeps what it has had, less at most the
    /// credit.
    #[inline]
    pub(super) fn place(&self, vruntime: u64, slept: bool) -> u64 {
        let credit = if slept { SLEEPER_CREDIT } else { 0 };
        vruntime.max(self.floor.saturating_sub(credit))
    }

    /// Queues a task.
    #[inline]
    pub(super) fn push(&mut self, task: Arc<Task>) {
        let vruntime = task.entity().vruntime();
        self.order = self.order.wrapping_add(1);
        self.heap.push(Queued {
            vruntime,
            order: self.order,
            task,
        });
    }

    /// Whether a task that comes with `vruntime` should run before the one that runs.
    #[inline]
    pub(super) fn is_urgent(&self, vruntime: u64, now: u64) -> bool {
        self.running.is_none_or(|running| {
            vruntime.saturating_add(WAKEUP_GRANULARITY) < running.vruntime_at(now)
        })
    }

    /// Queues a task to run next.
    #[inline]
    pub(super) fn push_next(&mut self, task: Arc<Task>) {
        if let Some(before) = self.next.replace(task) {
            self.push(before);
        }
    }

    /// Takes the task to run.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Arc<Task>> {
        self.next
            .take()
            .or_else(|| self.heap.pop().map(|queued| queued.task))
    }

    /// Takes the task to run instead of one that could go on with `vruntime`, if there is a better one.
    #[inline]
    pub(super) fn pop_before(&mut self, vruntime: u64) -> Option<Arc<Task>> {
        let first = self.heap.peek().map_or(u64::MAX, |queued| queued.vruntime);
        match &self.next {
            // A partner does not keep the others off: it runs only in its turn or early in the slice.
            Some(next) if next.entity().vruntime() <= first => {
                if next.entity().vruntime() < vruntime {
                    self.next.take()
                } else {
                    None
                }
            }
            _ if first < vruntime => self.heap.pop().map(|queued| queued.task),
            _ => None,
        }
    }

    /// Takes the first task that `wanted` says yes to. Costs as much as there are tasks before it.
    pub(super) fn take(&mut self, wanted: impl Fn(&Arc<Task>) -> bool) -> Option<Arc<Task>> {
        if self.heap.peek().is_some_and(|queued| wanted(&queued.task)) {
            return self.heap.pop().map(|queued| queued.task);
        }
        if self.next.as_ref().is_some_and(&wanted) {
            return self.next.take();
        }
        let mut taken: Option<Arc<Task>> = None;
        self.heap.retain(|queued| {
            let take = taken.is_none() && wanted(&queued.task);
            if take {
                taken = Some(queued.task.clone());
            }
            !take
        });
        taken
    }
}
