//! Making names: files, directories, links, special files.

use core::sync::atomic::Ordering::Relaxed;

use abi::inotify::InotifyMask;
use abi::stat::{S_ISGID, S_ISUID, S_IXGRP};
use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::{Capability, Credentials};

use crate::attr::FileType;
use crate::dentry::{Dentry, DirState};
use crate::inode::{Inode, NewNode, same_inode};
use crate::notify;
use crate::path::Path;
use crate::perm::{self, Access};
use crate::walk::{Last, LookupFlags, Start, lookup_parent};

/// Makes what `node` says at `path`; `mode` is taken through the umask (symbolic links have 0777).
///
/// # Errors
/// `EEXIST`, `ENOENT`, `ENOTDIR`, `EACCES`, `EROFS`, `EPERM` for devices without `CAP_MKNOD`, `ENOSPC`.
pub fn create(start: &Start<'_>, path: &[u8], node: NewNode<'_>, mode: u32) -> Result<Path> {
    let (dir, last) = lookup_parent(start, path, LookupFlags::empty())?;
    // Device 0 is no device: overlay file systems mark removed names with it.
    let device = matches!(node, NewNode::Char(1..) | NewNode::Block(_));
    make(
        &dir,
        &last,
        node,
        perm::masked(&**dir.inode(), mode, start.fs.umask()),
        start.cred,
        device,
    )
}

fn make(
    dir: &Path,
    last: &Last<'_>,
    node: NewNode<'_>,
    mode: u32,
    cred: &Credentials,
    device: bool,
) -> Result<Path> {
    if !last.is_normal() {
        return Err(Errno::EEXIST);
    }
    let name = last.name();
    let state = dir.dentry().lock_dir()?;
    dir.inode().permission(cred, Access::EXEC)?;
    match dir.dentry().lookup_locked(&state, name) {
        Ok(_) => return Err(Errno::EEXIST),
        Err(Errno::ENOENT) => {}
        Err(other) => return Err(other),
    }
    if last.trailing_slash && node != NewNode::Directory {
        return Err(Errno::ENOENT);
    }
    dir.mount().writable()?;
    may_create(dir.dentry(), &state, cred)?;
    if device && !cred.has(Capability::MKNOD) {
        return Err(Errno::EPERM);
    }
    let mode = if matches!(node, NewNode::Symlink(_)) {
        0o777
    } else {
        mode
    };
    let child = create_locked(dir.dentry(), name, node, mode, cred)?;
    drop(state);
    notify::on_child(dir.dentry(), &child, InotifyMask::CREATE, 0, name);
    Ok(Path::new(dir.mount().clone(), child))
}

/// Whether `cred` may make a name in `dir`, whose lock is held.
///
/// # Errors
/// `ENOENT` in a removed directory, `EACCES`.
pub(crate) fn may_create(dir: &Dentry, state: &DirState, cred: &Credentials) -> Result<()> {
    if state.dead {
        return Err(Errno::ENOENT);
    }
    dir.inode().permission(cred, Access::WRITE | Access::EXEC)
}

/// Makes a name that is not there in `dir`, whose lock is held; rights have been checked.
pub(crate) fn create_locked(
    dir: &Arc<Dentry>,
    name: &[u8],
    node: NewNode<'_>,
    mode: u32,
    cred: &Credentials,
) -> Result<Arc<Dentry>> {
    let (mode, owner) = perm::inherit(dir.inode().attr(), cred, node.file_type(), mode);
    let name: Arc<[u8]> = Arc::from(name);
    let inode = dir.inode().create(&name, node, mode, owner)?;
    Ok(dir.instantiate(name, inode))
}

/// `fs.protected_hardlinks`: who does not own a file may link it only when no more than a plain
/// file he can read and write.
fn may_link(inode: &Arc<dyn Inode>, cred: &Credentials) -> Result<()> {
    let attr = inode.attr();
    if perm::is_owner(attr, cred) || perm::PROTECTED_HARDLINKS.load(Relaxed) == 0 {
        return Ok(());
    }
    let mode = attr.mode();
    let plain = attr.file_type() == FileType::Regular
        && mode & S_ISUID == 0
        && mode & (S_ISGID | S_IXGRP) != S_ISGID | S_IXGRP;
    if plain && inode.permission(cred, Access::READ | Access::WRITE).is_ok() {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// Gives `target` another name.
///
/// # Errors
/// `EXDEV` across mounts, `EPERM` for a directory and for a file one neither owns nor could write, `EEXIST`, `EACCES`, `EROFS`, `EMLINK`; `ENOENT` for a
/// file that has lost its last name (unless it never had one).
pub fn link(target: &Path, start: &Start<'_>, path: &[u8]) -> Result<()> {
    let (dir, last) = lookup_parent(start, path, LookupFlags::empty())?;
    if !last.is_normal() {
        return Err(Errno::EEXIST);
    }
    let name = last.name();
    let state = dir.dentry().lock_dir()?;
    dir.inode().permission(start.cred, Access::EXEC)?;
    match dir.dentry().lookup_locked(&state, name) {
        Ok(_) => return Err(Errno::EEXIST),
        Err(Errno::ENOENT) => {}
        Err(other) => return Err(other),
    }
    if last.trailing_slash {
        return Err(Errno::ENOENT);
    }
    dir.mount().writable()?;
    if !Arc::ptr_eq(dir.mount(), target.mount()) {
        return Err(Errno::EXDEV);
    }
    let inode = target.inode();
    may_link(inode, start.cred)?;
    may_create(dir.dentry(), &state, start.cred)?;
    inode.attr().ensure_replaceable()?;
    if inode.attr().is_dir() {
        return Err(Errno::EPERM);
    }
    if !inode.attr().may_be_linked() {
        return Err(Errno::ENOENT);
    }
    let name: Arc<[u8]> = Arc::from(name);
    dir.inode().link(&name, inode)?;
    inode.attr().set_linkable(false);
    let child = dir.dentry().instantiate(name.clone(), inode.clone());
    drop(state);
    notify::on_self(target.dentry(), InotifyMask::ATTRIB);
    notify::on_child(dir.dentry(), &child, InotifyMask::CREATE, 0, &name);
    Ok(())
}

/// Whether two places show the same file.
#[must_use]
pub fn same_file(a: &Path, b: &Path) -> bool {
    same_inode(a.inode(), b.inode())
}
