//! What a file is: `newfstatat`, `fstat`.

use abi::Result;
use abi::fcntl::{AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_STATX_SYNC_TYPE, AT_SYMLINK_NOFOLLOW};
use abi::{Errno, stat::Stat};
use hal::ucopy::{self, UserPtr};
use vfs::Path;

use super::Cx;
use super::args::{DirFd, Fd, Flags, PathPtr};
use super::path::{self, lookup_flags};

const KNOWN: u32 = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;

/// `struct stat` of a place.
fn stat_of(path: &Path) -> Stat {
    let data = path.inode().metadata();
    let times = &data.times;
    Stat {
        st_dev: path.mount().sb().dev(),
        st_ino: data.ino,
        st_mode: data.mode,
        st_nlink: data.nlink,
        st_uid: data.uid,
        st_gid: data.gid,
        st_rdev: data.rdev,
        st_size: data.size as i64,
        st_blksize: data.blksize as i32,
        st_blocks: data.blocks as i64,
        st_atime: times.accessed.sec,
        st_atime_nsec: u64::from(times.accessed.nsec),
        st_mtime: times.modified.sec,
        st_mtime_nsec: u64::from(times.modified.nsec),
        st_ctime: times.changed.sec,
        st_ctime_nsec: u64::from(times.changed.nsec),
        ..Stat::default()
    }
}

/// Whether an `AT_EMPTY_PATH` call means the descriptor: by an empty path, or none at all.
fn names_descriptor(dir: DirFd, path: PathPtr) -> Result<bool> {
    if dir.0 < 0 {
        return Ok(false);
    }
    if path.0.is_null() {
        return Ok(true);
    }
    let mut first = [0];
    ucopy::copy_in(&mut first, path.0).map_err(|_| Errno::EFAULT)?;
    Ok(first == [0])
}

/// `newfstatat(2)`.
pub fn newfstatat(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    buf: UserPtr<Stat>,
    flags: Flags,
) -> Result<usize> {
    if flags.0 == AT_EMPTY_PATH && names_descriptor(dir, path)? {
        return fstat(cx, Fd(dir.0), buf);
    }
    if flags.0 & !KNOWN != 0 {
        // The path is read first.
        path::PathBuffer::new().read_any(path)?;
        return Err(Errno::EINVAL);
    }
    let (_, found) = path::find(cx, dir, path, lookup_flags(flags.0))?;
    buf.write(&stat_of(&found))?;
    Ok(0)
}

/// `fstat(2)`.
pub fn fstat(cx: &mut Cx<'_>, fd: Fd, buf: UserPtr<Stat>) -> Result<usize> {
    let file = cx.file(fd)?;
    buf.write(&stat_of(file.path()))?;
    Ok(0)
}
