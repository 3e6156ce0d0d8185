//! `mount`, `umount2` and `pivot_root`.

use abi::mount::{
    MNT_DETACH, MNT_EXPIRE, MNT_FORCE, MS_BIND, MS_DIRSYNC, MS_I_VERSION, MS_LAZYTIME, MS_MGC_MSK,
    MS_MGC_VAL, MS_MOVE, MS_NOATIME, MS_NODIRATIME, MS_NOUSER, MS_PRIVATE, MS_RDONLY, MS_REC,
    MS_RELATIME, MS_REMOUNT, MS_SHARED, MS_SILENT, MS_SLAVE, MS_STRICTATIME, MS_SYNCHRONOUS,
    MS_UNBINDABLE, UMOUNT_NOFOLLOW,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use sync::{Capability, Credentials};

use super::{propagation, trees};
use crate::dentry::Dentry;
use crate::fs_context::FsContext;
use crate::mount::{self, Mount, MountFlags, TreeGuard};
use crate::path::Path;
use crate::superblock;
use crate::walk::{LookupFlags, Start, lookup};

/// The bits kept with the file system rather than with the mount.
const SB_FLAGS: u64 = MS_RDONLY | MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME | MS_I_VERSION;
const PROPAGATION: u64 = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
const ACCESS_TIMES: u64 = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME;

/// What `mount(2)` is asked for.
#[derive(Clone, Copy)]
pub struct MountRequest<'a> {
    /// A device, a place to bind or move, or only a word to show.
    pub source: Option<&'a [u8]>,
    /// Where to.
    pub target: &'a [u8],
    /// The kind of file system.
    pub kind: Option<&'a [u8]>,
    /// `MS_*`.
    pub flags: u64,
    /// The file system's own options.
    pub data: &'a [u8],
}

/// Mounts, binds, moves or changes a mount.
///
/// # Errors
/// As `man 2 mount` says.
pub fn mount(start: &Start<'_>, request: &MountRequest<'_>) -> Result<()> {
    let mut flags = request.flags;
    if flags & MS_MGC_MSK == MS_MGC_VAL {
        flags &= !MS_MGC_MSK;
    }
    let target = lookup(start, request.target, LookupFlags::FOLLOW)?;
    if flags & MS_NOUSER != 0 {
        return Err(Errno::EINVAL);
    }
    ensure_may_mount(start.cred)?;
    if flags & (MS_REMOUNT | MS_BIND) == MS_REMOUNT | MS_BIND {
        reconfigure(start.fs, &target, flags)
    } else if flags & MS_REMOUNT != 0 {
        remount(start.fs, &target, flags, request.data)
    } else if flags & MS_BIND != 0 {
        bind(start, request.source, &target, flags & MS_REC != 0)
    } else if flags & PROPAGATION != 0 {
        change_propagation(&target, flags)
    } else if flags & MS_MOVE != 0 {
        move_mount(start, request.source, &target)
    } else {
        new_mount(start.fs, &target, request, flags)
    }
}

