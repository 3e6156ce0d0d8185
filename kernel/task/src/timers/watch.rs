//! What waits for a process to use processor time: `setitimer(ITIMER_VIRTUAL, ITIMER_PROF)`, POSIX timers
//! and sleeps on processor-time clocks, `RLIMIT_CPU`.
//!
//! There is no tick to count. A timer is armed for the earliest moment at which enough could have been
//! used, and then looks again. While no thread of the process runs, nothing is armed: the first that gets
//! a processor arms it.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use abi::signal::{SIGKILL, SIGPROF, SIGVTALRM, SIGXCPU};
use abi::{Errno, Result};
use arrayvec::ArrayVec;
use sync::timer::Timer;
use sync::{Events, INFINITY, Instant, IrqLock, Once, Pollee, Resource, Rlimit, rank};

use super::{TICK_NS, forward, put_down};
use crate::cpu_clock::{CpuClock, Kind, Of};
use crate::process::Process;
use crate::signal::{GroupSignals, Origin, SigInfo, send_to_process};
use crate::thread::Thread;
use crate::usage::Usage;
use crate::wait::{Restart, WaitOptions, wait};

/// What is called when enough has been used.
pub(super) type Call = Arc<dyn Fn() + Send + Sync>;

/// The least time between two looks: late by no more than this, and Linux is by a tick.
const LEAST_NS: u64 = 200_000;

/// What comes due in one look, without memory; more in the next.
const BATCH: usize = 8;

/// Which interval timer of processor time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interval {
    /// `ITIMER_VIRTUAL`: time in the program.
    Virtual,
    /// `ITIMER_PROF`: time in the program and the kernel.
    Profiling,
}

impl Interval {
    fn signal(self) -> i32 {
        match self {
            Self::Virtual => SIGVTALRM,
            Self::Profiling => SIGPROF,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Virtual => Kind::User,
            Self::Profiling => Kind::Both,
        }
    }
}

/// A moment of the process's own time, 0 for none, and nanoseconds between two.
#[derive(Clone, Copy, Default)]
struct Periodic {
    due: u64,
    interval: u64,
}

struct Entry {
    /// To find it again by.
    key: usize,
    /// The one thread whose time counts; `None` for all.
    thread: Option<Weak<Thread>>,
    kind: Kind,
    due: u64,
    call: Call,
}

#[derive(Default)]
struct Books {
    virtual_time: Periodic,
    profiling: Periodic,
    entries: Vec<Entry>,
}

impl Books {
    fn interval(&mut self, which: Interval) -> &mut Periodic {
        match which {
            Interval::Virtual => &mut self.virtual_time,
            Interval::Profiling => &mut self.profiling,
        }
    }
}

enum Due {
    Signal(i32),
    Call(Call),
}

/// What waits for a process to use processor time.
#[derive(Default)]
pub struct Watch {
    books: IrqLock<Books, { rank::PROCESS_TIMER }>,
    timer: Once<Timer>,
    /// Something waits.
    on: AtomicBool,
    /// No thread runs and nothing is armed.
    parked: AtomicBool,
    /// What is to be used until the next look, while parked.
    left: AtomicU64,
    /// The most that the process's clocks have shown, user time and all.
    shown: [AtomicU64; 2],
}

/// What a process's threads have used, all by kinds.
fn used(usage: &Usage, kind: Kind) -> u64 {
    match kind {
        Kind::User => usage.user_ns,
        Kind::Both | Kind::Exact => usage.user_ns + usage.system_ns,
    }
}

