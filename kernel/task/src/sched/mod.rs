//! The scheduler: which task runs on which processor, and for how long.
//!
//! Each processor has a run queue ordered by weighted run time (`queue`); the task that has had least
//! runs next. A task that wakes gets its place on a processor (`place`): its last one when that idles, an
//! idle one, or its last. A synchronous wake-up puts the partner next on the waker's own processor, so a
//! conversation of two tasks needs no interrupt and no idle processor. An idle processor takes from the
//! others' queues (`balance`). The slice timer runs only while somebody waits in the queue.
//!
//! A queue's lock is never held across a switch: interrupts are off from the decision until the switch
//! is done, and the task left behind is put on a queue by the `after_switch` hook, on the next task's
//! stack, when nobody uses its own any more.

mod balance;
mod load;
mod place;
mod queue;
mod switch;

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use alloc::sync::Arc;

use hal::cpu::{AtomicCpuMask, CpuId, CpuMask, MAX_CPUS, PerCpu};
use hal::time::ticks_to_ns;
use sync::sched::{Scheduler, Wake};
use sync::{IrqLock, Once, Task, TaskName, rank};

use queue::RunQueue;

pub use load::load_average;

/// One processor's part of the scheduler.
struct Cpu {
    queue: IrqLock<RunQueue, { rank::RUN_QUEUE }>,
    /// How many wait in the queue; read without its lock to see whether a look is worth while.
    waiting: AtomicU64,
    /// The queue's floor, for tasks that leave for another processor.
    floor: AtomicU64,
    idle: Once<Arc<Task>>,
    times: Times,
}

/// Where a processor's time went, in ticks of the counter, and how often it switched.
#[derive(Default)]
struct Times {
    user: AtomicU64,
    system: AtomicU64,
    idle: AtomicU64,
    switches: AtomicU64,
}

impl Cpu {
    const fn new() -> Self {
        Self {
            queue: IrqLock::new(RunQueue::new()),
            waiting: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            idle: Once::new(),
            times: Times {
                user: AtomicU64::new(0),
                system: AtomicU64::new(0),
                idle: AtomicU64::new(0),
                switches: AtomicU64::new(0),
            },
        }
    }

    /// Lets others read how the queue stands; called before its lock goes.
    #[inline]
    fn publish(&self, queue: &RunQueue) {
        self.waiting.store(queue.len() as u64, Relaxed);
        self.floor.store(queue.floor(), Relaxed);
    }

    fn is_idle_task(&self, task: &Task) -> bool {
        self.idle
            .get()
            .is_some_and(|idle| core::ptr::eq(&raw const **idle, task))
    }
}

static CPUS: PerCpu<Cpu> = PerCpu::from_array([const { Cpu::new() }; MAX_CPUS]);

/// The processors that schedule.
static ACTIVE: AtomicCpuMask = AtomicCpuMask::new(CpuMask::EMPTY);

/// The processors with nothing to do. A hint: who queues a task decides under the queue's lock.
static IDLE: AtomicCpuMask = AtomicCpuMask::new(CpuMask::EMPTY);

/// Tasks started since the machine was (`processes` of `/proc/stat`).
static STARTED: AtomicU64 = AtomicU64::new(0);

struct Fair;

impl Scheduler for Fair {
    fn enqueue(&self, task: Arc<Task>, wake: Wake) {
        place::enqueue(task, wake);
    }

    fn switch_away(&self) {
        switch::switch_away();
    }

    fn yield_now(&self) {
        switch::yield_now();
    }
}

/// What hal calls; put these into its hooks.
pub mod hooks {
    pub use super::switch::{after_switch, reschedule, timer_expired};
}

/// Makes the flow that runs here this processor's idle task, and lets tasks run on it. On the boot
/// processor first; hal's hooks are installed.
pub fn init_cpu() {
    let here = hal::cpu::current();
    let idle = Task::adopt_idle(TaskName::from("idle"));
    idle.entity().set_cpu(here);
    idle.entity().starts(hal::time::ticks());
    let cpu = CPUS.on(here);
    if cpu.idle.set(idle).is_ok() {
        sync::sched::install(&Fair);
        ACTIVE.insert(here);
        if here == CpuId::BOOT {
            load::start();
        }
    }
}

/// The rest of this processor's idle task: runs what there is, takes from the others, waits.
pub fn idle() -> ! {
    loop {
        balance::idle_once();
    }
}

/// The processors that schedule.
#[must_use]
pub fn active() -> CpuMask {
    ACTIVE.load()
}

/// Where one processor's time went.
#[derive(Clone, Copy, Debug)]
pub struct CpuTimes {
    /// Nanoseconds in programs.
    pub user: u64,
    /// Nanoseconds in the kernel.
    pub system: u64,
    /// Nanoseconds without work.
    pub idle: u64,
    /// Switches from one task to another.
    pub switches: u64,
}

/// Where `cpu`'s time went until its last switch, the idle time until now.
#[must_use]
pub fn times(cpu: CpuId) -> CpuTimes {
    let times = &CPUS.on(cpu).times;
    CpuTimes {
        user: ticks_to_ns(times.user.load(Relaxed)),
        system: ticks_to_ns(times.system.load(Relaxed)),
        idle: ticks_to_ns(times.idle.load(Relaxed) + switch::idle_since(cpu)),
        switches: times.switches.load(Relaxed),
    }
}

/// Tasks started since the machine was.
#[must_use]
pub fn started() -> u64 {
    STARTED.load(Relaxed)
}

/// Tasks there are, the kernel's own included.
#[must_use]
pub fn living() -> u64 {
    started().saturating_sub(sync::ended())
}

/// Tasks that run or wait to.
#[must_use]
pub fn runnable() -> usize {
    ACTIVE
        .load()
        .iter()
        .map(|cpu| {
            let cpu = CPUS.on(cpu);
            let busy = !cpu.queue.lock().is_idle();
            usize::from(busy) + cpu.waiting.load(Relaxed) as usize
        })
        .sum()
}

/// The task may run on other processors now: moves it if it is where it may not be.
pub fn affinity_changed(task: &Arc<Task>) {
    place::affinity_changed(task);
}
