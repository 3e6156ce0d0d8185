//! Extended attributes: who may read and change which (`man 7 xattr`).

use abi::inotify::InotifyMask;
use abi::stat::S_ISVTX;
use abi::{Errno, Result};
use alloc::vec::Vec;
use sync::{Capability, Credentials};

use crate::attr::FileType;
use crate::notify;
use crate::path::Path;
use crate::perm::{self, Access};

const SECURITY: &[u8] = b"security.";
const SYSTEM: &[u8] = b"system.";
const TRUSTED: &[u8] = b"trusted.";
const USER: &[u8] = b"user.";
/// What the two attributes begin with that are access lists.
pub const LISTS: &[u8] = b"system.posix_acl_";

/// Whether `cred` may touch attribute `name`, by the rules of the name's space.
fn permission(path: &Path, name: &[u8], access: Access, cred: &Credentials) -> Result<()> {
    let writes = access.contains(Access::WRITE);
    let refused = if writes { Errno::EPERM } else { Errno::ENODATA };
    if writes {
        path.inode().attr().ensure_replaceable()?;
    }
    if name.starts_with(SECURITY) || name.starts_with(SYSTEM) {
        return Ok(());
    }
    if name.starts_with(TRUSTED) {
        return if cred.has(Capability::SYS_ADMIN) {
            Ok(())
        } else {
            Err(refused)
        };
    }
    if name.starts_with(USER) {
        let attr = path.inode().attr();
        match attr.file_type() {
            // What has no type at all is none.
            FileType::Regular if attr.is_regular() => {}
            FileType::Directory => {
                if writes && attr.mode() & S_ISVTX != 0 && !perm::is_owner(attr, cred) {
                    return Err(Errno::EPERM);
                }
            }
            _ => return Err(refused),
        }
    }
    path.inode().permission(cred, access)
}

/// Whether the file can have an attribute of this name at all. Access lists are looked after elsewhere.
fn known(path: &Path, name: &[u8]) -> Result<()> {
    let spaces = [USER, TRUSTED, SECURITY];
    let space = spaces.into_iter().find(|space| name.starts_with(space));
    let space = space.ok_or(Errno::EOPNOTSUPP)?;
    if name.len() > space.len() {
        return Ok(());
    }
    // A space alone is no name, where there are names.
    match path.inode().list_xattrs() {
        Err(Errno::EOPNOTSUPP) => Err(Errno::EOPNOTSUPP),
        _ => Err(Errno::EINVAL),
    }
}

/// `security.` belongs to the administrator. Capabilities of files are not kept: programs would not get
/// them.
fn may_change_security(name: &[u8], cred: &Credentials) -> Result<()> {
    if name == b"security.capability" {
        return Err(Errno::EOPNOTSUPP);
    }
    if name.starts_with(SECURITY) && !cred.has(Capability::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// Sets an attribute; `flags` are `XATTR_CREATE` and `XATTR_REPLACE`.
///
/// # Errors
/// `EPERM`, `EACCES`, `EROFS`, `EOPNOTSUPP` for a name no file has, `EEXIST`, `ENODATA`, `ENOSPC`.
pub fn set(path: &Path, name: &[u8], value: &[u8], flags: u32, cred: &Credentials) -> Result<()> {
    path.mount().writable()?;
    if name.starts_with(LISTS) {
        path.inode().set_list(name, value, cred)?;
    } else {
        permission(path, name, Access::WRITE, cred)?;
        may_change_security(name, cred)?;
        known(path, name)?;
        path.inode().set_xattr(name, value, flags)?;
    }
    notify::on(path.dentry(), InotifyMask::ATTRIB);
    Ok(())
}

/// An attribute's value.
///
/// # Errors
/// `ENODATA`, also for a name whose space the caller may not look into; `EACCES`, `EOPNOTSUPP`.
pub fn get(path: &Path, name: &[u8], cred: &Credentials) -> Result<Vec<u8>> {
    if name.starts_with(LISTS) {
        return path.inode().xattr(name);
    }
    permission(path, name, Access::READ, cred)?;
    known(path, name)?;
    path.inode().xattr(name)
}

/// Removes an attribute.
///
/// # Errors
/// As [`set`].
pub fn remove(path: &Path, name: &[u8], cred: &Credentials) -> Result<()> {
    path.mount().writable()?;
    if name.starts_with(LISTS) {
        path.inode().set_list(name, &[], cred)?;
    } else {
        permission(path, name, Access::WRITE, cred)?;
        may_change_security(name, cred)?;
        known(path, name)?;
        path.inode().remove_xattr(name)?;
    }
    notify::on(path.dentry(), InotifyMask::ATTRIB);
    Ok(())
}

/// The names `cred` may know of, each ended by a NUL.
///
/// # Errors
/// None from a file system without attributes: it lists none.
pub fn list(path: &Path, cred: &Credentials) -> Result<Vec<u8>> {
    let mut names = match path.inode().list_xattrs() {
        Err(Errno::EOPNOTSUPP) => Vec::new(),
        other => other?,
    };
    if !cred.has(Capability::SYS_ADMIN) {
        let seen = names.split_inclusive(|byte| *byte == 0);
        names = seen
            .filter(|name| !name.starts_with(TRUSTED))
            .flatten()
            .copied()
            .collect();
    }
    Ok(names)
}
