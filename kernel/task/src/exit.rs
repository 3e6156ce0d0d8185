//! The end of threads and processes: what is given back, who inherits the children, who is told.

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::futex::FUTEX_BITSET_MATCH_ANY;
use abi::signal::{CLD_EXITED, CLD_KILLED, NSIG, SIG_IGN, SIGCHLD, SIGCONT, SIGHUP, SaFlags};
use sync::Events;

use crate::futex;
use crate::process::{Process, Program};
use crate::signal::send::post;
use crate::signal::{self, JobState, SigInfo, send_to_group, stop};
use crate::thread::{Thread, flag};
use crate::tree::{self, Life, Tree, TreeGuard};
use crate::usage::Usage;

/// What the calling thread does last: gives back what it holds and leaves its process; with the last
/// thread the process ends. May sleep.
///
/// # Panics
/// When process 1 ends: the machine has nothing left to do.
pub fn exit_thread(thread: &Arc<Thread>) {
    let process = thread.process().clone();
    if let Some(status) = process.signals().lock().end {
        thread.set_exit_status(status);
    }
    leave_memory(thread);
    drop(thread.set_files(None));
    drop(thread.set_fs(None));

    let mut usage = Usage::of_thread(thread);
    usage.max_rss = process.max_rss();
    process.remember(thread);
    if thread.is_leader() {
        process.set_wait_status(thread.exit_status());
    }
    // One change: an exec that sees itself alone finds its number free and all the children its own.
    let mut tree = tree::lock();
    let mut group = process.signals().lock();
    group.threads.retain(|other| !Arc::ptr_eq(other, thread));
    process.add_ended(&usage);
    let last = group.threads.is_empty();
    if last {
        process.set_ending();
    }
    drop(group);
    thread.raise(flag::GONE);
    let gone = tree.remove_thread(thread.tid());
    hand_over_children(tree, thread, last);
    drop(gone);
    thread.leave_user(last);
    if last {
        // Its file may be written again before anybody hears of the end.
        drop(process.set_program(Program::default()));
        end_process(&process);
    } else {
        stop::thread_left(&process);
        process.thread_events.notify(Events::IN);
    }
}

/// Leaves the address space: robust locks are let go, the word of `set_tid_address` is cleared, a parent
/// waiting in vfork goes on. Also done by exec, for the old space.
pub(crate) fn leave_memory(thread: &Arc<Thread>) {
    futex::release(thread);
    let mm = thread.mm().ok();
    if let Some(mm) = mm {
        clear_tid(thread, Arc::strong_count(&mm) > ALONE);
        thread.process().note_rss(&mm);
    }
    drop(thread.set_mm(None));
    thread.finish_vfork();
}

/// References to a space that one thread alone is in, while [`leave_memory`] looks.
const ALONE: usize = 2;

/// Clears the word of `set_tid_address` and wakes who waits for it, when the memory is `shared`: in the
/// memory of a thread that was alone nobody looks, and Linux leaves the word as it is.
fn clear_tid(thread: &Thread, shared: bool) {
    let at = thread.clear_child_tid();
    thread.set_clear_child_tid(hal::UserAddr(0));
    if at.is_null() || !shared {
        return;
    }
    // Linux does not look whether it could be written.
    let _ = hal::ucopy::store_u32(at, 0);
    let word = futex::Word { at, shared: true };
    let _ = futex::wake(thread, word, 1, FUTEX_BITSET_MATCH_ANY);
}

fn end_machine(status: i32) {
    if let Some(hooks) = crate::machine::hooks() {
        (hooks.init_ended)(status);
    }
}

