//! The inodes of tmpfs.

use abi::stat::{S_IALLUGO, S_IFDIR, S_IFREG};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use mm::MemObject;
use sync::{Credentials, Mutex, SpinLock, rank};
use vfs::ops::xattr::LISTS;
use vfs::{
    Access, Attributes, FileOps, FileType, Inode, Metadata, NewNode, OpenRequest, SetAttr, perm,
    special,
};

use super::acl;
use super::directory::Directory;
use super::xattrs::Xattrs;
use super::{PAGE, Shared};

/// What a name counts for in the size of its directory, as on Linux.
const NAME_SIZE: u64 = 20;

pub(super) enum Body {
    File(File),
    Directory(Mutex<Directory, { rank::INODE + 2 }>),
    Symlink(Arc<[u8]>),
    Special,
}

pub(super) struct File {
    pub(super) object: Arc<MemObject>,
    /// Held by writes at the end, whose place must not move under them.
    pub(super) append: Mutex<(), { rank::INODE + 2 }>,
}

/// A file, directory, link or special file of tmpfs.
pub struct TmpInode {
    attr: Attributes,
    shared: Arc<Shared>,
    pub(super) body: Body,
    xattrs: SpinLock<Xattrs, { rank::DENTRY }>,
    /// Whether an access list is among them, and one for what is made here.
    lists: [AtomicBool; 2],
}

impl TmpInode {
    fn new(shared: &Arc<Shared>, mode: u32, owner: (u32, u32), rdev: u64, body: Body) -> Arc<Self> {
        Arc::new(Self {
            attr: Attributes::new(shared.next_ino(), mode, owner.0, owner.1, rdev),
            shared: shared.clone(),
            body,
            xattrs: SpinLock::new(Xattrs::new()),
            lists: [const { AtomicBool::new(false) }; 2],
        })
    }

    /// An empty directory; the caller has counted it.
    pub(super) fn directory(shared: &Arc<Shared>, mode: u32, owner: (u32, u32)) -> Arc<Self> {
        Self::new(
            shared,
            mode | S_IFDIR,
            owner,
            0,
            Body::Directory(Mutex::new(Directory::new())),
        )
    }

    fn file(shared: &Arc<Shared>, mode: u32, owner: (u32, u32)) -> Arc<Self> {
        let object = MemObject::with_quota(0, shared.clone());
        let body = Body::File(File {
            object,
            append: Mutex::new(()),
        });
        Self::new(shared, mode | S_IFREG, owner, 0, body)
    }

    fn make(&self, node: NewNode<'_>, mode: u32, owner: (u32, u32)) -> Result<Arc<Self>> {
        self.shared.take_inode()?;
        let shared = &self.shared;
        let special = |kind: FileType| {
            Self::new(
                shared,
                mode | kind.mode_bits(),
                owner,
                node.rdev(),
                Body::Special,
            )
        };
        Ok(match node {
            NewNode::Regular => Self::file(shared, mode, owner),
            NewNode::Directory => Self::directory(shared, mode, owner),
            NewNode::Symlink(text) => {
                let body = Body::Symlink(Arc::from(text));
                Self::new(shared, mode | FileType::Symlink.mode_bits(), owner, 0, body)
            }
            NewNode::Fifo | NewNode::Socket | NewNode::Char(_) | NewNode::Block(_) => {
                special(node.file_type())
            }
        })
    }

