//! Whom a directory of `/proc` is about: a process, or one of its threads.

use abi::{Errno, Result};
use alloc::sync::Arc;
use fs::proc::Owner;
use mm::AddressSpace;
use sync::{Credentials, TaskName};

use crate::process::Process;
use crate::thread::Thread;
use crate::tree;

/// Bits of an inode's number: which thread, which entry of its directory, which descriptor.
const TAG: u64 = 1 << 62;
const THREAD: u64 = 1 << 61;
const ID_SHIFT: u32 = 29;
const ENTRY_SHIFT: u32 = 21;

/// A process, seen through its leader, or one thread.
#[derive(Clone)]
pub(super) struct Subject {
    process: Arc<Process>,
    tid: u32,
    /// The directory of the process, not that of a thread.
    whole: bool,
}

impl Subject {
    /// A process.
    pub(super) fn of_process(pid: u32) -> Option<Self> {
        let process = tree::lock().process(pid)?;
        Some(Self {
            process,
            tid: pid,
            whole: true,
        })
    }

    /// A process by the number of any of its threads: Linux finds `/proc/<tid>` too, though it lists
    /// none.
    pub(super) fn of_any(number: u32) -> Option<Self> {
        let process = tree::lock().process_of_any(number)?;
        Some(Self {
            process,
            tid: number,
            whole: true,
        })
    }

    /// A thread of this one's process.
    pub(super) fn thread_of(&self, tid: u32) -> Option<Self> {
        let found = Self {
            process: self.process.clone(),
            tid,
            whole: false,
        };
        // A leader that has ended stays until its process is gone.
        let there = tid == self.process.pid() || found.thread().is_some();
        (there && found.alive().is_ok()).then_some(found)
    }

    /// The number of the thread.
    pub(super) fn tid(&self) -> u32 {
        self.tid
    }

    /// Whether this is the process as a whole.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The process, dead or not.
    pub(super) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// The process, a zombie perhaps.
    ///
    /// # Errors
    /// `ESRCH` once nobody can ask for it any more.
    pub(super) fn alive(&self) -> Result<&Arc<Process>> {
        let pid = self.process.pid();
        let found = tree::lock().process(pid).ok_or(Errno::ESRCH)?;
        let same = Arc::ptr_eq(&found, &self.process);
        let there = self.tid == pid || self.thread().is_some();
        if same && there {
            Ok(&self.process)
        } else {
            Err(Errno::ESRCH)
        }
    }

    /// The thread, unless it has ended.
    pub(super) fn thread(&self) -> Option<Arc<Thread>> {
        let thread = tree::lock().thread(self.tid)?;
        let mine = Arc::ptr_eq(thread.process(), &self.process);
        (mine && !thread.has_ended()).then_some(thread)
    }

    /// Its memory; `None` when it has ended.
    pub(super) fn mm(&self) -> Option<Arc<AddressSpace>> {
        self.thread()?.mm().ok()
    }

    /// Name and rights.
    pub(super) fn name_and_cred(&self) -> (TaskName, Arc<Credentials>) {
        if let Some(thread) = self.thread() {
            return (thread.name(), thread.cred());
        }
        self.process
            .name_and_cred()
            .unwrap_or_else(|| (TaskName::default(), Arc::new(Credentials::root())))
    }

    /// Whether the reader may look into it (`PTRACE_MODE_READ_FSCREDS`).
    pub(super) fn may_be_seen(&self) -> bool {
        super::reader_may_see(&self.process)
    }

    /// Whose its entries are: the effective user's, or root's when nobody else may look into it.
    pub(super) fn owner(&self, everybody: bool) -> Owner {
        let ended = self.process.is_ending();
        if everybody || ended || self.process.dumpable() == 1 {
            let (_, cred) = self.name_and_cred();
            return Owner::Process(cred.euid, cred.egid);
        }
        Owner::Process(0, 0)
    }

    /// The number of the inode of an entry: the same at each lookup.
    pub(super) fn ino(&self, entry: u8, sub: u32) -> u64 {
        let thread = if self.whole { 0 } else { THREAD };
        TAG | thread
            | u64::from(self.tid) << ID_SHIFT
            | u64::from(entry) << ENTRY_SHIFT
            | u64::from(sub)
    }
}
