//! Locks on whole files (`man 2 flock`).

use abi::fcntl::{LOCK_EX, LOCK_MAND, LOCK_NB, LOCK_SH, LOCK_UN};
use abi::{Errno, Result};
use sync::Events;
use task::wait::{WaitOptions, wait};
use vfs::lock::{LockKind, LockOwner};
use vfs::lock_list::{self, Class, Row, Wait};

use super::Cx;
use super::args::{Fd, Flags};

/// `flock(2)`
pub fn flock(cx: &mut Cx<'_>, fd: Fd, operation: Flags) -> Result<usize> {
    // Mandatory locks are gone from Linux; it says yes and does nothing.
    if operation.0 & LOCK_MAND != 0 {
        return Ok(0);
    }
    let kind = match operation.0 & !LOCK_NB {
        LOCK_SH => Some(LockKind::Shared),
        LOCK_EX => Some(LockKind::Exclusive),
        LOCK_UN => None,
        _ => return Err(Errno::EINVAL),
    };
    let file = cx.usable_file(fd)?;
    let attached = file.inode().attr().attached();
    let locks = &attached.locks;
    let Some(kind) = kind else {
        locks.unlock_whole(&file);
        return Ok(0);
    };
    if !file.readable() && !file.writable() {
        return Err(Errno::EBADF);
    }
    let pid = cx.process().pid() as i32;
    lock_list::enter(&attached, &file).map_err(|_| Errno::ENOMEM)?;
    match locks.lock_whole(&file, kind, pid) {
        Err(Errno::EAGAIN) if operation.0 & LOCK_NB == 0 => {
            let row = Row::whole(Class::Whole, Some(kind), pid, LockOwner::file(&file));
            let _waiting = Wait::new(&attached, row).map_err(|_| Errno::ENOMEM)?;
            let on = [(locks.waiters(), Events::OUT)];
            wait(cx.thread, &WaitOptions::default(), &on, || {
                locks.lock_whole(&file, kind, pid)
            })?;
        }
        done => done?,
    }
    Ok(0)
}
