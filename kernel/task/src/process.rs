//! A process: what its threads share and its relatives see.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, Ordering};
use sync::SortedMap;

use crate::exec::Executable;
use abi::signal::SigSet;
use sync::{Credentials, IrqLock, Limits, Pollee, SpinLock, TaskName, rank};

use crate::jobs::Terminal;
use crate::signal::GroupSignals;
use crate::thread::Thread;
use crate::timers::ProcessTimers;
use crate::tree::Life;
use crate::usage::Usage;
use crate::user::User;

/// Numbers of system calls that are counted.
pub const CALLS: usize = 480;

/// Kinds of failures, a call and an errno, that are counted of a process.
const KINDS: usize = 256;

/// The program a process runs.
#[derive(Clone, Default)]
pub struct Program {
    /// Its file (`/proc/[pid]/exe`).
    pub exe: Option<Arc<Executable>>,
    /// Auxiliary vector.
    pub auxv: Arc<[u64]>,
}

/// How often each call was made and how often it failed.
pub struct CallCounts {
    calls: Option<Box<[AtomicU32; CALLS]>>,
    errors: SpinLock<SortedMap<(u16, u16), u32>, { rank::LEAF }>,
}

impl Default for CallCounts {
    fn default() -> Self {
        let mut calls = Vec::new();
        // Without memory for the counters nothing is counted; the calls go on.
        if calls.try_reserve_exact(CALLS).is_ok() {
            calls.resize_with(CALLS, AtomicU32::default);
        }
        Self {
            calls: calls.into_boxed_slice().try_into().ok(),
            errors: SpinLock::new(SortedMap::new()),
        }
    }
}

impl CallCounts {
    /// Counts a call.
    #[inline(always)]
    pub fn count(&self, number: usize) {
        if let Some(calls) = &self.calls
            && let Some(counter) = calls.get(number)
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a failure, if it is one of those there is room for.
    #[cold]
    pub fn count_error(&self, number: usize, errno: abi::Errno) {
        let key = (number as u16, errno.number() as u16);
        let mut errors = self.errors.lock();
        let known = errors.get(&key).is_some();
        if number >= CALLS || !known && (errors.len() >= KINDS || !errors.try_reserve(1)) {
            return;
        }
        let count = errors.get_or_insert_with(key, || 0);
        *count = count.saturating_add(1);
    }

    /// Number and count of each call that was made.
    pub fn calls(&self) -> impl Iterator<Item = (usize, u32)> {
        self.calls
            .iter()
            .flat_map(|calls| calls.iter())
            .map(|count| count.load(Ordering::Relaxed))
            .enumerate()
            .filter(|(_, count)| *count > 0)
    }

    /// Number, errno and count of each kind of failure.
    pub fn errors(&self) -> Vec<(u16, u16, u32)> {
        self.errors
            .lock()
            .iter()
            .map(|((number, errno), count)| (*number, *errno, *count))
            .collect()
    }
}

/// A process.
pub struct Process {
    pid: u32,
    parent: AtomicU32,
    group: AtomicU32,
    session: AtomicU32,
    signals: IrqLock<GroupSignals, { rank::SIGNAL }>,
    limits: Limits,
    program: SpinLock<Program, { rank::LEAF }>,
    /// Told when a child ends, stops or goes on.
    pub child_events: Pollee,
    /// Told when the process ends (pidfd).
    pub exit_events: Pollee,
    /// Told when one of its threads ends (exec waits for the others).
    pub thread_events: Pollee,
    /// Told when a signal becomes pending (signalfd).
    pub signal_events: Arc<Pollee>,
    /// What its ended threads and waited-for children have used.
    usage: SpinLock<(Usage, Usage), { rank::LEAF }>,
    /// Its timers.
    pub timers: ProcessTimers,
    /// What its calls are counted in.
    pub counts: CallCounts,
    wait_status: AtomicI32,
    ending: AtomicBool,
    /// How its node stands, for who cannot take the tree's lock.
    life: AtomicU8,
    subreaper: AtomicBool,
    dumpable: AtomicU8,
    /// Greatest resident size of the memory it has left, KiB.
    peak_rss: AtomicU64,
    tty: SpinLock<Option<Terminal>, { rank::LEAF }>,
    oom_score_adj: AtomicI32,
    oom_score_adj_min: AtomicI32,
    personality: AtomicU32,
    /// Name and rights of the leader that left, or of another thread before it.
    last: SpinLock<Option<(TaskName, Arc<Credentials>)>, { rank::LEAF }>,
    /// Who it counts for after the end of its last thread, until somebody has waited for it.
    counted: SpinLock<Option<Arc<User>>, { rank::LEAF }>,
    start_ns: u64,
}

impl Process {
    /// A process without threads or relations yet.
    pub fn new(pid: u32, signals: GroupSignals, limits: Limits) -> Self {
        Self {
            pid,
            parent: AtomicU32::new(0),
            group: AtomicU32::new(0),
            session: AtomicU32::new(0),
            signals: IrqLock::new(signals),
            limits,
            program: SpinLock::new(Program::default()),
            child_events: Pollee::new(),
            exit_events: Pollee::new(),
            thread_events: Pollee::new(),
            signal_events: Arc::new(Pollee::new()),
            usage: SpinLock::new((Usage::default(), Usage::default())),
            timers: ProcessTimers::default(),
            counts: CallCounts::default(),
            wait_status: AtomicI32::new(0),
            ending: AtomicBool::new(false),
            life: AtomicU8::new(Life::Alive as u8),
            subreaper: AtomicBool::new(false),
            dumpable: AtomicU8::new(1),
            peak_rss: AtomicU64::new(0),
            tty: SpinLock::new(None),
            oom_score_adj: AtomicI32::new(0),
            oom_score_adj_min: AtomicI32::new(0),
            personality: AtomicU32::new(0),
            last: SpinLock::new(None),
            counted: SpinLock::new(None),
            start_ns: hal::time::now_ns(),
        }
    }