    pub(super) fn entries(&self) -> Result<&Mutex<Directory, { rank::INODE + 2 }>> {
        match &self.body {
            Body::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// The attribute `name` was set or removed.
    fn note_list(&self, name: &[u8], there: bool) {
        if let Some(list) = acl::which(name).and_then(|which| self.lists.get(which)) {
            list.store(there, Relaxed);
        }
    }

    /// What `new` says of this inode.
    fn apply_list(&self, new: acl::New) -> Result<()> {
        self.attr.set_permissions(new.mode);
        match new.list {
            Some(list) => self.set_xattr(acl::ACCESS, &list, 0),
            None => match self.remove_xattr(acl::ACCESS) {
                Err(Errno::ENODATA) => Ok(()),
                done => done,
            },
        }
    }

    /// What is made here gets the access lists that are meant for it.
    fn pass_list_on(&self, made: &Self) -> Result<()> {
        if !self.passes_list_on() || made.attr.is_symlink() {
            return Ok(());
        }
        let Ok(list) = self.xattr(acl::DEFAULT) else {
            return Ok(());
        };
        let new = acl::inherited(&list, made.attr.mode() & S_IALLUGO);
        made.apply_list(new)?;
        if made.attr.is_dir() {
            made.set_xattr(acl::DEFAULT, &list, 0)?;
        }
        Ok(())
    }

    fn of(inode: &Arc<dyn Inode>) -> Result<Arc<Self>> {
        let any: Arc<dyn Any + Send + Sync> = inode.clone();
        any.downcast().map_err(|_| Errno::EXDEV)
    }

    /// A name of `self` is gone.
    fn unnamed(&self) {
        if self.attr.nlink() > 1 {
            // Another name stays; each counts.
            self.shared.give_inode();
        }
        self.attr.drop_link();
        self.attr.touch_changed();
    }

    fn ensure_empty(&self) -> Result<()> {
        if self.entries()?.lock_nested().len() == 0 {
            Ok(())
        } else {
            Err(Errno::ENOTEMPTY)
        }
    }

    /// The last name of a directory is gone: its `.` counts no more either.
    fn removed(&self) {
        self.attr.set_nlink(0);
        self.attr.touch_changed();
    }
}

impl Drop for TmpInode {
    /// A tree goes inode by inode, not by recursion.
    fn drop(&mut self) {
        self.shared.give_inode();
        let mut left = match &mut self.body {
            Body::Directory(directory) => directory.get_mut().take(),
            _ => return,
        };
        while let Some(inode) = left.pop() {
            if let Some(mut inode) = Arc::into_inner(inode)
                && let Body::Directory(directory) = &mut inode.body
            {
                left.extend(directory.get_mut().take());
            }
        }
    }
}

impl Inode for TmpInode {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn metadata(&self) -> Metadata {
        let (size, blocks) = match &self.body {
            Body::File(file) => (
                file.object.size(),
                file.object.resident_pages() as u64 * (PAGE / 512),
            ),
            Body::Directory(directory) => ((directory.lock().len() as u64 + 2) * NAME_SIZE, 0),
            Body::Symlink(text) => (text.len() as u64, 0),
            Body::Special => (0, 0),
        };
        self.attr.metadata(size, blocks)
    }

    fn permission(&self, cred: &Credentials, access: Access) -> Result<()> {
        let [has_list, _] = &self.lists;
        if has_list.load(Relaxed)
            && let Some(list) = self.xattrs.lock().look(acl::ACCESS)
        {
            return acl::permission(list, &self.attr, cred, access);
        }
        perm::check(&self.attr, cred, access)
    }

    fn set_list(&self, name: &[u8], value: &[u8], cred: &Credentials) -> Result<()> {
        acl::which(name).ok_or(Errno::EOPNOTSUPP)?;
        acl::set(self, name, value, cred)
    }

    fn passes_list_on(&self) -> bool {
        let [_, default] = &self.lists;
        default.load(Relaxed)
    }

    fn set_attr(&self, change: &SetAttr) -> Result<()> {
        if let (Some(mode), Body::File(file)) = (change.mode, &self.body)
            && (mode ^ self.attr.mode()) & 0o111 != 0
            && file.object.seals().contains(abi::mman::Seals::EXEC)
        {
            return Err(Errno::EPERM);
        }
        vfs::apply_attr(&self.attr, change);
        let has_list = self.lists.first().is_some_and(|has| has.load(Relaxed));
        if let (Some(mode), true) = (change.mode, has_list)
            && let Ok(list) = self.xattr(acl::ACCESS)
        {
            self.apply_list(acl::chmod(&list, mode & S_IALLUGO))?;
        }
        Ok(())
    }

    fn truncate(&self, size: u64) -> Result<()> {
        let Body::File(file) = &self.body else {
            return Err(Errno::EINVAL);
        };
        file.object.truncate(size)?;
        self.attr.touch_modified();
        Ok(())
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        let found = self.entries()?.lock().get(name).cloned();
        Ok(found.ok_or(Errno::ENOENT)?)
    }

    fn create(
        &self,
        name: &Arc<[u8]>,
        node: NewNode<'_>,
        mode: u32,
        owner: (u32, u32),
    ) -> Result<Arc<dyn Inode>> {
        let entries = self.entries()?;
        let inode = self.make(node, mode, owner)?;
        self.pass_list_on(&inode)?;
        entries.lock().insert(name.clone(), inode.clone());
        if node == NewNode::Directory {
            self.attr.add_link();
        }
        self.attr.touch_modified();
        Ok(inode)
    }

    fn create_unnamed(&self, mode: u32, owner: (u32, u32)) -> Result<Arc<dyn Inode>> {
        self.shared.take_inode()?;
        let inode = Self::file(&self.shared, mode, owner);
        self.pass_list_on(&inode)?;
        Ok(inode)
    }

    fn link(&self, name: &Arc<[u8]>, target: &Arc<dyn Inode>) -> Result<()> {
        let target = Self::of(target)?;
        // The first name of an unnamed file is counted with the file.
        if target.attr.nlink() > 0 {
            self.shared.take_inode()?;
        }
        target.attr.add_link();
        target.attr.touch_changed();
        self.entries()?.lock().insert(name.clone(), target);
        self.attr.touch_modified();
        Ok(())
    }

    fn unlink(&self, name: &[u8], _child: &Arc<dyn Inode>) -> Result<()> {
        let removed = self.entries()?.lock().remove(name).ok_or(Errno::ENOENT)?;
        removed.unnamed();
        self.attr.touch_modified();
        Ok(())
    }

    fn rmdir(&self, name: &[u8], child: &Arc<dyn Inode>) -> Result<()> {
        Self::of(child)?.ensure_empty()?;
        let removed = self.entries()?.lock().remove(name).ok_or(Errno::ENOENT)?;
        removed.removed();
        self.attr.drop_link();
        self.attr.touch_modified();
        Ok(())
    }

    fn rename(&self, name: &[u8], new_dir: &Arc<dyn Inode>, new_name: &Arc<[u8]>) -> Result<()> {
        let new_dir = Self::of(new_dir)?;
        let replaced = new_dir.entries()?.lock().get(new_name).cloned();
        if let Some(replaced) = &replaced
            && replaced.attr.is_dir()
        {
            replaced.ensure_empty()?;
        }
        let moved = self.entries()?.lock().remove(name).ok_or(Errno::ENOENT)?;
        let moves_dir = moved.attr.is_dir();
        moved.attr.touch_changed();
        {
            let mut entries = new_dir.entries()?.lock();
            if replaced.is_some() {
                entries.replace(new_name, moved);
            } else {
                entries.insert(new_name.clone(), moved);
            }
        }
        if moves_dir {
            self.attr.drop_link();
            if replaced.is_none() {
                new_dir.attr.add_link();
            }
        }
        match replaced {
            Some(replaced) if moves_dir => replaced.removed(),
            Some(replaced) => replaced.unnamed(),
            None => {}
        }
        self.attr.touch_modified();
        new_dir.attr.touch_modified();
        Ok(())
    }

    fn exchange(&self, name: &[u8], new_dir: &Arc<dyn Inode>, new_name: &[u8]) -> Result<()> {
        let new_dir = Self::of(new_dir)?;
        let first = self
            .entries()?
            .lock()
            .get(name)
            .cloned()
            .ok_or(Errno::ENOENT)?;
        let second = new_dir
            .entries()?
            .lock()
            .get(new_name)
            .cloned()
            .ok_or(Errno::ENOENT)?;
        let (first_is_dir, second_is_dir) = (first.attr.is_dir(), second.attr.is_dir());
        first.attr.touch_changed();
        second.attr.touch_changed();
        self.entries()?.lock().replace(name, second);
        new_dir.entries()?.lock().replace(new_name, first);
        if first_is_dir && !second_is_dir {
            self.attr.drop_link();
            new_dir.attr.add_link();
        } else if second_is_dir && !first_is_dir {
            new_dir.attr.drop_link();
            self.attr.add_link();
        }
        self.attr.touch_modified();
        new_dir.attr.touch_modified();
        Ok(())
    }

    fn readlink(&self, _cred: &Credentials) -> Result<Arc<[u8]>> {
        match &self.body {
            Body::Symlink(text) => Ok(text.clone()),
            _ => Err(Errno::EINVAL),
        }
    }

    fn open(self: Arc<Self>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        match &self.body {
            Body::File(_) | Body::Directory(_) => Ok(self),
            Body::Symlink(_) => Err(Errno::ELOOP),
            Body::Special => special::open(&self.attr, request),
        }
    }

    fn keeps_flags(&self) -> bool {
        matches!(self.body, Body::File(_) | Body::Directory(_))
    }

    fn object(&self) -> Option<&Arc<MemObject>> {
        match &self.body {
            Body::File(file) => Some(&file.object),
            _ => None,
        }
    }

    fn xattr(&self, name: &[u8]) -> Result<Vec<u8>> {
        let is_list = name.starts_with(LISTS);
        if is_list && (self.attr.is_symlink() || acl::which(name).is_none()) {
            return Err(Errno::EOPNOTSUPP);
        }
        self.xattrs.lock().get(name)
    }

    fn set_xattr(&self, name: &[u8], value: &[u8], flags: u32) -> Result<()> {
        let mut xattrs = self.xattrs.lock();
        xattrs.set(name, value, flags)?;
        self.note_list(name, true);
        drop(xattrs);
        self.attr.touch_changed();
        Ok(())
    }

    fn remove_xattr(&self, name: &[u8]) -> Result<()> {
        let mut xattrs = self.xattrs.lock();
        xattrs.remove(name)?;
        self.note_list(name, false);
        drop(xattrs);
        self.attr.touch_changed();
        Ok(())
    }

    fn list_xattrs(&self) -> Result<Vec<u8>> {
        Ok(self.xattrs.lock().names())
    }
}
