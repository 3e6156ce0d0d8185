//! Scheduling: giving way, processors.

use alloc::sync::Arc;

use abi::{Errno, Result};
use hal::cpu::CpuMask;
use hal::ucopy::UserPtr;
use hal::{UserAddr, ucopy};
use sync::{Capability, Task};
use task::{Thread, tree};

use super::Cx;
use super::args::PidArg;

/// Bytes of a set of processors.
const MASK_BYTES: usize = size_of::<u64>();

/// The thread a call is about; 0 is the caller.
pub fn target(cx: &Cx<'_>, tid: PidArg) -> Result<Arc<Thread>> {
    if tid.0 == 0 {
        return Ok(cx.thread.clone());
    }
    tree::lock().thread(tid.0 as u32).ok_or(Errno::ESRCH)
}

pub fn task_of(thread: &Thread) -> Result<Arc<Task>> {
    thread.task().ok_or(Errno::ESRCH)
}

/// The processors there are.
fn active() -> CpuMask {
    #[cfg(target_os = "none")]
    {
        task::sched::active()
    }
    #[cfg(not(target_os = "none"))]
    hal::cpu::online()
}

/// `sched_yield(2)`.
pub fn sched_yield(_: &mut Cx<'_>) -> Result<usize> {
    sync::yield_now();
    Ok(0)
}

/// `getcpu(2)`. There is one node.
pub fn getcpu(
    _: &mut Cx<'_>,
    cpu: UserPtr<u32>,
    node: UserPtr<u32>,
    _cache: UserAddr,
) -> Result<usize> {
    if !cpu.is_null() {
        cpu.write(&(hal::cpu::current().index() as u32))?;
    }
    if !node.is_null() {
        node.write(&0)?;
    }
    Ok(0)
}

/// `sched_getaffinity(2)`: answers how many bytes it wrote.
pub fn sched_getaffinity(
    cx: &mut Cx<'_>,
    tid: PidArg,
    length: u32,
    mask: UserAddr,
) -> Result<usize> {
    // Linux counts the bits in 32 of its own.
    let bits = length.wrapping_mul(8) as usize;
    let length = length as usize;
    let last = active().iter().last().map_or(0, |cpu| cpu.index());
    if bits <= last || !length.is_multiple_of(MASK_BYTES) {
        return Err(Errno::EINVAL);
    }
    let task = task_of(&*target(cx, tid)?)?;
    let bits = task.entity().affinity().and(active()).bits();
    ucopy::copy_out(mask, &bits.to_le_bytes()).map_err(|_| Errno::EFAULT)?;
    Ok(MASK_BYTES)
}

/// `sched_setaffinity(2)`.
pub fn sched_setaffinity(
    cx: &mut Cx<'_>,
    tid: PidArg,
    length: u32,
    mask: UserAddr,
) -> Result<usize> {
    let mut bytes = [0; MASK_BYTES];
    let length = (length as usize).min(MASK_BYTES);
    let given = bytes.get_mut(..length).unwrap_or_default();
    ucopy::copy_in(given, mask).map_err(|_| Errno::EFAULT)?;
    let target = target(cx, tid)?;
    if !owns(cx, &target) && !cx.cred().has(Capability::SYS_NICE) {
        return Err(Errno::EPERM);
    }
    let wanted = CpuMask::from_bits(u64::from_le_bytes(bytes));
    if wanted.and(active()).is_empty() {
        return Err(Errno::EINVAL);
    }
    let task = task_of(&target)?;
    task.entity().set_affinity(wanted);
    #[cfg(target_os = "none")]
    {
        task::sched::affinity_changed(&task);
        // The caller itself moves before it goes on: leaving a guard is where a reschedule happens.
        drop(hal::preempt::PreemptGuard::new());
    }
    Ok(0)
}

/// Whether the caller's effective user is the target's effective or real one.
pub fn owns(cx: &Cx<'_>, target: &Thread) -> bool {
    let (mine, its) = (cx.cred(), target.cred());
    mine.euid == its.euid || mine.euid == its.uid
}
