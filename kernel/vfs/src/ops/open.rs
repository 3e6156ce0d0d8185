//! Opening.

use abi::fcntl::OFlags;
use abi::inotify::InotifyMask;
use abi::stat::S_IALLUGO;
use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::Credentials;

use crate::Caller;
use crate::attr::{FileType, InodeFlags};
use crate::dentry::{Cached, Dentry};
use crate::file::OpenFile;
use crate::file_ops::PathOnly;
use crate::inode::{NewNode, OpenRequest};
use crate::lease;
use crate::mount::MountFlags;
use crate::notify;
use crate::ops::attr::drop_set_id_on_write;
use crate::ops::create::{create_locked, may_create};
use crate::path::Path;
use crate::perm::{self, Access};
use crate::walk::{LookupFlags, Start, Walk, lookup};

/// How a file is to be opened.
#[derive(Clone, Copy)]
pub struct OpenHow<'a> {
    /// `O_*`.
    pub flags: OFlags,
    /// Permission bits of a new file, before the umask.
    pub mode: u32,
    /// `RESOLVE_*`.
    pub resolve: LookupFlags,
    /// Who opens.
    pub cred: &'a Arc<Credentials>,
    /// The calling thread, for devices that look at it.
    pub caller: Option<&'a dyn Caller>,
}

impl OpenHow<'_> {
    fn lookup_flags(&self) -> LookupFlags {
        let mut flags = self.resolve;
        flags.set(LookupFlags::FOLLOW, !self.flags.contains(OFlags::NOFOLLOW));
        flags.set(
            LookupFlags::DIRECTORY,
            self.flags.contains(OFlags::DIRECTORY),
        );
        flags
    }

    fn access(&self) -> Access {
        let mut access = match self.flags.bits() & 3 {
            0 => Access::READ,
            1 => Access::WRITE,
            _ => Access::READ | Access::WRITE,
        };
        if self.flags.contains(OFlags::TRUNC) {
            access |= Access::WRITE;
        }
        access
    }
}

/// Opens `path`. What is left to wait for is [`crate::FileOps::finish_open`]'s.
///
/// # Errors
/// As `man 2 open` says.
pub fn open(start: &Start<'_>, path: &[u8], how: &OpenHow<'_>) -> Result<Arc<OpenFile>> {
    if how.flags.contains(OFlags::TMPFILE_BIT) {
        return open_unnamed(start, path, how);
    }
    if how.flags.contains(OFlags::CREAT) && !how.flags.contains(OFlags::PATH) {
        return open_or_create(start, path, how);
    }
    let found = lookup(start, path, how.lookup_flags())?;
    if how.flags.contains(OFlags::PATH) {
        return Ok(path_only(found, how));
    }
    open_found(found, how, false)
}

/// A file that only stands for `path` (`O_PATH`).
#[must_use]
pub fn path_only(path: Path, how: &OpenHow<'_>) -> Arc<OpenFile> {
    OpenFile::new(Arc::new(PathOnly), path, how.flags, how.cred.clone(), false)
}

/// Opens what stands at `path`: by name, or again through `/proc/<pid>/fd`.
///
/// # Errors
/// As [`open`].
pub fn open_path(path: Path, how: &OpenHow<'_>) -> Result<Arc<OpenFile>> {
    open_found(path, how, false)
}

fn open_found(path: Path, how: &OpenHow<'_>, created: bool) -> Result<Arc<OpenFile>> {
    let attr = path.inode().attr();
    let kind = attr.file_type();
    let access = how.access();
    let writes = access.contains(Access::WRITE);
    match kind {
        FileType::Symlink => return Err(Errno::ELOOP),
        FileType::Directory if writes || how.flags.contains(OFlags::CREAT) => {
            return Err(Errno::EISDIR);
        }
        FileType::Char | FileType::Block if path.mount().flags().contains(MountFlags::NODEV) => {
            return Err(Errno::EACCES);
        }
        _ => {}
    }
    if !created {
        if writes && kind == FileType::Regular {
            path.mount().writable()?;
        }
        if how.flags.contains(OFlags::CREAT)
            && let Some(dir) = path.dentry().parent()
        {
            perm::may_open_in_sticky(dir.inode().attr(), attr, how.cred)?;
        }
        path.inode().permission(how.cred, access)?;
    }
    let cuts_or_overwrites = how.flags.writes() && !how.flags.contains(OFlags::APPEND)
        || how.flags.contains(OFlags::TRUNC);
    if cuts_or_overwrites && attr.flags().contains(InodeFlags::APPEND) {
        return Err(Errno::EPERM);
    }
    if how.flags.contains(OFlags::NOATIME) && !perm::is_owner(attr, how.cred) {
        return Err(Errno::EPERM);
    }
    let counted = writes && kind == FileType::Regular;
    let writer = if counted {
        Some(Writer::begin(&path)?)
    } else {
        None
    };
    if kind == FileType::Regular && how.caller.is_some() {
        lease::ask(attr, writes)?;
    }
    let cut = counted && !created && how.flags.contains(OFlags::TRUNC);
    if cut {
        path.inode().truncate(0)?;
        drop_set_id_on_write(attr, how.cred);
    }
    let request = OpenRequest {
        flags: how.flags,
        cred: how.cred,
        caller: how.caller,
        path: &path,
    };
    let ops = path.inode().clone().open(&request)?;
    // Past the cache goes only what has one.
    if how.flags.contains(OFlags::DIRECT) && path.inode().object().is_none() {
        return Err(Errno::EINVAL);
    }
    // A file opened for reading with O_TRUNC was a writer for the moment of cutting only; else the open file
    // goes on counting.
    let stays = counted && how.flags.writes();
    match (writer, stays) {
        (Some(writer), true) => writer.keep(),
        (writer, _) => drop(writer),
    }
    let file = OpenFile::new(ops, path, how.flags, how.cred.clone(), stays);
    if created {
        file.set_created();
    }
    notify::on(file.path().dentry(), InotifyMask::OPEN);
    if cut {
        notify::on(file.path().dentry(), InotifyMask::MODIFY);
    }
    Ok(file)
}

