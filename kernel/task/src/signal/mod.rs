//! Signals: sending, queueing, choosing who takes one, stopping and continuing.
//!
//! A process's [`GroupSignals`] lock guards its shared queue, its list of threads and how it is
//! ending; each thread's own queue has a lock that nests in it. Both keep interrupts off, because
//! timers send from interrupts. Threads are kicked under the lock; parents are told outside it.

pub mod action;
pub mod altstack;
pub mod deliver;
pub mod frame;
pub mod info;
pub mod many;
pub mod pending;
pub mod send;
pub mod stop;

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::signal::{SIGKILL, SigSet};

pub use action::SigHand;
pub use info::SigInfo;
pub use many::send_to_group;
pub use pending::Pending;
pub use send::{Origin, force, force_default, send_to_process, send_to_thread};

use crate::process::Process;
use crate::thread::{Thread, flag};
use crate::timers;

/// Where job control has a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JobState {
    /// It runs.
    #[default]
    Running,
    /// Its threads are stopping for a signal.
    Stopping(i32),
    /// All of its threads have stopped.
    Stopped(i32),
}

/// A change its parent may wait for and has not yet seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Stopped by a signal.
    Stopped(i32),
    /// Continued.
    Continued,
}

/// What a process's threads share of signals.
pub struct GroupSignals {
    /// Signals any thread may take.
    pub pending: Pending,
    /// What is done with each signal.
    pub sighand: Arc<SigHand>,
    /// The threads, oldest first.
    pub threads: Vec<Arc<Thread>>,
    /// The wait status all threads are ending with.
    pub end: Option<i32>,
    /// A thread is in exec and waits for the others to end.
    pub in_exec: bool,
    /// Job control.
    pub job: JobState,
    /// Threads that have stopped.
    pub stopped: usize,
    /// How often it was continued: a stop signal taken before has no effect any more.
    pub continued: u32,
    /// Threads that are about to fork.
    pub forks: u32,
    /// What the parent has not waited for.
    pub change: Option<Change>,
    /// What the parent has not been told.
    pub untold: Option<Change>,
    /// Process 1: default actions do not reach it.
    pub unkillable: bool,
    /// Where the search for a taker starts.
    next: usize,
}

impl GroupSignals {
    /// No threads, nothing pending.
    pub fn new(sighand: Arc<SigHand>) -> Self {
        Self {
            pending: Pending::default(),
            sighand,
            threads: Vec::new(),
            end: None,
            in_exec: false,
            job: JobState::Running,
            stopped: 0,
            continued: 0,
            forks: 0,
            change: None,
            untold: None,
            unkillable: false,
            next: 0,
        }
    }

    /// Whether a thread stands still by job control.
    fn has_stopped(&self, thread: &Thread) -> bool {
        match self.job {
            JobState::Running => false,
            // Who is still to stop has been told so.
            JobState::Stopping(_) => !thread.has(flag::STOP),
            JobState::Stopped(_) => true,
        }
    }

    /// Sets or clears a thread's [`flag::SIGNAL`] by what is pending.
    pub fn recalculate(&self, thread: &Thread) {
        let own = thread.signals().lock().pending.set();
        self.recalculate_with(thread, own);
    }

    pub(crate) fn recalculate_with(&self, thread: &Thread, own: SigSet) {
        let ready = own.union(self.pending.set()).minus(thread.mask());
        if !ready.is_empty() || self.untold.is_some() {
            thread.raise(flag::SIGNAL);
        } else if thread.has(flag::SIGNAL) {
            thread.lower(flag::SIGNAL);
        }
    }

    /// Starts the end of the whole process. The first status counts.
    pub fn begin_end(&mut self, status: i32) {
        if self.end.is_some() {
            return;
        }
        self.end = Some(status);
        self.job = JobState::Running;
        for thread in &self.threads {
            thread.raise(flag::KILLED | flag::EXIT);
            thread.kick();
        }
    }
}

/// Ends a process with a wait status, as `exit_group` and fatal signals do.
pub fn end_process(process: &Process, status: i32) {
    process.signals().lock().begin_end(status);
}

/// Changes the calling thread's mask; answers the old one.
pub fn set_mask(thread: &Thread, mask: SigSet) -> SigSet {
    let old = thread.mask();
    if old == mask.minus(SigSet::UNBLOCKABLE) {
        return old;
    }
    let group = thread.process().signals().lock();
    thread.store_mask(mask);
    // Signals this thread no longer takes go to one that does.
    let newly = mask.minus(old).and(group.pending.set());
    if !newly.is_empty() {
        for other in &group.threads {
            if !core::ptr::eq(&raw const **other, thread)
                && !newly.minus(other.mask()).is_empty()
                && !other.has(flag::EXIT)
            {
                other.raise(flag::SIGNAL);
                other.kick();
            }
        }
    }
    group.recalculate(thread);
    if thread.has(flag::SIGNAL) {
        thread.kick();
    }
    old
}

/// Puts a mask in force for one call (`sigsuspend`, `ppoll`, `pselect`, `epoll_pwait`). The old one
/// comes back by [`restore_mask`], or after a handler the call was interrupted by.
pub fn set_temporary_mask(thread: &Thread, mask: SigSet) {
    let old = set_mask(thread, mask);
    thread.signals().lock().saved_mask = Some(old);
    thread.raise(flag::RESTORE_MASK);
}

/// Ends a temporary mask. A call that was `interrupted` by a signal leaves it in force: the signal is
/// taken under it, and its frame restores the old one.
pub fn restore_mask(thread: &Thread, interrupted: bool) {
    if interrupted && thread.has(flag::SIGNAL) {
        return;
    }
    take_saved_mask(thread);
}

/// Puts the mask set aside back in force.
pub(crate) fn take_saved_mask(thread: &Thread) {
    let saved = thread.signals().lock().saved_mask.take();
    thread.lower(flag::RESTORE_MASK);
    if let Some(mask) = saved {
        set_mask(thread, mask);
    }
}

/// Takes a pending signal of `wanted` for the calling thread, its own first.
pub fn take_pending(thread: &Thread, wanted: SigSet) -> Option<SigInfo> {
    let mut group = thread.process().signals().lock();
    let mut own = thread.signals().lock();
    let blocked = SigSet(!wanted.0);
    let mut info = own
        .pending
        .take(blocked)
        .or_else(|| group.pending.take(blocked));
    let left = own.pending.set();
    drop(own);
    group.recalculate_with(thread, left);
    drop(group);
    if let Some(info) = info.as_mut().filter(|info| timers::concerns(info)) {
        timers::taken(thread.process(), info);
    }
    info
}

/// Signals pending for the calling thread or its process.
pub fn pending(thread: &Thread) -> SigSet {
    let group = thread.process().signals().lock();
    let own = thread.signals().lock().pending.set();
    own.union(group.pending.set())
}

/// Whether a `SIGKILL` is on its way to the thread.
pub fn is_being_killed(thread: &Thread) -> bool {
    thread.is_killed() || pending(thread).has(SIGKILL)
}
