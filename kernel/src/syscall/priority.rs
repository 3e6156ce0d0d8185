//! Nice values.

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::sched::{PRIO_PGRP, PRIO_PROCESS, PRIO_USER};
use abi::{Errno, Result};
use sync::{Capability, Resource};
use task::signal::many::group_processes;
use task::{Thread, tree};

use super::Cx;

/// The threads a call is about, none being no error yet.
pub fn members(cx: &Cx<'_>, which: i32, who: i32) -> Result<Vec<Arc<Thread>>> {
    match which {
        PRIO_PROCESS if who == 0 => Ok(alloc::vec![cx.thread.clone()]),
        PRIO_PROCESS => Ok(tree::lock().thread(who as u32).into_iter().collect()),
        PRIO_PGRP => {
            let group = match who {
                0 => cx.process().group(),
                group => group as u32,
            };
            let processes = group_processes(group);
            Ok(processes.iter().flat_map(|p| p.threads()).collect())
        }
        PRIO_USER => {
            let uid = match who {
                0 => cx.cred().uid,
                uid => uid as u32,
            };
            let all: Vec<_> = tree::lock().threads().cloned().collect();
            Ok(all
                .into_iter()
                .filter(|thread| thread.cred().uid == uid)
                .collect())
        }
        _ => Err(Errno::EINVAL),
    }
}

/// A nice value as `getpriority` and `RLIMIT_NICE` have it: 40 is the most favoured.
fn inverted(nice: i32) -> u64 {
    u64::from((20 - nice).unsigned_abs())
}

/// `getpriority(2)`: the best of all, 1 to 40 so that it is no error.
pub fn getpriority(cx: &mut Cx<'_>, which: i32, who: i32) -> Result<usize> {
    let best = members(cx, which, who)?
        .iter()
        .filter_map(|thread| thread.task())
        .map(|task| inverted(task.entity().nice()))
        .max();
    best.map(|best| best as usize).ok_or(Errno::ESRCH)
}

/// Whether a thread may be given a nice value that is less than `than`: by its limit or the caller's right.
pub fn may_favour(cx: &Cx<'_>, thread: &Thread, nice: i32, than: i32) -> bool {
    nice >= than
        || inverted(nice) <= thread.process().limits().soft(Resource::Nice)
        || cx.cred().has(Capability::SYS_NICE)
}

fn set(cx: &Cx<'_>, thread: &Thread, nice: i32) -> Result<()> {
    let (mine, its) = (cx.cred(), thread.cred());
    let own = its.uid == mine.euid || its.euid == mine.euid;
    if !own && !mine.has(Capability::SYS_NICE) {
        return Err(Errno::EPERM);
    }
    // On its way out: there is nothing left to favour.
    let Some(task) = thread.task() else {
        return Ok(());
    };
    if !may_favour(cx, thread, nice, task.entity().nice()) {
        return Err(Errno::EACCES);
    }
    task.entity().set_nice(nice);
    Ok(())
}

/// `setpriority(2)`: who may be set is set, the last error counts.
pub fn setpriority(cx: &mut Cx<'_>, which: i32, who: i32, nice: i32) -> Result<usize> {
    let nice = nice.clamp(-20, 19);
    let mut end = Err(Errno::ESRCH);
    for thread in members(cx, which, who)? {
        match set(cx, &thread, nice) {
            Err(errno) => end = Err(errno),
            Ok(()) if end == Err(Errno::ESRCH) => end = Ok(0),
            Ok(()) => {}
        }
    }
    end
}