pub(super) fn ensure_mount_root(tree: &TreeGuard, fs: &FsContext, path: &Path) -> Result<()> {
    if path.is_mount_root() && tree.is_attached(fs, path.mount()) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// The flags of a mount after a remount: its rules of access times stay unless new ones are given.
fn remount_flags(mount: &Mount, flags: u64) -> MountFlags {
    let mut new = MountFlags::from_ms(flags) | mount.flags() & MountFlags::UNBINDABLE;
    if flags & ACCESS_TIMES == 0 {
        let times = MountFlags::NOATIME | MountFlags::NODIRATIME | MountFlags::RELATIME;
        new = new.difference(times) | mount.flags() & times;
    }
    new
}

fn set_mount_flags(mount: &Mount, new: MountFlags) -> Result<()> {
    let old = mount.flags();
    mount.set_flags(new);
    let becomes_read_only = new.contains(MountFlags::RDONLY) && !old.contains(MountFlags::RDONLY);
    if becomes_read_only && mount.has_writers() {
        mount.set_flags(old);
        return Err(Errno::EBUSY);
    }
    mount::changed();
    Ok(())
}

fn reconfigure(fs: &FsContext, target: &Path, flags: u64) -> Result<()> {
    let tree = mount::lock_tree();
    ensure_mount_root(&tree, fs, target)?;
    set_mount_flags(target.mount(), remount_flags(target.mount(), flags))
}

fn set_sb_flags(mount: &Mount, flags: u64) -> Result<()> {
    let sb = mount.sb();
    let old = sb.flags();
    let new = (flags & SB_FLAGS) as u32;
    sb.set_flags(new);
    let read_only = MS_RDONLY as u32;
    if new & read_only != 0 && old & read_only == 0 && sb.writers().load(Ordering::SeqCst) != 0 {
        sb.set_flags(old);
        return Err(Errno::EBUSY);
    }
    Ok(())
}

/// Changes a file system, as `fsconfig` asks.
pub(super) fn remount_sb(mount: &Mount, flags: u64, data: &[u8]) -> Result<()> {
    let _tree = mount::lock_tree();
    mount.sb().fs().remount(data)?;
    set_sb_flags(mount, flags)?;
    mount::changed();
    Ok(())
}

fn remount(fs: &FsContext, target: &Path, flags: u64, data: &[u8]) -> Result<()> {
    let tree = mount::lock_tree();
    ensure_mount_root(&tree, fs, target)?;
    let mount = target.mount();
    mount.sb().fs().remount(data)?;
    set_sb_flags(mount, flags)?;
    // The file system is read-only or not; the mount's own read-only flag follows it.
    set_mount_flags(mount, remount_flags(mount, flags))
}

/// Whether something can be mounted on `target`.
pub(super) fn ensure_target(
    tree: &TreeGuard,
    fs: &FsContext,
    target: &Path,
    root: &Dentry,
) -> Result<()> {
    if !tree.is_attached(fs, target.mount()) {
        return Err(Errno::EINVAL);
    }
    if target.dentry().is_unlinked() {
        return Err(Errno::ENOENT);
    }
    if !Arc::ptr_eq(target.mount().root(), target.dentry()) {
        let parent = target.dentry().parent().ok_or(Errno::EINVAL)?;
        // Where names come and go by themselves a mount could not be found again; Linux says this of
        // `/proc/<pid>/fd`.
        if !parent.inode().cacheable() && !target.inode().lasting() {
            return Err(Errno::ENOENT);
        }
    }
    if root.is_dir() == target.dentry().is_dir() {
        Ok(())
    } else {
        Err(Errno::ENOTDIR)
    }
}

fn bind(start: &Start<'_>, source: Option<&[u8]>, target: &Path, recursive: bool) -> Result<()> {
    let source = source
        .filter(|source| !source.is_empty())
        .ok_or(Errno::EINVAL)?;
    let here = Start {
        base: None,
        ..*start
    };
    let source = lookup(&here, source, LookupFlags::FOLLOW)?;
    let tree = mount::lock_tree();
    if !tree.is_attached(start.fs, source.mount())
        || source.mount().flags().contains(MountFlags::UNBINDABLE)
    {
        return Err(Errno::EINVAL);
    }
    ensure_target(&tree, start.fs, &target.clone().topmost(), source.dentry())?;
    let copy = if recursive {
        propagation::copy_tree(source.mount(), source.dentry())
    } else {
        propagation::copy_of(source.mount(), source.dentry().clone())
    };
    let target = target.clone().topmost();
    if let Err(error) = propagation::ensure_room(&tree, &copy, &target, false) {
        // Parents and children of the copy hold each other.
        for mount in tree.subtree(&copy).iter().rev() {
            tree.detach(mount);
        }
        return Err(error);
    }
    propagation::attach(&tree, &copy, &target);
    Ok(())
}

fn change_propagation(target: &Path, flags: u64) -> Result<()> {
    let kind = flags & PROPAGATION;
    if flags & !(PROPAGATION | MS_REC | MS_SILENT) != 0 || !kind.is_power_of_two() {
        return Err(Errno::EINVAL);
    }
    let tree = mount::lock_tree();
    if !target.is_mount_root() {
        return Err(Errno::EINVAL);
    }
    let mounts = if flags & MS_REC != 0 {
        tree.subtree(target.mount())
    } else {
        alloc::vec![target.mount().clone()]
    };
    for mount in mounts {
        propagation::change(&tree, &mount, kind);
    }
    mount::changed();
    Ok(())
}

fn move_mount(start: &Start<'_>, source: Option<&[u8]>, target: &Path) -> Result<()> {
    let source = source
        .filter(|source| !source.is_empty())
        .ok_or(Errno::EINVAL)?;
    let here = Start {
        base: None,
        ..*start
    };
    let source = lookup(&here, source, LookupFlags::FOLLOW)?;
    {
        let tree = mount::lock_tree();
        ensure_mount_root(&tree, start.fs, &source)?;
    }
    trees::put(start.fs, &source, target)
}

fn new_mount(fs: &FsContext, target: &Path, request: &MountRequest<'_>, flags: u64) -> Result<()> {
    let kind = superblock::find(request.kind.ok_or(Errno::EINVAL)?)?;
    let source = request.source.unwrap_or(b"none");
    if kind.needs_device() && source.is_empty() {
        return Err(Errno::EINVAL);
    }
    let sb = kind.mount(source, request.data, (flags & SB_FLAGS) as u32)?;
    let root = sb.root().clone();
    let tree = mount::lock_tree();
    let target = target.clone().topmost();
    // The same file system twice in a row on one place.
    if Arc::ptr_eq(target.mount().sb(), &sb) && target.is_mount_root() {
        return Err(Errno::EBUSY);
    }
    ensure_target(&tree, fs, &target, &root)?;
    let new = Mount::new(sb, root, Arc::from(source), MountFlags::from_ms(flags));
    propagation::ensure_room(&tree, &new, &target, false)?;
    propagation::attach(&tree, &new, &target);
    Ok(())
}

/// Whether `cred` may change the tree of mounts.
///
/// # Errors
/// `EPERM`.
pub fn ensure_may_mount(cred: &Credentials) -> Result<()> {
    if cred.has(Capability::SYS_ADMIN) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// Whether these are flags of `umount2`.
///
/// # Errors
/// `EINVAL`.
pub fn ensure_umount_flags(flags: u32) -> Result<()> {
    if flags & !(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW) == 0 {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// Unmounts.
///
/// # Errors
/// `EINVAL` for flags or for what is no mount, `EPERM`, `EBUSY`, `EAGAIN` the first time by
/// `MNT_EXPIRE`.
pub fn umount(start: &Start<'_>, path: &[u8], flags: u32) -> Result<()> {
    ensure_umount_flags(flags)?;
    let follow = if flags & UMOUNT_NOFOLLOW == 0 {
        LookupFlags::FOLLOW
    } else {
        LookupFlags::empty()
    };
    let target = lookup(start, path, follow | LookupFlags::UNUSED)?;
    ensure_may_mount(start.cred)?;
    let tree = mount::lock_tree();
    ensure_mount_root(&tree, start.fs, &target)?;
    // The walk's own hold on the mount must not count.
    let mount = target.mount().clone();
    drop(target);
    let target = Target { mount };
    if flags & MNT_EXPIRE != 0 {
        if flags & (MNT_FORCE | MNT_DETACH) != 0
            || Arc::ptr_eq(&target.mount, start.fs.root().mount())
        {
            return Err(Errno::EINVAL);
        }
        if target.is_busy() {
            return Err(Errno::EBUSY);
        }
        if !target.mount.mark_expired() {
            return Err(Errno::EAGAIN);
        }
    }
    if flags & MNT_DETACH == 0 && Arc::ptr_eq(&target.mount, start.fs.root().mount()) {
        // One's own root cannot go; it becomes read-only instead.
        let flags = u64::from(target.mount.sb().flags()) | MS_RDONLY;
        return set_sb_flags(&target.mount, flags);
    }
    if target.mount.mountpoint().is_none() {
        return Err(Errno::EINVAL);
    }
    let lazy = flags & MNT_DETACH != 0;
    let point = target.mount.mountpoint().ok_or(Errno::EINVAL)?;
    let followers = propagation::followers(&tree, &point);
    if !lazy && (target.is_busy() || followers.iter().any(in_use)) {
        return Err(Errno::EBUSY);
    }
    for mount in tree.subtree(&target.mount).iter().rev() {
        if !Arc::ptr_eq(mount, &target.mount)
            && let Some(point) = mount.mountpoint()
        {
            take_off(&tree, &propagation::followers(&tree, &point));
        }
        take_off(&tree, core::slice::from_ref(mount));
    }
    take_off(&tree, &followers);
    Ok(())
}

fn take_off(tree: &TreeGuard, mounts: &[Arc<Mount>]) {
    for mount in mounts {
        propagation::change(tree, mount, MS_PRIVATE);
        tree.detach(mount);
    }
}

/// Whether somebody uses a mount that its parent and the asker alone hold otherwise.
fn in_use(mount: &Arc<Mount>) -> bool {
    Arc::strong_count(mount) > 2
}

/// A mount about to go, held by its parent and by this alone when nobody uses it.
struct Target {
    mount: Arc<Mount>,
}

impl Target {
    fn is_busy(&self) -> bool {
        !self.mount.children().is_empty() || in_use(&self.mount)
    }
}

/// Old and new root after [`pivot_root`]: the caller moves every process that stood on the old one.
pub struct Pivoted {
    /// Where processes stood.
    pub old: Path,
    /// Where they stand now.
    pub new: Path,
}

/// Makes `new_root` the root and puts the old one on `put_old`.
///
/// # Errors
/// `EPERM`, `ENOTDIR`, `EBUSY`, `EINVAL`, as `man 2 pivot_root` says; `EINVAL` from the first root, which
/// stands on nothing.
pub fn pivot_root(start: &Start<'_>, new_root: &[u8], put_old: &[u8]) -> Result<Pivoted> {
    ensure_may_mount(start.cred)?;
    let flags = LookupFlags::FOLLOW | LookupFlags::DIRECTORY;
    let new = lookup(start, new_root, flags)?;
    let put = lookup(start, put_old, flags)?;
    let root = start.fs.root();
    let tree = mount::lock_tree();
    for path in [&new, &put, &root] {
        if !tree.is_attached(start.fs, path.mount()) {
            return Err(Errno::EINVAL);
        }
    }
    if new.dentry().is_unlinked() {
        return Err(Errno::ENOENT);
    }
    // The first root of all cannot be moved: Linux holds it locked, and says so first.
    if new.mount().mountpoint().is_none() {
        return Err(Errno::EINVAL);
    }
    if Arc::ptr_eq(new.mount(), root.mount()) || Arc::ptr_eq(put.mount(), root.mount()) {
        return Err(Errno::EBUSY);
    }
    if !root.is_mount_root() || !new.is_mount_root() || new.mount().mountpoint().is_none() {
        return Err(Errno::EINVAL);
    }
    let root_point = root.mount().mountpoint().ok_or(Errno::EINVAL)?;
    let shared = |mount: Option<&Arc<Mount>>| mount.is_some_and(|mount| mount.group() != 0);
    let new_point = new.mount().mountpoint();
    if shared(Some(put.mount()))
        || shared(Some(root_point.mount()))
        || shared(new_point.as_ref().map(|point| point.mount()))
    {
        return Err(Errno::EINVAL);
    }
    if !put.text(&new).reachable || !new.text(&root).reachable {
        return Err(Errno::EINVAL);
    }
    tree.detach(new.mount());
    tree.detach(root.mount());
    tree.attach(root.mount(), &put);
    tree.attach(new.mount(), &root_point);
    Ok(Pivoted { old: root, new })
}
