//! The inodes of sysfs.

use abi::stat::{S_IFDIR, S_IFLNK, S_IFREG};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicU64, Ordering};
use sync::SortedMap;
use sync::{Credentials, SpinLock, rank};
use vfs::{
    Attributes, DirSink, FileOps, FileType, Inode, Metadata, OpenFile, OpenRequest, Whence, seek,
};

use super::Attribute;
use super::file::TextFile;

/// The size `stat` shows of a file, whatever its text.
pub(super) const FILE_SIZE: u64 = 4096;

/// Cookies below this stand for `.` and `..`.
const FIRST_COOKIE: u64 = 2;

/// Permission to write, for anybody.
const WRITABLE: u32 = 0o222;

static NEXT_INO: AtomicU64 = AtomicU64::new(1);

pub(super) struct Child {
    node: Arc<Node>,
    /// Where a listing goes on; later children have greater ones.
    cookie: u64,
}

#[derive(Default)]
pub(super) struct Children {
    by_name: SortedMap<Arc<[u8]>, Child>,
    next: u64,
}

pub(super) enum Body {
    Directory(SpinLock<Children, { rank::DENTRY }>),
    File(Arc<dyn Attribute>),
    Link(Arc<[u8]>),
}

impl Body {
    pub(super) fn directory() -> Self {
        Self::Directory(SpinLock::new(Children {
            by_name: SortedMap::new(),
            next: FIRST_COOKIE,
        }))
    }
}

/// A directory, a file or a link.
pub(super) struct Node {
    attr: Attributes,
    body: Body,
}

/// The node behind an inode of this file system.
pub(super) fn of(inode: &Arc<dyn Inode>) -> Option<&Node> {
    let any: &dyn Any = &**inode;
    any.downcast_ref()
}

impl Node {
    pub(super) fn new(mode: u32, body: Body) -> Arc<Self> {
        let kind = match &body {
            Body::Directory(_) => S_IFDIR,
            Body::File(_) => S_IFREG,
            Body::Link(_) => S_IFLNK,
        };
        let ino = NEXT_INO.fetch_add(1, Ordering::Relaxed);
        let attr = Attributes::new(ino, kind | mode, 0, 0, 0);
        attr.set_nlink(if kind == S_IFDIR { 2 } else { 1 });
        Arc::new(Self { attr, body })
    }

    fn children(&self) -> Result<&SpinLock<Children, { rank::DENTRY }>> {
        match &self.body {
            Body::Directory(children) => Ok(children),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// Enters a child; the one it replaces.
    pub(super) fn attach(&self, name: &[u8], node: Arc<Self>) -> Result<Option<Arc<Self>>> {
        let name: Arc<[u8]> = Arc::from(name);
        let is_dir = node.attr.is_dir();
        let mut children = self.children()?.lock();
        let cookie = children.next;
        children.next += 1;
        let old = children.by_name.insert(name, Child { node, cookie });
        drop(children);
        if is_dir {
            self.attr.add_link();
        }
        Ok(old.map(|old| self.left(old)))
    }

    /// Takes a child out.
    pub(super) fn detach(&self, name: &[u8]) -> Option<Arc<Self>> {
        let old = self.children().ok()?.lock().by_name.remove(name);
        old.map(|old| self.left(old))
    }

    fn left(&self, child: Child) -> Arc<Self> {
        if child.node.attr.is_dir() {
            self.attr.drop_link();
        }
        child.node.attr.set_nlink(0);
        child.node
    }
}

impl Inode for Node {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn metadata(&self) -> Metadata {
        let size = match &self.body {
            Body::Directory(_) | Body::Link(_) => 0,
            Body::File(_) => FILE_SIZE,
        };
        self.attr.metadata(size, 0)
    }

    fn truncate(&self, _size: u64) -> Result<()> {
        match &self.body {
            Body::File(_) => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        let children = self.children()?.lock();
        let found = children.by_name.get(name).map(|child| child.node.clone());
        drop(children);
        Ok(found.ok_or(Errno::ENOENT)?)
    }

    fn readlink(&self, _cred: &Credentials) -> Result<Arc<[u8]>> {
        match &self.body {
            Body::Link(text) => Ok(text.clone()),
            _ => Err(Errno::EINVAL),
        }
    }

    fn open(self: Arc<Self>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        match &self.body {
            Body::Directory(_) => Ok(self),
            Body::Link(_) => Err(Errno::ELOOP),
            Body::File(text) => {
                // Root may not write either what nobody may.
                if request.flags.writes() && self.attr.mode() & WRITABLE == 0 {
                    return Err(Errno::EACCES);
                }
                Ok(Arc::new(TextFile::new(text.clone())))
            }
        }
    }
}

impl FileOps for Node {
    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _file: &OpenFile, _dst: &mut mm::IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EISDIR)
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        seek::within(seek::MAX_SIZE, pos, offset, whence)
    }

    fn readdir(&self, open: &OpenFile, pos: &mut u64, sink: &mut dyn DirSink) -> Result<()> {
        if !vfs::dots(open, self.attr.ino(), pos, sink) {
            return Ok(());
        }
        let from = (*pos).max(FIRST_COOKIE);
        let children = self.children()?.lock();
        let mut rest: Vec<(u64, Arc<[u8]>, Arc<Node>)> = children
            .by_name
            .iter()
            .filter(|(_, child)| child.cookie >= from)
            .map(|(name, child)| (child.cookie, name.clone(), child.node.clone()))
            .collect();
        drop(children);
        sync::order::sort_by_key(&mut rest, |(cookie, ..)| *cookie);
        for (cookie, name, node) in rest {
            let kind = FileType::from_mode(node.attr.mode()).unwrap_or(FileType::Regular);
            if !sink.entry(&name, node.attr.ino(), kind, cookie + 1) {
                return Ok(());
            }
            *pos = cookie + 1;
        }
        Ok(())
    }
}
