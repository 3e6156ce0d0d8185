//! Asking for signals of readiness: `fcntl`'s owners, `O_ASYNC`, and the ioctls for the same.

use abi::fcntl::{
    F_GETOWN, F_GETOWN_EX, F_GETSIG, F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, F_SETOWN, F_SETOWN_EX,
    F_SETSIG, FOwnerEx,
};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use core::any::Any;
use hal::ucopy::UserPtr;
use task::sigio::{start_for_groups, watch, watch_urgent};
use task::{Process, Thread};
use vfs::OpenFile;
use vfs::owner::Owner;

use super::Cx;
use super::args::Fd;

/// Highest signal number.
const NSIG: u64 = 64;

/// Begins or ends to signal the owner; `fd` is the descriptor the signals name.
///
/// # Errors
/// `ENOTTY` for a file that has no such signals.
pub fn switch(cx: &Cx<'_>, file: &OpenFile, fd: Fd, on: bool) -> Result<()> {
    if !file.ops().signals() {
        return if on { Err(Errno::ENOTTY) } else { Ok(()) };
    }
    if on {
        own_terminal(cx, file)?;
    }
    file.set_signalling(on, on.then(|| watch(file, fd.0)).flatten());
    Ok(())
}

/// A terminal that nobody owns gets an owner with `O_ASYNC`: its foreground group, or else who asks.
fn own_terminal(cx: &Cx<'_>, file: &OpenFile) -> Result<()> {
    let Some(group) = drivers::tty::group_of(file) else {
        return Ok(());
    };
    if file.owner().id != 0 {
        return Ok(());
    }
    match i32::try_from(group).unwrap_or(0) {
        0 => set(cx, file, F_OWNER_PID, cx.process().pid() as i32)?,
        group => set(cx, file, F_OWNER_PGRP, group)?,
    };
    Ok(())
}

/// The commands of `fcntl` about the owner.
pub fn fcntl(cx: &Cx<'_>, file: &OpenFile, command: u32, arg: u64) -> Result<usize> {
    let now = file.owner();
    match command {
        F_SETOWN => set_signed(cx, file, arg as i32),
        // A group is a negative number, and no error.
        F_GETOWN => Ok(signed(file) as isize as usize),
        F_SETOWN_EX => {
            let wanted = UserPtr::<FOwnerEx>::new(arg.into()).read()?;
            if !matches!(wanted.r#type, F_OWNER_TID | F_OWNER_PID | F_OWNER_PGRP) {
                return Err(Errno::EINVAL);
            }
            set(cx, file, wanted.r#type, wanted.pid)
        }
        F_GETOWN_EX => {
            let answer = FOwnerEx {
                r#type: now.kind,
                pid: living(now.kind, now.id),
            };
            UserPtr::<FOwnerEx>::new(arg.into()).write(&answer)?;
            Ok(0)
        }
        F_SETSIG => {
            if arg > NSIG {
                return Err(Errno::EINVAL);
            }
            let signal = arg as i32;
            file.ownership().set(Owner { signal, ..now });
            Ok(0)
        }
        F_GETSIG => Ok(now.signal as usize),
        _ => {
            UserPtr::<[u32; 2]>::new(arg.into()).write(&[now.uid, now.euid])?;
            Ok(0)
        }
    }
}

/// Sets the owner as `F_SETOWN` names it: a group by a negative number.
///
/// # Errors
/// `EINVAL`, `ESRCH`.
pub fn set_signed(cx: &Cx<'_>, file: &OpenFile, id: i32) -> Result<usize> {
    if id < 0 {
        set(
            cx,
            file,
            F_OWNER_PGRP,
            id.checked_neg().ok_or(Errno::EINVAL)?,
        )
    } else {
        set(cx, file, F_OWNER_PID, id)
    }
}

/// The owner as `F_GETOWN` names it.
pub fn signed(file: &OpenFile) -> i32 {
    let owner = file.owner();
    let id = living(owner.kind, owner.id);
    if owner.kind == F_OWNER_PGRP { -id } else { id }
}

/// Sets the owner.
///
/// # Errors
/// `ESRCH`.
pub fn set(cx: &Cx<'_>, file: &OpenFile, kind: i32, id: i32) -> Result<usize> {
    let signal = file.owner().signal;
    let owner = if id == 0 {
        Owner {
            signal,
            ..Owner::default()
        }
    } else {
        let target = find(kind, id)?;
        if kind == F_OWNER_PGRP {
            start_for_groups()?;
        }
        let cred = cx.cred();
        Owner {
            kind,
            id,
            signal,
            uid: cred.uid,
            euid: cred.euid,
            target,
        }
    };
    file.ownership().set(owner);
    if let Some(socket) = net::file::socket_of(file)
        && let Some(observer) = watch_urgent(file)
    {
        socket.keep_urgent(observer);
    }
    Ok(0)
}

/// The thread or process of a number; none of a number in another role.
///
/// # Errors
/// `ESRCH`: nobody has the number in any role.
fn find(kind: i32, id: i32) -> Result<Option<Weak<dyn Any + Send + Sync>>> {
    let number = u32::try_from(id).map_err(|_| Errno::ESRCH)?;
    let (thread, process, group): (Option<Arc<Thread>>, Option<Arc<Process>>, bool) = {
        let tree = task::tree::lock();
        (
            tree.thread(number),
            tree.process(number),
            tree.group_members(number).is_some(),
        )
    };
    if thread.is_none() && process.is_none() && !group {
        return Err(Errno::ESRCH);
    }
    Ok(match kind {
        F_OWNER_TID => thread.map(|thread| Arc::downgrade(&thread) as Weak<dyn Any + Send + Sync>),
        F_OWNER_PID => {
            process.map(|process| Arc::downgrade(&process) as Weak<dyn Any + Send + Sync>)
        }
        _ => None,
    })
}

/// The number while somebody has it in this role, else 0.
fn living(kind: i32, id: i32) -> i32 {
    let Ok(number) = u32::try_from(id) else {
        return 0;
    };
    let tree = task::tree::lock();
    let lives = match kind {
        F_OWNER_TID => tree.thread(number).is_some(),
        F_OWNER_PGRP => tree.group_members(number).is_some(),
        _ => tree.process(number).is_some(),
    };
    if lives { id } else { 0 }
}
