//! Writing back to devices (`man 2 fsync`, `man 2 sync`, `man 2 sync_file_range`), and advice on what will
//! be read (`man 2 posix_fadvise`, `man 2 readahead`).

use abi::fcntl::{POSIX_FADV_NOREUSE, SYNC_FILE_RANGE_ALL};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use vfs::superblock::SuperBlock;
use vfs::{FileType, mount};

use super::Cx;
use super::args::{Fd, Flags};

/// `fsync(2)`
pub fn fsync(cx: &mut Cx<'_>, fd: Fd) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    file.ops().fsync(&file, false)?;
    Ok(0)
}

/// `fdatasync(2)`
pub fn fdatasync(cx: &mut Cx<'_>, fd: Fd) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    file.ops().fsync(&file, true)?;
    Ok(0)
}

/// `sync(2)`, which tells of no error.
pub fn sync(_cx: &mut Cx<'_>) -> Result<usize> {
    let mounts = mount::lock_tree().all();
    let mut done: Vec<*const SuperBlock> = Vec::new();
    for mount in &mounts {
        let block = Arc::as_ptr(mount.sb());
        if !done.contains(&block) {
            let _ = mount.sb().fs().sync();
            done.push(block);
        }
    }
    Ok(0)
}

/// `syncfs(2)`
pub fn syncfs(cx: &mut Cx<'_>, fd: Fd) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    file.path().mount().sb().fs().sync()?;
    Ok(0)
}

/// `sync_file_range(2)`. What is written back is also waited for, whichever of the flags asked.
pub fn sync_file_range(
    cx: &mut Cx<'_>,
    fd: Fd,
    offset: i64,
    len: i64,
    flags: Flags,
) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    if flags.0 & !SYNC_FILE_RANGE_ALL != 0 {
        return Err(Errno::EINVAL);
    }
    let start = u64::try_from(offset).map_err(|_| Errno::EINVAL)?;
    let end = offset
        .checked_add(len)
        .filter(|end| *end >= offset)
        .ok_or(Errno::EINVAL)?;
    let attr = file.inode().attr();
    if !(attr.is_regular() || attr.is_dir() || attr.file_type() == FileType::Block) {
        return Err(Errno::ESPIPE);
    }
    if let Some(object) = file.inode().object()
        && flags.0 != 0
    {
        // No bytes are all there are.
        let end = if len == 0 { i64::MAX } else { end };
        object.write_back(start..end as u64)?;
    }
    Ok(0)
}

/// `fadvise64(2)`. All that is read stays in memory, and nothing is read before it is asked for: there is
/// nothing to follow the advice with.
pub fn fadvise64(cx: &mut Cx<'_>, fd: Fd, _offset: i64, len: i64, advice: i32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    if file.inode().attr().file_type() == FileType::Fifo {
        return Err(Errno::ESPIPE);
    }
    if len < 0 || !(0..=POSIX_FADV_NOREUSE).contains(&advice) {
        return Err(Errno::EINVAL);
    }
    Ok(0)
}

/// `readahead(2)`
pub fn readahead(cx: &mut Cx<'_>, fd: Fd, _offset: i64, _count: usize) -> Result<usize> {
    let file = cx.file(fd)?;
    if !file.readable() {
        return Err(Errno::EBADF);
    }
    let attr = file.inode().attr();
    if attr.is_regular() || attr.file_type() == FileType::Block {
        Ok(0)
    } else {
        Err(Errno::EINVAL)
    }
}
