//! Where a process stands: working directory, root, umask.

use abi::fcntl::PATH_MAX;
use abi::{Errno, Result};
use hal::UserAddr;
use hal::ucopy::UserSlice;
use sync::Capability;
use vfs::{Access, LookupFlags};

use super::Cx;
use super::args::{Fd, Mode, PathPtr};
use super::path::find_here;

const DIRECTORY: LookupFlags = LookupFlags::FOLLOW.union(LookupFlags::DIRECTORY);

/// `chdir(2)`.
pub fn chdir(cx: &mut Cx<'_>, path: PathPtr) -> Result<usize> {
    let found = find_here(cx, path, DIRECTORY)?;
    found.inode().permission(&cx.holdings.cred, Access::EXEC)?;
    cx.holdings.fs.set_cwd(found);
    Ok(0)
}

/// `fchdir(2)`.
pub fn fchdir(cx: &mut Cx<'_>, fd: Fd) -> Result<usize> {
    let file = cx.file(fd)?;
    if !file.path().dentry().is_dir() {
        return Err(Errno::ENOTDIR);
    }
    file.inode().permission(&cx.holdings.cred, Access::EXEC)?;
    cx.holdings.fs.set_cwd(file.path().clone());
    Ok(0)
}

/// `chroot(2)`: the working directory stays.
pub fn chroot(cx: &mut Cx<'_>, path: PathPtr) -> Result<usize> {
    let found = find_here(cx, path, DIRECTORY)?;
    found.inode().permission(&cx.holdings.cred, Access::EXEC)?;
    if !&cx.holdings.cred.has(Capability::SYS_CHROOT) {
        return Err(Errno::EPERM);
    }
    cx.holdings.fs.set_root(found);
    Ok(0)
}

/// `getcwd(2)`: the path and its NUL; the result counts both.
pub fn getcwd(cx: &mut Cx<'_>, buf: UserAddr, size: usize) -> Result<usize> {
    let fs = &cx.holdings.fs;
    let text = fs.cwd().text(&fs.root());
    if text.deleted {
        return Err(Errno::ENOENT);
    }
    if text.too_long {
        return Err(Errno::ENAMETOOLONG);
    }
    let mut path = text.bytes;
    if !text.reachable {
        path.splice(..0, *b"(unreachable)");
    }
    path.push(0);
    if path.len() > PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    if path.len() > size {
        return Err(Errno::ERANGE);
    }
    UserSlice::new(buf, path.len()).write(&path)?;
    Ok(path.len())
}

/// `umask(2)`: answers the old one.
pub fn umask(cx: &mut Cx<'_>, mask: Mode) -> Result<usize> {
    Ok(cx.holdings.fs.set_umask(mask.0) as usize)
}
