//! New threads and processes (`man 2 clone`).

use alloc::boxed::Box;
use alloc::sync::Arc;

use abi::clone::CloneFlags;
use abi::signal::{NSIG, SIGCHLD, SigSet};
use abi::{Errno, Result};
use hal::{UserAddr, UserContext, ucopy};
use sync::{Capability, Events, Resource, Task};
use vfs::FsContext;

use crate::process::Process;
use crate::signal::many::Fork;
use crate::signal::{GroupSignals, JobState, SigHand};
use crate::thread::{NewThread, Resources, Thread, Vfork, flag};
use crate::tree;
use crate::wait::{Interruptible, Restart, WaitOptions, wait};

/// What clone is asked for, the program's structures read and judged.
pub struct Request<'a> {
    /// `CLONE_*`.
    pub flags: CloneFlags,
    /// Signal to the parent at the child's end; 0 for none.
    pub exit_signal: i32,
    /// The child's stack pointer; `None` to keep the parent's.
    pub stack: Option<u64>,
    /// Its thread pointer, under `CLONE_SETTLS`.
    pub tls: u64,
    /// Where the parent finds the child's number, under `CLONE_PARENT_SETTID`.
    pub parent_tid: UserAddr,
    /// Where the child finds it, or has it cleared.
    pub child_tid: UserAddr,
    /// The number it is to have (`set_tid`).
    pub number: Option<u32>,
    /// Told of the child once it cannot fail any more but does not run yet.
    pub created: &'a mut dyn FnMut(&Arc<Thread>) -> Result<()>,
}

/// A thread's first function: never returns while the program lives.
pub type Entry = fn(Arc<Thread>, UserContext);

/// A number taken and given back unless used.
struct Number(Option<u32>);

impl Number {
    fn take(wanted: Option<u32>) -> Result<Self> {
        let mut tree = tree::lock();
        let number = match wanted {
            None => tree.allocate()?,
            Some(number) => tree.allocate_exact(number)?,
        };
        Ok(Self(Some(number)))
    }

    fn value(&self) -> u32 {
        self.0.unwrap_or(0)
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        if let Some(number) = self.0 {
            tree::lock().release(number);
        }
    }
}

/// Checks what Linux checks before anything is made.
///
/// # Errors
/// `EINVAL` for flags that do not go together or ask for namespaces, `EPERM` for namespaces without
/// the right to them.
pub fn judge(thread: &Thread, flags: CloneFlags) -> Result<()> {
    let has = |bits| flags.contains(bits);
    if has(CloneFlags::THREAD) && !has(CloneFlags::SIGHAND)
        || has(CloneFlags::SIGHAND) && !has(CloneFlags::VM)
        || has(CloneFlags::PIDFD | CloneFlags::DETACHED)
        || has(CloneFlags::NEWNS | CloneFlags::FS)
    {
        return Err(Errno::EINVAL);
    }
    if has(CloneFlags::PARENT) && thread.process().pid() == 1 {
        return Err(Errno::EINVAL);
    }
    judge_namespaces(thread, flags)
}

