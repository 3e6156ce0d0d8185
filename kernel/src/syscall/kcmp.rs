//! Whether two processes share a thing (`man 2 kcmp`).

use abi::{Errno, Result};
use alloc::sync::Arc;
use core::cmp::Ordering;
use core::ptr;
use task::{Thread, tree};

use super::Cx;
use super::args::{Fd, PidArg};

const FILE: i32 = 0;
const VM: i32 = 1;
const FILES: i32 = 2;
const FS: i32 = 3;
const SIGHAND: i32 = 4;
const IO: i32 = 5;
const SYSVSEM: i32 = 6;

/// 0 for the same, 1 and 2 for less and greater in an order that says nothing else.
fn compare<T: ?Sized>(one: &Arc<T>, other: &Arc<T>) -> usize {
    let (one, other) = (ptr::from_ref(&**one), ptr::from_ref(&**other));
    match one.addr().cmp(&other.addr()) {
        Ordering::Equal => 0,
        Ordering::Less => 1,
        Ordering::Greater => 2,
    }
}

fn thread(pid: PidArg) -> Result<Arc<Thread>> {
    let tid = u32::try_from(pid.0).map_err(|_| Errno::ESRCH)?;
    tree::lock().thread(tid).ok_or(Errno::ESRCH)
}

/// `kcmp(2)`. What an epoll instance watches is not compared: `EINVAL`.
pub fn kcmp(
    cx: &mut Cx<'_>,
    one: PidArg,
    other: PidArg,
    kind: i32,
    first: u64,
    second: u64,
) -> Result<usize> {
    let (one, other) = (thread(one)?, thread(other)?);
    if ![&one, &other]
        .iter()
        .all(|it| task::access::may_look_into(cx.thread, it.process()))
    {
        return Err(Errno::EPERM);
    }
    // A number is an unsigned int: what is none is no descriptor.
    let number = |raw: u64| Fd(raw as u32 as i32);
    // Whose end has come has nothing left, as everybody else's nothing.
    let gone = |_| Errno::ESRCH;
    match kind {
        FILE => {
            let one = one.files().map_err(|_| Errno::EBADF)?;
            let other = other.files().map_err(|_| Errno::EBADF)?;
            Ok(compare(
                &one.get(number(first).0)?,
                &other.get(number(second).0)?,
            ))
        }
        VM => Ok(compare(
            &one.mm().map_err(gone)?,
            &other.mm().map_err(gone)?,
        )),
        FILES => Ok(compare(
            &one.files().map_err(gone)?,
            &other.files().map_err(gone)?,
        )),
        FS => Ok(compare(
            &one.fs().map_err(gone)?,
            &other.fs().map_err(gone)?,
        )),
        SIGHAND => {
            let of = |it: &Thread| it.process().signals().lock().sighand.clone();
            Ok(compare(&of(&one), &of(&other)))
        }
        // Nobody has such a thing here.
        IO | SYSVSEM => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}
