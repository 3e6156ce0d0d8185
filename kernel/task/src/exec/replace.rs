//! The point of no return: the other threads end, the old program goes, the new one is there.

use alloc::sync::Arc;

use abi::signal::{SIGCHLD, SIGSEGV, SigStack};
use abi::{Errno, Result};
use hal::UserContext;
use hal::preempt::PreemptGuard;
use sync::Events;

use super::Prepared;
use crate::exit::leave_memory;
use crate::machine;
use crate::signal::{SigHand, end_process};
use crate::thread::{Thread, flag};
use crate::tree;
use crate::wait::{Interruptible, Restart, WaitOptions, wait};

pub(super) fn replace(thread: &Arc<Thread>, regs: &mut UserContext, new: Prepared) -> Result<()> {
    be_alone(thread)?;
    let changed = change(thread, regs, new);
    if changed.is_err() {
        // The other threads are gone: there is no program any more that could go on.
        end_process(thread.process(), SIGSEGV);
    }
    changed
}

fn change(thread: &Arc<Thread>, regs: &mut UserContext, new: Prepared) -> Result<()> {
    let files = thread.files()?;
    // Descriptors shared with another process stay its own.
    let own_files = if files.is_shared() {
        Some(Arc::new(files.fork()?))
    } else {
        None
    };
    drop(files);

    let process = thread.process();
    if own_files.is_some() {
        drop(thread.set_files(own_files));
    }
    leave_memory(thread);
    thread.set_clear_child_tid(hal::UserAddr(0));
    thread.set_robust_list(hal::UserAddr(0));
    thread.rseq().clear();
    drop(thread.set_mm(Some(new.mm.clone())));
    let pin = PreemptGuard::new();
    new.mm.activate();
    drop(pin);

    let old = thread.cred();
    let changed = crate::cred::hides(&old, &new.rights.cred);
    if new.secure || changed {
        thread.set_parent_death_signal(0);
    }
    let own =
        new.rights.cred.euid == new.rights.cred.uid && new.rights.cred.egid == new.rights.cred.gid;
    process.set_dumpable(u8::from(own && !changed && new.readable));
    thread.set_cred(Arc::new(new.rights.cred));
    process.set_personality(new.personality);
    drop(process.set_program(new.program));
    thread.set_name(&new.comm);
    thread.lower(flag::TAGGED);
    if machine::is_traced(&new.comm) {
        thread.raise(flag::TRACE);
    }

    // Interval timers go on; what timers that are deleted have sent does not reach the new program.
    process.timers.posix.clear();
    let mut group = process.signals().lock();
    group.pending.discard_timers();
    thread.signals().lock().pending.discard_timers();
    if Arc::strong_count(&group.sighand) > 1 {
        let copy = SigHand::fork(&group.sighand);
        group.sighand = Arc::new(copy);
    }
    group.sighand.reset_for_exec();
    group.in_exec = false;
    drop(group);
    thread.signals().lock().altstack = SigStack::default();

    let mut tree = tree::lock();
    if let Some(node) = tree.node_mut(process.pid()) {
        node.has_execed = true;
        node.exit_signal = SIGCHLD;
    }
    drop(tree);
    let files = thread.files()?;
    while let Some(file) = files.remove_cloexec() {
        vfs::close(&files, file);
    }
    regs.reset();
    regs.set_pc(new.entry);
    regs.set_sp(new.sp);
    Ok(())
}

/// Ends the process's other threads and waits for them; the calling thread becomes the leader.
fn be_alone(thread: &Arc<Thread>) -> Result<()> {
    let process = thread.process();
    let mut group = process.signals().lock();
    if group.end.is_some() || group.in_exec {
        return Err(Errno::EAGAIN);
    }
    if group.threads.len() == 1 {
        group.in_exec = true;
        drop(group);
        take_lead(thread);
        return Ok(());
    }
    group.in_exec = true;
    for other in &group.threads {
        if !Arc::ptr_eq(other, thread) {
            other.raise(crate::thread::flag::KILLED);
            other.request_exit(0);
        }
    }
    drop(group);
    let options = WaitOptions {
        interruptible: Interruptible::Killable,
        restart: Restart::Never,
        ..WaitOptions::default()
    };
    let alone = wait(
        thread,
        &options,
        &[(&process.thread_events, Events::IN)],
        || {
            if process.signals().lock().threads.len() == 1 {
                Ok(())
            } else {
                Err(Errno::EAGAIN)
            }
        },
    );
    if alone.is_err() {
        process.signals().lock().in_exec = false;
        return alone;
    }
    take_lead(thread);
    Ok(())
}

/// A thread that was not the leader takes its process's number.
fn take_lead(thread: &Arc<Thread>) {
    let (own, pid) = (thread.tid(), thread.process().pid());
    if own == pid {
        return;
    }
    let mut tree = tree::lock();
    let gone = tree.remove_thread(own);
    thread.set_tid(pid);
    tree.add_thread(thread);
    for child in tree
        .node(pid)
        .map(|node| node.children.clone())
        .unwrap_or_default()
    {
        if let Some(node) = tree.node_mut(child)
            && node.forker == own
        {
            node.forker = pid;
        }
    }
    drop(tree);
    drop(gone);
}
