//! What the scheduler keeps about a task: where it may run, how much it has run, how urgent it is.
//!
//! Times are written by the processor that runs the task and read by anybody, so plain loads and stores
//! do; readers see a figure that was true a moment ago. They are in ticks of the machine's counter. How long the task
//! has run is one word: while it runs, less the counter's reading when it began, which makes it negative. How much of
//! that its program had is counted by the machine ([`Context::user_ticks`](hal::thread::Context::user_ticks)).

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed};

use hal::cpu::{AtomicCpuMask, CpuId, CpuMask};

/// A task in the scheduler's books.
#[derive(Debug)]
pub struct Entity {
    affinity: AtomicCpuMask,
    cpu: AtomicU32,
    nice: AtomicI32,
    policy: AtomicU32,
    /// The share that follows from the two.
    weight: AtomicU32,
    reset_on_fork: AtomicBool,
    /// Run time scaled by weight, in nanoseconds of a nice-0 task.
    vruntime: AtomicU64,
    ran: AtomicU64,
    booked: AtomicU64,
    booked_user: AtomicU64,
    voluntary: AtomicU64,
    involuntary: AtomicU64,
}

/// Weight of each nice level from -20 to 19; a step is a quarter more or less of the processor
/// (`man 7 sched`, "The nice value").
const WEIGHTS: [u32; 40] = [
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906, 3121, 2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87,
    70, 56, 45, 36, 29, 23, 18, 15,
];

/// Weight of a task at nice 0.
const NICE_0_WEIGHT: u32 = 1024;

/// Weight of a task of policy `SCHED_IDLE`.
const IDLE_WEIGHT: u32 = 3;
/// `SCHED_IDLE` (`man 2 sched_setscheduler`).
const SCHED_IDLE: u32 = 5;

/// Processor time that a task has had since it was asked last, in ticks.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// In its program.
    pub user: u64,
    /// In the kernel.
    pub system: u64,
}

impl Entity {
    pub(super) fn new() -> Self {
        Self {
            affinity: AtomicCpuMask::new(CpuMask::ALL),
            cpu: AtomicU32::new(u32::MAX),
            nice: AtomicI32::new(0),
            policy: AtomicU32::new(0),
            weight: AtomicU32::new(NICE_0_WEIGHT),
            reset_on_fork: AtomicBool::new(false),
            vruntime: AtomicU64::new(0),
            ran: AtomicU64::new(0),
            booked: AtomicU64::new(0),
            booked_user: AtomicU64::new(0),
            voluntary: AtomicU64::new(0),
            involuntary: AtomicU64::new(0),
        }
    }

    /// The processors the task may run on, whether they are there or not.
    #[inline]
    #[must_use]
    pub fn affinity(&self) -> CpuMask {
        self.affinity.load()
    }

    /// Sets the processors the task may run on; the scheduler moves it at its next switch.
    pub fn set_affinity(&self, mask: CpuMask) {
        self.affinity.store(mask);
    }

    /// The processor it runs on, is queued on, or ran on last; `None` before its first.
    #[inline]
    #[must_use]
    pub fn cpu(&self) -> Option<CpuId> {
        CpuId::new(self.cpu.load(Relaxed) as usize)
    }

    /// For the scheduler: where the task is queued.
    #[inline]
    pub fn set_cpu(&self, cpu: CpuId) {
        self.cpu.store(cpu.index() as u32, Relaxed);
    }

    /// -20 (most favoured) to 19.
    #[must_use]
    pub fn nice(&self) -> i32 {
        self.nice.load(Relaxed)
    }

    /// Sets the nice value, cut to its range.
    pub fn set_nice(&self, nice: i32) {
        self.nice.store(nice.clamp(-20, 19), Relaxed);
        self.weigh();
    }

    /// The scheduling policy's number: `SCHED_OTHER`, `SCHED_BATCH` or `SCHED_IDLE`.
    #[must_use]
    pub fn policy(&self) -> u32 {
        self.policy.load(Relaxed)
    }

    /// Sets the policy's number, which the caller has checked.
    pub fn set_policy(&self, policy: u32) {
        self.policy.store(policy, Relaxed);
        self.weigh();
    }

    /// Whether what it forks starts with no less than nice 0 (`SCHED_RESET_ON_FORK`).
    #[must_use]
    pub fn resets_on_fork(&self) -> bool {
        self.reset_on_fork.load(Relaxed)
    }

    /// Sets whether what it forks starts with no less than nice 0.
    pub fn set_resets_on_fork(&self, on: bool) {
        self.reset_on_fork.store(on, Relaxed);
    }

    /// The share of the processor it gets: 1024 at nice 0.
    #[inline]
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.weight.load(Relaxed)
    }

    fn weigh(&self) {
        let index = usize::try_from(self.nice() + 20).unwrap_or(20);
        let weight = match self.policy() {
            SCHED_IDLE => IDLE_WEIGHT,
            _ => WEIGHTS.get(index).copied().unwrap_or(NICE_0_WEIGHT),
        };
        self.weight.store(weight, Relaxed);
    }

    /// Weighted run time.
    #[inline]
    #[must_use]
    pub fn vruntime(&self) -> u64 {
        self.vruntime.load(Relaxed)
    }

    /// For the scheduler.
    #[inline]
    pub fn set_vruntime(&self, vruntime: u64) {
        self.vruntime.store(vruntime, Relaxed);
    }

    /// For the scheduler: the task begins to run, at this reading of the counter.
    #[inline]
    pub fn starts(&self, now: u64) {
        self.ran
            .store(self.ran.load(Relaxed).wrapping_sub(now), Relaxed);
    }

    /// For the scheduler: the task leaves the processor.
    #[inline]
    pub fn stops(&self, now: u64) {
        self.ran
            .store(self.ran.load(Relaxed).wrapping_add(now), Relaxed);
    }

    /// Whether a processor runs it.
    #[inline]
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.ran.load(Relaxed).cast_signed() < 0
    }

    /// Ticks that it has run, up to now.
    #[inline]
    #[must_use]
    pub fn ran(&self) -> u64 {
        let ran = self.ran.load(Relaxed);
        if ran.cast_signed() < 0 {
            ran.wrapping_add(hal::time::ticks())
        } else {
            ran
        }
    }

    /// Ticks that it has run and the scheduler has not booked.
    #[must_use]
    pub fn unbooked(&self) -> u64 {
        self.ran().saturating_sub(self.booked.load(Relaxed))
    }

    /// For the scheduler: books what the running task has had until now; its program has had `user` in all.
    #[inline]
    #[must_use]
    pub fn book(&self, now: u64, user: u64) -> Spent {
        let ran = self.ran.load(Relaxed).wrapping_add(now);
        let all = ran.wrapping_sub(self.booked.load(Relaxed));
        let user_part = user.wrapping_sub(self.booked_user.load(Relaxed));
        self.booked.store(ran, Relaxed);
        self.booked_user.store(user, Relaxed);
        Spent {
            user: user_part,
            system: all.saturating_sub(user_part),
        }
    }

    /// For the scheduler: the task was switched away from, of its own will or not.
    #[inline]
    pub fn count_switch(&self, voluntary: bool) {
        let counter = if voluntary {
            &self.voluntary
        } else {
            &self.involuntary
        };
        counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Switches away from the task: of its own will, and not.
    #[must_use]
    pub fn switches(&self) -> (u64, u64) {
        (self.voluntary.load(Relaxed), self.involuntary.load(Relaxed))
    }
}
