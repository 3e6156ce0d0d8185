//! What `ioctl` asks of any file, or of any regular one, before the file's own operations are asked.

use abi::fcntl::{FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, OFlags};
use abi::file_ioctl::{
    FIBMAP, FICLONE, FICLONERANGE, FIDEDUPERANGE, FIFREEZE, FIGETBSZ, FITHAW, FS_IOC_FIEMAP,
    FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR, FS_IOC_GETFLAGS, FS_IOC_GETFSUUID, FS_IOC_RESVSP,
    FS_IOC_RESVSP64, FS_IOC_SETFLAGS, FS_IOC_UNRESVSP, FS_IOC_UNRESVSP64, FS_IOC_ZERO_RANGE,
    FileCloneRange, FileDedupeRange, FsUuid, SpaceResv,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::Capability;
use vfs::OpenFile;

use super::args::Fd;
use super::{Cx, file_flags, size};

/// `SEEK_CUR` and `SEEK_END` of a [`SpaceResv`].
const FROM_POSITION: i16 = 1;
const FROM_END: i16 = 2;

/// The answer to a command of all files; `None` for what only the file itself can answer.
pub fn ioctl(cx: &Cx<'_>, file: &OpenFile, command: u32, arg: UserAddr) -> Option<Result<usize>> {
    let regular = file.inode().attr().is_regular();
    Some(match command {
        FIGETBSZ => block_size(file, arg),
        FIFREEZE => administrator(cx).and(Err(Errno::EOPNOTSUPP)),
        FITHAW => administrator(cx).and(Err(Errno::EINVAL)),
        FS_IOC_FIEMAP => Err(Errno::EOPNOTSUPP),
        FICLONE => clone(cx, file, Fd(arg.0 as i32)),
        FICLONERANGE => UserPtr::<FileCloneRange>::new(arg)
            .read()
            .and_then(|range| clone(cx, file, Fd(range.src_fd as i32))),
        FIDEDUPERANGE => deduplicate(file, arg),
        FS_IOC_GETFLAGS => file_flags::get(file, arg),
        FS_IOC_SETFLAGS => file_flags::set(cx, file, arg),
        FS_IOC_FSGETXATTR => file_flags::get_extended(file, arg),
        FS_IOC_FSSETXATTR => file_flags::set_extended(cx, file, arg),
        FS_IOC_GETFSUUID => uuid(file, arg),
        FIBMAP if regular => blocks(cx, arg),
        FS_IOC_RESVSP | FS_IOC_RESVSP64 if regular => reserve(cx, file, 0, arg),
        FS_IOC_UNRESVSP | FS_IOC_UNRESVSP64 if regular => {
            reserve(cx, file, FALLOC_FL_PUNCH_HOLE, arg)
        }
        FS_IOC_ZERO_RANGE if regular => reserve(cx, file, FALLOC_FL_ZERO_RANGE, arg),
        _ => return None,
    })
}

fn block_size(file: &OpenFile, to: UserAddr) -> Result<usize> {
    let size = file.path().mount().sb().fs().statfs()?.f_bsize;
    UserPtr::new(to).write(&(size as i32))?;
    Ok(0)
}

fn administrator(cx: &Cx<'_>) -> Result<()> {
    if cx.holdings.cred.has(Capability::SYS_ADMIN) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// Two files never share blocks.
fn clone(cx: &Cx<'_>, to: &OpenFile, from: Fd) -> Result<usize> {
    let from = cx.usable_file(from)?;
    if !Arc::ptr_eq(from.path().mount().sb(), to.path().mount().sb()) {
        return Err(Errno::EXDEV);
    }
    let (source, target) = (from.inode().attr(), to.inode().attr());
    Err(if source.is_dir() || target.is_dir() {
        Errno::EISDIR
    } else if !source.is_regular() || !target.is_regular() {
        Errno::EINVAL
    } else if !from.readable() || !to.writable() || to.flags().contains(OFlags::APPEND) {
        Errno::EBADF
    } else {
        Errno::EOPNOTSUPP
    })
}

fn deduplicate(file: &OpenFile, from: UserAddr) -> Result<usize> {
    let range = UserPtr::<FileDedupeRange>::new(from).read()?;
    let attr = file.inode().attr();
    let odd = range.reserved1 != 0 || range.reserved2 != 0;
    Err(if !file.readable() || odd {
        Errno::EINVAL
    } else if attr.is_dir() {
        Errno::EISDIR
    } else if !attr.is_regular() {
        Errno::EINVAL
    } else {
        Errno::EOPNOTSUPP
    })
}

/// The number a file system of memory was given when it was mounted.
fn uuid(file: &OpenFile, to: UserAddr) -> Result<usize> {
    let sb = file.path().mount().sb();
    let uuid = sb.uuid(task::random::bytes).ok_or(Errno::ENOTTY)?;
    UserPtr::new(to).write(&FsUuid { len: 16, uuid })?;
    Ok(0)
}

/// No file lies in blocks of a disk.
fn blocks(cx: &Cx<'_>, at: UserAddr) -> Result<usize> {
    if !cx.holdings.cred.has(Capability::SYS_RAWIO) {
        return Err(Errno::EPERM);
    }
    UserPtr::<i32>::new(at).read()?;
    Err(Errno::EINVAL)
}

fn reserve(cx: &Cx<'_>, file: &OpenFile, mode: u32, from: UserAddr) -> Result<usize> {
    let range = UserPtr::<SpaceResv>::new(from).read()?;
    let base = match range.l_whence {
        0 => 0,
        FROM_POSITION => file.position_seen() as i64,
        FROM_END => file.inode().metadata().size as i64,
        _ => return Err(Errno::EINVAL),
    };
    let start = base.wrapping_add(range.l_start);
    size::allocate(cx, file, mode | FALLOC_FL_KEEP_SIZE, start, range.l_len)
}
