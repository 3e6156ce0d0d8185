//! Priorities of input and output (`man 2 ioprio_set`): kept and shown. There is no device whose queue would go by
//! them.

use abi::sched::{PRIO_PGRP, PRIO_PROCESS, PRIO_USER};
use abi::{Errno, Result};
use sync::Capability;
use task::Thread;

use super::Cx;
use super::priority::members;

/// The class stands above the level and the hints.
const CLASS_SHIFT: u32 = 13;
/// The level within a class.
const LEVEL: u32 = 7;
const NONE: u32 = 0;
/// The bits of the class; what is above is not looked at.
const CLASSES: u32 = 7;
const REAL_TIME: u32 = 1;
const BEST_EFFORT: u32 = 2;
const IDLE: u32 = 3;

/// Linux's numbers for whom a call is about, as the other priorities have them.
fn kind(which: i32) -> Result<i32> {
    match which {
        1 => Ok(PRIO_PROCESS),
        2 => Ok(PRIO_PGRP),
        3 => Ok(PRIO_USER),
        _ => Err(Errno::EINVAL),
    }
}

/// `ioprio_set(2)`: the class is judged before anybody is looked for.
pub fn ioprio_set(cx: &mut Cx<'_>, which: i32, who: i32, priority: i32) -> Result<usize> {
    let priority = priority as u32;
    let cred = cx.cred();
    let favours = cred.has(Capability::SYS_NICE);
    match priority >> CLASS_SHIFT & CLASSES {
        REAL_TIME if !favours && !cred.has(Capability::SYS_ADMIN) => return Err(Errno::EPERM),
        REAL_TIME | BEST_EFFORT | IDLE => {}
        NONE if priority & LEVEL == 0 => {}
        _ => return Err(Errno::EINVAL),
    }
    let found = members(cx, kind(which)?, who)?;
    if found.is_empty() {
        return Err(Errno::ESRCH);
    }
    for thread in found {
        let uid = thread.cred().uid;
        if uid != cred.euid && uid != cred.uid && !favours {
            return Err(Errno::EPERM);
        }
        thread.set_io_priority(priority as u16);
    }
    Ok(0)
}

/// What a thread that has set none goes by: its nice value.
fn effective(thread: &Thread) -> u32 {
    let set = u32::from(thread.io_priority());
    if set >> CLASS_SHIFT != NONE {
        return set;
    }
    let nice = thread.task().map_or(0, |task| task.entity().nice());
    (BEST_EFFORT << CLASS_SHIFT) | ((nice + 20).unsigned_abs() / 5)
}

/// `ioprio_get(2)`: of one what he has set, of several the best they go by.
pub fn ioprio_get(cx: &mut Cx<'_>, which: i32, who: i32) -> Result<usize> {
    let kind = kind(which)?;
    let found = members(cx, kind, who)?;
    let best = if kind == PRIO_PROCESS {
        found.first().map(|thread| u32::from(thread.io_priority()))
    } else {
        found.iter().map(|thread| effective(thread)).min()
    };
    best.map(|best| best as usize).ok_or(Errno::ESRCH)
}
