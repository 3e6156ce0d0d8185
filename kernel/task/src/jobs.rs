//! Sessions and terminals: what a terminal asks of processes, and what a process asks of its
//! terminal.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;

use abi::signal::SIG_IGN;

use crate::process::Process;
use crate::signal::{Origin, SigInfo, send_to_group, send_to_process};
use crate::thread::{Thread, with_current};
use crate::tree;

/// A terminal as processes hold it.
pub type Terminal = Arc<dyn Any + Send + Sync>;

/// A forked child has its parent's controlling terminal.
pub(crate) fn inherit_tty(parent: &Process, child: &Process) {
    child.set_tty(parent.tty());
}

/// Takes the controlling terminal from every process of a session.
pub fn clear_session_tty(session: u32) {
    // With the tree locked: a child that is forked meanwhile does not inherit it any more.
    let tree = tree::lock();
    let taken: Vec<Option<Terminal>> = tree
        .processes()
        .filter(|node| node.session == session)
        .map(|node| node.process.set_tty(None))
        .collect();
    drop(tree);
    drop(taken);
}

/// Sends a kernel's signal to the process that leads a session, if it lives.
pub fn signal_leader(session: u32, signo: i32) {
    let leader = tree::lock().process(session);
    if let Some(leader) = leader {
        // From the kernel nothing is refused.
        let _ = send_to_process(&leader, SigInfo::kernel(signo), Origin::Kernel);
    }
}

/// Sends a kernel's signal to all processes of a group.
pub fn signal_group(group: u32, signo: i32) {
    send_to_group(group, SigInfo::kernel(signo));
}

/// Whether the calling thread blocks or ignores a signal.
pub fn caller_shuns(signo: i32) -> bool {
    with_current(|thread: &Thread| {
        thread.mask().has(signo)
            || thread.process().signals().lock().sighand.get(signo).handler == SIG_IGN
    })
    .unwrap_or(true)
}

/// What a session's leader does at its end: its terminal hears of it.
pub(crate) fn leave_session(process: &Arc<Process>) {
    let tty = process.set_tty(None);
    if process.session() == process.pid()
        && let Some(tty) = tty
        && let Some(hooks) = crate::machine::hooks()
    {
        (hooks.session_ended)(&tty, process.session());
    }
}
