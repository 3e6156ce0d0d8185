//! Scheduling policies. There are the ordinary ones; the real-time ones are known, and refused as to who has
//! no right to them: there is no processor time set aside for them.

use abi::sched::{
    SCHED_ATTR_SIZE_VER0, SCHED_ATTR_SIZE_VER1, SCHED_BATCH, SCHED_DEADLINE, SCHED_EXT, SCHED_FIFO,
    SCHED_FLAG_KEEP_PARAMS, SCHED_FLAG_KEEP_POLICY, SCHED_FLAG_RESET_ON_FORK, SCHED_IDLE,
    SCHED_OTHER, SCHED_RESET_ON_FORK, SCHED_RR, SchedAttr, SchedParam,
};
use abi::time::Timespec;
use abi::{Errno, Result};
use hal::ucopy::{self, UserPtr};
use hal::{PAGE_SIZE, UserAddr};
use sync::{Capability, Task};
use task::Thread;
use zerocopy::{FromZeros, IntoBytes};

use super::Cx;
use super::args::PidArg;
use super::clock::timespec;
use super::priority::may_favour;
use super::sched::{owns, target, task_of};

/// How long a task runs before others get a look, nanoseconds.
const SLICE_NS: u64 = 3_000_000;

/// The greatest priority of the real-time policies.
const MOST: u32 = 99;

/// What is asked for.
struct Wish {
    /// `None`: as it is.
    policy: Option<u32>,
    priority: u32,
    /// `None`: as it is.
    nice: Option<i32>,
    reset_on_fork: bool,
}

fn is_ordinary(policy: u32) -> bool {
    matches!(policy, SCHED_OTHER | SCHED_BATCH | SCHED_IDLE)
}

fn change(cx: &Cx<'_>, thread: &Thread, wish: &Wish) -> Result<usize> {
    let task = task_of(thread)?;
    let entity = task.entity();
    let before = entity.policy();
    let (policy, resets) = match wish.policy {
        Some(policy) => (policy, wish.reset_on_fork),
        None => (before, entity.resets_on_fork()),
    };
    let real_time = matches!(policy, SCHED_FIFO | SCHED_RR);
    if !is_ordinary(policy) && !real_time && policy != SCHED_DEADLINE {
        return Err(Errno::EINVAL);
    }
    // Without the figures a deadline needs, or a priority where there is none.
    if wish.priority > MOST || policy == SCHED_DEADLINE || real_time != (wish.priority != 0) {
        return Err(Errno::EINVAL);
    }
    if real_time {
        return Err(Errno::EPERM);
    }
    judge(cx, thread, &task, policy, resets, wish.nice)?;
    entity.set_policy(policy);
    entity.set_resets_on_fork(resets);
    if let Some(nice) = wish.nice {
        entity.set_nice(nice);
    }
    Ok(0)
}

