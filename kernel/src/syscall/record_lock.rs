//! Locks on ranges of a file: of a process and of an open file (`man 2 fcntl`, "Advisory record locking").

use abi::fcntl::{
    F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_RDLCK, F_SETLKW, F_UNLCK, F_WRLCK, Flock,
    SEEK_CUR, SEEK_END, SEEK_SET,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Events;
use task::Thread;
use task::wait::{WaitOptions, wait};
use vfs::lock::{Blocked, LockKind, LockOwner, RecordLock};
use vfs::lock_list::{self, Wait};
use vfs::{Attached, FdTable, OpenFile, seek};

use super::Cx;
use super::args::Fd;

/// The commands of `fcntl` that are about record locks.
pub fn fcntl(
    cx: &Cx<'_>,
    files: &Arc<FdTable>,
    fd: Fd,
    file: &Arc<OpenFile>,
    command: u32,
    arg: UserAddr,
) -> Result<usize> {
    let asked = UserPtr::<Flock>::new(arg);
    let mut flock = asked.read()?;
    let of_file = matches!(command, F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW);
    if command == F_GETLK && flock.l_type == F_UNLCK {
        return Err(Errno::EINVAL);
    }
    let (start, end) = range(file, &flock)?;
    let kind = match flock.l_type {
        F_RDLCK => Some(LockKind::Shared),
        F_WRLCK => Some(LockKind::Exclusive),
        F_UNLCK => None,
        _ => return Err(Errno::EINVAL),
    };
    let (owner, pid) = if of_file {
        (LockOwner::file(file), -1)
    } else {
        (LockOwner::Table(files.id()), cx.process().pid() as i32)
    };
    let wanted = RecordLock {
        owner,
        pid,
        kind: kind.unwrap_or(LockKind::Shared),
        start,
        end,
    };
    let attached = file.inode().attr().attached();
    if matches!(command, F_GETLK | F_OFD_GETLK) {
        if of_file && flock.l_pid != 0 {
            return Err(Errno::EINVAL);
        }
        let found = match kind {
            Some(_) => attached.locks.conflict(&wanted),
            // Which of its own locks lie there.
            None => attached.locks.held(&wanted),
        };
        describe(&mut flock, found);
        asked.write(&flock)?;
        return Ok(0);
    }
    match kind {
        Some(LockKind::Shared) if !file.readable() => return Err(Errno::EBADF),
        Some(LockKind::Exclusive) if !file.writable() => return Err(Errno::EBADF),
        _ => {}
    }
    if of_file && flock.l_pid != 0 {
        return Err(Errno::EINVAL);
    }
    if kind.is_none() {
        return attached.locks.unset(owner, start, end).map(|()| 0);
    }
    lock_list::enter(&attached, file)?;
    if matches!(command, F_SETLKW | F_OFD_SETLKW) {
        set_waiting(cx.thread, &attached, &wanted)?;
    } else {
        attached.locks.set(&wanted)?;
    }
    // Closed meanwhile by another thread: nobody would ever give the lock up.
    let still = files
        .get(fd.0)
        .is_ok_and(|now| Arc::ptr_eq(&now, file) || of_file);
    if !still {
        if attached.locks.unset(owner, start, end).is_err() {
            attached.locks.unset_all(owner);
        }
        return Err(Errno::EBADF);
    }
    Ok(0)
}

fn set_waiting(thread: &Thread, attached: &Attached, wanted: &RecordLock) -> Result<()> {
    let locks = &attached.locks;
    let blocked = Blocked::new(wanted.owner);
    let attempt = || match wanted.owner {
        LockOwner::Table(_) => locks.set_or_block(wanted, &blocked),
        LockOwner::File(_) => locks.set(wanted),
    };
    match attempt() {
        Err(Errno::EAGAIN) => {}
        done => return done,
    }
    let _waiting = Wait::new(attached, wanted.row())?;
    let on = [(locks.waiters(), Events::OUT)];
    wait(thread, &WaitOptions::default(), &on, attempt)
}

/// First and last byte of what is asked for.
fn range(file: &OpenFile, flock: &Flock) -> Result<(u64, u64)> {
    let base = match i32::from(flock.l_whence) {
        SEEK_SET => 0,
        SEEK_CUR => file.position_seen() as i64,
        SEEK_END => file.inode().metadata().size as i64,
        _ => return Err(Errno::EINVAL),
    };
    let start = base.checked_add(flock.l_start).ok_or(Errno::EOVERFLOW)?;
    if start < 0 {
        return Err(Errno::EINVAL);
    }
    let (start, end) = match flock.l_len {
        0 => (start, i64::MAX),
        // A negative length counts back from the byte before the start.
        len @ ..0 => (start + len, start - 1),
        len => (start, start.checked_add(len - 1).ok_or(Errno::EOVERFLOW)?),
    };
    let start = u64::try_from(start).map_err(|_| Errno::EINVAL)?;
    Ok((start, end as u64))
}

/// Writes down what is in the way, or that nothing is.
fn describe(flock: &mut Flock, found: Option<RecordLock>) {
    let Some(found) = found else {
        flock.l_type = F_UNLCK;
        return;
    };
    flock.l_type = match found.kind {
        LockKind::Shared => F_RDLCK,
        LockKind::Exclusive => F_WRLCK,
    };
    flock.l_whence = SEEK_SET as i16;
    flock.l_start = found.start as i64;
    flock.l_len = if found.end >= seek::MAX_SIZE {
        0
    } else {
        (found.end - found.start + 1) as i64
    };
    flock.l_pid = found.pid;
}
