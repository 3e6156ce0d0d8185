//! Leases and signals about directories: the commands of `fcntl`, and the wait of who finds a lease in his way.

use abi::fcntl::{F_OWNER_PID, F_RDLCK, F_UNLCK, F_WRLCK};
use abi::{Errno, Result};
use sync::{Capability, Events};
use task::wait::{WaitOptions, wait};
use vfs::OpenFile;
use vfs::lease::{self, BREAKING, LeaseKind};
use vfs::lock_list;

use super::args::Fd;
use super::{Cx, sigio};

/// The one bit of `F_NOTIFY` that asks for nothing by itself.
const DN_MULTISHOT: u32 = 0x8000_0000;

/// `F_SETLEASE`.
pub fn set(cx: &Cx<'_>, file: &OpenFile, fd: Fd, arg: u64) -> Result<usize> {
    let kind = match i16::try_from(arg as i32) {
        Ok(F_RDLCK) => Some(LeaseKind::Read),
        Ok(F_WRLCK) => Some(LeaseKind::Write),
        Ok(F_UNLCK) => None,
        _ => return Err(Errno::EINVAL),
    };
    let attr = file.inode().attr();
    let cred = &cx.holdings.cred;
    if cred.fsuid != attr.uid() && !cred.has(Capability::LEASE) {
        return Err(Errno::EACCES);
    }
    if !attr.is_regular() {
        return Err(Errno::EINVAL);
    }
    let Some(kind) = kind else {
        let attached = attr.existing_attached().ok_or(Errno::EAGAIN)?;
        attached.leases.unset(file)?;
        return Ok(0);
    };
    if !attr.may_be_leased(
        kind == LeaseKind::Write,
        file.flags().writes(),
        file.flags().reads(),
    ) {
        return Err(Errno::EAGAIN);
    }
    let attached = attr.attached();
    lock_list::enter(&attached, file).map_err(|_| Errno::ENOMEM)?;
    let pid = cx.process().pid() as i32;
    attached.leases.set(file, fd.0, kind, pid)?;
    own(cx, file)?;
    Ok(0)
}

/// `F_GETLEASE`.
pub fn get(file: &OpenFile) -> usize {
    let attached = file.inode().attr().existing_attached();
    let held = attached.and_then(|attached| attached.leases.held_by(file));
    (match held {
        Some(LeaseKind::Read) => F_RDLCK,
        Some(LeaseKind::Write) => F_WRLCK,
        None => F_UNLCK,
    }) as usize
}

/// `F_NOTIFY`.
pub fn notify(cx: &Cx<'_>, file: &OpenFile, fd: Fd, arg: u64) -> Result<usize> {
    let wanted = arg as u32;
    if wanted & !DN_MULTISHOT == 0 {
        vfs::dnotify::end(file);
        return Ok(0);
    }
    if !file.inode().attr().is_dir() {
        return Err(Errno::ENOTDIR);
    }
    own(cx, file)?;
    vfs::dnotify::watch(file, fd.0, wanted);
    Ok(0)
}

/// Who asks becomes the owner, unless there is one.
fn own(cx: &Cx<'_>, file: &OpenFile) -> Result<()> {
    if file.owner().id == 0 {
        sigio::set(cx, file, F_OWNER_PID, cx.process().pid() as i32)?;
    }
    Ok(())
}

/// Makes an attempt that a lease may be in the way of; waits until it is not.
///
/// # Errors
/// Those of the attempt; `EAGAIN` when it may not wait; one of the restart codes.
#[inline]
pub fn past<T>(cx: &Cx<'_>, nonblock: bool, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    match attempt() {
        Err(BREAKING) if nonblock => Err(Errno::EAGAIN),
        Err(BREAKING) => wait_past(cx, &mut attempt),
        other => other,
    }
}

#[cold]
fn wait_past<T>(cx: &Cx<'_>, attempt: &mut dyn FnMut() -> Result<T>) -> Result<T> {
    loop {
        let options = WaitOptions {
            deadline: lease::next_end(),
            ..WaitOptions::default()
        };
        let on = [(&lease::NEWS, Events::OUT)];
        let waited = wait(cx.thread, &options, &on, || match attempt() {
            Err(BREAKING) => Err(Errno::EAGAIN),
            other => Ok(other),
        });
        match waited {
            Ok(result) => return result,
            Err(Errno::ETIMEDOUT) => lease::past_end(),
            Err(error) => return Err(error),
        }
    }
}
