//! Futexes and lists of robust locks.

use abi::futex::{
    FUTEX_BITSET_MATCH_ANY, FUTEX_CLOCK_REALTIME, FUTEX_CMD_MASK, FUTEX_CMP_REQUEUE,
    FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAKE,
    FUTEX_WAKE_BITSET, FUTEX_WAKE_OP, RobustListHead,
};
use abi::time::Timespec;
use abi::{Errno, Result};
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Instant;
use sync::clock::Moment;
use task::futex::{self, Resume, Want, Word};
use task::{access, rseq, tree};

use super::Cx;
use super::args::PidArg;
use super::clock::nanoseconds;

/// `futex(2)`. Priority inheritance is not there: its operations are `ENOSYS`.
pub fn futex(
    cx: &mut Cx<'_>,
    word: UserAddr,
    operation: u32,
    value: u32,
    timeout: UserAddr,
    other: UserAddr,
    third: u32,
) -> Result<usize> {
    let command = operation & FUTEX_CMD_MASK;
    let shared = operation & FUTEX_PRIVATE_FLAG == 0;
    let realtime = operation & FUTEX_CLOCK_REALTIME != 0;
    let waits = matches!(command, FUTEX_WAIT | FUTEX_WAIT_BITSET);
    let until = if waits && !timeout.is_null() {
        let ns = nanoseconds(UserPtr::<Timespec>::new(timeout).read()?)?;
        Some(match command {
            // Alone among them it says how long, not until when.
            FUTEX_WAIT => {
                let now = Instant::now().as_nanos();
                Moment::Monotonic(Instant::from_nanos(now.saturating_add(ns)))
            }
            _ if realtime => Moment::Realtime(ns),
            _ => Moment::Monotonic(Instant::from_nanos(ns)),
        })
    } else {
        None
    };
    if realtime && command != FUTEX_WAIT_BITSET {
        return Err(Errno::ENOSYS);
    }
    let word = Word { at: word, shared };
    let other = Word { at: other, shared };
    // The register of the timeout is a second count for those that do not wait.
    let (count, second) = (value as i32, timeout.0 as i32);
    match command {
        FUTEX_WAIT | FUTEX_WAIT_BITSET => {
            let bitset = if command == FUTEX_WAIT {
                FUTEX_BITSET_MATCH_ANY
            } else {
                third
            };
            let want = Want {
                word,
                value,
                bitset,
            };
            futex::wait(cx.thread, want, until, Resume::Moment).map(|()| 0)
        }
        FUTEX_WAKE => futex::wake(cx.thread, word, count, FUTEX_BITSET_MATCH_ANY),
        FUTEX_WAKE_BITSET => futex::wake(cx.thread, word, count, third),
        FUTEX_REQUEUE => futex::requeue(cx.thread, word, other, count, second, None),
        FUTEX_CMP_REQUEUE => futex::requeue(cx.thread, word, other, count, second, Some(third)),
        FUTEX_WAKE_OP => futex::wake_op(cx.thread, word, other, count, second, third),
        _ => Err(Errno::ENOSYS),
    }
}

/// `set_robust_list(2)`.
pub fn set_robust_list(cx: &mut Cx<'_>, head: UserAddr, length: usize) -> Result<usize> {
    if length != size_of::<RobustListHead>() {
        return Err(Errno::EINVAL);
    }
    cx.thread.set_robust_list(head);
    Ok(0)
}

/// `rseq(2)`.
pub fn rseq(
    cx: &mut Cx<'_>,
    addr: UserAddr,
    length: u32,
    flags: i32,
    signature: u32,
) -> Result<usize> {
    const UNREGISTER: i32 = 1;
    match flags {
        UNREGISTER => rseq::unregister(cx.thread, addr, length, signature)?,
        0 => rseq::register(cx.thread, addr, length, signature)?,
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// `get_robust_list(2)`.
pub fn get_robust_list(
    cx: &mut Cx<'_>,
    tid: PidArg,
    head: UserPtr<u64>,
    length: UserPtr<u64>,
) -> Result<usize> {
    let list = if tid.0 == 0 {
        cx.thread.robust_list()
    } else {
        let thread = tree::lock().thread(tid.0 as u32).ok_or(Errno::ESRCH)?;
        if !access::may_look_into(cx.thread, thread.process()) {
            return Err(Errno::EPERM);
        }
        thread.robust_list()
    };
    length.write(&(size_of::<RobustListHead>() as u64))?;
    head.write(&(list.0 as u64))?;
    Ok(0)
}