/// Children belong to a thread: they pass to another of the process, or to who adopts orphans.
/// Those that asked for it get their signal.
fn hand_over_children(mut tree: TreeGuard, thread: &Arc<Thread>, last: bool) {
    let process = thread.process();
    let mut told: Vec<Told> = Vec::new();
    let mut groups: Vec<u32> = Vec::new();
    let Some(node) = tree.node(process.pid()) else {
        return;
    };
    if node.children.is_empty() {
        return;
    }
    let (new_parent, new_forker) = if last {
        let reaper = tree.reaper_of(process.pid());
        (reaper, reaper)
    } else {
        (process.pid(), process.any_tid())
    };
    for child in node.children.clone() {
        let Some(node) = tree.node(child) else {
            continue;
        };
        if !last && node.forker != thread.tid() {
            continue;
        }
        let (child_process, life) = (node.process.clone(), node.life);
        tree.reparent(child, new_parent, new_forker);
        if let Some(signo) = child_process.parent_death_signal() {
            post(&child_process, SigInfo::kernel(signo));
            told.push(Told {
                signalled: Some(child_process.clone()),
                ..Told::default()
            });
        }
        if last {
            let (group, session) = (child_process.group(), child_process.session());
            if let Some(node) = tree.node_mut(child) {
                node.exit_signal = SIGCHLD;
            }
            match life {
                Life::Zombie => told.push(tell_parent(&mut tree, &child_process)),
                Life::Alive if group != process.group() && session == process.session() => {
                    groups.push(group);
                }
                Life::Alive | Life::Gone => {}
            }
        }
    }
    sync::order::sort(&mut groups);
    groups.dedup();
    groups.retain(|group| tree.is_orphaned(*group, None));
    drop(tree);
    for told in told {
        told.wake();
    }
    for group in groups {
        continue_if_stopped(group);
    }
}

/// A group that nobody can continue any more is woken if it has stopped members.
fn continue_if_stopped(group: u32) {
    let stopped = signal::many::group_processes(group)
        .iter()
        .any(|process| matches!(process.signals().lock().job, JobState::Stopped(_)));
    if stopped {
        send_to_group(group, SigInfo::kernel(SIGHUP));
        send_to_group(group, SigInfo::kernel(SIGCONT));
    }
}

fn end_process(process: &Arc<Process>) {
    if let Some(status) = process.signals().lock().end {
        process.set_wait_status(status);
    }
    if process.pid() == 1 {
        end_machine(process.wait_status());
    }
    process.timers.end();
    crate::jobs::leave_session(process);

    let orphans = becomes_orphaned(&tree::lock(), process);
    if orphans {
        continue_if_stopped(process.group());
    }
    let mut tree = tree::lock();
    tree.end_process(process.pid());
    let told = tell_parent(&mut tree, process);
    drop(tree);
    told.wake();
    process.exit_events.notify(Events::IN | Events::HUP);
}

/// Whether this process was the last link between its group and its session.
fn becomes_orphaned(tree: &Tree, process: &Process) -> bool {
    let parent = tree.node(process.parent_pid());
    let linked = parent.is_some_and(|parent| {
        parent.group != process.group() && parent.session == process.session()
    });
    linked && tree.is_orphaned(process.group(), Some(process.pid()))
}

/// Who is to be woken for what was done with the tree locked, and what is dropped only afterwards.
#[derive(Default)]
struct Told {
    /// It has a child that ended.
    parent: Option<Arc<Process>>,
    /// It was sent a signal.
    signalled: Option<Arc<Process>>,
    /// It left nothing for its parent to wait for.
    gone: Option<Arc<Process>>,
}

impl Told {
    fn wake(self) {
        if let Some(process) = &self.signalled {
            process.signal_events.notify(Events::IN);
        }
        if let Some(parent) = &self.parent {
            parent.child_events.notify(Events::IN);
        }
        if let Some(gone) = &self.gone {
            gone.exit_events.notify(Events::IN | Events::HUP);
        }
    }
}

/// Tells the parent of an end, with the tree locked since the child became a zombie: whoever finds the
/// zombie finds the signal pending too, and a child whose parent ignores it is never found.
fn tell_parent(tree: &mut Tree, child: &Arc<Process>) -> Told {
    let Some(node) = tree.node(child.pid()) else {
        return Told::default();
    };
    let signo = node.exit_signal;
    let Some(parent) = tree.process(node.parent) else {
        return Told::default();
    };
    let status = child.wait_status();
    let (code, value) = if status & 0x7f == 0 {
        (CLD_EXITED, (status >> 8) & 0xff)
    } else {
        (CLD_KILLED, status & 0x7f)
    };
    let mut reap = false;
    // A child of clone(2) may name a number that is no signal: then none is sent.
    let mut quiet = !(1..=NSIG).contains(&signo);
    if signo == SIGCHLD {
        let action = parent.signals().lock().sighand.get(SIGCHLD);
        let no_wait = SaFlags::from_bits_retain(action.flags).contains(SaFlags::NOCLDWAIT);
        quiet = action.handler == SIG_IGN;
        reap = quiet || no_wait;
    }
    if !quiet {
        post(&parent, stop::child_info(child, signo, code, value));
    }
    Told {
        gone: reap.then(|| tree.remove_process(child.pid())).flatten(),
        signalled: (!quiet).then(|| parent.clone()),
        parent: Some(parent),
    }
}
