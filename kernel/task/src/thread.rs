//! A thread: what Linux keeps a task struct for, less what its process shares.

use alloc::sync::{Arc, Weak};
use core::any::Any;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

use abi::Errno;
use abi::signal::{SigSet, SigStack};
use mm::AddressSpace;
use sync::{Credentials, IrqLock, Once, Payload, Pollee, SpinLock, Task, rank};

use vfs::{FdTable, FsContext};

use crate::process::Process;
use crate::rseq::Registration;
use crate::signal::pending::Pending;
use crate::user::User;

pub mod flag;
mod settings;

/// Told of failed memory as the machine's settings say (`PR_MCE_KILL_DEFAULT`).
pub const MEMORY_FAILURE_DEFAULT: u8 = 2;

/// Signal state of one thread; the lock nests in its process's.
#[derive(Default)]
pub struct ThreadSignals {
    /// Signals for this thread alone.
    pub pending: Pending,
    /// Mask to come back to after `sigsuspend` and the like.
    pub saved_mask: Option<SigSet>,
    /// Alternate stack; `size` 0 when there is none.
    pub altstack: SigStack,
    /// Signals `sigtimedwait` waits for: they reach it although blocked.
    pub awaited: SigSet,
    /// While it forks: what was sent to many processes meanwhile, which is the child's too.
    pub passed_on: Option<SigSet>,
}

/// A call to go on with after `ERESTART_RESTARTBLOCK`, by `restart_syscall`.
pub type RestartBlock = alloc::boxed::Box<dyn FnOnce(&Arc<Thread>) -> abi::Result<usize> + Send>;

/// What a thread reaches its process's resources by: shared or not by the flags of clone.
pub struct Resources {
    /// Descriptors (`CLONE_FILES`).
    pub files: Arc<FdTable>,
    /// Root, working directory, umask (`CLONE_FS`).
    pub fs: Arc<FsContext>,
    /// Memory (`CLONE_VM`).
    pub mm: Arc<AddressSpace>,
}

/// A thread of a program.
pub struct Thread {
    this: Weak<Thread>,
    tid: AtomicU32,
    process: Arc<Process>,
    task: Once<Weak<Task>>,
    flags: AtomicU32,
    signals: IrqLock<ThreadSignals, { rank::SIGNAL + 2 }>,
    mask: AtomicU64,
    cred: SpinLock<Arc<Credentials>, { rank::LEAF }>,
    user: SpinLock<Arc<User>, { rank::LEAF }>,
    /// Whether it counts for its user. After its end it does not, or its process does in its place.
    counts: AtomicBool,
    files: SpinLock<Option<Arc<FdTable>>, { rank::LEAF }>,
    fs: SpinLock<Option<Arc<FsContext>>, { rank::LEAF }>,
    mm: IrqLock<Option<Arc<AddressSpace>>, { rank::LEAF }>,
    /// How often its rights, descriptors or places were exchanged.
    exchanges: AtomicU32,
    restart: SpinLock<Option<RestartBlock>, { rank::LEAF }>,
    clear_child_tid: AtomicUsize,
    robust_list: AtomicUsize,
    rseq: Registration,
    exit_status: AtomicI32,
    parent_death_signal: AtomicI32,
    timer_slack: AtomicU64,
    memory_failure: AtomicU8,
    io_priority: AtomicU16,
    /// Minor and major page faults.
    faults: [AtomicU64; 2],
    /// As [`Io`](crate::usage::Io) has them; written by the thread alone.
    io: [AtomicU64; 4],
    start_ns: u64,
    /// Done when the parent of a vfork may go on.
    vfork: SpinLock<Option<Arc<Vfork>>, { rank::LEAF }>,
}

/// What a parent waits for after `CLONE_VFORK`.
#[derive(Default)]
pub struct Vfork {
    done: AtomicBool,
    /// Told when the child has left its parent's memory.
    pub pollee: Pollee,
}

impl Vfork {
    /// Whether the child has left its parent's memory.
    pub fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    fn finish(&self) {
        self.done.store(true, Ordering::Release);
        self.pollee.notify(sync::Events::IN);
    }
}

/// What a new thread starts with.
pub struct NewThread {
    /// Its identity.
    pub tid: u32,
    /// Its process.
    pub process: Arc<Process>,
    /// Its rights.
    pub cred: Arc<Credentials>,
    /// Its resources.
    pub resources: Resources,
    /// Its signal mask.
    pub mask: SigSet,
    /// Flags it inherits.
    pub flags: u32,
}

