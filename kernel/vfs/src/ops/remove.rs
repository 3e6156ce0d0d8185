//! Removing names.

use abi::inotify::InotifyMask;
use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::Credentials;

use crate::attr::InodeFlags;
use crate::dentry::Dentry;
use crate::mount_ns;
use crate::notify;
use crate::path::Path;
use crate::perm::{self, Access};
use crate::walk::{LookupFlags, Start, lookup_parent};

/// Whether `cred` may remove `child` from `dir`; `as_dir`: as a directory.
///
/// # Errors
/// `EACCES`, `EPERM` by the sticky bit or by the flags of either, `ENOTDIR`, `EISDIR`.
pub(crate) fn may_remove(
    dir: &Dentry,
    child: &Dentry,
    as_dir: bool,
    cred: &Credentials,
) -> Result<()> {
    dir.inode().permission(cred, Access::WRITE | Access::EXEC)?;
    let (dir, victim) = (dir.inode().attr(), child.inode().attr());
    if dir.flags().contains(InodeFlags::APPEND) || perm::sticky_forbids(dir, victim, cred) {
        return Err(Errno::EPERM);
    }
    victim.ensure_replaceable()?;
    match (as_dir, child.is_dir()) {
        (true, false) => Err(Errno::ENOTDIR),
        (false, true) => Err(Errno::EISDIR),
        _ => Ok(()),
    }
}

fn find(
    dir: &Path,
    name: &[u8],
    cred: &Credentials,
    state: &crate::dentry::DirState,
) -> Result<Arc<Dentry>> {
    dir.inode().permission(cred, Access::EXEC)?;
    dir.dentry().lookup_locked(state, name)
}

/// Removes the name of something that is not a directory.
///
/// # Errors
/// `ENOENT`, `EISDIR`, `ENOTDIR`, `EACCES`, `EPERM`, `EROFS`, `EBUSY` under a mount.
pub fn unlink(start: &Start<'_>, path: &[u8]) -> Result<()> {
    let (dir, last) = lookup_parent(start, path, LookupFlags::empty())?;
    if !last.is_normal() {
        return Err(Errno::EISDIR);
    }
    dir.mount().writable()?;
    let name = last.name();
    let state = dir.dentry().lock_dir()?;
    let child = find(&dir, name, start.cred, &state)?;
    if last.trailing_slash {
        return Err(if child.is_dir() {
            Errno::EISDIR
        } else {
            Errno::ENOTDIR
        });
    }
    may_remove(dir.dentry(), &child, false, start.cred)?;
    if mount_ns::is_mountpoint(start.fs, &child) {
        return Err(Errno::EBUSY);
    }
    dir.inode().unlink(name, child.inode())?;
    dir.dentry().forget(name, &child);
    drop(state);
    mount_ns::detach_from(&child);
    notify::on_self(&child, InotifyMask::ATTRIB);
    notify::on_child(dir.dentry(), &child, InotifyMask::DELETE, 0, name);
    Ok(())
}

/// Removes an empty directory.
///
/// # Errors
/// `ENOENT`, `ENOTDIR`, `ENOTEMPTY`, `EINVAL` for `.`, `EACCES`, `EPERM`, `EROFS`, `EBUSY` for a root and
/// under a mount.
pub fn rmdir(start: &Start<'_>, path: &[u8]) -> Result<()> {
    let (dir, last) = lookup_parent(start, path, LookupFlags::empty())?;
    match last.name() {
        b".." => return Err(Errno::ENOTEMPTY),
        b"." => return Err(Errno::EINVAL),
        b"" => return Err(Errno::EBUSY),
        _ => {}
    }
    dir.mount().writable()?;
    let name = last.name();
    let state = dir.dentry().lock_dir()?;
    let child = find(&dir, name, start.cred, &state)?;
    may_remove(dir.dentry(), &child, true, start.cred)?;
    if mount_ns::is_mountpoint(start.fs, &child) {
        return Err(Errno::EBUSY);
    }
    let mut child_state = child.lock_dir_nested()?;
    dir.inode().rmdir(name, child.inode())?;
    child_state.dead = true;
    drop(child_state);
    dir.dentry().forget(name, &child);
    child.prune();
    drop(state);
    mount_ns::detach_from(&child);
    notify::on_child(dir.dentry(), &child, InotifyMask::DELETE, 0, name);
    Ok(())
}
