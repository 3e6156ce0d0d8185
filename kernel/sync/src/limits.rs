//! Resource limits (`man 2 getrlimit`).

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// No limit.
pub const INFINITY: u64 = u64::MAX;

/// A resource, numbered as on AArch64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[allow(missing_docs, reason = "the names are getrlimit(2)'s")]
pub enum Resource {
    Cpu = 0,
    FileSize = 1,
    Data = 2,
    Stack = 3,
    Core = 4,
    Rss = 5,
    Processes = 6,
    OpenFiles = 7,
    LockedMemory = 8,
    AddressSpace = 9,
    Locks = 10,
    SignalsPending = 11,
    MessageQueue = 12,
    Nice = 13,
    RealtimePriority = 14,
    RealtimeTime = 15,
}

/// How many resources there are.
pub const RESOURCES: usize = 16;

impl Resource {
    /// The resource of a number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        use Resource::{
            AddressSpace, Core, Cpu, Data, FileSize, LockedMemory, Locks, MessageQueue, Nice,
            OpenFiles, Processes, RealtimePriority, RealtimeTime, Rss, SignalsPending, Stack,
        };
        const ALL: [Resource; RESOURCES] = [
            Cpu,
            FileSize,
            Data,
            Stack,
            Core,
            Rss,
            Processes,
            OpenFiles,
            LockedMemory,
            AddressSpace,
            Locks,
            SignalsPending,
            MessageQueue,
            Nice,
            RealtimePriority,
            RealtimeTime,
        ];
        ALL.get(number as usize).copied()
    }
}

/// A soft and a hard limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rlimit {
    /// What is enforced.
    pub soft: u64,
    /// How far the soft limit may be raised.
    pub hard: u64,
}

impl Rlimit {
    const fn new(soft: u64, hard: u64) -> Self {
        Self { soft, hard }
    }
}

/// A process's limits. Reading one costs a load; a pair that is being set may be read half old, as the
/// two are checked apart anyway.
#[derive(Debug)]
pub struct Limits {
    soft: [AtomicU64; RESOURCES],
    hard: [AtomicU64; RESOURCES],
}

impl Limits {
    /// What Linux gives the first process, with `tasks` for the numbers it derives from memory
    /// (processes, pending signals).
    #[must_use]
    pub fn first(tasks: u64) -> Self {
        let unlimited = Rlimit::new(INFINITY, INFINITY);
        let limits = Self {
            soft: [const { AtomicU64::new(INFINITY) }; RESOURCES],
            hard: [const { AtomicU64::new(INFINITY) }; RESOURCES],
        };
        for (resource, limit) in [
            (Resource::Stack, Rlimit::new(8 << 20, INFINITY)),
            (Resource::Core, Rlimit::new(0, INFINITY)),
            (Resource::Processes, Rlimit::new(tasks, tasks)),
            (Resource::OpenFiles, Rlimit::new(1024, 4096)),
            (Resource::LockedMemory, Rlimit::new(8 << 20, 8 << 20)),
            (Resource::SignalsPending, Rlimit::new(tasks, tasks)),
            (Resource::MessageQueue, Rlimit::new(819_200, 819_200)),
            (Resource::Nice, Rlimit::new(0, 0)),
            (Resource::RealtimePriority, Rlimit::new(0, 0)),
            (Resource::RealtimeTime, unlimited),
        ] {
            limits.set(resource, limit);
        }
        limits
    }

    /// The limit that is enforced.
    #[inline]
    #[must_use]
    pub fn soft(&self, resource: Resource) -> u64 {
        self.soft
            .get(resource as usize)
            .map_or(INFINITY, |limit| limit.load(Relaxed))
    }

    /// Both limits.
    #[must_use]
    pub fn get(&self, resource: Resource) -> Rlimit {
        let hard = self
            .hard
            .get(resource as usize)
            .map_or(INFINITY, |limit| limit.load(Relaxed));
        Rlimit {
            soft: self.soft(resource),
            hard,
        }
    }

    /// Sets both limits; the caller has checked his right to.
    pub fn set(&self, resource: Resource, limit: Rlimit) {
        let index = resource as usize;
        if let (Some(soft), Some(hard)) = (self.soft.get(index), self.hard.get(index)) {
            soft.store(limit.soft, Relaxed);
            hard.store(limit.hard, Relaxed);
        }
    }
}

impl Clone for Limits {
    fn clone(&self) -> Self {
        let copy = |from: &[AtomicU64; RESOURCES]| {
            core::array::from_fn(|index| {
                AtomicU64::new(
                    from.get(index)
                        .map_or(INFINITY, |limit| limit.load(Relaxed)),
                )
            })
        };
        Self {
            soft: copy(&self.soft),
            hard: copy(&self.hard),
        }
    }
}
