//! Access lists (`man 5 acl`): who may use a file besides what its mode says, and what new files of a directory get.
//!
//! A list is kept as the value of the attribute that programs set: a word with the version, then entries in the order
//! owner, named users, group, named groups, mask, others. A list that says no more than a mode is never kept.

use abi::{Errno, Result};
use alloc::vec::Vec;
use sync::{Capability, Credentials};

use vfs::perm::{self, Access};
use vfs::{Attributes, Inode};

/// The attribute with the list of a file.
pub(super) const ACCESS: &[u8] = b"system.posix_acl_access";
/// The attribute with the list that new files of a directory get.
pub(super) const DEFAULT: &[u8] = b"system.posix_acl_default";

/// Which of the two an attribute is, if any.
pub(super) fn which(name: &[u8]) -> Option<usize> {
    match name.strip_prefix(vfs::ops::xattr::LISTS)? {
        b"access" => Some(0),
        b"default" => Some(1),
        _ => None,
    }
}

/// The only version there is.
const VERSION: [u8; 4] = [2, 0, 0, 0];

/// Whom an entry is about.
const OWNER: u16 = 1;
const USER: u16 = 2;
const GROUP: u16 = 4;
const NAMED_GROUP: u16 = 8;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The id of an entry that has none.
const NOBODY: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry {
    tag: u16,
    bits: u16,
    id: u32,
}

/// The entries of a list.
fn entries(list: &[u8]) -> impl Iterator<Item = Entry> + Clone {
    let (chunks, _) = list.get(4..).unwrap_or_default().as_chunks::<8>();
    chunks.iter().map(|&[t, u, b, c, i, j, k, l]| Entry {
        tag: u16::from_le_bytes([t, u]),
        bits: u16::from_le_bytes([b, c]),
        id: u32::from_le_bytes([i, j, k, l]),
    })
}

/// The list of these entries.
fn list(entries: impl Iterator<Item = Entry>) -> Vec<u8> {
    let mut list = VERSION.to_vec();
    for entry in entries {
        list.extend_from_slice(&entry.tag.to_le_bytes());
        list.extend_from_slice(&entry.bits.to_le_bytes());
        list.extend_from_slice(&entry.id.to_le_bytes());
    }
    list
}

/// What a program gave as a list; `None`: no list.
fn parse(value: &[u8]) -> Result<Option<Vec<u8>>> {
    if value.is_empty() {
        return Ok(None);
    }
    let (version, rest) = value.split_at_checked(4).ok_or(Errno::EINVAL)?;
    if version != VERSION {
        return Err(Errno::EOPNOTSUPP);
    }
    if rest.len() % 8 != 0 {
        return Err(Errno::EINVAL);
    }
    for entry in entries(value) {
        match entry.tag {
            OWNER | GROUP | MASK | OTHER => {}
            USER | NAMED_GROUP if entry.id != NOBODY => {}
            _ => return Err(Errno::EINVAL),
        }
    }
    let plain = |entry: Entry| match entry.tag {
        USER | NAMED_GROUP => entry,
        _ => Entry {
            id: NOBODY,
            ..entry
        },
    };
    Ok((!rest.is_empty()).then(|| list(entries(value).map(plain))))
}

