//! Processes and threads: making them, naming them, groups and sessions, pidfds.

use abi::clone::{CLONE_ARGS_SIZE_VER0, CSIGNAL, CloneArgs, CloneFlags};
use abi::signal::NSIG;
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::ucopy::UserPtr;
use hal::{UserAddr, ucopy};
use sync::{Capability, Resource};
use task::clone::{Request, clone as clone_thread};
use task::tree;
use task::{Thread, pidfd};
use zerocopy::{FromZeros, IntoBytes};

use super::Cx;
use super::args::{Fd, Flags, PidArg};
use crate::user;

/// `getpid(2)`.
pub fn getpid(cx: &mut Cx<'_>) -> Result<usize> {
    Ok(cx.process().pid() as usize)
}

/// `getppid(2)`.
pub fn getppid(cx: &mut Cx<'_>) -> Result<usize> {
    Ok(cx.process().parent_pid() as usize)
}

/// `gettid(2)`.
pub fn gettid(cx: &mut Cx<'_>) -> Result<usize> {
    Ok(cx.thread.tid() as usize)
}

/// `set_tid_address(2)`.
pub fn set_tid_address(cx: &mut Cx<'_>, word: UserAddr) -> Result<usize> {
    cx.thread.set_clear_child_tid(word);
    Ok(cx.thread.tid() as usize)
}

/// `clone(2)`, in arm64's order of arguments.
pub fn clone(
    cx: &mut Cx<'_>,
    flags: u64,
    stack: u64,
    parent_tid: UserAddr,
    tls: u64,
    child_tid: UserAddr,
) -> Result<usize> {
    let low = flags & 0xffff_ffff;
    let flags = CloneFlags::from_bits_truncate(low & !CSIGNAL);
    // The pidfd goes where the parent's copy of the number would.
    if flags.contains(CloneFlags::PIDFD | CloneFlags::PARENT_SETTID) {
        return Err(Errno::EINVAL);
    }
    start(
        cx,
        Start {
            flags,
            exit_signal: (low & CSIGNAL) as i32,
            stack: (stack != 0).then_some(stack),
            tls,
            parent_tid,
            child_tid,
            pidfd: parent_tid,
            number: None,
        },
    )
}

struct Start {
    flags: CloneFlags,
    exit_signal: i32,
    stack: Option<u64>,
    tls: u64,
    parent_tid: UserAddr,
    child_tid: UserAddr,
    pidfd: UserAddr,
    number: Option<u32>,
}

fn start(cx: &Cx<'_>, start: Start) -> Result<usize> {
    task::clone::judge(cx.thread, start.flags)?;
    let files = cx.files()?;
    let limit = cx.process().limits().soft(Resource::OpenFiles) as usize;
    let mut reserved = None;
    if start.flags.contains(CloneFlags::PIDFD) {
        let reservation = files.reserve(0, limit, true)?;
        let number = reservation.fd();
        UserPtr::<i32>::new(start.pidfd).write(&number)?;
        reserved = Some(reservation);
    }
    let thread_only = start.flags.contains(CloneFlags::THREAD);
    let mut created = |child: &Arc<Thread>| {
        if let Some(reservation) = reserved.take() {
            let file = if thread_only {
                pidfd::open_thread(child, false)?
            } else {
                pidfd::open(child.process(), false)?
            };
            reservation.install(file);
        }
        Ok(())
    };
    let request = Request {
        flags: start.flags,
        exit_signal: start.exit_signal,
        stack: start.stack,
        tls: start.tls,
        parent_tid: start.parent_tid,
        child_tid: start.child_tid,
        number: start.number,
        created: &mut created,
    };
    let tid = clone_thread(cx.thread, cx.regs, request, user::live)?;
    Ok(tid as usize)
}

/// Reads a structure that grows with Linux: bytes this kernel does not know must be zero.
pub(super) fn read_extensible<T: zerocopy::FromBytes + IntoBytes>(
    at: UserAddr,
    size: usize,
    value: &mut T,
) -> Result<()> {
    let known = size_of::<T>().min(size);
    let bytes = value.as_mut_bytes();
    let head = bytes.get_mut(..known).ok_or(Errno::EINVAL)?;
    ucopy::copy_in(head, at).map_err(|_| Errno::EFAULT)?;
    let mut checked = size_of::<T>();
    while checked < size {
        let mut rest = [0u8; 256];
        let piece = (size - checked).min(rest.len());
        let part = rest.get_mut(..piece).ok_or(Errno::EINVAL)?;
        ucopy::copy_in(part, at.wrapping_add(checked)).map_err(|_| Errno::EFAULT)?;
        if part.iter().any(|byte| *byte != 0) {
            return Err(Errno::E2BIG);
        }
        checked += piece;
    }
    Ok(())
}