    /// Its identity (tgid).
    #[inline]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its parent's identity; 0 for process 1.
    #[inline]
    pub fn parent_pid(&self) -> u32 {
        self.parent.load(Ordering::Relaxed)
    }

    pub(crate) fn set_parent_pid(&self, pid: u32) {
        self.parent.store(pid, Ordering::Relaxed);
    }

    /// Its process group.
    pub fn group(&self) -> u32 {
        self.group.load(Ordering::Relaxed)
    }

    pub(crate) fn set_group(&self, group: u32) {
        self.group.store(group, Ordering::Relaxed);
    }

    /// Its session.
    pub fn session(&self) -> u32 {
        self.session.load(Ordering::Relaxed)
    }

    pub(crate) fn set_session(&self, session: u32) {
        self.session.store(session, Ordering::Relaxed);
    }

    /// Its shared signal state, its threads and how it is ending.
    pub fn signals(&self) -> &IrqLock<GroupSignals, { rank::SIGNAL }> {
        &self.signals
    }

    /// Its threads, the leader first while there is one.
    pub fn threads(&self) -> Vec<Arc<Thread>> {
        self.signals.lock().threads.clone()
    }

    /// A thread to ask about what all share.
    pub fn any_thread(&self) -> Option<Arc<Thread>> {
        self.signals.lock().threads.first().cloned()
    }

    /// The number of a thread to hand things to; 0 when none is left.
    pub(crate) fn any_tid(&self) -> u32 {
        self.any_thread().map_or(0, |thread| thread.tid())
    }

    /// The signal one of its threads wants when the parent ends.
    pub(crate) fn parent_death_signal(&self) -> Option<i32> {
        self.signals
            .lock()
            .threads
            .iter()
            .map(|thread| thread.parent_death_signal())
            .find(|signo| *signo != 0)
    }

    /// Its controlling terminal.
    pub fn tty(&self) -> Option<Terminal> {
        self.tty.lock().clone()
    }

    /// Sets or clears its controlling terminal; answers the old one.
    pub fn set_tty(&self, tty: Option<Terminal>) -> Option<Terminal> {
        core::mem::replace(&mut *self.tty.lock(), tty)
    }

    /// Greatest resident size so far, KiB.
    pub fn max_rss(&self) -> u64 {
        let now = self
            .any_thread()
            .and_then(|thread| thread.mm().ok())
            .map_or(0, |mm| peak_kib(&mm));
        now.max(self.peak_rss.load(Ordering::Relaxed))
    }

    /// Remembers how large an address space has been that the process leaves.
    pub(crate) fn note_rss(&self, mm: &mm::AddressSpace) {
        self.peak_rss.fetch_max(peak_kib(mm), Ordering::Relaxed);
    }

    /// Its resource limits.
    #[inline]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The program it runs.
    pub fn program(&self) -> Program {
        self.program.lock().clone()
    }

    pub(crate) fn set_program(&self, program: Program) -> Program {
        core::mem::replace(&mut *self.program.lock(), program)
    }

    /// What its ended threads have used.
    pub fn ended_usage(&self) -> Usage {
        self.usage.lock().0
    }

    /// What its waited-for children have used.
    pub fn children_usage(&self) -> Usage {
        self.usage.lock().1
    }

    pub(crate) fn add_ended(&self, usage: &Usage) {
        self.usage.lock().0.add(usage);
    }

    pub(crate) fn add_child(&self, usage: &Usage) {
        self.usage.lock().1.add(usage);
    }

    /// What the process has used so far, its children left out.
    pub fn usage(&self) -> Usage {
        self.usage_of(&self.signals.lock())
    }

    /// The same, by its signal state that is locked already: a thread leaves its list and is added to the
    /// ended in one hold of that lock.
    pub(crate) fn usage_of(&self, group: &GroupSignals) -> Usage {
        let mut sum = self.ended_usage();
        for thread in &group.threads {
            sum.add(&Usage::of_thread(thread));
        }
        sum
    }

