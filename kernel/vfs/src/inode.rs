//! The object behind a name: what a file system offers for each file.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use mm::MemObject;
use sync::Credentials;

use crate::attr::{Attributes, FileType, Metadata, Timestamp};
use crate::file_ops::FileOps;
use crate::path::Path;
use crate::perm::{self, Access};
use abi::fcntl::OFlags;

/// What is to be made by [`Inode::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewNode<'a> {
    /// An empty regular file.
    Regular,
    /// An empty directory.
    Directory,
    /// A symbolic link with this text.
    Symlink(&'a [u8]),
    /// A FIFO.
    Fifo,
    /// The file of a bound socket.
    Socket,
    /// A character device.
    Char(u64),
    /// A block device.
    Block(u64),
}

impl NewNode<'_> {
    /// The type of the new file.
    #[must_use]
    pub const fn file_type(&self) -> FileType {
        match self {
            Self::Regular => FileType::Regular,
            Self::Directory => FileType::Directory,
            Self::Symlink(_) => FileType::Symlink,
            Self::Fifo => FileType::Fifo,
            Self::Socket => FileType::Socket,
            Self::Char(_) => FileType::Char,
            Self::Block(_) => FileType::Block,
        }
    }

    /// The device number, 0 for what is no device.
    #[must_use]
    pub const fn rdev(&self) -> u64 {
        match self {
            Self::Char(dev) | Self::Block(dev) => *dev,
            _ => 0,
        }
    }
}

/// Changes of attributes; permission has been checked by the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetAttr {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Last access.
    pub accessed: Option<Timestamp>,
    /// Last change of the data.
    pub modified: Option<Timestamp>,
}

/// How a file is opened.
pub struct OpenRequest<'a> {
    /// Flags of `open`.
    pub flags: OFlags,
    /// Who opens.
    pub cred: &'a Arc<Credentials>,
    /// The calling thread, where there is one.
    pub caller: Option<&'a dyn crate::Caller>,
    /// Where the file was found.
    pub path: &'a Path,
}

/// What a symbolic link leads to.
pub enum LinkTarget {
    /// A path, to be walked.
    Text(Arc<[u8]>),
    /// A place (`/proc/<pid>/fd/<n>` and its kin).
    Jump(Path),
}

/// An object of a file system. Directory operations run under the directory's lock (see
/// [`crate::Dentry`]), the removed or replaced child's included, so that an implementation needs
/// locks for its own structures only.
pub trait Inode: Any + Send + Sync {
    /// Type, permissions, owners and times.
    fn attr(&self) -> &Attributes;

    /// What `stat` shows.
    fn metadata(&self) -> Metadata {
        self.attr().metadata(0, 0)
    }

    /// Checks permission. The default is Linux's rule of owner, group and others.
    ///
    /// # Errors
    /// `EACCES`.
    fn permission(&self, cred: &Credentials, access: Access) -> Result<()> {
        perm::check(self.attr(), cred, access)
    }

    /// Changes attributes.
    ///
    /// # Errors
    /// `EPERM` where the file system does not allow it.
    fn set_attr(&self, change: &SetAttr) -> Result<()> {
        crate::attr_change::apply(self.attr(), change);
        Ok(())
    }

    /// Sets the size of a regular file.
    ///
    /// # Errors
    /// `EINVAL` for what has none, `EPERM` by a seal, `EFBIG`.
    fn truncate(&self, _size: u64) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// The child called `name`.
    ///
    /// # Errors
    /// `ENOENT`.
    fn lookup(&self, _name: &[u8]) -> Result<Arc<dyn Inode>> {
        Err(Errno::ENOTDIR)
    }

    /// Whether the answers of `lookup` may be kept. False for directories whose children come and go
    /// by themselves (`/proc/<pid>`): nobody else makes or removes names there, and no lock is held
    /// over their `lookup`.
    fn cacheable(&self) -> bool {
        true
    }

    /// Whether the name of this inode may be kept although its directory is not `cacheable`: it stays
    /// as long as the file system (`/proc/sys`).
    fn lasting(&self) -> bool {
        false
    }

