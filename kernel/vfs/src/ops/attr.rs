//! Changing attributes: who may, and what else changes with them.

use abi::inotify::InotifyMask;
use abi::stat::{S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_IXGRP};
use abi::{Errno, Result};
use sync::{Capability, Credentials};

use crate::OpenFile;
use crate::attr::{Attributes, FileType, InodeFlags, Timestamp};
use crate::inode::SetAttr;
use crate::lease;
use crate::notify;
use crate::path::Path;
use crate::perm::{self, Access};

/// Sets the permission bits.
///
/// # Errors
/// `EPERM` for who does not own the file, `EROFS`, `EOPNOTSUPP` for a symbolic link.
pub fn chmod(path: &Path, mode: u32, cred: &Credentials) -> Result<()> {
    path.mount().writable()?;
    let attr = path.inode().attr();
    if attr.is_symlink() {
        return Err(Errno::EOPNOTSUPP);
    }
    attr.ensure_replaceable()?;
    if !perm::is_owner(attr, cred) {
        return Err(Errno::EPERM);
    }
    let mut mode = mode & abi::stat::S_IALLUGO;
    if mode & S_ISGID != 0 && !cred.in_group(attr.gid()) && !cred.has(Capability::FSETID) {
        mode &= !S_ISGID;
    }
    path.inode().set_attr(&SetAttr {
        mode: Some(mode),
        ..SetAttr::default()
    })?;
    notify::on(path.dentry(), InotifyMask::ATTRIB);
    Ok(())
}

/// Sets owner and group, `None` leaving one alone. Set-user-ID and set-group-ID go.
///
/// # Errors
/// `EPERM`, `EROFS`.
pub fn chown(path: &Path, uid: Option<u32>, gid: Option<u32>, cred: &Credentials) -> Result<()> {
    path.mount().writable()?;
    let attr = path.inode().attr();
    if uid.is_some() || gid.is_some() {
        attr.ensure_replaceable()?;
    }
    let owns = cred.fsuid == attr.uid();
    let may = cred.has(Capability::CHOWN);
    if let Some(uid) = uid
        && !may
        && !(owns && uid == attr.uid())
    {
        return Err(Errno::EPERM);
    }
    if let Some(gid) = gid
        && !may
        && !(owns && (gid == attr.gid() || cred.in_group(gid)))
    {
        return Err(Errno::EPERM);
    }
    let old = attr.mode();
    let mode = if attr.is_dir() {
        old
    } else {
        without_set_id(attr, cred, old)
    };
    let mode = (mode != old).then_some(mode);
    path.inode().set_attr(&SetAttr {
        mode,
        uid,
        gid,
        ..SetAttr::default()
    })?;
    notify::on(path.dentry(), InotifyMask::ATTRIB);
    Ok(())
}

fn without_set_id(attr: &Attributes, cred: &Credentials, mode: u32) -> u32 {
    let mut mode = mode & !S_ISUID;
    let outsider = !cred.in_group(attr.gid()) && !cred.has(Capability::FSETID);
    if mode & S_ISGID != 0 && (mode & S_IXGRP != 0 || outsider) {
        mode &= !S_ISGID;
    }
    mode
}

/// A write by who may not keep them takes the set-ID bits of a regular file away.
#[inline]
pub fn drop_set_id_on_write(attr: &Attributes, cred: &Credentials) {
    let mode = attr.mode();
    if mode & (S_ISUID | S_ISGID) != 0 && mode & S_IFMT == S_IFREG && !cred.has(Capability::FSETID)
    {
        attr.set_permissions(without_set_id(attr, cred, mode));
    }
}

/// One of the two times of `utimensat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewTime {
    /// The present.
    Now,
    /// Leave it.
    Omit,
    /// This.
    At(Timestamp),
}

/// Sets access and modification time.
///
/// # Errors
/// `EPERM` for who does not own the file (`EACCES` when both are the present and the file is not
/// writable either), `EROFS`.
pub fn set_times(
    path: &Path,
    accessed: NewTime,
    modified: NewTime,
    cred: &Credentials,
) -> Result<()> {
    path.mount().writable()?;
    let attr = path.inode().attr();
    if (accessed, modified) == (NewTime::Now, NewTime::Now) {
        attr.ensure_changeable()?;
    } else {
        attr.ensure_replaceable()?;
    }
    if !perm::is_owner(attr, cred) {
        if (accessed, modified) != (NewTime::Now, NewTime::Now) {
            return Err(Errno::EPERM);
        }
        path.inode().permission(cred, Access::WRITE)?;
    }
    let now = Timestamp::now();
    let pick = |time| match time {
        NewTime::Now => Some(now),
        NewTime::Omit => None,
        NewTime::At(at) => Some(at),
    };
    let change = SetAttr {
        accessed: pick(accessed),
        modified: pick(modified),
        ..SetAttr::default()
    };
    path.inode().set_attr(&change)?;
    notify::on(path.dentry(), InotifyMask::ATTRIB);
    Ok(())
}

/// Sets the size of the file at `path` (`truncate`).
///
/// # Errors
/// `EISDIR`, `EINVAL` for what is no regular file, `EACCES`, `EROFS`, `ETXTBSY`, `EPERM` by a seal.
pub fn truncate(path: &Path, size: u64, cred: &Credentials) -> Result<()> {
    let attr = path.inode().attr();
    match attr.file_type() {
        FileType::Regular => {}
        FileType::Directory => return Err(Errno::EISDIR),
        _ => return Err(Errno::EINVAL),
    }
    path.mount().writable()?;
    path.inode().permission(cred, Access::WRITE)?;
    attr.ensure_replaceable()?;
    attr.begin_write()?;
    let result = lease::ask(attr, true).and_then(|()| path.inode().truncate(size));
    attr.end_write();
    result?;
    drop_set_id_on_write(attr, cred);
    notify::on(path.dentry(), InotifyMask::MODIFY);
    Ok(())
}

/// Sets the size of an open file (`ftruncate`), whose right to be written was checked when it was opened.
///
/// # Errors
/// `EPERM` by a seal, what the file system says.
pub fn truncate_open(file: &OpenFile, size: u64, cred: &Credentials) -> Result<()> {
    // Who opened it before it became immutable goes on, as on Linux; what only grows does not shrink.
    if file.inode().attr().flags().contains(InodeFlags::APPEND) {
        return Err(Errno::EPERM);
    }
    file.inode().truncate(size)?;
    drop_set_id_on_write(file.inode().attr(), cred);
    notify::on(file.path().dentry(), InotifyMask::MODIFY);
    Ok(())
}

/// Checks what `access(2)` asks for.
///
/// # Errors
/// `EACCES`; `EROFS` when writing is asked for on a read-only mount.
pub fn access(path: &Path, wanted: Access, cred: &Credentials) -> Result<()> {
    use crate::mount::MountFlags;
    let attr = path.inode().attr();
    let kind = attr.file_type();
    if wanted.contains(Access::EXEC)
        && kind == FileType::Regular
        && path.mount().flags().contains(MountFlags::NOEXEC)
    {
        return Err(Errno::EACCES);
    }
    path.inode().permission(cred, wanted)?;
    let special = !matches!(
        kind,
        FileType::Regular | FileType::Directory | FileType::Symlink
    );
    if wanted.contains(Access::WRITE) && !special {
        path.mount().writable()?;
    }
    Ok(())
}
