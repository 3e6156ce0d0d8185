//! What a thread has set for itself, by `prctl` and calls like it, and what is counted of it.

use abi::Result;
use core::sync::atomic::{AtomicU64, Ordering};

use hal::UserAddr;
use sync::TaskName;

use super::{Thread, flag};
use crate::rseq::Registration;
use crate::usage::Io;

impl Thread {
    /// This thread, which runs, has tried to read from a file.
    #[inline(always)]
    pub fn has_read(&self, done: &Result<usize>) {
        self.has_moved(false, done);
    }

    /// This thread, which runs, has tried to write to a file.
    #[inline(always)]
    pub fn has_written(&self, done: &Result<usize>) {
        self.has_moved(true, done);
    }

    #[inline(always)]
    fn has_moved(&self, writing: bool, done: &Result<usize>) {
        // Nobody else writes these.
        let add = |count: &AtomicU64, n: usize| {
            count.store(
                count.load(Ordering::Relaxed).wrapping_add(n as u64),
                Ordering::Relaxed,
            );
        };
        let [read, written, reads, writes] = &self.io;
        let (bytes, calls) = if writing {
            (written, writes)
        } else {
            (read, reads)
        };
        if let Ok(moved) = done {
            add(bytes, *moved);
        }
        add(calls, 1);
    }

    /// What it has read and written so far.
    pub fn io(&self) -> Io {
        Io(self
            .io
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed)))
    }

    /// The word to clear and wake when the thread ends (`set_tid_address`).
    pub fn clear_child_tid(&self) -> UserAddr {
        UserAddr(self.clear_child_tid.load(Ordering::Relaxed))
    }

    /// Sets the word to clear and wake when the thread ends.
    pub fn set_clear_child_tid(&self, word: UserAddr) {
        self.clear_child_tid.store(word.0, Ordering::Relaxed);
    }

    /// What it registered by `rseq`.
    #[inline]
    pub fn rseq(&self) -> &Registration {
        &self.rseq
    }

    /// Has the thread look at its restartable sequence before it next returns to its program.
    pub fn look_at_rseq(&self) {
        self.raise(flag::RSEQ);
        self.look_up();
    }

    /// Head of the list of robust futexes (`set_robust_list`).
    pub fn robust_list(&self) -> UserAddr {
        UserAddr(self.robust_list.load(Ordering::Relaxed))
    }

    /// Sets the head of the list of robust futexes.
    pub fn set_robust_list(&self, head: UserAddr) {
        self.robust_list.store(head.0, Ordering::Relaxed);
    }

    /// Signal sent when the parent thread ends (`PR_SET_PDEATHSIG`); 0 for none.
    pub fn parent_death_signal(&self) -> i32 {
        self.parent_death_signal.load(Ordering::Relaxed)
    }

    /// Sets the signal sent when the parent thread ends.
    pub fn set_parent_death_signal(&self, signo: i32) {
        self.parent_death_signal.store(signo, Ordering::Relaxed);
    }

    /// How late timers may fire, nanoseconds (`PR_SET_TIMERSLACK`).
    pub fn timer_slack(&self) -> u64 {
        self.timer_slack.load(Ordering::Relaxed)
    }

    /// Sets how late timers may fire.
    pub fn set_timer_slack(&self, ns: u64) {
        self.timer_slack.store(ns, Ordering::Relaxed);
    }

    /// When the thread is told of memory that failed: `PR_MCE_KILL_*`.
    pub fn memory_failure(&self) -> u8 {
        self.memory_failure.load(Ordering::Relaxed)
    }

    /// Sets when.
    pub fn set_memory_failure(&self, policy: u8) {
        self.memory_failure.store(policy, Ordering::Relaxed);
    }

    /// The priority of its input and output, as `ioprio_set` has it.
    pub fn io_priority(&self) -> u16 {
        self.io_priority.load(Ordering::Relaxed)
    }

    /// Sets what [`Thread::io_priority`] gives.
    pub fn set_io_priority(&self, priority: u16) {
        self.io_priority.store(priority, Ordering::Relaxed);
    }

    /// Counts a page fault; `major` when it read a device.
    pub fn count_fault(&self, major: bool) {
        let [minor, major_count] = &self.faults;
        let counter = if major { major_count } else { minor };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Minor and major page faults.
    pub fn fault_counts(&self) -> (u64, u64) {
        let [minor, major] = &self.faults;
        (minor.load(Ordering::Relaxed), major.load(Ordering::Relaxed))
    }

    /// When it was made, nanoseconds since the machine started.
    pub fn start_ns(&self) -> u64 {
        self.start_ns
    }

    /// Its name (`/proc/[pid]/comm`).
    pub fn name(&self) -> TaskName {
        self.task()
            .map_or_else(|| TaskName::new(b""), |task| task.name())
    }

    /// Renames it.
    pub fn set_name(&self, name: &[u8]) {
        if let Some(task) = self.task() {
            task.set_name(TaskName::new(name));
        }
    }
}
