//! Sending: who may, whether it has any effect, who takes it.

use alloc::sync::Arc;

use abi::signal::{SIG_DFL, SIGCONT, SIGKILL, SIGRTMIN, SIGSTOP, SigAction, SigSet};
use abi::{Errno, Result};
use sync::{Capability, Credentials, Events, Resource};

use super::pending::Charge;
use super::{Change, GroupSignals, JobState, SigInfo};
use crate::process::Process;
use crate::thread::{Thread, flag};

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The kernel: a fault, a timer, a terminal.
    Kernel,
    /// A program.
    User,
}

/// Whether a sender may signal a process (`man 2 kill`): same user, `CAP_KILL`, or SIGCONT within a
/// session.
pub fn may_signal(sender: &Thread, target: &Process, signo: i32) -> bool {
    if core::ptr::eq(&raw const **sender.process(), &raw const *target) {
        return true;
    }
    // A zombie has still those it ended with.
    let Some((_, its)) = target.name_and_cred() else {
        return true;
    };
    let mine = sender.cred();
    same_user(&mine, &its)
        || mine.has(Capability::KILL)
        || (signo == SIGCONT && sender.process().session() == target.session())
}

fn same_user(sender: &Credentials, target: &Credentials) -> bool {
    [sender.euid, sender.uid]
        .iter()
        .any(|id| *id == target.suid || *id == target.uid)
}

/// Sends to a process.
///
/// # Errors
/// `EAGAIN` when a real-time signal of a program meets `RLIMIT_SIGPENDING`.
pub fn send_to_process(process: &Process, info: SigInfo, origin: Origin) -> Result<()> {
    send(process, None, info, origin)
}

/// Sends to one thread.
///
/// # Errors
/// As [`send_to_process`].
pub fn send_to_thread(thread: &Thread, info: SigInfo, origin: Origin) -> Result<()> {
    send(thread.process(), Some(thread), info, origin)
}

fn send(process: &Process, thread: Option<&Thread>, info: SigInfo, origin: Origin) -> Result<()> {
    if queue_and_kick(process, thread, info, origin)? {
        process.signal_events.notify(Events::IN);
    }
    Ok(())
}

/// Sends to a process from the kernel, under the tree's lock: the caller notifies its `signal_events` after
/// unlocking.
pub(crate) fn post(process: &Process, info: SigInfo) {
    // From the kernel nothing is refused.
    let _ = queue_and_kick(process, None, info, Origin::Kernel);
}

/// Answers whether the signal is pending now, or on its way to the thread that takes it; then the caller
/// notifies the process's `signal_events`.
pub(super) fn queue_and_kick(
    process: &Process,
    thread: Option<&Thread>,
    info: SigInfo,
    origin: Origin,
) -> Result<bool> {
    let mut group = process.signals().lock();
    if !prepare(&mut group, thread, info.signo, origin) {
        return Ok(false);
    }
    queue(&mut group, process, thread, info, origin)?;
    choose(&mut group, thread, info.signo);
    Ok(true)
}

/// What became of a timer's signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sent {
    /// It is queued, or the process is ending.
    Queued,
    /// Nobody would notice it.
    Ignored,
}

/// Sends a POSIX timer's signal. It is queued beside a standard signal of its number that waits already,
/// but a timer has one at most in a queue: another is an overrun.
pub(crate) fn send_timer(process: &Process, thread: Option<&Thread>, info: SigInfo) -> Sent {
    let mut group = process.signals().lock();
    if group.end.is_some() {
        return Sent::Queued;
    }
    if !prepare(&mut group, thread, info.signo, Origin::Kernel) {
        return Sent::Ignored;
    }
    let mut own = thread.map(|thread| thread.signals().lock());
    let pending = match &mut own {
        Some(own) => &mut own.pending,
        None => &mut group.pending,
    };
    // Counted against the user's limit when the timer was made.
    if !pending.renew_timer(&info) && pending.push(info, None).is_err() {
        pending.mark(info.signo);
    }
    drop(own);
    choose(&mut group, thread, info.signo);
    drop(group);
    process.signal_events.notify(Events::IN);
    Sent::Queued
}

/// The effects sending has at once: stop signals and SIGCONT cancel each other. Answers whether the
/// signal goes on.
fn prepare(group: &mut GroupSignals, thread: Option<&Thread>, signo: i32, origin: Origin) -> bool {
    if group.end.is_some() {
        return false;
    }
    if SigSet::STOP.has(signo) {
        discard_everywhere(group, SigSet::of(SIGCONT));
    } else if signo == SIGCONT {
        discard_everywhere(group, SigSet::STOP);
        group.continued = group.continued.wrapping_add(1);
        let was = core::mem::take(&mut group.job);
        group.stopped = 0;
        match was {
            JobState::Stopped(_) => {
                group.change = Some(Change::Continued);
                group.untold = Some(Change::Continued);
            }
            // Stopped half-way: the parent hears of the stop, as if it had been quick.
            JobState::Stopping(by) => group.untold = Some(Change::Stopped(by)),
            JobState::Running => {}
        }
        for thread in &group.threads {
            thread.lower(flag::STOP);
            if group.untold.is_some() {
                thread.raise(flag::SIGNAL);
            }
            thread.kick();
        }
    }
    !is_ignored(group, thread, signo, origin)
}

fn discard_everywhere(group: &mut GroupSignals, signals: SigSet) {
    group.pending.discard(signals);
    for thread in &group.threads {
        thread.signals().lock().pending.discard(signals);
    }
}