/// Whether the thread may have the namespaces it asks for. Of all but those of mounts this is a Linux built without
/// them.
///
/// # Errors
/// `EPERM` without the right to make one, `EINVAL`.
pub fn judge_namespaces(thread: &Thread, flags: CloneFlags) -> Result<()> {
    let wanted = flags & CloneFlags::NAMESPACES;
    if wanted.is_empty() {
        return Ok(());
    }
    if wanted != CloneFlags::NEWUSER && !thread.cred().has(Capability::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    if wanted != CloneFlags::NEWNS {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

/// Root, working directory and namespace of mounts for one that is to have its own.
fn own_places(fs: &FsContext, flags: CloneFlags) -> Arc<FsContext> {
    Arc::new(if flags.contains(CloneFlags::NEWNS) {
        fs.fork_with_mounts()
    } else {
        fs.fork()
    })
}

/// Gives the calling thread descriptors, a working directory and mounts of its own (`unshare`).
///
/// # Errors
/// `ENOMEM`.
pub fn unshare(thread: &Thread, flags: CloneFlags) -> Result<()> {
    if flags.contains(CloneFlags::FILES) {
        let files = thread.files()?;
        if files.is_shared() {
            let own = Arc::new(files.fork()?);
            drop(thread.set_files(Some(own)));
        }
    }
    if flags.intersects(CloneFlags::FS | CloneFlags::NEWNS) {
        let own = own_places(&*thread.fs()?, flags);
        drop(thread.set_fs(Some(own)));
    }
    Ok(())
}

/// Makes a thread or process and starts it. Answers its number.
///
/// # Errors
/// `EAGAIN` at a limit, `ENOMEM`, `ERESTARTNOINTR` when a signal is pending (the fork is made after
/// it), those of [`judge`].
pub fn clone(
    thread: &Arc<Thread>,
    regs: &UserContext,
    request: Request<'_>,
    entry: Entry,
) -> Result<u32> {
    let flags = request.flags;
    judge(thread, flags)?;
    check_limits(thread, 1)?;
    let fork = if flags.contains(CloneFlags::THREAD) {
        None
    } else {
        Some(Fork::begin(thread)?)
    };
    let resources = share(thread, flags)?;
    let number = Number::take(request.number)?;
    let tid = number.value();
    let process = if flags.contains(CloneFlags::THREAD) {
        thread.process().clone()
    } else {
        new_process(thread.process(), tid, flags)
    };
    let child = Thread::new(NewThread {
        tid,
        process: process.clone(),
        cred: thread.cred(),
        resources,
        mask: thread.mask(),
        flags: thread.flags() & (flag::TRACE | flag::INIT | flag::TAGGED | flag::IO_FLUSHER),
    });
    // Others may have forked since: now that the child is counted, all see it.
    check_limits(thread, 0)?;
    inherit(thread, &child, &request);
    let vfork = flags.contains(CloneFlags::VFORK).then(|| {
        let vfork = Arc::new(Vfork::default());
        child.set_vfork(vfork.clone());
        vfork
    });

    let task = make_task(&child, child_registers(regs, &request), &request, entry)?;
    if let Some(parent_task) = thread.task() {
        let (from, to) = (parent_task.entity(), task.entity());
        to.set_affinity(from.affinity());
        to.set_policy(from.policy());
        // The reset itself is not inherited.
        to.set_nice(if from.resets_on_fork() {
            from.nice().max(0)
        } else {
            from.nice()
        });
    }
    child.set_task(&task);
    task.set_payload(child.clone());
    (request.created)(&child)?;
    publish(thread, &child, &request, fork.as_ref())?;
    drop(fork);
    number.keep();
    if flags.contains(CloneFlags::PARENT_SETTID) {
        // Linux does not look whether it could be written.
        let _ = ucopy::copy_out(request.parent_tid, &tid.to_le_bytes());
    }
    task.start();
    if let Some(vfork) = vfork {
        let options = WaitOptions {
            interruptible: Interruptible::Killable,
            restart: Restart::Never,
            ..WaitOptions::default()
        };
        // Killed while waiting: the child goes on alone.
        let _ = wait(thread, &options, &[(&vfork.pollee, Events::IN)], || {
            if vfork.is_done() {
                Ok(())
            } else {
                Err(Errno::EAGAIN)
            }
        });
    }
    Ok(tid)
}

/// Whether the limits allow `more` tasks than are counted already.
fn check_limits(thread: &Thread, more: u64) -> Result<()> {
    let limit = thread.process().limits().soft(Resource::Processes);
    let cred = thread.cred();
    let exempt =
        cred.uid == 0 || cred.has(Capability::SYS_RESOURCE) || cred.has(Capability::SYS_ADMIN);
    let user_full = u64::from(thread.user().tasks()) + more > limit && !exempt;
    if user_full || tree::lock().thread_count() >= crate::machine::max_threads() {
        return Err(Errno::EAGAIN);
    }
    Ok(())
}

/// The child's resources: shared or copied by the flags.
fn share(thread: &Thread, flags: CloneFlags) -> Result<Resources> {
    let (files, fs, mm) = (thread.files()?, thread.fs()?, thread.mm()?);
    Ok(Resources {
        mm: if flags.contains(CloneFlags::VM) {
            mm
        } else {
            Arc::new(mm.fork()?)
        },
        files: if flags.contains(CloneFlags::FILES) {
            files
        } else {
            Arc::new(files.fork()?)
        },
        fs: if flags.contains(CloneFlags::FS) {
            fs
        } else {
            own_places(&fs, flags)
        },
    })
}

fn new_process(parent: &Arc<Process>, pid: u32, flags: CloneFlags) -> Arc<Process> {
    let group = parent.signals().lock();
    let sighand = group.sighand.clone();
    drop(group);
    let sighand = if flags.contains(CloneFlags::SIGHAND) {
        sighand
    } else {
        let copy = SigHand::fork(&sighand);
        if flags.contains(CloneFlags::CLEAR_SIGHAND) {
            copy.reset_for_exec();
        }
        Arc::new(copy)
    };
    let process = Process::new(pid, GroupSignals::new(sighand), parent.limits().clone());
    process.inherit(parent);
    Arc::new(process)
}

fn inherit(parent: &Thread, child: &Thread, request: &Request<'_>) {
    let flags = request.flags;
    child.set_timer_slack(parent.timer_slack());
    child.set_memory_failure(parent.memory_failure());
    child.set_io_priority(parent.io_priority());
    if !flags.contains(CloneFlags::VM) {
        child.rseq().inherit(parent.rseq());
    }
    if flags.contains(CloneFlags::CHILD_CLEARTID) {
        child.set_clear_child_tid(request.child_tid);
    }
    // A stack shared with the parent must not be used by both.
    if !flags.contains(CloneFlags::VM) || flags.contains(CloneFlags::VFORK) {
        let stack = parent.signals().lock().altstack;
        child.signals().lock().altstack = stack;
    }
}

fn child_registers(regs: &UserContext, request: &Request<'_>) -> UserContext {
    let mut child = regs.fork();
    child.set_x(0, 0);
    if let Some(stack) = request.stack {
        child.set_sp(stack);
    }
    if request.flags.contains(CloneFlags::SETTLS) {
        child.set_tls(request.tls);
    }
    child
}

fn make_task(
    child: &Arc<Thread>,
    regs: UserContext,
    request: &Request<'_>,
    entry: Entry,
) -> Result<Arc<Task>> {
    let set_tid = request
        .flags
        .contains(CloneFlags::CHILD_SETTID)
        .then_some(request.child_tid);
    let name = sync::with_current(|task| task.name());
    let thread = child.clone();
    Task::new(
        name,
        Box::new(move || {
            if let Some(word) = set_tid {
                // In the child's own memory; Linux does not look whether it could be written.
                let _ = ucopy::copy_out(word, &thread.tid().to_le_bytes());
            }
            entry(thread, regs);
        }),
    )
}

/// Puts the child where others find it, if its process is not ending.
fn publish(
    parent: &Thread,
    child: &Arc<Thread>,
    request: &Request<'_>,
    fork: Option<&Fork<'_>>,
) -> Result<()> {
    let process = child.process();
    let flags = request.flags;
    let mut tree = tree::lock();
    let passed_on = fork.map_or(Ok(SigSet::EMPTY), Fork::passed_on)?;
    let mut group = process.signals().lock();
    group.threads.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
    if flags.contains(CloneFlags::THREAD) {
        if group.end.is_some() || group.in_exec {
            return Err(Errno::ERESTARTNOINTR);
        }
        if group.job != JobState::Running {
            child.raise(flag::STOP);
        }
    }
    group.threads.push(child.clone());
    for signo in (1..=NSIG).filter(|signo| passed_on.has(*signo)) {
        group.pending.mark(signo);
    }
    group.recalculate(child);
    drop(group);
    if !flags.contains(CloneFlags::THREAD) {
        let own = parent.process().pid();
        let (to, forker, signal) = match tree.node(own) {
            Some(node) if flags.contains(CloneFlags::PARENT) => {
                (node.parent, node.forker, node.exit_signal)
            }
            _ => (own, parent.tid(), request.exit_signal),
        };
        tree.add_process(process, own, to, forker, signal);
        crate::jobs::inherit_tty(parent.process(), process);
    }
    tree.add_thread(child);
    Ok(())
}

/// The first process: number 1, no parent, root's rights, default actions do not reach it.
///
/// # Errors
/// `ENOMEM`.
pub fn first_process(
    resources: Resources,
    limits: sync::Limits,
    trace: bool,
) -> Result<Arc<Thread>> {
    let number = Number::take(Some(1))?;
    let mut signals = GroupSignals::new(Arc::new(SigHand::default()));
    signals.unkillable = true;
    let process = Arc::new(Process::new(1, signals, limits));
    let thread = Thread::new(NewThread {
        tid: 1,
        process: process.clone(),
        cred: Arc::new(sync::Credentials::root()),
        resources,
        mask: abi::signal::SigSet::EMPTY,
        flags: if trace { flag::TRACE } else { 0 },
    });
    process.signals().lock().threads.push(thread.clone());
    let mut tree = tree::lock();
    tree.add_process(&process, 0, 0, 0, SIGCHLD);
    tree.add_thread(&thread);
    drop(tree);
    number.keep();
    Ok(thread)
}
