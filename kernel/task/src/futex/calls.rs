//! What programs do with futexes, on the one table of the machine.
//!
//! Words are read and changed under the buckets' locks, where nothing may be paged in: what is not there
//! is brought in without the locks, and the call starts anew.

use alloc::boxed::Box;
use alloc::sync::Arc;

use abi::{Errno, Result};
use hal::{Access, UserAddr, ucopy};
use mm::FutexKey;
use sync::clock::{self, Moment};
use sync::{Events, Once};

use super::table::{Several, Table, Waiter};
use crate::thread::{RestartBlock, Thread};
use crate::wait::{Restart, WaitOptions};

static TABLE: Once<Table<FutexKey>> = Once::new();

/// The waiters of all words.
fn table() -> &'static Table<FutexKey> {
    TABLE.get_or_init(Table::new)
}

/// Makes the table of waiters, at start, while there is memory for certain.
pub fn start() {
    table();
}

/// A futex as a program names it.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Where the word is.
    pub at: UserAddr,
    /// Whether other processes may mean it too.
    pub shared: bool,
}

impl Word {
    fn key(self, thread: &Thread, access: Access) -> Result<FutexKey> {
        if !self.at.0.is_multiple_of(4) {
            return Err(Errno::EINVAL);
        }
        thread
            .mm()?
            .futex_key(self.at, self.shared, access)
            .map_err(|_| Errno::EFAULT)
    }
}

/// Why something under the buckets' locks did not come about.
enum Hitch {
    /// The word's page is not there.
    Absent,
    /// For the program.
    Answer(Errno),
}

fn compare(at: UserAddr, expected: u32) -> core::result::Result<(), Hitch> {
    match ucopy::load_u32_nofault(at) {
        None => Err(Hitch::Absent),
        Some(value) if value != expected => Err(Hitch::Answer(Errno::EAGAIN)),
        Some(_) => Ok(()),
    }
}

impl From<Errno> for Hitch {
    fn from(errno: Errno) -> Self {
        Self::Answer(errno)
    }
}

/// Brings the page of a hitch in; the error when that cannot help.
fn overcome(hitch: Hitch, at: UserAddr, access: Access) -> Result<()> {
    match hitch {
        Hitch::Absent if ucopy::fault_in(at, access) => Ok(()),
        Hitch::Absent => Err(Errno::EFAULT),
        Hitch::Answer(errno) => Err(errno),
    }
}

/// A value of a word that is worth waiting at, and whose wakers count.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// The word.
    pub word: Word,
    /// Its value.
    pub value: u32,
    /// Bits that a waker's must meet.
    pub bitset: u32,
}

/// How a wait that a signal has interrupted goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resume {
    /// The call is made again with its arguments.
    Call,
    /// To the same moment, by `restart_syscall`, if there is one: the argument was a span.
    Moment,
}

