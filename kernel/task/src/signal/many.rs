//! Signals for many processes at once, and what they are to a fork: the tree stays locked from the choice
//! of the processes to the last signal, and who forks meanwhile passes on to the child what reached it since
//! it began. So nobody escapes from `kill(-1)` by forking fast enough.

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::signal::{SIGCONT, SigSet};
use abi::{Errno, Result};
use sync::Events;

use super::send::{Origin, queue_and_kick};
use super::{GroupSignals, SigInfo};
use crate::process::Process;
use crate::thread::Thread;
use crate::tree::{self, Tree};

/// Sends to every process of a group, from the kernel; a group that is gone is no error.
pub fn send_to_group(group: u32, info: SigInfo) {
    let _ = send_to_many(
        &|tree| members(tree, group),
        &|_| Ok(()),
        info,
        Origin::Kernel,
    );
}

/// The processes of a group, zombies too.
pub fn group_processes(group: u32) -> Vec<Arc<Process>> {
    members(&tree::lock(), group)
}

/// The processes of a group, zombies too, in the locked tree.
pub fn members(tree: &Tree, group: u32) -> Vec<Arc<Process>> {
    let members = tree.group_members(group).unwrap_or(&[]);
    members
        .iter()
        .filter_map(|pid| tree.process(*pid))
        .collect()
}

/// Sends to the processes that `pick` chooses and that it `may` be sent to; signal 0 only asks. What became
/// of each.
pub fn send_to_many(
    pick: &dyn Fn(&Tree) -> Vec<Arc<Process>>,
    may: &dyn Fn(&Process) -> Result<()>,
    info: SigInfo,
    origin: Origin,
) -> Vec<Result<()>> {
    let tree = tree::lock();
    let all = pick(&tree);
    let sent: Vec<Result<bool>> = all
        .iter()
        .map(|process| {
            may(process)?;
            if info.signo == 0 {
                return Ok(false);
            }
            let sent = queue_and_kick(process, None, info, origin)?;
            if sent {
                note_forks(&process.signals().lock(), info.signo);
            }
            Ok(sent)
        })
        .collect();
    drop(tree);
    for (process, sent) in all.iter().zip(&sent) {
        if *sent == Ok(true) {
            process.signal_events.notify(Events::IN);
        }
    }
    sent.into_iter().map(|sent| sent.map(|_| ())).collect()
}

/// The children about to be forked get the signal too.
fn note_forks(group: &GroupSignals, signo: i32) {
    if group.forks == 0 {
        return;
    }
    for thread in &group.threads {
        if let Some(passed) = &mut thread.signals().lock().passed_on {
            if signo == SIGCONT {
                *passed = passed.minus(SigSet::STOP);
            } else if SigSet::STOP.has(signo) {
                *passed = passed.without(SIGCONT);
            }
            *passed = passed.with(signo);
        }
    }
}

/// A thread that forks, from the moment after which signals are the child's too.
pub(crate) struct Fork<'a>(&'a Thread);

impl<'a> Fork<'a> {
    /// Begins.
    ///
    /// # Errors
    /// `ERESTARTNOINTR` when a signal is pending: it is the parent's alone, and the fork comes after it.
    pub(crate) fn begin(thread: &'a Thread) -> Result<Self> {
        let mut group = thread.process().signals().lock();
        if thread.is_interrupted() {
            return Err(Errno::ERESTARTNOINTR);
        }
        group.forks += 1;
        thread.signals().lock().passed_on = Some(SigSet::EMPTY);
        drop(group);
        Ok(Self(thread))
    }

    /// What has been sent to many since, with the tree locked until the child is in it.
    ///
    /// # Errors
    /// `ERESTARTNOINTR` when the parent is about to end: then nobody is born any more.
    pub(crate) fn passed_on(&self) -> Result<SigSet> {
        let group = self.0.process().signals().lock();
        if group.end.is_some() || self.0.is_killed() {
            return Err(Errno::ERESTARTNOINTR);
        }
        let passed = self.0.signals().lock().passed_on;
        Ok(passed.unwrap_or(SigSet::EMPTY))
    }
}

impl Drop for Fork<'_> {
    fn drop(&mut self) {
        let mut group = self.0.process().signals().lock();
        group.forks -= 1;
        self.0.signals().lock().passed_on = None;
    }
}