/// `clone3(2)`.
pub fn clone3(cx: &mut Cx<'_>, args: UserAddr, size: usize) -> Result<usize> {
    if size > hal::PAGE_SIZE {
        return Err(Errno::E2BIG);
    }
    if size < CLONE_ARGS_SIZE_VER0 {
        return Err(Errno::EINVAL);
    }
    let mut given = CloneArgs::new_zeroed();
    read_extensible(args, size, &mut given)?;
    let number = set_tid(cx, &given)?;
    // The high byte of the exit signal's field and bits nobody knows.
    if given.exit_signal > CSIGNAL || given.exit_signal as i32 > NSIG {
        return Err(Errno::EINVAL);
    }
    let flags = CloneFlags::from_bits(given.flags).ok_or(Errno::EINVAL)?;
    if flags.intersects(CloneFlags::DETACHED)
        || flags.contains(CloneFlags::SIGHAND | CloneFlags::CLEAR_SIGHAND)
        || (flags.intersects(CloneFlags::THREAD | CloneFlags::PARENT) && given.exit_signal != 0)
        || (given.stack == 0) != (given.stack_size == 0)
    {
        return Err(Errno::EINVAL);
    }
    if flags.contains(CloneFlags::INTO_CGROUP) {
        if given.cgroup > i32::MAX as u64 {
            return Err(Errno::EINVAL);
        }
        // There are no cgroups, so no descriptor is one.
        return Err(Errno::EBADF);
    }
    let stack = given.stack.checked_add(given.stack_size);
    let stack = stack.filter(|top| *top <= hal::USER_END as u64);
    let stack = stack.ok_or(Errno::EINVAL)?;
    start(
        cx,
        Start {
            flags,
            exit_signal: given.exit_signal as i32,
            stack: (given.stack != 0).then_some(stack),
            tls: given.tls,
            parent_tid: UserAddr(given.parent_tid as usize),
            child_tid: UserAddr(given.child_tid as usize),
            pidfd: UserAddr(given.pidfd as usize),
            number,
        },
    )
}

/// The number a child is to have; there is one PID namespace, so one number at most.
fn set_tid(cx: &Cx<'_>, args: &CloneArgs) -> Result<Option<u32>> {
    /// Nested namespaces Linux allows.
    const MAX_LEVELS: u64 = 32;
    if args.set_tid_size > MAX_LEVELS
        || (args.set_tid == 0) != (args.set_tid_size == 0)
        || args.set_tid_size > 1
    {
        return Err(Errno::EINVAL);
    }
    if args.set_tid_size == 0 {
        return Ok(None);
    }
    let number = UserPtr::<i32>::new(UserAddr(args.set_tid as usize)).read()?;
    let cred = cx.cred();
    if !cred.has(Capability::SYS_ADMIN) && !cred.has(Capability::CHECKPOINT_RESTORE) {
        return Err(Errno::EPERM);
    }
    if number < 1 {
        return Err(Errno::EINVAL);
    }
    Ok(Some(number as u32))
}

/// The process a number names: the caller's for 0.
fn named(cx: &Cx<'_>, pid: PidArg) -> Result<Arc<task::Process>> {
    if pid.0 == 0 {
        return Ok(cx.process().clone());
    }
    tree::lock()
        .process_of_any(pid.0 as u32)
        .ok_or(Errno::ESRCH)
}

/// `getpgid(2)`.
pub fn getpgid(cx: &mut Cx<'_>, pid: PidArg) -> Result<usize> {
    Ok(named(cx, pid)?.group() as usize)
}

/// `getsid(2)`.
pub fn getsid(cx: &mut Cx<'_>, pid: PidArg) -> Result<usize> {
    Ok(named(cx, pid)?.session() as usize)
}

