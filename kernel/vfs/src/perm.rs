//! Who may do what to a file (`man 7 path_resolution`, "Permissions"; `man 7 capabilities`).

use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use abi::stat::{S_ISGID, S_ISVTX, S_IWGRP, S_IWOTH, S_IXGRP};
use abi::{Errno, Result};
use sync::{Capability, Credentials};

use crate::attr::{Attributes, FileType};
use crate::inode::Inode;

/// `fs.protected_hardlinks`: who does not own a file may link only what he could use anyway. Debian has it on.
pub static PROTECTED_HARDLINKS: AtomicU8 = AtomicU8::new(1);
/// `fs.protected_symlinks`: others' links in directories like `/tmp` are not followed. Debian has it on.
pub static PROTECTED_SYMLINKS: AtomicU8 = AtomicU8::new(1);
/// `fs.protected_fifos`: `O_CREAT` does not open others' FIFOs there; 2: nor where a group may write.
pub static PROTECTED_FIFOS: AtomicU8 = AtomicU8::new(0);
/// `fs.protected_regular`: the same of regular files.
pub static PROTECTED_REGULAR: AtomicU8 = AtomicU8::new(0);

/// Whether what was not made by this `O_CREAT` may be opened by it, in `dir`.
///
/// # Errors
/// `EACCES`.
pub fn may_open_in_sticky(dir: &Attributes, found: &Attributes, cred: &Credentials) -> Result<()> {
    let rule = match found.file_type() {
        FileType::Regular => &PROTECTED_REGULAR,
        FileType::Fifo => &PROTECTED_FIFOS,
        _ => return Ok(()),
    };
    let (level, mode) = (rule.load(Relaxed), dir.mode());
    let own = found.uid() == dir.uid() || found.uid() == cred.fsuid;
    if level == 0 || own || mode & S_ISVTX == 0 {
        return Ok(());
    }
    if mode & S_IWOTH != 0 || level > 1 && mode & S_IWGRP != 0 {
        return Err(Errno::EACCES);
    }
    Ok(())
}

bitflags::bitflags! {
    /// What somebody wants to do, with the bits of `access(2)`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Access: u32 {
        /// Execute, or search a directory.
        const EXEC = 1;
        /// Write.
        const WRITE = 2;
        /// Read.
        const READ = 4;
    }
}

/// Linux's rule: the class that fits first decides (owner, group, others), then capabilities may
/// override.
///
/// # Errors
/// `EACCES`; `EPERM` to write what may not change.
pub fn check(attr: &Attributes, cred: &Credentials, access: Access) -> Result<()> {
    if access.contains(Access::WRITE) {
        attr.ensure_changeable()?;
    }
    let mode = attr.mode();
    let wanted = access.bits();
    // What owner, group and others all may needs no look at who asks.
    if mode & (mode >> 3) & (mode >> 6) & wanted == wanted {
        return Ok(());
    }
    let granted = if cred.fsuid == attr.uid() {
        mode >> 6
    } else if cred.in_group(attr.gid()) {
        mode >> 3
    } else {
        mode
    };
    if granted & wanted == wanted {
        return Ok(());
    }
    override_by_capability(attr, cred, access)
}

/// What capabilities give to whom the file's mode or access list gives nothing.
///
/// # Errors
/// `EACCES`.
pub fn override_by_capability(attr: &Attributes, cred: &Credentials, access: Access) -> Result<()> {
    if attr.is_dir() {
        if !access.contains(Access::WRITE) && cred.has(Capability::DAC_READ_SEARCH) {
            return Ok(());
        }
        if cred.has(Capability::DAC_OVERRIDE) {
            return Ok(());
        }
        return Err(Errno::EACCES);
    }
    if access == Access::READ && cred.has(Capability::DAC_READ_SEARCH) {
        return Ok(());
    }
    let executable = attr.mode() & 0o111 != 0;
    if (!access.contains(Access::EXEC) || executable) && cred.has(Capability::DAC_OVERRIDE) {
        return Ok(());
    }
    Err(Errno::EACCES)
}

/// Whether `cred` owns the inode or may act as if it did.
#[must_use]
pub fn is_owner(attr: &Attributes, cred: &Credentials) -> bool {
    cred.fsuid == attr.uid() || cred.has(Capability::FOWNER)
}

/// Whether the sticky bit of `dir` forbids `cred` to remove `child`.
#[must_use]
pub fn sticky_forbids(dir: &Attributes, child: &Attributes, cred: &Credentials) -> bool {
    dir.mode() & S_ISVTX != 0
        && cred.fsuid != child.uid()
        && cred.fsuid != dir.uid()
        && !cred.has(Capability::FOWNER)
}

/// Mode and owner of a new child of `dir`: a set-group-ID directory passes its group on, and the bit
/// itself to directories; others lose the bit when they may not have it.
#[must_use]
pub fn inherit(
    dir: &Attributes,
    cred: &Credentials,
    kind: FileType,
    mode: u32,
) -> (u32, (u32, u32)) {
    let mut mode = mode;
    let gid = if dir.mode() & S_ISGID != 0 {
        if kind == FileType::Directory {
            mode |= S_ISGID;
        } else if mode & (S_ISGID | S_IXGRP) == (S_ISGID | S_IXGRP)
            && !cred.in_group(dir.gid())
            && !cred.has(Capability::FSETID)
        {
            mode &= !S_ISGID;
        }
        dir.gid()
    } else {
        cred.fsgid
    };
    (mode, (cred.fsuid, gid))
}

/// The mode of what is made in `dir`: taken through the umask, unless the directory has an access list for it.
pub(crate) fn masked(dir: &dyn Inode, mode: u32, umask: u32) -> u32 {
    if dir.passes_list_on() {
        mode
    } else {
        mode & !umask
    }
}
