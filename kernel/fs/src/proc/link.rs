//! Symbolic links: with a text, or magic.

use abi::Result;
use alloc::sync::Arc;
use sync::Credentials;
use vfs::{Attributes, FileType, Inode, LinkTarget, Metadata, SetAttr};

use super::file::{self, Owner};

/// Where a link leads.
pub trait Target: Send + Sync + 'static {
    /// What `readlink` shows.
    ///
    /// # Errors
    /// `ENOENT` when there is nothing, `EACCES` for who may not look.
    fn text(&self) -> Result<Arc<[u8]>>;

    /// Where a walk goes.
    ///
    /// # Errors
    /// As [`Target::text`].
    fn follow(&self) -> Result<LinkTarget> {
        self.text().map(LinkTarget::Text)
    }

    /// The size `stat` shows.
    fn size(&self) -> u64 {
        0
    }

    /// Whether a walk jumps.
    fn is_magic(&self) -> bool {
        false
    }
}

impl Target for &'static str {
    fn text(&self) -> Result<Arc<[u8]>> {
        Ok(Arc::from(self.as_bytes()))
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }
}

/// A symbolic link.
pub struct Link {
    attr: Attributes,
    owner: Owner,
    target: Arc<dyn Target>,
}

impl Link {
    /// A link with mode `permissions` (0777 but for `/proc/<pid>/fd`).
    pub fn new(ino: u64, permissions: u32, owner: Owner, target: impl Target) -> Arc<Self> {
        Self::shared(ino, permissions, owner, Arc::new(target))
    }

    /// As [`Link::new`], of a target that is shared.
    pub fn shared(ino: u64, permissions: u32, owner: Owner, target: Arc<dyn Target>) -> Arc<Self> {
        let mode = FileType::Symlink.mode_bits() | permissions;
        Arc::new(Self {
            attr: owner.attributes(ino, mode),
            owner,
            target,
        })
    }
}

impl Inode for Link {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            size: self.target.size(),
            ..file::metadata(&self.attr)
        }
    }

    fn set_attr(&self, change: &SetAttr) -> Result<()> {
        self.owner.change(&self.attr, change)
    }

    fn lasting(&self) -> bool {
        self.owner.is_lasting()
    }

    fn readlink(&self, _cred: &Credentials) -> Result<Arc<[u8]>> {
        self.target.text()
    }

    fn follow(&self, _cred: &Credentials) -> Result<LinkTarget> {
        self.target.follow()
    }

    fn is_magic(&self) -> bool {
        self.target.is_magic()
    }
}