/// Whether each entry is where it must be, and none is missing.
fn check(list: &[u8]) -> Result<()> {
    // What may come next: that many of the tags are behind.
    let (mut last, mut named) = (0, false);
    for entry in entries(list) {
        let repeats = matches!(entry.tag, USER | NAMED_GROUP);
        named |= repeats;
        let in_order = entry.tag > last || repeats && entry.tag == last;
        let skipped = match entry.tag {
            OWNER => last != 0,
            USER => last < OWNER,
            GROUP => last < OWNER,
            NAMED_GROUP | MASK => last < GROUP,
            _ => last < GROUP || named && last != MASK,
        };
        if !in_order || skipped || entry.bits & !7 != 0 {
            return Err(Errno::EINVAL);
        }
        last = entry.tag;
    }
    if last == OTHER {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// The permission bits a list stands for, and whether it says more than they.
fn mode_of(list: &[u8]) -> (u32, bool) {
    let (mut mode, mut more) = (0, false);
    for entry in entries(list) {
        let bits = u32::from(entry.bits & 7);
        match entry.tag {
            OWNER => mode |= bits << 6,
            GROUP => mode |= bits << 3,
            OTHER => mode |= bits,
            MASK => {
                mode = mode & !0o070 | bits << 3;
                more = true;
            }
            _ => more = true,
        }
    }
    (mode, more)
}

/// Whether the list gives `cred`, who is not the owner, all that is wanted.
fn grants(list: &[u8], attr: &Attributes, cred: &Credentials, wanted: u32) -> bool {
    let gives = |entry: &Entry| u32::from(entry.bits) & wanted == wanted;
    let mask = entries(list).find(|entry| entry.tag == MASK);
    let unmasked = mask.is_none_or(|mask| gives(&mask));
    let mut in_a_group = false;
    for entry in entries(list) {
        let member = match entry.tag {
            USER if entry.id == cred.fsuid => return gives(&entry) && unmasked,
            GROUP => cred.in_group(attr.gid()),
            NAMED_GROUP => cred.in_group(entry.id),
            OTHER => return !in_a_group && gives(&entry),
            _ => false,
        };
        if member && gives(&entry) {
            return unmasked;
        }
        in_a_group |= member;
    }
    false
}

/// As [`perm::check`] for a file with an access list.
///
/// # Errors
/// As [`perm::check`].
pub(super) fn permission(
    list: &[u8],
    attr: &Attributes,
    cred: &Credentials,
    access: Access,
) -> Result<()> {
    // The owner has what the mode says, and a mode that gives no group anything gives nobody named anything.
    if cred.fsuid == attr.uid() || attr.mode() & 0o070 == 0 {
        return perm::check(attr, cred, access);
    }
    if access.contains(Access::WRITE) {
        attr.ensure_changeable()?;
    }
    if grants(list, attr, cred, access.bits()) {
        return Ok(());
    }
    perm::override_by_capability(attr, cred, access)
}

/// A list, or what it is that there is none.
pub(super) struct New {
    /// The list, if it says more than the mode.
    pub(super) list: Option<Vec<u8>>,
    /// The permission bits.
    pub(super) mode: u32,
}

/// What a new file gets in a directory whose new files get `default`, when it is made with `mode`.
pub(super) fn inherited(default: &[u8], mode: u32) -> New {
    let has_mask = entries(default).any(|entry| entry.tag == MASK);
    let cut = |entry: Entry| {
        let most = match entry.tag {
            OWNER => mode >> 6,
            MASK => mode >> 3,
            GROUP if !has_mask => mode >> 3,
            OTHER => mode,
            _ => 7,
        };
        Entry {
            bits: entry.bits & most as u16 & 7,
            ..entry
        }
    };
    made(list(entries(default).map(cut)), mode)
}

/// The list of a file that had `old`, after `chmod` to `mode`.
pub(super) fn chmod(old: &[u8], mode: u32) -> New {
    let has_mask = entries(old).any(|entry| entry.tag == MASK);
    let set = |entry: Entry| {
        let bits = match entry.tag {
            OWNER => mode >> 6 & 7,
            MASK => mode >> 3 & 7,
            GROUP if !has_mask => mode >> 3 & 7,
            OTHER => mode & 7,
            _ => u32::from(entry.bits),
        };
        Entry {
            bits: bits as u16,
            ..entry
        }
    };
    made(list(entries(old).map(set)), mode)
}

fn made(list: Vec<u8>, mode: u32) -> New {
    let (bits, more) = mode_of(&list);
    New {
        list: more.then_some(list),
        mode: mode & !0o777 | bits,
    }
}

/// Sets the list `name` of an inode to what a program gave; nothing removes it.
///
/// # Errors
/// `EOPNOTSUPP` for a link, `EACCES` for the default of what is no directory, `EPERM` for who does not own the
/// file, `EINVAL` for what is no list.
pub(super) fn set(inode: &dyn Inode, name: &[u8], value: &[u8], cred: &Credentials) -> Result<()> {
    let given = parse(value)?;
    let attr = inode.attr();
    attr.ensure_replaceable()?;
    if attr.is_symlink() {
        return Err(Errno::EOPNOTSUPP);
    }
    let of_file = which(name) == Some(0);
    if !of_file && !attr.is_dir() {
        return given.map_or(Ok(()), |_| Err(Errno::EACCES));
    }
    if !perm::is_owner(attr, cred) {
        return Err(Errno::EPERM);
    }
    let mut kept = given;
    if let Some(list) = &kept {
        check(list)?;
    }
    if of_file {
        let before = attr.mode() & 0o7777;
        let mut new = match kept {
            Some(list) => made(list, before),
            None => New {
                list: None,
                mode: before,
            },
        };
        if !cred.in_group(attr.gid()) && !cred.has(Capability::FSETID) {
            new.mode &= !abi::stat::S_ISGID;
        }
        attr.set_permissions(new.mode);
        kept = new.list;
    }
    match kept {
        Some(list) => inode.set_xattr(name, &list, 0)?,
        None => match inode.remove_xattr(name) {
            Err(Errno::ENODATA) => attr.touch_changed(),
            done => done?,
        },
    }
    Ok(())
}
