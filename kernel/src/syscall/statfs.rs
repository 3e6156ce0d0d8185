//! What a file system is: `statfs(2)`, `fstatfs(2)`.

use abi::Result;
use abi::mount::{MS_RDONLY, MS_SYNCHRONOUS};
use abi::stat::{ST_VALID, Statfs};
use hal::UserPtr;
use vfs::{LookupFlags, MountFlags, Path};

use super::Cx;
use super::args::{Fd, PathPtr};
use super::path::find_here;

fn statfs_of(path: &Path) -> Result<Statfs> {
    let mount = path.mount();
    let sb = mount.sb();
    let mut stat = sb.fs().statfs()?;
    let dev = sb.dev();
    stat.f_fsid = [dev as i32, (dev >> 32) as i32];
    stat.f_flags = ST_VALID | flags_of(mount.flags(), u64::from(sb.flags()));
    Ok(stat)
}

/// `ST_*`: those of the mount and those of the file system.
fn flags_of(mount: MountFlags, sb: u64) -> i64 {
    let mut flags = (sb & (MS_RDONLY | MS_SYNCHRONOUS)) as i64;
    for (flag, bit) in [
        (MountFlags::RDONLY, 1),
        (MountFlags::NOSUID, 2),
        (MountFlags::NODEV, 4),
        (MountFlags::NOEXEC, 8),
        (MountFlags::NOATIME, 0x400),
        (MountFlags::NODIRATIME, 0x800),
        (MountFlags::RELATIME, 0x1000),
        (MountFlags::NOSYMFOLLOW, 0x2000),
    ] {
        if mount.contains(flag) {
            flags |= bit;
        }
    }
    flags
}

/// `statfs(2)`.
pub fn statfs(cx: &mut Cx<'_>, path: PathPtr, buf: UserPtr<Statfs>) -> Result<usize> {
    let found = find_here(cx, path, LookupFlags::FOLLOW)?;
    buf.write(&statfs_of(&found)?)?;
    Ok(0)
}

/// `fstatfs(2)`.
pub fn fstatfs(cx: &mut Cx<'_>, fd: Fd, buf: UserPtr<Statfs>) -> Result<usize> {
    let file = cx.file(fd)?;
    buf.write(&statfs_of(file.path())?)?;
    Ok(0)
}
