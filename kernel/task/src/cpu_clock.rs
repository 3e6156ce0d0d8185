//! Processor-time clocks of threads and processes (`man 3 clock_getcpuclockid`, `man 2 clock_gettime`).

use alloc::sync::Arc;

use abi::time::{
    CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CPUCLOCK_KIND, CPUCLOCK_PERTHREAD,
    CPUCLOCK_PROF, CPUCLOCK_SCHED, CPUCLOCK_VIRT,
};

use crate::process::Process;
use crate::thread::Thread;
use crate::tree;
use crate::usage::Usage;

/// Whose time a clock counts.
#[derive(Clone)]
pub enum Of {
    /// One thread's.
    Thread(Arc<Thread>),
    /// All of a process's threads', those that have ended too.
    Process(Arc<Process>),
}

/// What a clock counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Time in the program and in the kernel.
    Both,
    /// Time in the program.
    User,
    /// As [`Kind::Both`], to the nanosecond on Linux too.
    Exact,
}

/// A clock of processor time.
#[derive(Clone)]
pub struct CpuClock {
    /// Whose time.
    pub of: Of,
    /// Which.
    pub kind: Kind,
}

impl CpuClock {
    /// The clock of a number as `thread` may use it; `None` when there is no such. `reading`: a thread may
    /// name its process by its own number, for reading alone.
    #[must_use]
    pub fn find(thread: &Arc<Thread>, number: i32, reading: bool) -> Option<Self> {
        match number {
            CLOCK_PROCESS_CPUTIME_ID => {
                return Some(Self::exact(Of::Process(thread.process().clone())));
            }
            CLOCK_THREAD_CPUTIME_ID => return Some(Self::exact(Of::Thread(thread.clone()))),
            0.. => return None,
            _ => {}
        }
        let kind = match number & CPUCLOCK_KIND {
            CPUCLOCK_PROF => Kind::Both,
            CPUCLOCK_VIRT => Kind::User,
            CPUCLOCK_SCHED => Kind::Exact,
            _ => return None,
        };
        let id = !(number >> 3) as u32;
        let one = number & CPUCLOCK_PERTHREAD != 0;
        let of = if one {
            let of = if id == 0 || id == thread.tid() {
                thread.clone()
            } else {
                tree::lock().thread(id)?
            };
            if !Arc::ptr_eq(of.process(), thread.process()) {
                return None;
            }
            Of::Thread(of)
        } else if id == 0 || reading && id == thread.tid() {
            Of::Process(thread.process().clone())
        } else {
            Of::Process(tree::lock().process_of_any(id)?)
        };
        Some(Self { of, kind })
    }

    fn exact(of: Of) -> Self {
        Self {
            of,
            kind: Kind::Exact,
        }
    }

    /// What it shows, in nanoseconds.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        match &self.of {
            Of::Thread(thread) => self.pick(&Usage::of_thread(thread)),
            // What another processor counts is seen late now and then: a clock shows no less than it did.
            Of::Process(process) => {
                let now = self.pick(&process.usage());
                process.timers.cpu.shows(self.kind, now)
            }
        }
    }

    fn pick(&self, usage: &Usage) -> u64 {
        match self.kind {
            Kind::User => usage.user_ns,
            Kind::Both | Kind::Exact => usage.user_ns + usage.system_ns,
        }
    }
}
