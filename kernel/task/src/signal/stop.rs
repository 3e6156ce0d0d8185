//! Job control: stopping all threads of a process, going on, telling the parent.

use abi::signal::{CLD_CONTINUED, CLD_STOPPED, SIG_IGN, SIGCHLD, SIGCONT, SaFlags};
use sync::Events;

use super::{Change, JobState, Origin, SigInfo, send_to_process};
use crate::process::Process;
use crate::thread::{Thread, flag};
use crate::tree;
use crate::usage::Usage;

/// Starts stopping the process for a signal and stops the calling thread; not if SIGCONT came since the
/// signal was taken, when the process had been `continued` so often.
pub(super) fn begin(thread: &Thread, signo: i32, continued: u32) {
    let mut group = thread.process().signals().lock();
    if group.end.is_some() || group.in_exec || group.continued != continued {
        return;
    }
    if group.job == JobState::Running {
        group.job = JobState::Stopping(signo);
        group.stopped = 0;
        for other in &group.threads {
            other.raise(flag::STOP);
            other.kick();
        }
    }
    drop(group);
    stay(thread);
}

/// Stops the calling thread until its process goes on or is killed.
pub(super) fn stay(thread: &Thread) {
    let process = thread.process();
    let mut group = process.signals().lock();
    thread.lower(flag::STOP);
    let JobState::Stopping(signo) = group.job else {
        // A thread born while the others stopped joins them; else the stop is over.
        if matches!(group.job, JobState::Stopped(_)) {
            drop(group);
            park_until_continued(thread);
        }
        return;
    };
    group.stopped += 1;
    let last = group.stopped >= group.threads.len();
    if last {
        group.job = JobState::Stopped(signo);
        group.change = Some(Change::Stopped(signo));
    }
    drop(group);
    if last {
        tell_parent(process, Change::Stopped(signo));
    }
    park_until_continued(thread);
}

fn park_until_continued(thread: &Thread) {
    loop {
        let group = thread.process().signals().lock();
        // With the next stop under way already, there is one to take part in.
        let over = group.job == JobState::Running || thread.has(flag::STOP);
        let over = over || group.end.is_some();
        drop(group);
        if over || thread.is_killed() {
            return;
        }
        sync::park(None);
    }
}

/// A thread that ends while the others stop no longer counts among those waited for.
pub(crate) fn thread_left(process: &Process) {
    let mut group = process.signals().lock();
    let JobState::Stopping(signo) = group.job else {
        return;
    };
    if group.stopped < group.threads.len() {
        return;
    }
    group.job = JobState::Stopped(signo);
    group.change = Some(Change::Stopped(signo));
    drop(group);
    tell_parent(process, Change::Stopped(signo));
}

/// Tells the parent of a stop or a continuation: SIGCHLD unless it asked for none, and whoever waits.
pub(super) fn tell_parent(process: &Process, change: Change) {
    let parent = tree::lock().process(process.parent_pid());
    let Some(parent) = parent else { return };
    let action = parent.signals().lock().sighand.get(SIGCHLD);
    let quiet = SaFlags::from_bits_retain(action.flags).contains(SaFlags::NOCLDSTOP);
    if action.handler != SIG_IGN && !quiet {
        let (code, status) = match change {
            Change::Stopped(signo) => (CLD_STOPPED, signo),
            Change::Continued => (CLD_CONTINUED, SIGCONT),
        };
        let info = child_info(process, SIGCHLD, code, status);
        // From the kernel nothing is refused.
        let _ = send_to_process(&parent, info, Origin::Kernel);
    }
    parent.child_events.notify(Events::IN);
}

/// The siginfo of a child's change.
pub(crate) fn child_info(process: &Process, signo: i32, code: i32, status: i32) -> SigInfo {
    let uid = process
        .any_thread()
        .map_or_else(|| process.last_uid(), |thread| thread.cred().uid);
    let Usage {
        user_ns, system_ns, ..
    } = process.usage();
    const TICK_NS: u64 = 10_000_000;
    SigInfo::child(
        signo,
        code,
        process.pid() as i32,
        uid,
        status,
        user_ns / TICK_NS,
        system_ns / TICK_NS,
    )
}