impl Watch {
    /// What a process's clock shows that has counted `now`: never less than it did.
    pub(crate) fn shows(&self, kind: Kind, now: u64) -> u64 {
        let [user, all] = &self.shown;
        let shown = if kind == Kind::User { user } else { all };
        shown.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// Nanoseconds an interval timer has left, and between two times.
    pub fn get(&self, process: &Process, which: Interval) -> (u64, u64) {
        let now = used(&process.usage(), which.kind());
        let timer = *self.books.lock().interval(which);
        let left = match timer.due {
            0 => 0,
            // About to come.
            due if due <= now => TICK_NS,
            due => due - now,
        };
        (left, timer.interval)
    }

    /// Sets an interval timer, with a `value` of 0 to rest; what [`Watch::get`] said before.
    pub fn set(
        &self,
        process: &Arc<Process>,
        which: Interval,
        value: u64,
        interval: u64,
    ) -> (u64, u64) {
        let before = self.get(process, which);
        let now = used(&process.usage(), which.kind());
        let due = if value == 0 {
            0
        } else {
            now.saturating_add(value)
        };
        *self.books.lock().interval(which) = Periodic { due, interval };
        self.begin(process);
        before
    }

    /// `RLIMIT_CPU` has changed.
    pub fn limit_changed(&self, process: &Arc<Process>) {
        self.begin(process);
    }

    /// A process that does not run yet may have inherited a limit.
    pub(crate) fn inherit_limit(&self, process: &Process) {
        if process.limits().soft(Resource::Cpu) != INFINITY {
            self.parked.store(true, Ordering::Relaxed);
            self.on.store(true, Ordering::Relaxed);
        }
    }

    /// Calls when the clock has come to `due`. One entry a key.
    pub(super) fn add(process: &Arc<Process>, key: usize, clock: &CpuClock, due: u64, call: Call) {
        let watch = &process.timers.cpu;
        let thread = match &clock.of {
            Of::Thread(thread) => Some(Arc::downgrade(thread)),
            Of::Process(_) => None,
        };
        let entry = Entry {
            key,
            thread,
            kind: clock.kind,
            due,
            call,
        };
        let before = watch.take(key);
        watch.books.lock().entries.push(entry);
        drop(before);
        watch.begin(process);
    }

    fn take(&self, key: usize) -> Option<Entry> {
        let mut books = self.books.lock();
        let at = books.entries.iter().position(|entry| entry.key == key)?;
        Some(books.entries.swap_remove(at))
    }

    /// Forgets an entry.
    pub(super) fn remove(&self, key: usize) {
        drop(self.take(key));
    }

    pub(super) fn stop(&self) {
        self.on.store(false, Ordering::Relaxed);
        if let Some(timer) = self.timer.get() {
            timer.cancel();
        }
        let books = core::mem::take(&mut *self.books.lock());
        drop(books);
    }

    fn begin(&self, process: &Arc<Process>) {
        self.on.store(true, Ordering::Relaxed);
        self.look(process);
    }

    fn timer(&self, process: &Arc<Process>) -> &Timer {
        self.timer.get_or_init(|| {
            let process = Arc::downgrade(process);
            Timer::new(Arc::new(move || {
                if let Some(process) = process.upgrade() {
                    process.timers.cpu.look(&process);
                    put_down(process);
                }
            }))
        })
    }

    /// A thread of the process gets a processor. Interrupts are off.
    #[inline]
    pub(crate) fn runs(&self, process: &Arc<Process>) {
        if self.on.load(Ordering::Relaxed) {
            self.unpark(process);
        }
    }

    #[cold]
    fn unpark(&self, process: &Arc<Process>) {
        // Orders that the thread runs before the look at the word; pairs with the one in `arm`.
        fence(Ordering::SeqCst);
        if self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::Relaxed) {
            let left = self.left.load(Ordering::Relaxed).max(LEAST_NS);
            let at = Instant::now().as_nanos().saturating_add(left);
            self.timer(process).arm(Instant::from_nanos(at));
        }
    }

    /// Calls what has come due and arms for the next.
    fn look(&self, process: &Arc<Process>) {
        let timer = self.timer(process);
        loop {
            let mut due = ArrayVec::<Due, BATCH>::new();
            let group = process.signals().lock();
            if group.end.is_some() || group.threads.is_empty() {
                return;
            }
            let usage = process.usage_of(&group);
            let mut books = self.books.lock();
            let mut left = self.limit(process, &usage, &mut due);
            for which in [Interval::Virtual, Interval::Profiling] {
                let now = used(&usage, which.kind());
                let timer = books.interval(which);
                if timer.due != 0 && timer.due <= now {
                    due.push(Due::Signal(which.signal()));
                    match timer.interval {
                        0 => timer.due = 0,
                        interval => {
                            forward(&mut timer.due, interval, now);
                        }
                    }
                }
                if timer.due != 0 {
                    left = left.min(timer.due.saturating_sub(now));
                }
            }
            let gone = collect(&mut books, &group, &usage, &mut due, &mut left);
            let full = due.is_full();
            if !full {
                self.arm(timer, &group, left);
            }
            drop(books);
            drop(group);
            drop(gone);
            for due in due {
                match due {
                    // From the kernel nothing is refused.
                    Due::Signal(signo) => {
                        let _ = send_to_process(process, SigInfo::kernel(signo), Origin::Kernel);
                    }
                    Due::Call(call) => call(),
                }
            }
            if !full {
                return;
            }
        }
    }

