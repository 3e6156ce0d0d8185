//! Trees of mounts that stand nowhere yet: cut out, moved in, and changed as a whole (`man 2 open_tree`,
//! `man 2 move_mount`, `man 2 mount_setattr`).

use abi::fcntl::OFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::Credentials;

use super::mounts::{ensure_mount_root, ensure_target};
use super::propagation;
use crate::abilities::Abilities;
use crate::file::OpenFile;
use crate::file_ops::FileOps;
use crate::fs_context::FsContext;
use crate::mount::{self, Mount, MountFlags};
use crate::path::Path;
use crate::superblock::SuperBlock;

/// A place whose mount stands in no tree; with the last descriptor of it the mounts go, unless they were put
/// somewhere.
struct Detached {
    top: Arc<Mount>,
}

impl FileOps for Detached {
    fn abilities(&self) -> Abilities {
        Abilities::empty()
    }

    fn release(&self, _file: &OpenFile) {
        let tree = mount::lock_tree();
        if self.top.mountpoint().is_some() || tree.stands(&self.top) {
            return;
        }
        for mount in tree.subtree(&self.top).iter().rev() {
            propagation::leave(&tree, mount);
            tree.detach(mount);
        }
    }
}

/// An open place at the top of a tree of mounts that stands nowhere.
fn file_of(top: Arc<Mount>, cred: Arc<Credentials>) -> Arc<OpenFile> {
    let path = Path::new(top.clone(), top.root().clone());
    OpenFile::new(Arc::new(Detached { top }), path, OFlags::PATH, cred, false)
}

/// A copy of what is mounted at `path`, with all below when `recursive`, as an open place.
///
/// # Errors
/// `EINVAL` for what cannot be bound.
pub fn open_copy(
    fs: &FsContext,
    path: &Path,
    recursive: bool,
    cred: Arc<Credentials>,
) -> Result<Arc<OpenFile>> {
    let tree = mount::lock_tree();
    let mount = path.mount();
    if !tree.is_attached(fs, mount) || mount.flags().contains(MountFlags::UNBINDABLE) {
        return Err(Errno::EINVAL);
    }
    let copy = if recursive {
        propagation::copy_tree(mount, path.dentry())
    } else {
        propagation::copy_of(mount, path.dentry().clone())
    };
    drop(tree);
    Ok(file_of(copy, cred))
}

/// A new mount of a whole file system, as an open place.
pub fn open_new(
    sb: Arc<SuperBlock>,
    source: Arc<[u8]>,
    flags: MountFlags,
    cred: Arc<Credentials>,
) -> Arc<OpenFile> {
    let root = sb.root().clone();
    file_of(Mount::new(sb, root, source, flags), cred)
}

/// Puts the mount at `from`, from where it stands or from nowhere, on `to`.
///
/// # Errors
/// `EINVAL` for what is no mount's root or cannot be moved, `ELOOP` below itself, `ENOENT`, `EBUSY`.
pub fn put(fs: &FsContext, from: &Path, to: &Path) -> Result<()> {
    let tree = mount::lock_tree();
    let mount = from.mount();
    let stands = tree.is_attached(fs, mount);
    if !from.is_mount_root() {
        return Err(Errno::EINVAL);
    }
    match mount.mountpoint() {
        // One below a tree that stands nowhere, or whose neighbours would have to move too.
        Some(point) if !stands || point.mount().group() != 0 => return Err(Errno::EINVAL),
        // The root of a namespace.
        None if tree.stands(mount) => return Err(Errno::EINVAL),
        _ => {}
    }
    if from.dentry().is_dir() != to.dentry().is_dir() {
        return Err(Errno::EINVAL);
    }
    let to = to.clone().topmost();
    let unbindable = |mount: &Arc<Mount>| mount.flags().contains(MountFlags::UNBINDABLE);
    if to.mount().group() != 0 && tree.subtree(mount).iter().any(unbindable) {
        return Err(Errno::EINVAL);
    }
    let mut at = to.mount().clone();
    loop {
        if Arc::ptr_eq(&at, mount) {
            return Err(Errno::ELOOP);
        }
        match at.mountpoint() {
            Some(point) => at = point.mount().clone(),
            None => break,
        }
    }
    ensure_target(&tree, fs, &to, from.dentry())?;
    propagation::ensure_room(&tree, mount, &to, tree.stands(mount))?;
    tree.detach(mount);
    propagation::attach(&tree, mount, &to);
    Ok(())
}

/// What `mount_setattr` changes.
#[derive(Clone, Copy)]
pub struct Change {
    /// Flags set.
    pub set: MountFlags,
    /// Flags cleared, before others are set.
    pub clear: MountFlags,
    /// One of `MS_SHARED` and its kin, or 0.
    pub propagation: u64,
    /// The mounts below, too.
    pub recursive: bool,
}

/// Changes the mount at `path`.
///
/// # Errors
/// `EINVAL` for what is no mount's root, `EBUSY` to make read-only what is being written.
pub fn change(fs: &FsContext, path: &Path, change: &Change) -> Result<()> {
    let tree = mount::lock_tree();
    if tree.stands(path.mount()) {
        ensure_mount_root(&tree, fs, path)?;
    } else if !path.is_mount_root() {
        return Err(Errno::EINVAL);
    }
    let mounts = if change.recursive {
        tree.subtree(path.mount())
    } else {
        alloc::vec![path.mount().clone()]
    };
    let old: alloc::vec::Vec<MountFlags> = mounts.iter().map(|mount| mount.flags()).collect();
    for mount in &mounts {
        mount.set_flags(mount.flags().difference(change.clear) | change.set);
    }
    let busy = mounts.iter().zip(&old).any(|(mount, old)| {
        let becomes =
            mount.flags().contains(MountFlags::RDONLY) && !old.contains(MountFlags::RDONLY);
        becomes && mount.has_writers()
    });
    if busy {
        for (mount, old) in mounts.iter().zip(old) {
            mount.set_flags(old);
        }
        return Err(Errno::EBUSY);
    }
    if change.propagation != 0 {
        for mount in &mounts {
            propagation::change(&tree, mount, change.propagation);
        }
    }
    mount::changed();
    Ok(())
}
