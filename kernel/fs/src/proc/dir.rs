//! Directories whose names come and go by themselves.

use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use mm::{IoDst, IoSrc};
use sync::Credentials;
use vfs::{
    Access, Attributes, DirSink, FileOps, FileType, Inode, Metadata, NewNode, OpenFile,
    OpenRequest, SetAttr, Whence, perm, seek,
};

use super::file::{self, Owner};

/// A name that is listed.
pub struct Entry<'a> {
    /// The name.
    pub name: &'a [u8],
    /// Its inode's number.
    pub ino: u64,
    /// Its type.
    pub kind: FileType,
    /// Where listing goes on after it.
    pub next: u64,
}

/// What a directory holds.
pub trait Names: Any + Send + Sync {
    /// The child called `name`.
    ///
    /// # Errors
    /// `ENOENT`.
    fn find(&self, name: &[u8]) -> Result<Arc<dyn Inode>>;

    /// Gives the entries from position `from` on (0: the first) to `take`, until it says no.
    ///
    /// # Errors
    /// `ENOENT` when what the directory shows is gone.
    fn list(&self, from: u64, take: &mut dyn FnMut(&Entry<'_>) -> bool) -> Result<()>;

    /// Who may do what here.
    ///
    /// # Errors
    /// `EACCES`, or what hides the directory.
    fn permission(&self, attr: &Attributes, cred: &Credentials, access: Access) -> Result<()> {
        perm::check(attr, cred, access)
    }

    /// How many directories are here.
    fn directories(&self) -> u32 {
        0
    }

    /// The size `stat` shows.
    fn size(&self) -> u64 {
        0
    }
}

/// A directory.
pub struct Dir {
    attr: Attributes,
    owner: Owner,
    names: Arc<dyn Names>,
}

impl Dir {
    /// A directory of `names`, with mode `permissions`.
    pub fn new(ino: u64, permissions: u32, owner: Owner, names: impl Names) -> Arc<Self> {
        Self::shared(ino, permissions, owner, Arc::new(names))
    }

    /// As [`Dir::new`], of names that are shared.
    pub fn shared(ino: u64, permissions: u32, owner: Owner, names: Arc<dyn Names>) -> Arc<Self> {
        let mode = FileType::Directory.mode_bits() | permissions;
        Arc::new(Self {
            attr: owner.attributes(ino, mode),
            owner,
            names,
        })
    }
}

/// The names of kind `T` that an inode is a directory of.
#[must_use]
pub fn names_of<T: Names>(inode: &dyn Inode) -> Option<&T> {
    let dir = (inode as &dyn Any).downcast_ref::<Dir>()?;
    (&*dir.names as &dyn Any).downcast_ref()
}

impl Inode for Dir {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            nlink: 2 + self.names.directories(),
            size: self.names.size(),
            ..file::metadata(&self.attr)
        }
    }

    fn permission(&self, cred: &Credentials, access: Access) -> Result<()> {
        if self.owner == Owner::Setting {
            return file::setting_permission(&self.attr, cred, access);
        }
        self.names.permission(&self.attr, cred, access)
    }

    fn set_attr(&self, change: &SetAttr) -> Result<()> {
        self.owner.change(&self.attr, change)
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        self.names.find(name)
    }

    fn cacheable(&self) -> bool {
        false
    }

    fn lasting(&self) -> bool {
        self.owner.is_lasting()
    }

    fn create(
        &self,
        _name: &Arc<[u8]>,
        _node: NewNode<'_>,
        _mode: u32,
        _owner: (u32, u32),
    ) -> Result<Arc<dyn Inode>> {
        // Linux: the lookup of a name that is not there fails here, before anybody asks who may make it.
        Err(Errno::ENOENT)
    }

    fn open(self: Arc<Self>, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Ok(self)
    }
}

impl FileOps for Dir {
    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _open: &OpenFile, _dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EISDIR)
    }

    fn write(&self, _open: &OpenFile, _src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EISDIR)
    }

    fn seek(&self, _open: &OpenFile, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        seek::within(0, pos, offset, whence)
    }

    fn readdir(&self, open: &OpenFile, pos: &mut u64, sink: &mut dyn DirSink) -> Result<()> {
        /// Positions of `.` and `..`.
        const DOTS: u64 = 2;
        if !vfs::dots(open, self.attr.ino(), pos, sink) {
            return Ok(());
        }
        self.names.list(*pos - DOTS, &mut |entry| {
            let next = entry.next + DOTS;
            let taken = sink.entry(entry.name, entry.ino, entry.kind, next);
            if taken {
                *pos = next;
            }
            taken
        })
    }
}
