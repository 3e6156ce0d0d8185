//! A place in the tree of mounts.

use abi::fcntl::PATH_MAX;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::dentry::{AnonName, Dentry};
use crate::inode::Inode;
use crate::mount::Mount;

/// A dentry seen through a mount.
#[derive(Clone)]
pub struct Path {
    mount: Arc<Mount>,
    dentry: Arc<Dentry>,
}

impl Path {
    /// `dentry`, which belongs to the file system of `mount`.
    #[must_use]
    pub fn new(mount: Arc<Mount>, dentry: Arc<Dentry>) -> Self {
        Self { mount, dentry }
    }

    /// The mount.
    #[must_use]
    pub fn mount(&self) -> &Arc<Mount> {
        &self.mount
    }

    /// The dentry.
    #[must_use]
    pub fn dentry(&self) -> &Arc<Dentry> {
        &self.dentry
    }

    /// The inode.
    #[must_use]
    pub fn inode(&self) -> &Arc<dyn Inode> {
        self.dentry.inode()
    }

    /// Goes to another dentry of the same mount.
    #[inline]
    pub(crate) fn set_dentry(&mut self, dentry: Arc<Dentry>) {
        self.dentry = dentry;
    }

    /// Whether both are the same place.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.dentry, &other.dentry) && Arc::ptr_eq(&self.mount, &other.mount)
    }

    /// Whether this is the root of its mount.
    #[must_use]
    pub fn is_mount_root(&self) -> bool {
        Arc::ptr_eq(&self.dentry, self.mount.root())
    }

    /// What is seen here: the root of the last mount on this place, if there is any.
    #[must_use]
    pub fn topmost(mut self) -> Self {
        while self.dentry.is_mountpoint() {
            let Some(mount) = self.mount.mounted_on(&self.dentry) else {
                break;
            };
            let dentry = mount.root().clone();
            self = Self { mount, dentry };
        }
        self
    }

    /// What `..` leads to below `root`.
    #[must_use]
    pub fn parent(&self, root: &Self) -> Self {
        let mut at = self.clone();
        loop {
            if at.same(root) {
                return at;
            }
            if at.is_mount_root() {
                match at.mount.mountpoint() {
                    Some(point) => at = point,
                    None => return at,
                }
                continue;
            }
            return match at.dentry.parent() {
                Some(parent) => Self::new(at.mount, parent).topmost(),
                None => at,
            };
        }
    }

    /// The path as text, seen from `root`, and whether it begins there.
    #[must_use]
    pub fn text(&self, root: &Self) -> PathText {
        if let Some(anon) = self.dentry.anon_name() {
            return PathText {
                bytes: anon_text(&anon, self.inode().attr().ino()),
                reachable: true,
                deleted: false,
                too_long: false,
            };
        }
        let deleted = self.dentry.is_unlinked();
        // From the last name to the first, each backwards, and then all of it turned round.
        let mut bytes = Vec::new();
        let mut too_long = false;
        let mut at = self.clone();
        let reachable = loop {
            if at.same(root) {
                break true;
            }
            if at.is_mount_root() {
                match at.mount.mountpoint() {
                    Some(point) => at = point,
                    // The real root of the tree is a place like any other when it is no process's.
                    None => break false,
                }
                continue;
            }
            match at.dentry.parent_and_name() {
                Some((parent, name)) => {
                    too_long |= bytes.len() + name.len() >= PATH_MAX;
                    if !too_long {
                        bytes.extend(name.iter().rev());
                        bytes.push(b'/');
                    }
                    at = Self::new(at.mount, parent);
                }
                None => break false,
            }
        };
        bytes.reverse();
        if bytes.is_empty() {
            bytes.push(b'/');
        }
        PathText {
            bytes,
            reachable,
            deleted,
            too_long,
        }
    }

    /// The path as `/proc` links show it: with ` (deleted)` when the name is gone.
    #[must_use]
    pub fn display(&self, root: &Self) -> Vec<u8> {
        self.text(root).into_display()
    }
}

/// A path as text.
pub struct PathText {
    /// The text, beginning with a slash where it is in the tree.
    pub bytes: Vec<u8>,
    /// Whether it begins at the root that was asked for.
    pub reachable: bool,
    /// Whether the name has been removed.
    pub deleted: bool,
    /// Whether it is longer than any path may be: the text is what its last names are.
    pub too_long: bool,
}

impl PathText {
    /// As `/proc` links show it.
    #[must_use]
    pub fn into_display(mut self) -> Vec<u8> {
        if self.deleted {
            self.bytes.extend_from_slice(b" (deleted)");
        }
        self.bytes
    }
}

fn anon_text(name: &AnonName, ino: u64) -> Vec<u8> {
    match name {
        AnonName::AnonInode(name) => alloc::format!("anon_inode:{name}").into_bytes(),
        AnonName::Pipe => alloc::format!("pipe:[{ino}]").into_bytes(),
        AnonName::Socket => alloc::format!("socket:[{ino}]").into_bytes(),
        AnonName::Namespace(name) => alloc::format!("{name}:[{ino}]").into_bytes(),
        AnonName::DmaBuf => b"/dmabuf:".to_vec(),
        AnonName::Memfd(name) => {
            let mut text = b"/memfd:".to_vec();
            text.extend_from_slice(name);
            text.extend_from_slice(b" (deleted)");
            text
        }
    }
}
