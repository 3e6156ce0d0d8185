//! The later futex calls: a call an operation, flags a word, waiting for several words.

use alloc::vec::Vec;

use abi::futex::{
    FUTEX_BITSET_MATCH_ANY, FUTEX_WAITV_MAX, FUTEX2_PRIVATE, FUTEX2_SIZE_MASK, FUTEX2_SIZE_U32,
    FutexWaitv,
};
use abi::time::{CLOCK_MONOTONIC, CLOCK_REALTIME, Timespec};
use abi::{Errno, Result};
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Instant;
use sync::clock::Moment;
use task::futex::{self, Resume, Want, Word};

use super::Cx;
use super::args::Flags;
use super::clock::nanoseconds;

/// Words are of 32 bits; nothing else is there yet, on Linux too.
fn word(at: UserAddr, flags: u32) -> Result<Word> {
    if flags & !(FUTEX2_SIZE_MASK | FUTEX2_PRIVATE) != 0
        || flags & FUTEX2_SIZE_MASK != FUTEX2_SIZE_U32
    {
        return Err(Errno::EINVAL);
    }
    Ok(Word {
        at,
        shared: flags & FUTEX2_PRIVATE == 0,
    })
}

/// A value or a set of bits that fits the word.
fn fitting(value: u64) -> Result<u32> {
    u32::try_from(value).map_err(|_| Errno::EINVAL)
}

fn until(time: UserPtr<Timespec>, clock: i32) -> Result<Option<Moment>> {
    if time.is_null() {
        return Ok(None);
    }
    if clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC {
        return Err(Errno::EINVAL);
    }
    let ns = nanoseconds(time.read()?)?;
    Ok(Some(match clock {
        CLOCK_REALTIME => Moment::Realtime(ns),
        _ => Moment::Monotonic(Instant::from_nanos(ns)),
    }))
}

fn wants(list: UserPtr<FutexWaitv>, count: usize) -> Result<Vec<Want>> {
    let mut wants = Vec::new();
    wants.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
    for at in 0..count {
        let one = list.add(at).read()?;
        if one.reserved != 0 {
            return Err(Errno::EINVAL);
        }
        wants.push(Want {
            word: word(UserAddr(one.word as usize), one.flags)?,
            value: fitting(one.value)?,
            bitset: FUTEX_BITSET_MATCH_ANY,
        });
    }
    Ok(wants)
}

/// `futex_waitv(2)`: answers which word it was woken by.
pub fn futex_waitv(
    cx: &mut Cx<'_>,
    list: UserPtr<FutexWaitv>,
    count: u32,
    flags: Flags,
    time: UserPtr<Timespec>,
    clock: i32,
) -> Result<usize> {
    if flags.0 != 0 || !(1..=FUTEX_WAITV_MAX).contains(&count) || list.is_null() {
        return Err(Errno::EINVAL);
    }
    let until = until(time, clock)?;
    let wants = wants(list, count as usize)?;
    futex::wait_any(cx.thread, &wants, until)
}

/// `futex_wake(2)`. Unlike `futex`'s operation it wakes nobody when asked to.
pub fn futex_wake(
    cx: &mut Cx<'_>,
    at: UserAddr,
    mask: u64,
    count: i32,
    flags: Flags,
) -> Result<usize> {
    let word = word(at, flags.0)?;
    let mask = fitting(mask)?;
    let woken = if count == 0 {
        futex::wake_none(cx.thread, word, mask)?;
        0
    } else {
        futex::wake(cx.thread, word, count, mask)?
    };
    Ok(woken)
}

/// `futex_wait(2)`.
pub fn futex_wait(
    cx: &mut Cx<'_>,
    at: UserAddr,
    value: u64,
    mask: u64,
    flags: Flags,
    time: UserPtr<Timespec>,
    clock: i32,
) -> Result<usize> {
    let want = Want {
        word: word(at, flags.0)?,
        value: fitting(value)?,
        bitset: fitting(mask)?,
    };
    let until = until(time, clock)?;
    futex::wait(cx.thread, want, until, Resume::Call).map(|()| 0)
}

/// `futex_requeue(2)`.
pub fn futex_requeue(
    cx: &mut Cx<'_>,
    list: UserPtr<FutexWaitv>,
    flags: Flags,
    wake: i32,
    moved: i32,
) -> Result<usize> {
    if flags.0 != 0 || list.is_null() {
        return Err(Errno::EINVAL);
    }
    let wants = wants(list, 2)?;
    let [from, to] = wants.as_slice() else {
        return Err(Errno::EINVAL);
    };
    futex::requeue(cx.thread, from.word, to.word, wake, moved, Some(from.value))
}