/// Counted as a writer until dropped.
struct Writer<'a> {
    path: &'a Path,
}

impl<'a> Writer<'a> {
    fn begin(path: &'a Path) -> Result<Self> {
        path.mount().begin_write()?;
        if let Err(error) = path.inode().attr().begin_write() {
            path.mount().end_write();
            return Err(error);
        }
        Ok(Self { path })
    }

    /// Leaves the count to somebody else.
    fn keep(self) {
        core::mem::forget(self);
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        self.path.inode().attr().end_write();
        self.path.mount().end_write();
    }
}

fn open_or_create(start: &Start<'_>, path: &[u8], how: &OpenHow<'_>) -> Result<Arc<OpenFile>> {
    let exclusive = how.flags.contains(OFlags::EXCL);
    let follow = !how.flags.contains(OFlags::NOFOLLOW) && !exclusive;
    let flags = how.resolve;
    if flags.contains(LookupFlags::CACHED) {
        return Err(Errno::EAGAIN);
    }
    let (mut walk, mut last) = Walk::to_parent(start, path, flags)?;
    loop {
        if last.trailing_slash {
            return Err(Errno::EISDIR);
        }
        if !last.is_normal() {
            return Err(if exclusive {
                Errno::EEXIST
            } else {
                Errno::EISDIR
            });
        }
        let found = match find_or_create(&walk, last.name(), how, start.fs.umask(), exclusive)? {
            Found::Created(path) => return open_found(path, how, true),
            Found::There(path) => path,
        };
        if !(follow && found.inode().attr().is_symlink()) {
            return open_found(found, how, false);
        }
        match walk.follow_to_parent(&found)? {
            Some(next) => last = next,
            None => return open_found(walk.at().clone(), how, false),
        }
    }
}

enum Found {
    There(Path),
    Created(Path),
}

fn find_or_create(
    walk: &Walk<'_>,
    name: &[u8],
    how: &OpenHow<'_>,
    umask: u32,
    exclusive: bool,
) -> Result<Found> {
    let dir = walk.at();
    if !exclusive && matches!(dir.dentry().cached(name), Cached::Hit(_)) {
        match walk.child(name) {
            Err(Errno::ENOENT) => {}
            other => return other.map(Found::There),
        }
    }
    dir.inode().permission(how.cred, Access::EXEC)?;
    let state = dir.dentry().lock_dir()?;
    match dir.dentry().lookup_locked(&state, name) {
        Ok(_) if exclusive => return Err(Errno::EEXIST),
        Ok(_) => {
            drop(state);
            return walk.child(name).map(Found::There);
        }
        Err(Errno::ENOENT) => {}
        Err(other) => return Err(other),
    }
    dir.mount().writable()?;
    may_create(dir.dentry(), &state, how.cred)?;
    let mode = perm::masked(&**dir.inode(), how.mode & S_IALLUGO, umask);
    let child = create_locked(dir.dentry(), name, NewNode::Regular, mode, how.cred)?;
    drop(state);
    notify::on_child(dir.dentry(), &child, InotifyMask::CREATE, 0, name);
    Ok(Found::Created(Path::new(dir.mount().clone(), child)))
}

/// `O_TMPFILE`.
fn open_unnamed(start: &Start<'_>, path: &[u8], how: &OpenHow<'_>) -> Result<Arc<OpenFile>> {
    let mut flags = how.lookup_flags();
    flags.insert(LookupFlags::DIRECTORY);
    let dir = lookup(start, path, flags)?;
    dir.mount().writable()?;
    dir.inode()
        .permission(how.cred, Access::WRITE | Access::EXEC)?;
    let mode = perm::masked(&**dir.inode(), how.mode & S_IALLUGO, start.fs.umask());
    let (mode, owner) = perm::inherit(dir.inode().attr(), how.cred, FileType::Regular, mode);
    let inode = dir.inode().create_unnamed(mode, owner)?;
    inode.attr().set_nlink(0);
    inode.attr().set_linkable(!how.flags.contains(OFlags::EXCL));
    let name = alloc::format!("#{}", inode.attr().ino()).into_bytes();
    let dentry = Dentry::unlinked(dir.dentry(), Arc::from(name), inode);
    open_found(Path::new(dir.mount().clone(), dentry), how, true)
}
