//! Limits and what has been used: rlimits, rusage, times, personality.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use abi::clone::Rusage;
use abi::{Errno, Result};
use hal::ucopy::UserPtr;
use sync::{Capability, INFINITY, Resource, Rlimit};
use task::tree;
use task::usage::Usage;
use task::{Process, Thread};

use super::Cx;
use super::args::PidArg;
use super::exit_wait::rusage;

/// A soft and a hard limit as programs pass them.
type Pair = [u64; 2];

/// `getrlimit(2)`.
pub fn getrlimit(cx: &mut Cx<'_>, resource: u32, limit: UserPtr<Pair>) -> Result<usize> {
    let resource = Resource::from_number(resource).ok_or(Errno::EINVAL)?;
    let Rlimit { soft, hard } = cx.process().limits().get(resource);
    limit.write(&[soft, hard])?;
    Ok(0)
}

/// `setrlimit(2)`.
pub fn setrlimit(cx: &mut Cx<'_>, resource: u32, limit: UserPtr<Pair>) -> Result<usize> {
    let [soft, hard] = limit.read()?;
    let resource = Resource::from_number(resource).ok_or(Errno::EINVAL)?;
    set(cx.thread, cx.process(), resource, Rlimit { soft, hard })?;
    Ok(0)
}

/// `prlimit64(2)`.
pub fn prlimit64(
    cx: &mut Cx<'_>,
    pid: PidArg,
    resource: u32,
    new: UserPtr<Pair>,
    old: UserPtr<Pair>,
) -> Result<usize> {
    let new = if new.is_null() {
        None
    } else {
        let [soft, hard] = new.read()?;
        Some(Rlimit { soft, hard })
    };
    let process = if pid.0 == 0 {
        cx.process().clone()
    } else {
        let thread = tree::lock().thread(pid.0 as u32).ok_or(Errno::ESRCH)?;
        may_limit(cx.thread, &thread)?;
        thread.process().clone()
    };
    let resource = Resource::from_number(resource).ok_or(Errno::EINVAL)?;
    let before = process.limits().get(resource);
    if let Some(new) = new {
        set(cx.thread, &process, resource, new)?;
    }
    if !old.is_null() {
        old.write(&[before.soft, before.hard])?;
    }
    Ok(0)
}

/// The caller's real ids must be all of the target's, or it has `CAP_SYS_RESOURCE`.
fn may_limit(caller: &Thread, target: &Thread) -> Result<()> {
    if caller.process().pid() == target.process().pid() {
        return Ok(());
    }
    let (mine, its) = (caller.cred(), target.cred());
    let same = [its.uid, its.euid, its.suid]
        .iter()
        .all(|id| *id == mine.uid)
        && [its.gid, its.egid, its.sgid]
            .iter()
            .all(|id| *id == mine.gid);
    if same || mine.has(Capability::SYS_RESOURCE) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

fn set(caller: &Thread, process: &Arc<Process>, resource: Resource, new: Rlimit) -> Result<()> {
    if new.soft > new.hard {
        return Err(Errno::EINVAL);
    }
    // `fs.nr_open`.
    let nr_open = u64::from(vfs::NR_OPEN.load(Ordering::Relaxed));
    if resource == Resource::OpenFiles && new.hard > nr_open {
        return Err(Errno::EPERM);
    }
    let old = process.limits().get(resource);
    if new.hard > old.hard && !caller.cred().has(Capability::SYS_RESOURCE) {
        return Err(Errno::EPERM);
    }
    process.limits().set(resource, new);
    if resource == Resource::Cpu && new.soft != INFINITY {
        process.timers.cpu.limit_changed(process);
    }
    if let Some(thread) = process.any_thread()
        && let Ok(mm) = thread.mm()
    {
        mm.set_limits(task::exec::address_limits(process.limits(), &thread.cred()));
    }
    Ok(())
}

/// `getrusage(2)`.
pub fn getrusage(cx: &mut Cx<'_>, who: i32, usage: UserPtr<Rusage>) -> Result<usize> {
    const SELF: i32 = 0;
    const CHILDREN: i32 = -1;
    const THREAD: i32 = 1;
    let process = cx.process();
    let used = match who {
        SELF => {
            let mut used = process.usage();
            used.max_rss = process.max_rss();
            used
        }
        CHILDREN => process.children_usage(),
        THREAD => {
            let mut used = Usage::of_thread(cx.thread);
            used.max_rss = process.max_rss();
            used
        }
        _ => return Err(Errno::EINVAL),
    };
    usage.write(&rusage(&used))?;
    Ok(0)
}

/// `times(2)`: ticks of 10 ms.
pub fn times(cx: &mut Cx<'_>, buf: UserPtr<[i64; 4]>) -> Result<usize> {
    const TICK_NS: u64 = 10_000_000;
    if !buf.is_null() {
        let own = cx.process().usage();
        let children = cx.process().children_usage();
        let all = [
            own.user_ns,
            own.system_ns,
            children.user_ns,
            children.system_ns,
        ];
        buf.write(&all.map(|ns| (ns / TICK_NS) as i64))?;
    }
    Ok((hal::time::now_ns() / TICK_NS) as usize)
}

/// `personality(2)`.
pub fn personality(cx: &mut Cx<'_>, persona: u32) -> Result<usize> {
    let old = cx.process().personality();
    if persona != u32::MAX {
        cx.process().set_personality(persona);
    }
    Ok(old as usize)
}
