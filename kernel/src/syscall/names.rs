//! Names: making, removing, renaming and linking them.

use abi::fcntl::{AT_EMPTY_PATH, AT_REMOVEDIR, AT_SYMLINK_FOLLOW};
use abi::stat::{
    RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, S_IALLUGO, S_IFBLK, S_IFCHR, S_IFDIR,
    S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK, S_IRWXUGO, S_ISVTX,
};
use abi::{Errno, Result};
use hal::UserAddr;
use hal::ucopy::UserSlice;
use sync::Capability;
use vfs::{FileType, LookupFlags, NewNode, ops};

use super::Cx;
use super::args::{DirFd, Flags, Mode, PathPtr};
use super::path::{Base, PathBuffer, lookup_flags_of_link};

fn make(cx: &Cx<'_>, dir: DirFd, path: PathPtr, node: NewNode<'_>, mode: u32) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let path = buffer.read(path)?;
    let base = Base::new(cx, dir, path)?;
    let caller = cx.caller();
    ops::create::create(&base.start(&caller), path, node, mode)?;
    Ok(0)
}

/// `mkdirat(2)`.
pub fn mkdirat(cx: &mut Cx<'_>, dir: DirFd, path: PathPtr, mode: Mode) -> Result<usize> {
    let mode = mode.0 & (S_IRWXUGO | S_ISVTX);
    make(cx, dir, path, NewNode::Directory, mode)
}

/// `mknodat(2)`.
pub fn mknodat(cx: &mut Cx<'_>, dir: DirFd, path: PathPtr, mode: Mode, dev: u32) -> Result<usize> {
    let dev = u64::from(dev);
    // The mode of old was 16 bits wide, and so is this parameter.
    let node = match mode.0 & 0xffff & S_IFMT {
        0 | S_IFREG => NewNode::Regular,
        S_IFCHR => NewNode::Char(dev),
        S_IFBLK => NewNode::Block(dev),
        S_IFIFO => NewNode::Fifo,
        S_IFSOCK => NewNode::Socket,
        S_IFDIR => return Err(Errno::EPERM),
        _ => return Err(Errno::EINVAL),
    };
    make(cx, dir, path, node, mode.0 & S_IALLUGO)
}

/// `symlinkat(2)`.
pub fn symlinkat(cx: &mut Cx<'_>, target: PathPtr, dir: DirFd, path: PathPtr) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let target = buffer.read(target)?;
    make(cx, dir, path, NewNode::Symlink(target), 0)
}

/// `unlinkat(2)`.
pub fn unlinkat(cx: &mut Cx<'_>, dir: DirFd, path: PathPtr, flags: Flags) -> Result<usize> {
    if flags.0 & !AT_REMOVEDIR != 0 {
        return Err(Errno::EINVAL);
    }
    let mut buffer = PathBuffer::new();
    let path = buffer.read(path)?;
    let base = Base::new(cx, dir, path)?;
    let caller = cx.caller();
    let start = base.start(&caller);
    if flags.0 & AT_REMOVEDIR != 0 {
        ops::remove::rmdir(&start, path)?;
    } else {
        ops::remove::unlink(&start, path)?;
    }
    Ok(0)
}

/// `linkat(2)`.
pub fn linkat(
    cx: &mut Cx<'_>,
    old_dir: DirFd,
    old: PathPtr,
    new_dir: DirFd,
    new: PathPtr,
    flags: Flags,
) -> Result<usize> {
    if flags.0 & !(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let lookup = lookup_flags_of_link(flags.0);
    let (mut old_buffer, mut new_buffer) = (PathBuffer::new(), PathBuffer::new());
    let old = if lookup.contains(LookupFlags::EMPTY) {
        old_buffer.read_any(old)?
    } else {
        old_buffer.read(old)?
    };
    let new = new_buffer.read(new);
    let caller = cx.caller();
    let base = Base::new(cx, old_dir, old)?;
    if lookup.contains(LookupFlags::EMPTY)
        && let Some(file) = base.file()
        && file.cred() != caller.rights()
        && !caller.rights().has(Capability::DAC_READ_SEARCH)
    {
        // Who was handed a descriptor may not give its file a name.
        return Err(Errno::ENOENT);
    }
    let target = vfs::lookup(&base.start(&caller), old, lookup)?;
    let new = new?;
    let base = Base::new(cx, new_dir, new)?;
    ops::create::link(&target, &base.start(&caller), new)?;
    Ok(0)
}

/// `renameat(2)`.
pub fn renameat(
    cx: &mut Cx<'_>,
    old_dir: DirFd,
    old: PathPtr,
    new_dir: DirFd,
    new: PathPtr,
) -> Result<usize> {
    renameat2(cx, old_dir, old, new_dir, new, Flags(0))
}

/// `renameat2(2)`.
pub fn renameat2(
    cx: &mut Cx<'_>,
    old_dir: DirFd,
    old: PathPtr,
    new_dir: DirFd,
    new: PathPtr,
    flags: Flags,
) -> Result<usize> {
    let exchange = flags.0 & RENAME_EXCHANGE != 0;
    if flags.0 & !(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) != 0
        || exchange && flags.0 & (RENAME_NOREPLACE | RENAME_WHITEOUT) != 0
    {
        return Err(Errno::EINVAL);
    }
    let (mut old_buffer, mut new_buffer) = (PathBuffer::new(), PathBuffer::new());
    let old = old_buffer.read(old)?;
    let caller = cx.caller();
    let from = Base::new(cx, old_dir, old)?;
    let new = new_buffer.read(new);
    let (to, new) = match new.and_then(|new| Ok((Base::new(cx, new_dir, new)?, new))) {
        Ok(found) => found,
        Err(errno) => {
            // What is wrong with the old name is said first.
            vfs::lookup_parent(&from.start(&caller), old, LookupFlags::empty())?;
            return Err(errno);
        }
    };
    ops::rename::rename(&from.start(&caller), old, &to.start(&caller), new, flags.0)?;
    Ok(0)
}

/// `readlinkat(2)`: the text of a link without a NUL, cut to the buffer.
pub fn readlinkat(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    buf: UserAddr,
    size: i32,
) -> Result<usize> {
    let size = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
    if size == 0 {
        return Err(Errno::EINVAL);
    }
    let mut buffer = PathBuffer::new();
    let path = buffer.read_any(path)?;
    let base = Base::new(cx, dir, path)?;
    let caller = cx.caller();
    // An empty path is a descriptor opened with O_PATH and O_NOFOLLOW.
    let found = vfs::lookup(&base.start(&caller), path, LookupFlags::EMPTY)?;
    let attr = found.inode().attr();
    if attr.file_type() != FileType::Symlink {
        return Err(if path.is_empty() {
            Errno::ENOENT
        } else {
            Errno::EINVAL
        });
    }
    found.mount().accessed(attr);
    let text = found.inode().readlink(caller.rights())?;
    let text = text.get(..size).unwrap_or(&text);
    UserSlice::new(buf, text.len()).write(text)?;
    Ok(text.len())
}