/// Sleeps while the word has its value, until a waker comes.
///
/// # Errors
/// `EAGAIN` for another value, `EINVAL` for no bits or a misaligned word, `EFAULT`, `ETIMEDOUT`; when a
/// signal comes, by `resume`, `ERESTARTSYS` or `ERESTART_RESTARTBLOCK`.
pub fn wait(thread: &Thread, want: Want, until: Option<Moment>, resume: Resume) -> Result<()> {
    let Want {
        word,
        value,
        bitset,
    } = want;
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    let waiter = Waiter::current();
    loop {
        let key = word.key(thread, Access::Read)?;
        match table().enter(&key, bitset, &waiter, || compare(word.at, value)) {
            Ok(()) => break,
            Err(hitch) => overcome(hitch, word.at, Access::Read)?,
        }
    }
    let again = || -> RestartBlock {
        Box::new(move |thread: &Arc<Thread>| wait(thread, want, until, resume).map(|()| 0))
    };
    let block: Option<&dyn Fn() -> RestartBlock> = match (resume, until) {
        (Resume::Moment, Some(_)) => Some(&again),
        _ => None,
    };
    match sleep(thread, until, block, || waiter.is_woken()) {
        Err(errno) if table().leave(&waiter) => Err(errno),
        Err(_) => {
            // Woken at the last moment: nothing is to be made again.
            drop(thread.take_restart());
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Sleeps until `woken` says so.
fn sleep(
    thread: &Thread,
    until: Option<Moment>,
    block: Option<&dyn Fn() -> RestartBlock>,
    woken: impl Fn() -> Result<()>,
) -> Result<()> {
    let wall = [(clock::changes(), Events::IN)];
    let on: &[_] = match until {
        Some(Moment::Realtime(_)) => &wall,
        _ => &[],
    };
    loop {
        let generation = clock::generation();
        let options = WaitOptions {
            deadline: until.map(Moment::instant),
            restart: block.map_or(Restart::Sys, Restart::Block),
            ..WaitOptions::default()
        };
        let is_over = crate::wait::wait(thread, &options, on, || match woken() {
            Ok(()) => Ok(true),
            Err(_) if !on.is_empty() && clock::generation() != generation => Ok(false),
            Err(errno) => Err(errno),
        })?;
        // Else the wall clock was set: the moment has moved.
        if is_over {
            return Ok(());
        }
    }
}

/// Sleeps while all words have their values, until a waker comes to one; which. No bits are asked for.
///
/// # Errors
/// As [`wait`] with [`Resume::Call`]; `ENOMEM`.
pub fn wait_any(thread: &Thread, wants: &[Want], until: Option<Moment>) -> Result<usize> {
    let several = Several::new(wants.len())?;
    let part = |at| Waiter::Several(several.clone(), at);
    // Off all lists; the last that a waker has come to.
    let leave = |count: usize| {
        let mut woken = None;
        for at in 0..count {
            if !table().leave(&part(at)) {
                woken = Some(at);
            }
        }
        woken
    };
    while let Err((at, hitch)) = enter_all(thread, wants, &part)? {
        if let Some(woken) = leave(at) {
            return Ok(woken);
        }
        let word = wants.get(at).ok_or(Errno::EINVAL)?.word;
        overcome(hitch, word.at, Access::Read)?;
    }
    let end = sleep(thread, until, None, || several.is_woken());
    match leave(wants.len()) {
        Some(woken) => Ok(woken),
        None => end.map(|()| 0),
    }
}

/// Puts a waiter on each word's list, up to the first where that does not work: its place and why.
fn enter_all(
    thread: &Thread,
    wants: &[Want],
    part: &dyn Fn(usize) -> Waiter,
) -> Result<core::result::Result<(), (usize, Hitch)>> {
    for want in wants {
        want.word.key(thread, Access::Read)?;
    }
    for (at, want) in wants.iter().enumerate() {
        let key = want.word.key(thread, Access::Read);
        let entered = key.map_err(Hitch::Answer).and_then(|key| {
            table().enter(&key, want.bitset, &part(at), || {
                compare(want.word.at, want.value)
            })
        });
        if let Err(hitch) = entered {
            return Ok(Err((at, hitch)));
        }
    }
    Ok(Ok(()))
}

/// At least one: Linux counts after it has woken.
fn how_many(count: i32) -> usize {
    usize::try_from(count).unwrap_or(0).max(1)
}

/// Wakes up to `count` waiters, but at least one, whose bits meet `bitset`; how many.
///
/// # Errors
/// `EINVAL` for no bits or a misaligned word, `EFAULT`.
pub fn wake(thread: &Thread, word: Word, count: i32, bitset: u32) -> Result<usize> {
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    let key = word.key(thread, Access::Read)?;
    Ok(table().wake(&key, how_many(count), bitset))
}

/// What [`wake`] refuses, and nobody woken.
///
/// # Errors
/// As [`wake`].
pub fn wake_none(thread: &Thread, word: Word, bitset: u32) -> Result<()> {
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    word.key(thread, Access::Read).map(drop)
}

/// Wakes up to `count` waiters of `from` and moves up to `moved` of the rest to `to`, if `from` still has
/// the value `expected`; how many in all.
///
/// # Errors
/// `EAGAIN` for another value, `EINVAL` for negative counts or a misaligned word, `EFAULT`.
pub fn requeue(
    thread: &Thread,
    from: Word,
    to: Word,
    count: i32,
    moved: i32,
    expected: Option<u32>,
) -> Result<usize> {
    let (Ok(count), Ok(moved)) = (usize::try_from(count), usize::try_from(moved)) else {
        return Err(Errno::EINVAL);
    };
    loop {
        let source = from.key(thread, Access::Read)?;
        let target = to.key(thread, Access::Read)?;
        let check = || match expected {
            Some(expected) => compare(from.at, expected),
            None => Ok(()),
        };
        match table().requeue(&source, &target, count, moved, check) {
            Ok(total) => return Ok(total),
            Err(hitch) => overcome(hitch, from.at, Access::Read)?,
        }
    }
}

/// A change of a word and a question about its old value, as `FUTEX_WAKE_OP` packs them.
#[derive(Clone, Copy, Debug)]
struct Change {
    operation: u32,
    argument: i32,
    comparison: u32,
    against: i32,
}

/// Twelve bits with a sign.
fn signed12(bits: u32) -> i32 {
    ((bits << 20) as i32) >> 20
}

impl Change {
    fn unpack(packed: u32) -> Self {
        let operation = packed >> 28 & 7;
        let mut argument = signed12(packed >> 12);
        if packed >> 28 & abi::futex::FUTEX_OP_OPARG_SHIFT != 0 {
            // A shift out of range is cut, as Linux does.
            argument = 1i32.wrapping_shl(argument as u32);
        }
        Self {
            operation,
            argument,
            comparison: packed >> 24 & 15,
            against: signed12(packed),
        }
    }

    fn new_value(self, old: u32) -> Result<u32> {
        let argument = self.argument as u32;
        Ok(match self.operation {
            0 => argument,
            1 => old.wrapping_add(argument),
            2 => old | argument,
            3 => old & !argument,
            4 => old ^ argument,
            _ => return Err(Errno::ENOSYS),
        })
    }

    fn holds(self, old: u32) -> Result<bool> {
        let old = old as i32;
        Ok(match self.comparison {
            0 => old == self.against,
            1 => old != self.against,
            2 => old < self.against,
            3 => old >= self.against,
            4 => old <= self.against,
            5 => old > self.against,
            _ => return Err(Errno::ENOSYS),
        })
    }

    /// Changes the word; whether the old value is the one asked for.
    fn make(self, at: UserAddr) -> core::result::Result<bool, Hitch> {
        let mut old = ucopy::load_u32_nofault(at).ok_or(Hitch::Absent)?;
        loop {
            let new = self.new_value(old).map_err(Hitch::Answer)?;
            let stood = ucopy::cmpxchg_u32_nofault(at, old, new).ok_or(Hitch::Absent)?;
            if stood == old {
                return self.holds(old).map_err(Hitch::Answer);
            }
            old = stood;
        }
    }
}

/// Changes `other` as `packed` says; wakes up to `count` waiters of `word`, and if the old value of
/// `other` is as asked, up to `count_other` of its. How many in all.
///
/// # Errors
/// `ENOSYS` for an unknown change or question, `EINVAL` for misaligned words, `EFAULT`.
pub fn wake_op(
    thread: &Thread,
    word: Word,
    other: Word,
    count: i32,
    count_other: i32,
    packed: u32,
) -> Result<usize> {
    let change = Change::unpack(packed);
    loop {
        let one = word.key(thread, Access::Read)?;
        let two = other.key(thread, Access::Write)?;
        let made = table().wake_both(&one, &two, how_many(count), how_many(count_other), || {
            change.make(other.at)
        });
        match made {
            Ok(woken) => return Ok(woken),
            Err(hitch) => overcome(hitch, other.at, Access::Write)?,
        }
    }
}