    /// Makes a child. `mode` is final: the umask and set-group-ID inheritance are the caller's.
    ///
    /// # Errors
    /// `EEXIST`, `ENOSPC`; `EPERM` where the file system cannot.
    fn create(
        &self,
        _name: &Arc<[u8]>,
        _node: NewNode<'_>,
        _mode: u32,
        _owner: (u32, u32),
    ) -> Result<Arc<dyn Inode>> {
        Err(Errno::EPERM)
    }

    /// Makes a regular file without a name (`O_TMPFILE`, memfd).
    ///
    /// # Errors
    /// `EOPNOTSUPP` where the file system cannot.
    fn create_unnamed(&self, _mode: u32, _owner: (u32, u32)) -> Result<Arc<dyn Inode>> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Gives `target`, of the same file system, one more name.
    ///
    /// # Errors
    /// `EPERM` where the file system cannot, `EMLINK`.
    fn link(&self, _name: &Arc<[u8]>, _target: &Arc<dyn Inode>) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Removes a name of something that is not a directory.
    ///
    /// # Errors
    /// `EPERM` where the file system cannot.
    fn unlink(&self, _name: &[u8], _child: &Arc<dyn Inode>) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`; `EPERM` where the file system cannot.
    fn rmdir(&self, _name: &[u8], _child: &Arc<dyn Inode>) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Moves `name` to `new_name` in `new_dir` of the same file system, replacing what stands there.
    ///
    /// # Errors
    /// `ENOTEMPTY` when a directory that is not empty would be replaced.
    fn rename(&self, _name: &[u8], _new_dir: &Arc<dyn Inode>, _new_name: &Arc<[u8]>) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Exchanges two names.
    ///
    /// # Errors
    /// `EINVAL` where the file system cannot.
    fn exchange(&self, _name: &[u8], _new_dir: &Arc<dyn Inode>, _new_name: &[u8]) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// The text of a symbolic link.
    ///
    /// # Errors
    /// `EINVAL` for what is none.
    fn readlink(&self, _cred: &Credentials) -> Result<Arc<[u8]>> {
        Err(Errno::EINVAL)
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// As `readlink`; `EACCES` for a magic link the caller may not use.
    fn follow(&self, cred: &Credentials) -> Result<LinkTarget> {
        self.readlink(cred).map(LinkTarget::Text)
    }

    /// Whether `follow` jumps (`RESOLVE_NO_MAGICLINKS`).
    fn is_magic(&self) -> bool {
        false
    }

    /// Opens the file. What is no regular file or directory goes to [`crate::special::open`].
    ///
    /// # Errors
    /// `ENXIO` when nobody stands behind a device, or for a socket.
    fn open(self: Arc<Self>, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Err(Errno::ENXIO)
    }

    /// Whether it keeps [`crate::InodeFlags`].
    fn keeps_flags(&self) -> bool {
        false
    }

    /// Sets an access list (`man 5 acl`) by the name of its attribute; nothing removes it.
    ///
    /// # Errors
    /// `EOPNOTSUPP` where there are none; `EPERM` for who does not own the file; `EACCES`, `EINVAL`, `ENOSPC`.
    fn set_list(&self, _name: &[u8], _value: &[u8], _cred: &Credentials) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Whether it has an access list for what is made in it, which stands in for the umask.
    fn passes_list_on(&self) -> bool {
        false
    }

    /// The data, where it is pages.
    fn object(&self) -> Option<&Arc<MemObject>> {
        None
    }

    /// An extended attribute.
    ///
    /// # Errors
    /// `EOPNOTSUPP` where the file system has none, `ENODATA`.
    fn xattr(&self, _name: &[u8]) -> Result<Vec<u8>> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Sets an extended attribute; `flags` are `XATTR_CREATE` and `XATTR_REPLACE`.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `EEXIST`, `ENODATA`, `ENOSPC`.
    fn set_xattr(&self, _name: &[u8], _value: &[u8], _flags: u32) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Removes an extended attribute.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `ENODATA`.
    fn remove_xattr(&self, _name: &[u8]) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// The names of the extended attributes, each ended by a NUL.
    ///
    /// # Errors
    /// `EOPNOTSUPP`.
    fn list_xattrs(&self) -> Result<Vec<u8>> {
        Err(Errno::EOPNOTSUPP)
    }
}

/// Whether two inodes are one.
#[must_use]
pub fn same_inode(a: &Arc<dyn Inode>, b: &Arc<dyn Inode>) -> bool {
    core::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
}
