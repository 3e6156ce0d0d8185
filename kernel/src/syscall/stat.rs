//! What a file is: `newfstatat(2)`, `fstat(2)`, `statx(2)`.

use abi::fcntl::{AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_STATX_SYNC_TYPE, AT_SYMLINK_NOFOLLOW};
use abi::stat::{
    STATX_ATTR_MOUNT_ROOT, STATX_BASIC_STATS, STATX_BTIME, STATX_MNT_ID, STATX_MNT_ID_UNIQUE,
    STATX_RESERVED, Stat, Statx, StatxTimestamp, major, minor,
};
use abi::{Errno, Result};
use hal::ucopy::{self, UserPtr};
use vfs::{Path, Timestamp};

use super::Cx;
use super::args::{DirFd, Fd, Flags, PathPtr};
use super::file_flags;
use super::path::{find, lookup_flags};

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
        return Err(Errno::EINVAL);
    }
    let found = find(cx, dir, path, lookup_flags(flags.0))?;
    buf.write(&stat_of(&found))?;
    Ok(0)
}

/// `fstat(2)`.
pub fn fstat(cx: &mut Cx<'_>, fd: Fd, buf: UserPtr<Stat>) -> Result<usize> {
    let file = cx.file(fd)?;
    buf.write(&stat_of(file.path()))?;
    Ok(0)
}

/// `STATX_ATTR_AUTOMOUNT` and `STATX_ATTR_DAX`: known of every file, and never so here.
const NEVER: u64 = 0x1000 | 0x20_0000;

fn stamp(time: Timestamp) -> StatxTimestamp {
    StatxTimestamp {
        tv_sec: time.sec,
        tv_nsec: time.nsec,
        ..StatxTimestamp::default()
    }
}

/// `struct statx` of a place.
fn statx_of(path: &Path, wanted: u32) -> Statx {
    let data = path.inode().metadata();
    let times = &data.times;
    let mut mask = STATX_BASIC_STATS;
    let mut born = StatxTimestamp::default();
    if data.has_birth && wanted & STATX_BTIME != 0 {
        mask |= STATX_BTIME;
        born = stamp(times.born);
    }
    let mount = path.mount();
    let mount_id = if wanted & STATX_MNT_ID_UNIQUE != 0 {
        mask |= STATX_MNT_ID_UNIQUE;
        mount.unique_id()
    } else {
        mask |= STATX_MNT_ID;
        u64::from(mount.id())
    };
    let dev = mount.sb().dev();
    let (mut attributes, mut known) = file_flags::shown(&**path.inode());
    known |= STATX_ATTR_MOUNT_ROOT | NEVER;
    if path.is_mount_root() {
        attributes |= STATX_ATTR_MOUNT_ROOT;
    }
    Statx {
        stx_mask: mask,
        stx_blksize: data.blksize,
        stx_attributes: attributes,
        stx_nlink: data.nlink,
        stx_uid: data.uid,
        stx_gid: data.gid,
        stx_mode: data.mode as u16,
        stx_ino: data.ino,
        stx_size: data.size,
        stx_blocks: data.blocks,
        stx_attributes_mask: known,
        stx_atime: stamp(times.accessed),
        stx_btime: born,
        stx_ctime: stamp(times.changed),
        stx_mtime: stamp(times.modified),
        stx_rdev_major: major(data.rdev),
        stx_rdev_minor: minor(data.rdev),
        stx_dev_major: major(dev),
        stx_dev_minor: minor(dev),
        stx_mnt_id: mount_id,
        ..Statx::default()
    }
}

fn check_statx(flags: u32, mask: u32) -> Result<()> {
    if mask & STATX_RESERVED != 0 || flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

/// `statx(2)`.
pub fn statx(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    flags: Flags,
    mask: u32,
    buf: UserPtr<Statx>,
) -> Result<usize> {
    let plain = flags.0 & !(AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE);
    if plain == AT_EMPTY_PATH && names_descriptor(dir, path)? {
        check_statx(flags.0, mask)?;
        let file = cx.file(Fd(dir.0))?;
        buf.write(&statx_of(file.path(), mask))?;
        return Ok(0);
    }
    check_statx(flags.0, mask)?;
    if flags.0 & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let found = find(cx, dir, path, lookup_flags(flags.0))?;
    buf.write(&statx_of(&found, mask))?;
    Ok(0)
}
