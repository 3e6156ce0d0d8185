//! The checks of lock order and of sleeping while atomic. Empty in the Image that ships.

#[cfg(any(debug_assertions, feature = "lockdep"))]
pub use on::might_sleep;
#[cfg(any(debug_assertions, feature = "lockdep"))]
pub(crate) use on::{Held, Kind, acquire, release};

#[cfg(not(any(debug_assertions, feature = "lockdep")))]
pub use off::might_sleep;
#[cfg(not(any(debug_assertions, feature = "lockdep")))]
pub(crate) use off::{Held, Kind, acquire, release};

#[cfg(not(any(debug_assertions, feature = "lockdep")))]
mod off {
    /// What a lock does to its holder.
    #[derive(Clone, Copy)]
    pub(crate) enum Kind {
        Spin,
        Sleep,
    }

    /// Nothing is recorded in this build.
    pub(crate) struct Held;

    impl Held {
        pub(crate) const fn new() -> Self {
            Self
        }
    }

    #[inline]
    pub(crate) fn acquire(_rank: u8, _kind: Kind, _nested: bool) {}

    #[inline]
    pub(crate) fn release(_rank: u8, _kind: Kind) {}

    /// Says that the caller may sleep here. Checked in test builds only.
    #[inline]
    pub fn might_sleep() {}
}

#[cfg(any(debug_assertions, feature = "lockdep"))]
#[allow(
    clippy::panic,
    reason = "the checker's purpose is to stop at the first fault; not in the shipped build"
)]
mod on {
    use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

    use crate::{machine, task};

    /// What a lock does to its holder.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Kind {
        Spin = 0,
        Sleep = 1,
    }

    /// Most locks one task holds at once; more are not checked.
    const DEPTH: usize = 24;

    /// The ranks a task holds, in order. Only the task itself writes here.
    pub(crate) struct Held {
        count: AtomicUsize,
        ranks: [AtomicU32; DEPTH],
    }

    impl Held {
        pub(crate) const fn new() -> Self {
            Self {
                count: AtomicUsize::new(0),
                ranks: [const { AtomicU32::new(0) }; DEPTH],
            }
        }

        fn live(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
            self.ranks
                .iter()
                .take(self.count.load(Relaxed))
                .map(|rank| rank.load(Relaxed))
        }
    }

    fn code(rank: u8, kind: Kind) -> u32 {
        u32::from(rank) << 1 | kind as u32
    }

    /// Records that a lock is about to be taken.
    pub(crate) fn acquire(rank: u8, kind: Kind, nested: bool) {
        if kind == Kind::Sleep {
            might_sleep();
        }
        if machine::in_interrupt() {
            return;
        }
        task::try_with_current(|task| {
            let held = task.held();
            if let Some(top) = held.live().map(|code| code >> 1).max()
                && (u32::from(rank) < top || u32::from(rank) == top && !nested)
            {
                let all: alloc::vec::Vec<_> = held.live().map(|code| code >> 1).collect();
                panic!("lock order: rank {rank} taken while holding {all:?}");
            }
            let count = held.count.load(Relaxed);
            if let Some(slot) = held.ranks.get(count) {
                slot.store(code(rank, kind), Relaxed);
                held.count.store(count + 1, Relaxed);
            }
        });
    }

    /// Records that a lock is free again; locks may go in any order.
    pub(crate) fn release(rank: u8, kind: Kind) {
        if machine::in_interrupt() {
            return;
        }
        task::try_with_current(|task| {
            let held = task.held();
            let count = held.count.load(Relaxed);
            let wanted = code(rank, kind);
            let Some(at) = held.live().rev().position(|code| code == wanted) else {
                return;
            };
            let from = count - 1 - at;
            for index in from..count - 1 {
                if let (Some(to), Some(next)) = (held.ranks.get(index), held.ranks.get(index + 1)) {
                    to.store(next.load(Relaxed), Relaxed);
                }
            }
            held.count.store(count - 1, Relaxed);
        });
    }

    /// Says that the caller may sleep here.
    ///
    /// # Panics
    /// When the caller holds a spin lock, has preemption off, or serves an interrupt.
    #[track_caller]
    pub fn might_sleep() {
        if !crate::sched::is_running() {
            return;
        }
        let count = machine::preempt_count();
        assert!(count == 0, "sleeping while atomic: preempt count {count}");
        task::try_with_current(|task| {
            if let Some(code) = task.held().live().find(|code| code & 1 == 0) {
                panic!(
                    "sleeping while atomic: spin lock of rank {} held",
                    code >> 1
                );
            }
        });
    }
}
