//! The size of an open file and what is allocated of it (`man 2 ftruncate`, `man 2 fallocate`).

use abi::fcntl::{
    FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_UNSHARE_RANGE, FALLOC_FL_ZERO_RANGE,
};
use abi::inotify::InotifyMask;
use abi::{Errno, Result};
use vfs::ops::attr::truncate_open;
use vfs::{FileType, OpenFile, notify, seek};

use super::Cx;
use super::args::{Fd, Flags};
use super::transfer::check_growth;

/// `ftruncate(2)`
pub fn ftruncate(cx: &mut Cx<'_>, fd: Fd, size: i64) -> Result<usize> {
    let size = u64::try_from(size).map_err(|_| Errno::EINVAL)?;
    let file = cx.usable_file(fd)?;
    if !file.inode().attr().is_regular() || !file.writable() {
        return Err(Errno::EINVAL);
    }
    check_growth(cx.thread, &**file.inode(), size)?;
    truncate_open(&file, size, &cx.cred())?;
    Ok(0)
}

/// `fallocate(2)`
pub fn fallocate(cx: &mut Cx<'_>, fd: Fd, mode: Flags, offset: i64, len: i64) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    allocate(cx, &file, mode.0, offset, len)
}

/// What `fallocate` does, for the `ioctl`s of the same purpose too.
///
/// # Errors
/// As `man 2 fallocate` says.
pub fn allocate(cx: &Cx<'_>, file: &OpenFile, mode: u32, offset: i64, len: i64) -> Result<usize> {
    let (Ok(start), Ok(len)) = (u64::try_from(offset), u64::try_from(len)) else {
        return Err(Errno::EINVAL);
    };
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    let keeps = mode & FALLOC_FL_KEEP_SIZE != 0;
    match mode & !FALLOC_FL_KEEP_SIZE {
        0 | FALLOC_FL_ZERO_RANGE | FALLOC_FL_UNSHARE_RANGE => {}
        FALLOC_FL_PUNCH_HOLE if keeps => {}
        FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE if !keeps => {}
        _ => return Err(Errno::EOPNOTSUPP),
    }
    if !file.writable() {
        return Err(Errno::EBADF);
    }
    let attr = file.inode().attr();
    match attr.file_type() {
        FileType::Fifo => return Err(Errno::ESPIPE),
        FileType::Directory => return Err(Errno::EISDIR),
        FileType::Block => {}
        _ if attr.is_regular() => {}
        _ => return Err(Errno::ENODEV),
    }
    match mode {
        0 | FALLOC_FL_KEEP_SIZE => attr.ensure_changeable()?,
        _ => attr.ensure_replaceable()?,
    }
    let end = start + len;
    if end > seek::MAX_SIZE {
        return Err(Errno::EFBIG);
    }
    if !keeps {
        check_growth(cx.thread, &**file.inode(), end)?;
    }
    file.ops().fallocate(file, mode, start, len)?;
    notify::on(file.path().dentry(), InotifyMask::MODIFY);
    Ok(0)
}
