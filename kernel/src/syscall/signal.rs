//! Signals: actions, masks, sending, waiting, returning from handlers.

use abi::signal::{
    NSIG, RawSigInfo, SEGV_ACCERR, SEGV_MAPERR, SI_TKILL, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK,
    SIGKILL, SIGSEGV, SIGSTOP, SaFlags, SigAction, SigSet, SigStack,
};
use abi::time::Timespec;
use abi::{Errno, Result};
use core::time::Duration;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Instant;
use task::signal::many::{members, send_to_many};
use task::signal::send::may_signal;
use task::signal::{
    self, Origin, SigHand, SigInfo, altstack, force, frame, send_to_process, send_to_thread,
    take_pending,
};
use task::thread::Thread;
use task::wait::{Restart, WaitOptions, wait};
use task::{Process, tree};

use super::Cx;
use super::args::{Flags, PidArg, Sig};

/// Bytes of the kernel's `sigset_t`.
const SIGSET_SIZE: usize = 8;

/// A signal number, or 0 for a mere look.
fn number_or_zero(sig: Sig) -> Result<i32> {
    if (0..=NSIG).contains(&sig.0) {
        Ok(sig.0)
    } else {
        Err(Errno::EINVAL)
    }
}

pub(super) fn check_size(size: usize) -> Result<()> {
    if size == SIGSET_SIZE {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// `rt_sigaction(2)`.
pub fn rt_sigaction(
    cx: &mut Cx<'_>,
    sig: Sig,
    new: UserPtr<SigAction>,
    old: UserPtr<SigAction>,
    size: usize,
) -> Result<usize> {
    check_size(size)?;
    let new = new.non_null().map(|new| new.read()).transpose()?;
    let signo = sig.0;
    let fixed = signo == SIGKILL || signo == SIGSTOP;
    if !(1..=NSIG).contains(&signo) || (new.is_some() && fixed) {
        return Err(Errno::EINVAL);
    }
    let mut group = cx.process().signals().lock();
    let before = match new {
        None => group.sighand.get(signo),
        Some(mut action) => {
            // Bits the kernel does not know are not kept, so programs can ask for them.
            action.flags = SaFlags::from_bits_truncate(action.flags).bits();
            action.mask = action.mask.minus(SigSet::UNBLOCKABLE);
            let before = group.sighand.set(signo, action).unwrap_or_default();
            // POSIX: setting a pending signal to ignored discards it, blocked or not.
            if SigHand::has_no_effect(signo, &action) {
                let set = SigSet::of(signo);
                group.pending.discard(set);
                for thread in &group.threads {
                    thread.signals().lock().pending.discard(set);
                }
            }
            before
        }
    };
    drop(group);
    if !old.is_null() {
        old.write(&before)?;
    }
    Ok(0)
}

/// `rt_sigprocmask(2)`.
pub fn rt_sigprocmask(
    cx: &mut Cx<'_>,
    how: i32,
    new: UserPtr<SigSet>,
    old: UserPtr<SigSet>,
    size: usize,
) -> Result<usize> {
    check_size(size)?;
    let before = cx.thread.mask();
    if !new.is_null() {
        let set = new.read()?.minus(SigSet::UNBLOCKABLE);
        let mask = match how {
            SIG_BLOCK => before.union(set),
            SIG_UNBLOCK => before.minus(set),
            SIG_SETMASK => set,
            _ => return Err(Errno::EINVAL),
        };
        signal::set_mask(cx.thread, mask);
    }
    if !old.is_null() {
        old.write(&before)?;
    }
    Ok(0)
}

/// `rt_sigpending(2)`.
pub fn rt_sigpending(cx: &mut Cx<'_>, set: UserPtr<SigSet>, size: usize) -> Result<usize> {
    if size > SIGSET_SIZE {
        return Err(Errno::EINVAL);
    }
    let pending = signal::pending(cx.thread).and(cx.thread.mask());
    if size == 0 {
        return Ok(0);
    }
    let bytes = pending.0.to_le_bytes();
    hal::ucopy::copy_out(set.addr(), bytes.get(..size).unwrap_or(&bytes))
        .map_err(|_| Errno::EFAULT)?;
    Ok(0)
}

/// `rt_sigsuspend(2)`.
pub fn rt_sigsuspend(cx: &mut Cx<'_>, set: UserPtr<SigSet>, size: usize) -> Result<usize> {
    check_size(size)?;
    let mask = set.read()?;
    signal::set_temporary_mask(cx.thread, mask);
    let options = WaitOptions {
        restart: Restart::NoHand,
        ..WaitOptions::default()
    };
    wait(cx.thread, &options, &[], || Err::<usize, _>(Errno::EAGAIN))
}

fn duration(time: Timespec) -> Result<Duration> {
    let sec = u64::try_from(time.sec).map_err(|_| Errno::EINVAL)?;
    let nsec = u32::try_from(time.nsec).map_err(|_| Errno::EINVAL)?;
    if nsec >= 1_000_000_000 {
        return Err(Errno::EINVAL);
    }
    Ok(Duration::new(sec, nsec))
}

/// `rt_sigtimedwait(2)`.
pub fn rt_sigtimedwait(
    cx: &mut Cx<'_>,
    set: UserPtr<SigSet>,
    info: UserPtr<RawSigInfo>,
    timeout: UserPtr<Timespec>,
    size: usize,
) -> Result<usize> {
    check_size(size)?;
    let wanted = set.read()?.minus(SigSet::UNBLOCKABLE);
    let timeout = if timeout.is_null() {
        None
    } else {
        let time = timeout.read()?;
        Some(duration(time)?)
    };
    let taken = match take_pending(cx.thread, wanted) {
        Some(taken) => taken,
        None if timeout.is_some_and(|time| time.is_zero()) => return Err(Errno::EAGAIN),
        None => await_signal(cx.thread, wanted, timeout.map(Instant::after))?,
    };
    if !info.is_null() {
        info.write(&taken.to_raw())?;
    }
    Ok(taken.signo as usize)
}

/// Sleeps with the wanted signals unblocked, so that they end the sleep, and takes one.
fn await_signal(thread: &Thread, wanted: SigSet, deadline: Option<Instant>) -> Result<SigInfo> {
    let mask = thread.mask();
    thread.signals().lock().awaited = wanted.and(mask);
    signal::set_mask(thread, mask.minus(wanted));
    let options = WaitOptions {
        deadline,
        restart: Restart::Never,
        ..WaitOptions::default()
    };
    let end = wait(thread, &options, &[], || {
        take_pending(thread, wanted).ok_or(Errno::EAGAIN)
    });
    // In this order: a sender that sees the signal neither blocked nor awaited takes it for a fatal one.
    signal::set_mask(thread, mask);
    thread.signals().lock().awaited = SigSet::EMPTY;
    match end {
        Ok(taken) => Ok(taken),
        // What came with the end of the sleep still counts.
        Err(error) => take_pending(thread, wanted).ok_or(match error {
            Errno::ETIMEDOUT => Errno::EAGAIN,
            other => other,
        }),
    }
}

/// `rt_sigreturn(2)`.
pub fn rt_sigreturn(cx: &mut Cx<'_>) -> Result<usize> {
    let sp = cx.regs.sp();
    if frame::pop(cx.thread, cx.regs).is_err() {
        let mapped = cx
            .mm()
            .is_ok_and(|mm| mm.rights_at(UserAddr(sp as usize)).is_some());
        let code = if mapped { SEGV_ACCERR } else { SEGV_MAPERR };
        force(cx.thread, SigInfo::fault(SIGSEGV, code, sp));
        return Ok(0);
    }
    Ok(cx.regs.x(0) as usize)
}

/// `sigaltstack(2)`.
pub fn sigaltstack(
    cx: &mut Cx<'_>,
    new: UserPtr<SigStack>,
    old: UserPtr<SigStack>,
) -> Result<usize> {
    let new = new.non_null().map(|new| new.read()).transpose()?;
    let before = altstack::exchange(cx.thread, new.as_ref(), cx.regs.sp())?;
    if !old.is_null() {
        old.write(&before)?;
    }
    Ok(0)
}

/// `restart_syscall(2)`.
pub fn restart_syscall(cx: &mut Cx<'_>) -> Result<usize> {
    match cx.thread.take_restart() {
        Some(block) => block(cx.thread),
        None => Err(Errno::EINTR),
    }
}

fn own_ids(cx: &Cx<'_>) -> (i32, u32) {
    (cx.process().pid() as i32, cx.cred().uid)
}

fn ask(cx: &Cx<'_>, process: &Process, info: SigInfo) -> Result<()> {
    if may_signal(cx.thread, process, info.signo) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// Sends to one process after asking for permission; signal 0 only asks.
fn kill_one(cx: &Cx<'_>, process: &Process, info: SigInfo) -> Result<()> {
    ask(cx, process, info)?;
    if info.signo == 0 {
        return Ok(());
    }
    send_to_process(process, info, Origin::User)
}

/// `kill(2)`.
pub fn kill(cx: &mut Cx<'_>, pid: PidArg, sig: Sig) -> Result<usize> {
    let (own, uid) = own_ids(cx);
    let info = SigInfo::user(sig.0, own, uid);
    let signo = number_or_zero(sig);
    match pid.0 {
        i32::MIN => Err(Errno::ESRCH),
        pid @ 1.. => {
            let other = if pid == own {
                None
            } else {
                let named = tree::lock().process_of_any(pid as u32);
                Some(named.ok_or(Errno::ESRCH)?)
            };
            signo?;
            kill_one(cx, other.as_ref().unwrap_or(cx.process()), info)?;
            Ok(0)
        }
        -1 => {
            signo?;
            kill_all(cx, info)
        }
        0 => {
            signo?;
            kill_group(cx, cx.process().group(), info)
        }
        group => {
            signo?;
            kill_group(cx, group.unsigned_abs(), info)
        }
    }
}

/// One success is enough; else the last error, and `ESRCH` for an empty group.
fn kill_group(cx: &Cx<'_>, group: u32, info: SigInfo) -> Result<usize> {
    let mut result = Err(Errno::ESRCH);
    let sent = send_to_many(
        &|tree| members(tree, group),
        &|process| ask(cx, process, info),
        info,
        Origin::User,
    );
    for sent in sent {
        if result != Ok(0) {
            result = sent.map(|()| 0);
        }
    }
    result
}

/// Everybody but process 1 and the caller's own.
fn kill_all(cx: &Cx<'_>, info: SigInfo) -> Result<usize> {
    let own = cx.process().pid();
    let others = |tree: &tree::Tree| {
        let nodes = tree.processes().map(|node| &node.process);
        let others = nodes.filter(|process| process.pid() > 1 && process.pid() != own);
        others.cloned().collect()
    };
    let may = |process: &Process| ask(cx, process, info);
    let sent = send_to_many(&others, &may, info, Origin::User);
    if sent.is_empty() {
        return Err(Errno::ESRCH);
    }
    let mut result = Ok(0);
    for sent in sent {
        // Linux forgets those it may not signal here.
        match sent {
            Err(Errno::EPERM) | Ok(()) => {}
            Err(other) => result = Err(other),
        }
    }
    result
}

/// Sends to a thread, of a given process if `process` says so.
fn kill_thread(cx: &Cx<'_>, process: Option<i32>, tid: i32, info: SigInfo) -> Result<usize> {
    let thread = tree::lock().thread(tid as u32).ok_or(Errno::ESRCH)?;
    if process.is_some_and(|pid| pid as u32 != thread.process().pid()) {
        return Err(Errno::ESRCH);
    }
    if !may_signal(cx.thread, thread.process(), info.signo) {
        return Err(Errno::EPERM);
    }
    if info.signo != 0 {
        send_to_thread(&thread, info, Origin::User)?;
    }
    Ok(0)
}

/// `tkill(2)`.
pub fn tkill(cx: &mut Cx<'_>, tid: PidArg, sig: Sig) -> Result<usize> {
    if tid.0 <= 0 {
        return Err(Errno::EINVAL);
    }
    let (pid, uid) = own_ids(cx);
    check_thread(tid, None)?;
    let signo = number_or_zero(sig)?;
    kill_thread(cx, None, tid.0, SigInfo::tkill(signo, pid, uid))
}

/// `tgkill(2)`.
pub fn tgkill(cx: &mut Cx<'_>, tgid: PidArg, tid: PidArg, sig: Sig) -> Result<usize> {
    if tid.0 <= 0 || tgid.0 <= 0 {
        return Err(Errno::EINVAL);
    }
    let (pid, uid) = own_ids(cx);
    check_thread(tid, Some(tgid))?;
    let signo = number_or_zero(sig)?;
    kill_thread(cx, Some(tgid.0), tid.0, SigInfo::tkill(signo, pid, uid))
}

/// `ESRCH` comes before `EINVAL` for the signal: the kernel looks the thread up first.
fn check_thread(tid: PidArg, tgid: Option<PidArg>) -> Result<()> {
    let thread = tree::lock().thread(tid.0 as u32).ok_or(Errno::ESRCH)?;
    let foreign = tgid.is_some_and(|tgid| tgid.0 as u32 != thread.process().pid());
    if foreign { Err(Errno::ESRCH) } else { Ok(()) }
}

/// Reads a siginfo a program made up, and judges whether it may claim it of itself to others.
fn read_info(cx: &Cx<'_>, ptr: UserPtr<RawSigInfo>, sig: Sig, to: i32) -> Result<SigInfo> {
    let raw = ptr.read()?;
    let mut info = SigInfo::from_raw(&raw, sig.0).ok_or(Errno::E2BIG)?;
    info.signo = sig.0;
    // Nobody but oneself may be told it came from the kernel or from kill.
    if (info.code >= 0 || info.code == SI_TKILL) && to as u32 != cx.process().pid() {
        return Err(Errno::EPERM);
    }
    Ok(info)
}

/// `rt_sigqueueinfo(2)`.
pub fn rt_sigqueueinfo(
    cx: &mut Cx<'_>,
    pid: PidArg,
    sig: Sig,
    info: UserPtr<RawSigInfo>,
) -> Result<usize> {
    let info = read_info(cx, info, sig, pid.0)?;
    let process = tree::lock()
        .process_of_any(pid.0 as u32)
        .ok_or(Errno::ESRCH)?;
    number_or_zero(sig)?;
    kill_one(cx, &process, info)?;
    Ok(0)
}

/// `rt_tgsigqueueinfo(2)`.
pub fn rt_tgsigqueueinfo(
    cx: &mut Cx<'_>,
    tgid: PidArg,
    tid: PidArg,
    sig: Sig,
    info: UserPtr<RawSigInfo>,
) -> Result<usize> {
    if tid.0 <= 0 || tgid.0 <= 0 {
        return Err(Errno::EINVAL);
    }
    let raw = info.read()?;
    let mut info = SigInfo::from_raw(&raw, sig.0).ok_or(Errno::E2BIG)?;
    info.signo = sig.0;
    let to_self = tid.0 as u32 == cx.thread.tid();
    if (info.code >= 0 || info.code == SI_TKILL) && !to_self {
        return Err(Errno::EPERM);
    }
    check_thread(tid, Some(tgid))?;
    number_or_zero(sig)?;
    kill_thread(cx, Some(tgid.0), tid.0, info)
}

/// `pidfd_send_signal(2)`.
pub fn pidfd_send_signal(
    cx: &mut Cx<'_>,
    fd: super::args::Fd,
    sig: Sig,
    info: UserPtr<RawSigInfo>,
    flags: Flags,
) -> Result<usize> {
    const THREAD: u32 = 1;
    const THREAD_GROUP: u32 = 2;
    const PROCESS_GROUP: u32 = 4;
    if flags.0 & !(THREAD | THREAD_GROUP | PROCESS_GROUP) != 0 || flags.0.count_ones() > 1 {
        return Err(Errno::EINVAL);
    }
    let file = cx.usable_file(fd)?;
    // A directory of /proc stands for its process, too.
    let process = task::pidfd::process_of(&file)
        .or_else(|| task::proc::process_of(&file))
        .ok_or(Errno::EBADF)?;
    let signo = number_or_zero(sig)?;
    // By itself a pidfd says whether it means a thread.
    let leader = || tree::lock().thread(process.pid());
    let one = match flags.0 {
        0 => task::pidfd::thread_of(&file),
        THREAD => task::pidfd::thread_of(&file).or_else(leader),
        _ => None,
    };
    let info = if info.is_null() {
        let (pid, uid) = own_ids(cx);
        match one {
            Some(_) => SigInfo::tkill(signo, pid, uid),
            None => SigInfo::user(signo, pid, uid),
        }
    } else {
        let raw = info.read()?;
        if raw.signo != signo {
            return Err(Errno::EINVAL);
        }
        let made_up = SigInfo::from_raw(&raw, signo).ok_or(Errno::E2BIG)?;
        let own = core::ptr::eq(&raw const *process, &raw const **cx.process());
        if (made_up.code >= 0 || made_up.code == SI_TKILL) && !own {
            return Err(Errno::EPERM);
        }
        made_up
    };
    if flags.0 == PROCESS_GROUP {
        return kill_group(cx, process.pid(), info);
    }
    if process.life() == tree::Life::Gone {
        return Err(Errno::ESRCH);
    }
    let Some(thread) = one else {
        kill_one(cx, &process, info)?;
        return Ok(0);
    };
    if thread.has_ended() {
        return Err(Errno::ESRCH);
    }
    ask(cx, &process, info)?;
    if info.signo != 0 {
        send_to_thread(&thread, info, Origin::User)?;
    }
    Ok(0)
}
