//! Changing what a file is: permissions, owners, times, size.

use abi::fcntl::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};
use abi::signal::SIGXFSZ;
use abi::stat::{UTIME_NOW, UTIME_OMIT};
use abi::time::Timespec;
use abi::{Errno, Result};
use hal::UserPtr;
use sync::Resource;
use vfs::ops::attr::{self, NewTime};
use vfs::{Access, FileType, LookupFlags, Path, Timestamp};

use super::Cx;
use super::args::{DirFd, Fd, Flags, Mode, PathPtr};
use super::lease;
use super::path::{find, find_here, lookup_flags};
use super::transfer::raise;

/// What the calls of this family that take flags know.
const KNOWN: u32 = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;

/// `fchmod(2)`.
pub fn fchmod(cx: &mut Cx<'_>, fd: Fd, mode: Mode) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    attr::chmod(file.path(), mode.0, &cx.holdings.cred)?;
    Ok(0)
}

/// `fchmodat(2)`: has no flags.
pub fn fchmodat(cx: &mut Cx<'_>, dir: DirFd, path: PathPtr, mode: Mode) -> Result<usize> {
    fchmodat2(cx, dir, path, mode, Flags(0))
}

/// `fchmodat2(2)`.
pub fn fchmodat2(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    mode: Mode,
    flags: Flags,
) -> Result<usize> {
    if flags.0 & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let found = find(cx, dir, path, lookup_flags(flags.0))?;
    attr::chmod(&found, mode.0, &cx.holdings.cred)?;
    Ok(0)
}

/// An id to change to; -1 leaves the old one.
fn id(raw: u32) -> Option<u32> {
    (raw != u32::MAX).then_some(raw)
}

/// `fchown(2)`.
pub fn fchown(cx: &mut Cx<'_>, fd: Fd, uid: u32, gid: u32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    attr::chown(file.path(), id(uid), id(gid), &cx.holdings.cred)?;
    Ok(0)
}

/// `fchownat(2)`.
pub fn fchownat(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    uid: u32,
    gid: u32,
    flags: Flags,
) -> Result<usize> {
    if flags.0 & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let found = find(cx, dir, path, lookup_flags(flags.0))?;
    attr::chown(&found, id(uid), id(gid), &cx.holdings.cred)?;
    Ok(0)
}

fn new_time(time: &Timespec) -> Result<NewTime> {
    Ok(match time.nsec {
        UTIME_NOW => NewTime::Now,
        UTIME_OMIT => NewTime::Omit,
        nsec @ 0..1_000_000_000 => NewTime::At(Timestamp {
            sec: time.sec,
            nsec: nsec as u32,
        }),
        _ => return Err(Errno::EINVAL),
    })
}

/// `utimensat(2)`: without a path, the descriptor's file; without times, the present.
pub fn utimensat(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    times: UserPtr<[Timespec; 2]>,
    flags: Flags,
) -> Result<usize> {
    let times = times.non_null().map(UserPtr::read).transpose()?;
    if let Some([accessed, modified]) = &times
        && accessed.nsec == UTIME_OMIT
        && modified.nsec == UTIME_OMIT
    {
        // Nothing to do: the path is not even looked at.
        return Ok(0);
    }
    let set = |path: &Path, cred: &sync::Credentials| {
        let (accessed, modified) = match &times {
            Some([accessed, modified]) => (new_time(accessed)?, new_time(modified)?),
            None => (NewTime::Now, NewTime::Now),
        };
        attr::set_times(path, accessed, modified, cred)
    };
    if path.0.is_null() && dir.0 != AT_FDCWD {
        if flags.0 != 0 {
            return Err(Errno::EINVAL);
        }
        let file = cx.usable_file(Fd(dir.0))?;
        set(file.path(), &cx.holdings.cred)?;
        return Ok(0);
    }
    if flags.0 & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let found = find(cx, dir, path, lookup_flags(flags.0))?;
    set(&found, &cx.holdings.cred)?;
    Ok(0)
}

/// `truncate(2)`.
pub fn truncate(cx: &mut Cx<'_>, path: PathPtr, size: i64) -> Result<usize> {
    let size = u64::try_from(size).map_err(|_| Errno::EINVAL)?;
    let found = find_here(cx, path, LookupFlags::FOLLOW)?;
    let limit = cx.process().limits().soft(Resource::FileSize);
    if size > limit
        && found.inode().attr().file_type() == FileType::Regular
        && size > found.inode().metadata().size
    {
        found.mount().writable()?;
        found.inode().permission(&cx.holdings.cred, Access::WRITE)?;
        raise(cx.thread, SIGXFSZ);
        return Err(Errno::EFBIG);
    }
    lease::past(cx, false, || {
        attr::truncate(&found, size, &cx.holdings.cred)
    })?;
    Ok(0)
}