/// Whether a signal would have no effect. One that is blocked is kept: the handler may be set before
/// it is unblocked.
fn is_ignored(group: &GroupSignals, thread: Option<&Thread>, signo: i32, origin: Origin) -> bool {
    let Some(target) = thread.or_else(|| group.threads.first().map(|first| &**first)) else {
        return false;
    };
    if target.mask().has(signo) {
        return false;
    }
    let only = signo == SIGKILL || signo == SIGSTOP;
    if group.unkillable && !(origin == Origin::Kernel && only) {
        let default = group.sighand.get(signo).handler == SIG_DFL;
        if default && !target.signals().lock().awaited.has(signo) {
            return true;
        }
    }
    group.sighand.ignores(signo) && !target.signals().lock().awaited.has(signo)
}

fn queue(
    group: &mut GroupSignals,
    process: &Process,
    thread: Option<&Thread>,
    info: SigInfo,
    origin: Origin,
) -> Result<()> {
    let signo = info.signo;
    let Some(first) = group.threads.first().cloned() else {
        return Ok(());
    };
    let mut own = thread.map(|thread| thread.signals().lock());
    let pending = match &mut own {
        Some(own) => &mut own.pending,
        None => &mut group.pending,
    };
    if pending.holds_standard(signo) {
        return Ok(());
    }
    // Nothing carries the details of SIGKILL, so nothing can fail.
    if signo == SIGKILL {
        pending.mark(signo);
        return Ok(());
    }
    // Standard signals that no program made up pass the limit.
    let exempt = signo < SIGRTMIN && (origin == Origin::Kernel || info.code >= 0);
    let limit = if exempt {
        u64::MAX
    } else {
        process.limits().soft(Resource::SignalsPending)
    };
    let charge = Charge::take(&thread.unwrap_or(&first).user(), limit);
    if charge.is_none() && signo >= SIGRTMIN && origin == Origin::User && info.code != 0 {
        return Err(Errno::EAGAIN);
    }
    if charge.is_none() || pending.push(info, charge).is_err() {
        pending.mark(signo);
    }
    Ok(())
}

fn wants(thread: &Thread, signo: i32) -> bool {
    if thread.mask().has(signo) || thread.has(flag::EXIT) {
        return false;
    }
    signo == SIGKILL || !thread.has(flag::SIGNAL)
}

/// Finds the thread that takes the signal and kicks it; a signal that will kill starts the end of
/// the whole process here.
fn choose(group: &mut GroupSignals, thread: Option<&Thread>, signo: i32) {
    let taker = match thread {
        Some(thread) => group
            .threads
            .iter()
            .find(|other| core::ptr::eq(&raw const ***other, thread))
            .filter(|_| wants(thread, signo) || !thread.mask().has(signo))
            .cloned(),
        None => any_taker(group, signo),
    };
    let Some(taker) = taker else {
        return;
    };
    // Those that stand still find it when they go on; only SIGKILL does not wait for that.
    if signo != SIGKILL && group.has_stopped(&taker) {
        return;
    }
    if is_fatal(group, &taker, signo) {
        // Everybody dies of it; the one that takes it need not run first.
        group.begin_end(signo);
        return;
    }
    taker.raise(flag::SIGNAL);
    taker.kick();
}

fn any_taker(group: &mut GroupSignals, signo: i32) -> Option<Arc<Thread>> {
    let first = group.threads.first()?;
    if wants(first, signo) {
        return Some(first.clone());
    }
    let count = group.threads.len();
    for step in 0..count {
        let at = (group.next + step) % count;
        if let Some(thread) = group.threads.get(at)
            && wants(thread, signo)
        {
            group.next = at;
            return Some(thread.clone());
        }
    }
    // All are busy with signals: any that does not block it will come to it.
    group
        .threads
        .iter()
        .find(|thread| !thread.mask().has(signo) && !thread.has(flag::EXIT))
        .cloned()
}

fn is_fatal(group: &GroupSignals, taker: &Thread, signo: i32) -> bool {
    if signo == SIGKILL {
        return true;
    }
    let harmless = SigSet::IGNORED.union(SigSet::STOP);
    !group.unkillable
        && !harmless.has(signo)
        && group.sighand.get(signo).handler == SIG_DFL
        && !taker.signals().lock().awaited.has(signo)
}

/// Sends a fault to the thread that caused it. Blocked or ignored, it kills, process 1 too.
pub fn force(thread: &Thread, info: SigInfo) {
    let signo = info.signo;
    let mut group = thread.process().signals().lock();
    let action = group.sighand.get(signo);
    let blocked = thread.mask().has(signo);
    if blocked || action.handler == abi::signal::SIG_IGN {
        group.sighand.set(
            signo,
            SigAction {
                handler: SIG_DFL,
                ..action
            },
        );
        if blocked {
            thread.store_mask(thread.mask().without(signo));
        }
    }
    if group.sighand.get(signo).handler == SIG_DFL {
        group.unkillable = false;
    }
    let mut own = thread.signals().lock();
    if !own.pending.holds_standard(signo) && own.pending.push(info, None).is_err() {
        own.pending.mark(signo);
    }
    drop(own);
    thread.raise(flag::SIGNAL);
    thread.kick();
}

/// Kills a thread's process by a signal whatever its handler says: what is left when a signal frame
/// cannot be written.
pub fn force_default(thread: &Thread, signo: i32) {
    let group = thread.process().signals().lock();
    let action = group.sighand.get(signo);
    group.sighand.set(
        signo,
        SigAction {
            handler: SIG_DFL,
            ..action
        },
    );
    drop(group);
    force(thread, SigInfo::kernel(signo));
}