fn judge(
    cx: &Cx<'_>,
    thread: &Thread,
    task: &Task,
    policy: u32,
    resets: bool,
    nice: Option<i32>,
) -> Result<()> {
    let entity = task.entity();
    let present = entity.nice();
    let wanted = nice.unwrap_or(present);
    let favoured = policy != SCHED_IDLE && !may_favour(cx, thread, wanted, present);
    // Out of the idle policy only where the nice value could be had.
    let leaves_idle = entity.policy() == SCHED_IDLE
        && policy != SCHED_IDLE
        && !may_favour(cx, thread, present, i32::MAX);
    let forgets = entity.resets_on_fork() && !resets;
    let needs = favoured || leaves_idle || forgets || !owns(cx, thread);
    if needs && !cx.cred().has(Capability::SYS_NICE) {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// `sched_setscheduler(2)`.
pub fn sched_setscheduler(
    cx: &mut Cx<'_>,
    tid: PidArg,
    policy: i32,
    param: UserPtr<SchedParam>,
) -> Result<usize> {
    if policy < 0 {
        return Err(Errno::EINVAL);
    }
    let policy = policy as u32;
    let wish = Wish {
        policy: Some(policy & !SCHED_RESET_ON_FORK),
        priority: 0,
        nice: None,
        reset_on_fork: policy & SCHED_RESET_ON_FORK != 0,
    };
    by_param(cx, tid, param, wish)
}

/// `sched_setparam(2)`.
pub fn sched_setparam(cx: &mut Cx<'_>, tid: PidArg, param: UserPtr<SchedParam>) -> Result<usize> {
    let wish = Wish {
        policy: None,
        priority: 0,
        nice: None,
        reset_on_fork: false,
    };
    by_param(cx, tid, param, wish)
}

fn by_param(cx: &Cx<'_>, tid: PidArg, param: UserPtr<SchedParam>, wish: Wish) -> Result<usize> {
    if param.is_null() || tid.0 < 0 {
        return Err(Errno::EINVAL);
    }
    let param = param.read()?;
    let thread = target(cx, tid)?;
    let priority = param.priority as u32;
    change(cx, &thread, &Wish { priority, ..wish })
}

/// `sched_getscheduler(2)`.
pub fn sched_getscheduler(cx: &mut Cx<'_>, tid: PidArg) -> Result<usize> {
    if tid.0 < 0 {
        return Err(Errno::EINVAL);
    }
    let task = task_of(&*target(cx, tid)?)?;
    let resets = if task.entity().resets_on_fork() {
        SCHED_RESET_ON_FORK
    } else {
        0
    };
    Ok((task.entity().policy() | resets) as usize)
}

/// `sched_getparam(2)`.
pub fn sched_getparam(cx: &mut Cx<'_>, tid: PidArg, param: UserPtr<SchedParam>) -> Result<usize> {
    if param.is_null() || tid.0 < 0 {
        return Err(Errno::EINVAL);
    }
    target(cx, tid)?;
    param.write(&SchedParam { priority: 0 })?;
    Ok(0)
}

/// Reads a structure that may be older or newer than ours; what is newer must be zero.
fn read_attr(at: UserAddr) -> Result<SchedAttr> {
    let given: u32 = UserPtr::new(at).read()?;
    // Old programs left it out.
    let size = if given == 0 {
        SCHED_ATTR_SIZE_VER0
    } else {
        given
    } as usize;
    let own = size_of::<SchedAttr>();
    let fits = (SCHED_ATTR_SIZE_VER0 as usize..=PAGE_SIZE).contains(&size);
    let mut attr = SchedAttr::new_zeroed();
    let mut extra = false;
    if fits {
        let bytes = attr.as_mut_bytes();
        let known = bytes.get_mut(..size.min(own)).unwrap_or_default();
        ucopy::copy_in(known, at).map_err(|_| Errno::EFAULT)?;
        for offset in own..size {
            let mut byte = [0];
            ucopy::copy_in(&mut byte, at.wrapping_add(offset)).map_err(|_| Errno::EFAULT)?;
            extra |= byte != [0];
        }
    }
    if !fits || extra {
        // So that the program may learn what would do.
        UserPtr::<u32>::new(at).write(&SCHED_ATTR_SIZE_VER1)?;
        return Err(Errno::E2BIG);
    }
    attr.size = size as u32;
    Ok(attr)
}

/// `sched_setattr(2)`. A wish for a slice (`sched_runtime` of the ordinary policies) is advice, not taken.
pub fn sched_setattr(cx: &mut Cx<'_>, tid: PidArg, attr: UserAddr, flags: u32) -> Result<usize> {
    const UTIL_CLAMP: u64 = 0x60;
    const RECLAIM: u64 = 0x02;
    const DL_OVERRUN: u64 = 0x04;
    const KNOWN: u64 = SCHED_FLAG_RESET_ON_FORK
        | RECLAIM
        | DL_OVERRUN
        | SCHED_FLAG_KEEP_POLICY
        | SCHED_FLAG_KEEP_PARAMS
        | UTIL_CLAMP;
    if attr.is_null() || tid.0 < 0 || flags != 0 {
        return Err(Errno::EINVAL);
    }
    let attr = read_attr(attr)?;
    if attr.flags & UTIL_CLAMP != 0 && attr.size < SCHED_ATTR_SIZE_VER1 || (attr.policy as i32) < 0
    {
        return Err(Errno::EINVAL);
    }
    let thread = target(cx, tid)?;
    if attr.flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    // As a Linux without it, which Debian's is.
    if attr.flags & UTIL_CLAMP != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let keeps_params = attr.flags & SCHED_FLAG_KEEP_PARAMS != 0;
    let wish = Wish {
        policy: (attr.flags & SCHED_FLAG_KEEP_POLICY == 0).then_some(attr.policy),
        priority: if keeps_params { 0 } else { attr.priority },
        nice: (!keeps_params).then_some(attr.nice.clamp(-20, 19)),
        reset_on_fork: attr.flags & SCHED_FLAG_RESET_ON_FORK != 0,
    };
    change(cx, &thread, &wish)
}

/// `sched_getattr(2)`.
pub fn sched_getattr(
    cx: &mut Cx<'_>,
    tid: PidArg,
    attr: UserAddr,
    size: u32,
    flags: u32,
) -> Result<usize> {
    let fits = (SCHED_ATTR_SIZE_VER0 as usize..=PAGE_SIZE).contains(&(size as usize));
    if attr.is_null() || tid.0 < 0 || !fits || flags != 0 {
        return Err(Errno::EINVAL);
    }
    let task = task_of(&*target(cx, tid)?)?;
    let entity = task.entity();
    let own = SchedAttr {
        size: size.min(SCHED_ATTR_SIZE_VER1),
        policy: entity.policy(),
        flags: u64::from(entity.resets_on_fork()) * SCHED_FLAG_RESET_ON_FORK,
        nice: entity.nice(),
        runtime: SLICE_NS,
        ..SchedAttr::default()
    };
    let bytes = own.as_bytes();
    let known = bytes.get(..own.size as usize).unwrap_or(bytes);
    ucopy::copy_out(attr, known).map_err(|_| Errno::EFAULT)?;
    Ok(0)
}

fn priority_range(policy: i32) -> Result<(usize, usize)> {
    match u32::try_from(policy) {
        Ok(SCHED_FIFO | SCHED_RR) => Ok((1, MOST as usize)),
        // Asked of a policy that no program was loaded for, too.
        Ok(policy) if is_ordinary(policy) || matches!(policy, SCHED_DEADLINE | SCHED_EXT) => {
            Ok((0, 0))
        }
        _ => Err(Errno::EINVAL),
    }
}

/// `sched_get_priority_max(2)`.
pub fn sched_get_priority_max(_: &mut Cx<'_>, policy: i32) -> Result<usize> {
    priority_range(policy).map(|(_, most)| most)
}

/// `sched_get_priority_min(2)`.
pub fn sched_get_priority_min(_: &mut Cx<'_>, policy: i32) -> Result<usize> {
    priority_range(policy).map(|(least, _)| least)
}

/// `sched_rr_get_interval(2)`.
pub fn sched_rr_get_interval(
    cx: &mut Cx<'_>,
    tid: PidArg,
    interval: UserPtr<Timespec>,
) -> Result<usize> {
    if tid.0 < 0 {
        return Err(Errno::EINVAL);
    }
    target(cx, tid)?;
    // A slice that is less than a tick of Linux's is shown as none.
    interval.write(&timespec(0))?;
    Ok(0)
}
