//! `pselect6` (`man 2 select`).

use abi::poll::{
    POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDBAND, POLLRDNORM, POLLWRBAND,
    POLLWRNORM, SigSetArg,
};
use abi::time::Timespec;
use abi::{Errno, Result};
use alloc::vec::Vec;
use hal::UserAddr;
use hal::ucopy::{UserPtr, copy_in, copy_out};
use vfs::FdTable;
use zerocopy::IntoBytes;

use super::Cx;
use super::poll::finish;
use super::ready::{Asked, List, wait_for};
use super::sigmask;
use super::timeout::Timeout;

/// What makes a descriptor readable, writable, exceptional. One that was closed meanwhile is all of it.
const MEANING: [u32; 3] = [
    POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR | POLLNVAL,
    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR | POLLNVAL,
    POLLPRI | POLLNVAL,
];

const BITS: usize = 64;

/// Words of one set that need no memory: 256 descriptors.
const SHORT: usize = 4;

/// Descriptors a table has room for from the start: more are looked at even in a new process.
const LEAST: usize = 64;

/// `pselect6(2)`
#[allow(clippy::too_many_arguments, reason = "the call has six")]
pub fn pselect6(
    cx: &mut Cx<'_>,
    count: i32,
    read: UserAddr,
    write: UserAddr,
    except: UserAddr,
    timeout: UserPtr<Timespec>,
    mask: UserPtr<SigSetArg>,
) -> Result<usize> {
    let mask = if mask.is_null() {
        SigSetArg::default()
    } else {
        mask.read()?
    };
    let patience = Timeout::read(timeout)?;
    let set = UserPtr::new(UserAddr::from(mask.set));
    sigmask::begin(cx.thread, set, mask.size as usize)?;
    let result = select(cx, count, [read, write, except], patience);
    finish(cx, result, patience, timeout)
}

fn select(cx: &Cx<'_>, count: i32, sets: [UserAddr; 3], patience: Timeout) -> Result<usize> {
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    let files = cx.files()?;
    // Beyond the table nothing can be open, and nothing is looked at.
    let count = count.min(files.capacity().max(LEAST));
    let words = count.div_ceil(BITS);
    if words <= SHORT {
        return select_in(cx, &files, count, sets, &mut [0; SHORT * 3], patience);
    }
    let mut room = Vec::new();
    room.try_reserve_exact(words * 3)
        .map_err(|_| Errno::ENOMEM)?;
    room.resize(words * 3, 0);
    select_in(cx, &files, count, sets, &mut room, patience)
}

/// The sets are read into `room` and their answers written from there.
fn select_in(
    cx: &Cx<'_>,
    files: &FdTable,
    count: usize,
    sets: [UserAddr; 3],
    room: &mut [u64],
    patience: Timeout,
) -> Result<usize> {
    let words = count.div_ceil(BITS);
    let (read, rest) = room.split_at_mut(words);
    let (write, rest) = rest.split_at_mut(words);
    let (except, _) = rest.split_at_mut(words);
    let mut maps = [read, write, except];
    for (map, set) in maps.iter_mut().zip(sets) {
        if !set.is_null() {
            copy_in(map.as_mut_bytes(), set).map_err(|_| Errno::EFAULT)?;
        }
        if let Some(last) = map.last_mut()
            && !count.is_multiple_of(BITS)
        {
            *last &= (1 << (count % BITS)) - 1;
        }
    }
    let asked = ask(files, &maps)?;
    let found = wait_for(cx, &asked, patience)?;
    let mut ready = 0;
    for one in asked.iter() {
        for (map, events) in maps.iter_mut().zip(MEANING) {
            if found != 0 && one.found() & events != 0 && bit(map, one.fd()) {
                ready += 1;
            } else {
                clear(map, one.fd());
            }
        }
    }
    for (map, set) in maps.iter().zip(sets) {
        if !set.is_null() {
            copy_out(set, map.as_bytes()).map_err(|_| Errno::EFAULT)?;
        }
    }
    Ok(ready)
}

/// The descriptors in any of the sets.
fn ask(files: &FdTable, maps: &[&mut [u64]; 3]) -> Result<List<Asked>> {
    let [read, write, except] = maps;
    let any = || {
        let words = read.iter().zip(&**write).zip(&**except);
        words.map(|((read, write), except)| read | write | except)
    };
    let count = any().map(|word| word.count_ones() as usize).sum();
    let mut asked = List::with_room(count)?;
    for (at, word) in any().enumerate() {
        let mut left = word;
        while left != 0 {
            let fd = at * BITS + left.trailing_zeros() as usize;
            left &= left - 1;
            let wanted =
                maps.iter().zip(MEANING).fold(
                    0,
                    |all, (map, events)| {
                        if bit(map, fd) { all | events } else { all }
                    },
                );
            asked.push(Asked::open(files, fd as i32, wanted)?);
        }
    }
    Ok(asked)
}

fn bit(map: &[u64], at: usize) -> bool {
    map.get(at / BITS)
        .is_some_and(|word| word >> (at % BITS) & 1 != 0)
}

fn clear(map: &mut [u64], at: usize) {
    if let Some(word) = map.get_mut(at / BITS) {
        *word &= !(1 << (at % BITS));
    }
}
