//! Waiting for children (`man 2 wait4`, `man 2 waitid`): one look; who sleeps is the system call.

use alloc::sync::Arc;

use abi::signal::{CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, SIGCHLD, SIGCONT};
use abi::{Errno, Result};

use sync::Events;

use crate::process::Process;
use crate::signal::Change;
use crate::thread::Thread;
use crate::tree::{self, Life, Node};
use crate::usage::Usage;

/// Which children.
#[derive(Clone)]
pub enum Which {
    /// All.
    Any,
    /// One by its number.
    Pid(u32),
    /// Those of a process group.
    Group(u32),
    /// One by a pidfd.
    Process(Arc<Process>),
}

/// What to wait for.
#[derive(Clone)]
pub struct Request {
    /// Which children.
    pub which: Which,
    /// Those that ended.
    pub exited: bool,
    /// Those that stopped.
    pub stopped: bool,
    /// Those that went on.
    pub continued: bool,
    /// Leave them waitable (`WNOWAIT`).
    pub keep: bool,
    /// Those with an exit signal other than `SIGCHLD` (`__WCLONE`).
    pub clones: bool,
    /// Either kind (`__WALL`).
    pub all: bool,
    /// Only the calling thread's own (`__WNOTHREAD`).
    pub own_only: bool,
}

/// What happened to a child.
#[derive(Clone, Copy, Debug)]
pub struct Waited {
    /// The child.
    pub pid: u32,
    /// Its real user.
    pub uid: u32,
    /// The status as `wait4` writes it.
    pub status: i32,
    /// `si_code`.
    pub code: i32,
    /// `si_status`.
    pub value: i32,
    /// What it and its waited-for children have used.
    pub usage: Usage,
}

/// One look at the children.
///
/// # Errors
/// `ECHILD` when there is none that could ever match, `EAGAIN` when none does yet.
pub fn look(thread: &Thread, request: &Request) -> Result<Waited> {
    let process = thread.process();
    let mut tree = tree::lock();
    let node = tree.node(process.pid()).ok_or(Errno::ECHILD)?;
    let mut any = false;
    let mut found = None;
    for pid in &node.children {
        let Some(child) = tree.node(*pid) else {
            continue;
        };
        if !matches(child, thread, request) {
            continue;
        }
        any = true;
        found = change_of(child, request);
        if found.is_some() {
            break;
        }
    }
    let Some(waited) = found else {
        return Err(if any { Errno::EAGAIN } else { Errno::ECHILD });
    };
    let ended = matches!(waited.code, CLD_EXITED | CLD_KILLED);
    let gone = if ended && !request.keep {
        tree.remove_process(waited.pid)
    } else {
        None
    };
    drop(tree);
    if let Some(gone) = gone {
        process.add_child(&waited.usage);
        gone.exit_events.notify(Events::IN | Events::HUP);
    }
    Ok(waited)
}

fn matches(child: &Node, thread: &Thread, request: &Request) -> bool {
    let named = match &request.which {
        Which::Any => true,
        Which::Pid(pid) => child.process.pid() == *pid,
        Which::Group(group) => child.group == *group,
        Which::Process(process) => Arc::ptr_eq(process, &child.process),
    };
    let kind = request.all || (child.exit_signal != SIGCHLD) == request.clones;
    let mine = !request.own_only || child.forker == thread.tid();
    named && kind && mine
}

/// What a child has to report that the request asks for; taken unless it is to be kept.
fn change_of(child: &Node, request: &Request) -> Option<Waited> {
    let process = &child.process;
    let report = |status, code, value| {
        let mut usage = process.usage();
        usage.add(&process.children_usage());
        Some(Waited {
            pid: process.pid(),
            uid: process.last_known_uid(),
            status,
            code,
            value,
            usage,
        })
    };
    if child.life == Life::Zombie {
        if !request.exited {
            return None;
        }
        let status = process.wait_status();
        return if status & 0x7f == 0 {
            report(status, CLD_EXITED, (status >> 8) & 0xff)
        } else {
            report(status, CLD_KILLED, status & 0x7f)
        };
    }
    let mut signals = process.signals().lock();
    let change = signals.change?;
    let wanted = match change {
        Change::Stopped(_) => request.stopped,
        Change::Continued => request.continued,
    };
    if !wanted {
        return None;
    }
    if !request.keep {
        signals.change = None;
    }
    drop(signals);
    match change {
        Change::Stopped(signo) => report(signo << 8 | 0x7f, CLD_STOPPED, signo),
        Change::Continued => report(0xffff, CLD_CONTINUED, SIGCONT),
    }
}