/// `setpgid(2)`.
pub fn setpgid(cx: &mut Cx<'_>, pid: PidArg, group: PidArg) -> Result<usize> {
    let own = cx.process().pid();
    let pid = if pid.0 == 0 { own } else { pid.0 as u32 };
    // A group of 0 is the process's own number, which may be as little a number as the group may.
    let group = if group.0 == 0 { pid } else { group.0 as u32 };
    if group > i32::MAX as u32 {
        return Err(Errno::EINVAL);
    }
    let mut tree = tree::lock();
    let session = tree.node(own).ok_or(Errno::ESRCH)?.session;
    let node = tree.node(pid).ok_or_else(|| {
        // A thread that leads no process is EINVAL, nobody is ESRCH.
        if tree.thread(pid).is_some() {
            Errno::EINVAL
        } else {
            Errno::ESRCH
        }
    })?;
    if node.parent == own {
        if node.session != session {
            return Err(Errno::EPERM);
        }
        if node.has_execed {
            return Err(Errno::EACCES);
        }
    } else if pid != own {
        return Err(Errno::ESRCH);
    }
    if node.session == pid {
        return Err(Errno::EPERM);
    }
    if group != pid && tree.group_session(group) != Some(session) {
        return Err(Errno::EPERM);
    }
    if node.group != group {
        tree.enter_group(pid, group);
    }
    Ok(0)
}

/// `setsid(2)`.
pub fn setsid(cx: &mut Cx<'_>) -> Result<usize> {
    let pid = cx.process().pid();
    tree::lock().new_session(pid)?;
    drop(cx.process().set_tty(None));
    Ok(pid as usize)
}

/// `pidfd_open(2)`.
pub fn pidfd_open(cx: &mut Cx<'_>, pid: PidArg, flags: Flags) -> Result<usize> {
    const NONBLOCK: u32 = 0o4000;
    /// `O_EXCL`: a single thread.
    const THREAD: u32 = 0o200;
    if flags.0 & !(NONBLOCK | THREAD) != 0 || pid.0 <= 0 {
        return Err(Errno::EINVAL);
    }
    let nonblocking = flags.0 & NONBLOCK != 0;
    let tree = tree::lock();
    let (thread, process) = (tree.thread(pid.0 as u32), tree.process(pid.0 as u32));
    drop(tree);
    let file = match (thread, process) {
        (None, None) => return Err(Errno::ESRCH),
        (Some(thread), _) if flags.0 & THREAD != 0 => pidfd::open_thread(&thread, nonblocking)?,
        (_, Some(process)) => pidfd::open(&process, nonblocking)?,
        // A thread that leads no process, without PIDFD_THREAD.
        _ => return Err(Errno::ENOENT),
    };
    let limit = cx.process().limits().soft(Resource::OpenFiles) as usize;
    Ok(cx.files()?.install(file, limit, true)? as usize)
}

/// `pidfd_getfd(2)`.
pub fn pidfd_getfd(cx: &mut Cx<'_>, pidfd: Fd, target: Fd, flags: Flags) -> Result<usize> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL);
    }
    let file = cx.file(pidfd)?;
    let process = pidfd::process_of(&file).ok_or(Errno::EBADF)?;
    let thread = process.any_thread().ok_or(Errno::ESRCH)?;
    if !task::access::may_look_into(cx.thread, &process) {
        return Err(Errno::EPERM);
    }
    let wanted = thread.files()?.get(target.0)?;
    let limit = cx.process().limits().soft(Resource::OpenFiles) as usize;
    Ok(cx.files()?.install(wanted, limit, true)? as usize)
}

/// `unshare(2)`.
pub fn unshare(cx: &mut Cx<'_>, flags: u64) -> Result<usize> {
    let flags = CloneFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    let known = CloneFlags::THREAD
        | CloneFlags::FS
        | CloneFlags::NAMESPACES
        | CloneFlags::SIGHAND
        | CloneFlags::VM
        | CloneFlags::FILES
        | CloneFlags::SYSVSEM;
    if !known.contains(flags) {
        return Err(Errno::EINVAL);
    }
    // These are accepted of a single-threaded process, which has nothing to unshare.
    let single = CloneFlags::THREAD | CloneFlags::SIGHAND | CloneFlags::VM;
    if flags.intersects(single) && cx.process().signals().lock().threads.len() > 1 {
        return Err(Errno::EINVAL);
    }
    task::clone::judge_namespaces(cx.thread, flags)?;
    task::clone::unshare(cx.thread, flags)?;
    Ok(0)
}
