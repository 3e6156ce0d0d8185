//! The extended attributes of one inode.

use abi::stat::{XATTR_CREATE, XATTR_REPLACE};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use vfs::ops::xattr::LISTS;

/// Most bytes of names and values an inode keeps.
const MAX_BYTES: usize = 128 * 1024;

struct Xattr {
    name: Box<[u8]>,
    value: Box<[u8]>,
}

/// Names and values, the newest last.
pub(super) struct Xattrs(Vec<Xattr>);

impl Xattrs {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn get(&self, name: &[u8]) -> Result<Vec<u8>> {
        self.look(name).map(<[u8]>::to_vec).ok_or(Errno::ENODATA)
    }

    pub(super) fn look(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.0.iter().find(|xattr| *xattr.name == *name);
        found.map(|xattr| &*xattr.value)
    }

    pub(super) fn set(&mut self, name: &[u8], value: &[u8], flags: u32) -> Result<()> {
        let at = self.0.iter().position(|xattr| *xattr.name == *name);
        match at {
            Some(_) if flags & XATTR_CREATE != 0 => return Err(Errno::EEXIST),
            None if flags & XATTR_REPLACE != 0 => return Err(Errno::ENODATA),
            _ => {}
        }
        let others: usize = self
            .0
            .iter()
            .filter(|xattr| *xattr.name != *name)
            .map(|xattr| xattr.name.len() + xattr.value.len())
            .sum();
        if others + name.len() + value.len() > MAX_BYTES {
            return Err(Errno::ENOSPC);
        }
        let value = value.into();
        match at.and_then(|at| self.0.get_mut(at)) {
            Some(xattr) => xattr.value = value,
            None => self.0.push(Xattr {
                name: name.into(),
                value,
            }),
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Result<()> {
        let at = self
            .0
            .iter()
            .position(|xattr| *xattr.name == *name)
            .ok_or(Errno::ENODATA)?;
        self.0.remove(at);
        Ok(())
    }

    pub(super) fn names(&self) -> Vec<u8> {
        let mut names = Vec::new();
        // Access lists come first.
        for lists in [true, false] {
            for xattr in &self.0 {
                if xattr.name.starts_with(LISTS) == lists {
                    names.extend_from_slice(&xattr.name);
                    names.push(0);
                }
            }
        }
        names
    }
}