impl Thread {
    /// A thread that has no task yet.
    pub fn new(new: NewThread) -> Arc<Self> {
        let user = User::find(new.cred.uid);
        user.enter();
        new.resources.files.enter();
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            tid: AtomicU32::new(new.tid),
            process: new.process,
            task: Once::new(),
            flags: AtomicU32::new(new.flags),
            signals: IrqLock::new(ThreadSignals::default()),
            mask: AtomicU64::new(new.mask.0),
            cred: SpinLock::new(new.cred),
            user: SpinLock::new(user),
            counts: AtomicBool::new(true),
            files: SpinLock::new(Some(new.resources.files)),
            fs: SpinLock::new(Some(new.resources.fs)),
            mm: IrqLock::new(Some(new.resources.mm)),
            exchanges: AtomicU32::new(0),
            restart: SpinLock::new(None),
            clear_child_tid: AtomicUsize::new(0),
            robust_list: AtomicUsize::new(0),
            rseq: Registration::default(),
            exit_status: AtomicI32::new(0),
            parent_death_signal: AtomicI32::new(0),
            timer_slack: AtomicU64::new(50_000),
            memory_failure: AtomicU8::new(MEMORY_FAILURE_DEFAULT),
            io_priority: AtomicU16::new(0),
            faults: [const { AtomicU64::new(0) }; 2],
            io: [const { AtomicU64::new(0) }; 4],
            start_ns: hal::time::now_ns(),
            vfork: SpinLock::new(None),
        })
    }

    /// Binds the thread to the task that runs it. Once.
    pub fn set_task(&self, task: &Arc<Task>) {
        let _ = self.task.set(Arc::downgrade(task));
    }

    /// The task that runs the thread; `None` before it starts and after it has ended.
    pub fn task(&self) -> Option<Arc<Task>> {
        self.task.get().and_then(Weak::upgrade)
    }

    /// Another reference to this thread.
    pub fn this(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// Its identity; exec gives a thread that was not the leader its leader's.
    #[inline]
    pub fn tid(&self) -> u32 {
        self.tid.load(Ordering::Relaxed)
    }

    pub(crate) fn set_tid(&self, tid: u32) {
        self.tid.store(tid, Ordering::Relaxed);
    }

    /// Its process.
    #[inline]
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Whether it is the thread its process is named after.
    pub fn is_leader(&self) -> bool {
        self.tid() == self.process.pid()
    }

    /// The [`flag`] word.
    #[inline]
    pub fn flags(&self) -> u32 {
        self.flags.load(Ordering::Acquire)
    }

    /// Whether all of `bits` are set.
    #[inline]
    pub fn has(&self, bits: u32) -> bool {
        self.flags() & bits == bits
    }

    /// Sets flag bits.
    pub fn raise(&self, bits: u32) {
        self.flags.fetch_or(bits, Ordering::AcqRel);
    }

    /// Clears flag bits.
    pub fn lower(&self, bits: u32) {
        self.flags.fetch_and(!bits, Ordering::AcqRel);
    }

    /// Makes the thread look at its flags: ends an interruptible sleep and its stay in user mode.
    pub fn kick(&self) {
        let Some(task) = self.task() else { return };
        #[cfg(target_os = "none")]
        task.machine().kick();
        task.unpark();
    }

    /// Whether an interruptible wait is to end.
    #[inline]
    pub fn is_interrupted(&self) -> bool {
        self.flags() & (flag::SIGNAL | flag::KILLED | flag::STOP | flag::EXIT) != 0
    }

    /// Whether a killable wait is to end.
    #[inline]
    pub fn is_killed(&self) -> bool {
        self.flags() & (flag::KILLED | flag::EXIT) != 0
    }

    /// The signals it blocks.
    #[inline]
    pub fn mask(&self) -> SigSet {
        SigSet(self.mask.load(Ordering::Relaxed))
    }

    pub(crate) fn store_mask(&self, mask: SigSet) {
        self.mask
            .store(mask.minus(SigSet::UNBLOCKABLE).0, Ordering::Relaxed);
    }

    /// Its own signal state. The process's signal lock comes first when both are taken.
    pub fn signals(&self) -> &IrqLock<ThreadSignals, { rank::SIGNAL + 2 }> {
        &self.signals
    }

    /// Its rights.
    pub fn cred(&self) -> Arc<Credentials> {
        self.cred.lock().clone()
    }

    /// Changes its rights; counts it for its new real user.
    pub fn set_cred(&self, cred: Arc<Credentials>) {
        let uid = cred.uid;
        let old = core::mem::replace(&mut *self.cred.lock(), cred);
        self.count_exchange();
        // The capability that lifts the limit of locked memory may have come or gone.
        if let Ok(mm) = self.mm() {
            mm.set_limits(crate::exec::address_limits(
                self.process.limits(),
                &self.cred(),
            ));
        }
        if old.uid != uid {
            let new = User::find(uid);
            new.enter();
            let old = core::mem::replace(&mut *self.user.lock(), new);
            old.leave();
        }
    }

    /// How often its rights, descriptors or places were exchanged for others. Only its own calls do that, so
    /// that what it looked up itself holds for as long as this stays.
    #[inline]
    pub fn exchanges(&self) -> u32 {
        self.exchanges.load(Ordering::Relaxed)
    }

    fn count_exchange(&self) {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        self.look_up();
    }

    /// Has the running thread leave its loop of system calls before it returns to its program.
    fn look_up(&self) {
        #[cfg(target_os = "none")]
        if let Some(task) = self.task() {
            task.machine().kick();
        }
    }

    /// The counters of its real user.
    pub fn user(&self) -> Arc<User> {
        self.user.lock().clone()
    }

    /// Its user no longer counts it; what is left of it may be freed much later. A process that ended but was not waited
    /// for does count, in place of its `last` thread.
    pub(crate) fn leave_user(&self, last: bool) {
        if !self.counts.swap(false, Ordering::Relaxed) {
            return;
        }
        let user = self.user();
        if last {
            self.process.count_for(user);
        } else {
            user.leave();
        }
    }

    /// Its descriptors.
    ///
    /// # Errors
    /// `ESRCH` once it has ended.
    pub fn files(&self) -> abi::Result<Arc<FdTable>> {
        self.files.lock().clone().ok_or(Errno::ESRCH)
    }

    /// Gives it descriptors of its own, copies of those below `end`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn unshare_files(&self, end: usize) -> abi::Result<()> {
        let own = Arc::new(self.files()?.copy_below(end)?);
        drop(self.set_files(Some(own)));
        Ok(())
    }

    /// Its root, working directory and umask.
    ///
    /// # Errors
    /// `ESRCH` once it has ended.
    pub fn fs(&self) -> abi::Result<Arc<FsContext>> {
        self.fs.lock().clone().ok_or(Errno::ESRCH)
    }

    /// Its memory.
    ///
    /// # Errors
    /// `ESRCH` once it has ended.
    pub fn mm(&self) -> abi::Result<Arc<AddressSpace>> {
        self.mm.lock().clone().ok_or(Errno::ESRCH)
    }

    /// Whether it has an address space. Takes no part in it: may be asked under a lock.
    pub(crate) fn has_mm(&self) -> bool {
        self.mm.lock().is_some()
    }

    pub(crate) fn set_files(&self, files: Option<Arc<FdTable>>) -> Option<Arc<FdTable>> {
        self.count_exchange();
        if let Some(files) = &files {
            files.enter();
        }
        let old = core::mem::replace(&mut *self.files.lock(), files);
        if let Some(old) = &old {
            old.leave();
        }
        old
    }

    pub(crate) fn set_fs(&self, fs: Option<Arc<FsContext>>) -> Option<Arc<FsContext>> {
        self.count_exchange();
        core::mem::replace(&mut *self.fs.lock(), fs)
    }

    pub(crate) fn set_mm(&self, mm: Option<Arc<AddressSpace>>) -> Option<Arc<AddressSpace>> {
        core::mem::replace(&mut *self.mm.lock(), mm)
    }

    /// Leaves a call for `restart_syscall`.
    pub fn set_restart(&self, block: RestartBlock) {
        *self.restart.lock() = Some(block);
    }

    /// Takes the call left for `restart_syscall`.
    pub fn take_restart(&self) -> Option<RestartBlock> {
        self.restart.lock().take()
    }

    /// Asks the thread to end with a wait status when it next returns to its program.
    pub fn request_exit(&self, status: i32) {
        self.exit_status.store(status, Ordering::Relaxed);
        self.raise(flag::EXIT);
        self.kick();
    }

    /// The wait status it ends with.
    pub fn exit_status(&self) -> i32 {
        self.exit_status.load(Ordering::Relaxed)
    }

    pub(crate) fn set_exit_status(&self, status: i32) {
        self.exit_status.store(status, Ordering::Relaxed);
    }

    /// Whether it has left its process.
    pub fn has_ended(&self) -> bool {
        self.has(flag::GONE)
    }

    pub(crate) fn set_vfork(&self, vfork: Arc<Vfork>) {
        *self.vfork.lock() = Some(vfork);
    }

    /// Lets a parent waiting in vfork go on: this thread has left its memory.
    pub(crate) fn finish_vfork(&self) {
        let vfork = self.vfork.lock().take();
        if let Some(vfork) = vfork {
            vfork.finish();
        }
    }
}

impl Payload for Thread {
    fn switched_in(&self) {
        if let Some(mm) = &*self.mm.lock() {
            mm.activate();
        }
        self.process.timers.cpu.runs(&self.process);
        if self.rseq.is_set() {
            self.look_at_rseq();
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.leave_user(false);
        // A thread that never ran has never let go of its descriptors.
        if let Some(files) = self.files.get_mut() {
            files.leave();
        }
    }
}

/// Calls `f` with the running thread; `None` in a kernel thread.
pub fn with_current<R>(f: impl FnOnce(&Thread) -> R) -> Option<R> {
    sync::with_current(|task| {
        let payload: &dyn Any = &**task.payload()?;
        payload.downcast_ref::<Thread>().map(f)
    })
}

/// The running thread; `None` in a kernel thread.
pub fn try_current() -> Option<Arc<Thread>> {
    with_current(Thread::this).flatten()
}