    /// `RLIMIT_CPU`: past the soft limit a signal a second, past the hard one the end. What is left.
    fn limit(&self, process: &Process, usage: &Usage, due: &mut ArrayVec<Due, BATCH>) -> u64 {
        let Rlimit { soft, hard } = process.limits().get(Resource::Cpu);
        if soft == INFINITY {
            return u64::MAX;
        }
        let ns = |seconds: u64| seconds.saturating_mul(hal::time::NANOS_PER_SEC);
        let now = used(usage, Kind::Both);
        if hard != INFINITY && now >= ns(hard) {
            due.push(Due::Signal(SIGKILL));
            return u64::MAX;
        }
        let mut soft = soft;
        if now >= ns(soft) {
            due.push(Due::Signal(SIGXCPU));
            // As Linux does it: the limit itself grows.
            soft += 1;
            process.limits().set(Resource::Cpu, Rlimit { soft, hard });
        }
        ns(soft).min(ns(hard)).saturating_sub(now)
    }

    /// Arms for when `left` could have been used, or parks. Under the lock of the books, so that of two
    /// looks the later one counts.
    fn arm(&self, timer: &Timer, group: &GroupSignals, left: u64) {
        if left == u64::MAX {
            self.on.store(false, Ordering::Relaxed);
            timer.cancel();
            return;
        }
        if running(group) == 0 {
            self.left.store(left, Ordering::Relaxed);
            self.parked.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if running(group) == 0 || !self.parked.swap(false, Ordering::Relaxed) {
                timer.cancel();
                return;
            }
        }
        let together = running(group).max(1) as u64;
        let at = Instant::now()
            .as_nanos()
            .saturating_add((left / together).max(LEAST_NS));
        timer.arm(Instant::from_nanos(at));
    }
}

/// Threads that have a processor.
fn running(group: &GroupSignals) -> usize {
    group
        .threads
        .iter()
        .filter(|thread| thread.task().is_some_and(|task| task.entity().is_running()))
        .count()
}

/// Takes out the entries that have come due, as many as `due` has room for; those of threads that have
/// ended are given back to be dropped.
fn collect(
    books: &mut Books,
    group: &GroupSignals,
    usage: &Usage,
    due: &mut ArrayVec<Due, BATCH>,
    left: &mut u64,
) -> Vec<Entry> {
    let mut gone = Vec::new();
    let mut at = 0;
    while let Some(entry) = books.entries.get(at) {
        let now = match &entry.thread {
            None => Some(used(usage, entry.kind)),
            Some(thread) => group
                .threads
                .iter()
                .find(|other| core::ptr::eq(Arc::as_ptr(other), thread.as_ptr()))
                .map(|thread| used(&Usage::of_thread(thread), entry.kind)),
        };
        match now {
            None => gone.push(books.entries.swap_remove(at)),
            Some(now) if entry.due <= now => {
                if due.is_full() {
                    break;
                }
                let entry = books.entries.swap_remove(at);
                due.push(Due::Call(entry.call));
            }
            Some(now) => {
                *left = (*left).min(entry.due - now);
                at += 1;
            }
        }
    }
    gone
}

/// Sleeps until a clock of processor time has come to `due`.
///
/// # Errors
/// As [`wait`] by `restart`.
pub fn sleep_until(
    thread: &Thread,
    clock: &CpuClock,
    due: u64,
    restart: Restart<'_>,
) -> Result<()> {
    let process = match &clock.of {
        Of::Thread(of) => of.process(),
        Of::Process(process) => process,
    };
    let told = Arc::new(Pollee::new());
    let key = Arc::as_ptr(&told) as usize;
    let tell = told.clone();
    Watch::add(
        process,
        key,
        clock,
        due,
        Arc::new(move || tell.notify(Events::IN)),
    );
    let options = WaitOptions {
        restart,
        ..WaitOptions::default()
    };
    let end = wait(thread, &options, &[(&told, Events::IN)], || {
        if clock.now_ns() >= due {
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    });
    process.timers.cpu.remove(key);
    end
}