    /// The status a wait call reports.
    pub fn wait_status(&self) -> i32 {
        self.wait_status.load(Ordering::Relaxed)
    }

    pub(crate) fn set_wait_status(&self, status: i32) {
        self.wait_status.store(status, Ordering::Relaxed);
    }

    /// Whether its last thread is gone or going.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Where it stands in its life, as a look at the tree would say.
    pub fn life(&self) -> Life {
        match self.life.load(Ordering::Acquire) {
            0 => Life::Alive,
            1 => Life::Zombie,
            _ => Life::Gone,
        }
    }

    /// The tree is locked.
    pub(crate) fn set_life(&self, life: Life) {
        self.life.store(life as u8, Ordering::Release);
    }

    pub(crate) fn set_ending(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Whether orphans among its descendants become its children (`PR_SET_CHILD_SUBREAPER`).
    pub fn is_subreaper(&self) -> bool {
        self.subreaper.load(Ordering::Relaxed)
    }

    /// Makes it, or no longer, a subreaper.
    pub fn set_subreaper(&self, on: bool) {
        self.subreaper.store(on, Ordering::Relaxed);
    }

    /// `PR_GET_DUMPABLE`: 1 when others of its user may look into it.
    pub fn dumpable(&self) -> u8 {
        self.dumpable.load(Ordering::Relaxed)
    }

    /// Sets whether others of its user may look into it.
    pub fn set_dumpable(&self, dumpable: u8) {
        self.dumpable.store(dumpable, Ordering::Relaxed);
    }

    /// How willing it is to be killed when memory runs out: -1000 (never) to 1000.
    pub fn oom_score_adj(&self) -> i32 {
        self.oom_score_adj.load(Ordering::Relaxed)
    }

    /// Sets how willing it is to be killed when memory runs out.
    pub fn set_oom_score_adj(&self, adj: i32) {
        self.oom_score_adj.store(adj, Ordering::Relaxed);
    }

    /// How far down `oom_score_adj` may be set without privilege: what a privileged one set last.
    pub fn oom_score_adj_min(&self) -> i32 {
        self.oom_score_adj_min.load(Ordering::Relaxed)
    }

    /// Sets how far down `oom_score_adj` may be set without privilege.
    pub fn set_oom_score_adj_min(&self, adj: i32) {
        self.oom_score_adj_min.store(adj, Ordering::Relaxed);
    }

    /// `personality(2)`.
    pub fn personality(&self) -> u32 {
        self.personality.load(Ordering::Relaxed)
    }

    /// Sets the personality.
    pub fn set_personality(&self, personality: u32) {
        self.personality.store(personality, Ordering::Relaxed);
    }

    /// Its real user, now or at its end.
    pub fn last_known_uid(&self) -> u32 {
        self.any_thread()
            .map_or_else(|| self.last_uid(), |thread| thread.cred().uid)
    }

    /// Its real user; remembered when its last thread is gone.
    pub fn last_uid(&self) -> u32 {
        self.last.lock().as_ref().map_or(0, |(_, cred)| cred.uid)
    }

    /// Remembers a thread that leaves, the leader above all: a zombie has its name and rights.
    pub(crate) fn remember(&self, thread: &Thread) {
        let known = self.last.lock().is_some();
        if thread.is_leader() || !known {
            // The name has a lock of its own, of the same rank.
            let new = (thread.name(), thread.cred());
            let old = self.last.lock().replace(new);
            drop(old);
        }
    }

    /// Counts for `user` in place of its last thread.
    pub(crate) fn count_for(&self, user: Arc<User>) {
        *self.counted.lock() = Some(user);
    }

    /// Counts for nobody any more.
    pub(crate) fn leave_user(&self) {
        let user = self.counted.lock().take();
        if let Some(user) = user {
            user.leave();
        }
    }

    /// Its name and rights, of its oldest thread while there is one.
    pub fn name_and_cred(&self) -> Option<(TaskName, Arc<Credentials>)> {
        if let Some(thread) = self.any_thread() {
            return Some((thread.name(), thread.cred()));
        }
        self.last.lock().clone()
    }

    /// When it was made, nanoseconds since the machine started.
    pub fn start_ns(&self) -> u64 {
        self.start_ns
    }

    /// Copies what a forked child inherits of the process's own settings.
    pub(crate) fn inherit(&self, parent: &Process) {
        self.set_dumpable(parent.dumpable());
        self.set_oom_score_adj(parent.oom_score_adj());
        self.set_oom_score_adj_min(parent.oom_score_adj_min());
        self.set_personality(parent.personality());
        self.set_program(parent.program());
        self.timers.cpu.inherit_limit(self);
    }

    /// Signals pending for the whole process.
    pub fn shared_pending(&self) -> SigSet {
        self.signals.lock().pending.set()
    }
}

fn peak_kib(mm: &mm::AddressSpace) -> u64 {
    (mm.stats().peak_resident * (hal::PAGE_SIZE / 1024)) as u64
}
