//! Names, cached: a [`Dentry`] is a place in the tree that has an inode; a directory's dentry also
//! knows which names are not there (negative entries).
//!
//! # Locks
//! [`Dentry::lock_dir`] (sleeping, rank `INODE`) is held over every change of a directory and over
//! asking the file system for a name that is not cached; a cached name is found under the short spin
//! lock of its directory's table alone. Two directories are locked by [`crate::ops::rename`] only,
//! ancestor first, under the file system's rename lock. A dentry's parent and name change under both
//! directories' locks and the spin lock of its place.

use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use sync::{Mutex, SpinLock, rank};

use crate::attr::FileType;
use crate::inode::Inode;
use crate::name_hash::hash;
use crate::name_table::NameTable;
use crate::notify;

mod guard;

pub use guard::{DirGuard, DirState};

/// Longest name of a directory entry, bytes.
const NAME_MAX: usize = abi::fcntl::NAME_MAX;

/// Negative entries a directory keeps beside as many as it has positive ones.
const NEGATIVE_FLOOR: usize = 128;

/// How a dentry without a place in a tree is called in `/proc/<pid>/fd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnonName {
    /// `anon_inode:[name]`.
    AnonInode(&'static str),
    /// `pipe:[ino]`.
    Pipe,
    /// `socket:[ino]`.
    Socket,
    /// `/dmabuf:`.
    DmaBuf,
    /// `name:[ino]`.
    Namespace(&'static str),
    /// `/memfd:name (deleted)`.
    Memfd(Arc<[u8]>),
}

enum Place {
    /// The root of a file system.
    Root,
    /// A child.
    Child {
        parent: Arc<Dentry>,
        name: Arc<[u8]>,
        unlinked: bool,
    },
    /// In no tree.
    Anon(AnonName),
}

#[derive(Default)]
struct Children {
    /// `None`: known not to be there.
    table: NameTable<Option<Arc<Dentry>>>,
    negative: usize,
}

struct Directory {
    lock: Mutex<DirState, { rank::INODE }>,
    children: SpinLock<Children, { rank::DENTRY }>,
}

/// What the cache says of a name.
pub enum Cached {
    /// It is there.
    Hit(Arc<Dentry>),
    /// It is not there.
    Negative,
    /// Not known.
    Miss,
}

/// A place in the tree.
pub struct Dentry {
    inode: Arc<dyn Inode>,
    directory: Option<Box<Directory>>,
    symlink: bool,
    place: SpinLock<Place, { rank::LEAF }>,
    /// Mounts that stand on this dentry.
    mounts: AtomicU32,
}

impl Dentry {
    fn new(inode: Arc<dyn Inode>, place: Place) -> Arc<Self> {
        let directory = inode.attr().is_dir().then(|| {
            Box::new(Directory {
                lock: Mutex::new(DirState::default()),
                children: SpinLock::new(Children::default()),
            })
        });
        let symlink = inode.attr().is_symlink();
        Arc::new(Self {
            inode,
            directory,
            symlink,
            place: SpinLock::new(place),
            mounts: AtomicU32::new(0),
        })
    }

    /// The root of a file system.
    #[must_use]
    pub fn root(inode: Arc<dyn Inode>) -> Arc<Self> {
        Self::new(inode, Place::Root)
    }

    /// A dentry in no tree.
    #[must_use]
    pub fn anon(inode: Arc<dyn Inode>, name: AnonName) -> Arc<Self> {
        Self::new(inode, Place::Anon(name))
    }

    /// A dentry below `parent` that never was in its table: an unnamed file.
    #[must_use]
    pub fn unlinked(parent: &Arc<Self>, name: Arc<[u8]>, inode: Arc<dyn Inode>) -> Arc<Self> {
        Self::new(
            inode,
            Place::Child {
                parent: parent.clone(),
                name,
                unlinked: true,
            },
        )
    }

    fn child(parent: &Arc<Self>, name: Arc<[u8]>, inode: Arc<dyn Inode>) -> Arc<Self> {
        Self::new(
            inode,
            Place::Child {
                parent: parent.clone(),
                name,
                unlinked: false,
            },
        )
    }

    /// The inode.
    #[must_use]
    pub fn inode(&self) -> &Arc<dyn Inode> {
        &self.inode
    }

    /// Whether this is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.directory.is_some()
    }

    /// Whether this is a symbolic link.
    #[must_use]
    #[inline]
    pub fn is_symlink(&self) -> bool {
        self.symlink
    }

    /// The type of the file.
    #[must_use]
    pub fn file_type(&self) -> FileType {
        self.inode.attr().file_type()
    }

    /// The directory this is in; `None` for a root and for what is in no tree.
    #[must_use]
    pub fn parent(&self) -> Option<Arc<Self>> {
        match &*self.place.lock() {
            Place::Child { parent, .. } => Some(parent.clone()),
            Place::Root | Place::Anon(_) => None,
        }
    }

    /// Parent and name together; `None` for a root and for what is in no tree.
    #[must_use]
    pub fn parent_and_name(&self) -> Option<(Arc<Self>, Arc<[u8]>)> {
        match &*self.place.lock() {
            Place::Child { parent, name, .. } => Some((parent.clone(), name.clone())),
            Place::Root | Place::Anon(_) => None,
        }
    }

    /// How this dentry in no tree is called.
    #[must_use]
    pub fn anon_name(&self) -> Option<AnonName> {
        match &*self.place.lock() {
            Place::Anon(name) => Some(name.clone()),
            Place::Root | Place::Child { .. } => None,
        }
    }

    /// Whether the name has been removed (or never was in a tree).
    #[must_use]
    pub fn is_unlinked(&self) -> bool {
        match &*self.place.lock() {
            Place::Child { unlinked, .. } => *unlinked,
            Place::Anon(_) => true,
            Place::Root => false,
        }
    }

    /// Whether a mount stands here.
    #[must_use]
    pub fn is_mountpoint(&self) -> bool {
        self.mounts.load(Ordering::Acquire) != 0
    }

    pub(crate) fn add_mount(&self) {
        self.mounts.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn drop_mount(&self) {
        self.mounts.fetch_sub(1, Ordering::AcqRel);
    }

    fn dir(&self) -> Result<&Directory> {
        self.directory.as_deref().ok_or(Errno::ENOTDIR)
    }

    /// Locks the directory against changes.
    ///
    /// # Errors
    /// `ENOTDIR`.
    pub fn lock_dir(&self) -> Result<DirGuard<'_>> {
        let directory = self.dir()?;
        if !self.inode.cacheable() {
            return Ok(DirGuard::Free(DirState { dead: true }));
        }
        Ok(DirGuard::Held(directory.lock.lock()))
    }

    /// Locks a second directory; the caller keeps the order.
    ///
    /// # Errors
    /// `ENOTDIR`.
    pub(crate) fn lock_dir_nested(&self) -> Result<DirGuard<'_>> {
        let directory = self.dir()?;
        if !self.inode.cacheable() {
            return Ok(DirGuard::Free(DirState { dead: true }));
        }
        Ok(DirGuard::Held(directory.lock.lock_nested()))
    }

    /// What the cache says of `name`.
    #[must_use]
    pub fn cached(&self, name: &[u8]) -> Cached {
        let Some(directory) = &self.directory else {
            return Cached::Miss;
        };
        let hash = hash(name);
        let children = directory.children.lock();
        match children.table.get(hash, name) {
            Some(Some(dentry)) => Cached::Hit(dentry.clone()),
            Some(None) => Cached::Negative,
            None => Cached::Miss,
        }
    }

    /// The child called `name`, by the cache or by asking the file system. Permission to search is the
    /// caller's to check.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG`, and what the file system says.
    pub fn lookup(self: &Arc<Self>, name: &[u8]) -> Result<Arc<Self>> {
        match self.cached(name) {
            Cached::Hit(dentry) => return Ok(dentry),
            Cached::Negative => return Err(Errno::ENOENT),
            Cached::Miss => {}
        }
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let state = self.lock_dir()?;
        self.lookup_locked(&state, name)
    }

    /// Keeps the dentry of a lasting child, or finds the one another lookup has kept meanwhile.
    fn keep(&self, name: Arc<[u8]>, dentry: Arc<Self>) -> Arc<Self> {
        match self.cached(&name) {
            Cached::Hit(kept) => kept,
            _ => {
                self.remember(name, Some(dentry.clone()));
                dentry
            }
        }
    }

    /// As [`Self::lookup`], with the directory's lock held.
    ///
    /// # Errors
    /// As there.
    pub fn lookup_locked(self: &Arc<Self>, state: &DirState, name: &[u8]) -> Result<Arc<Self>> {
        match self.cached(name) {
            Cached::Hit(dentry) => return Ok(dentry),
            Cached::Negative => return Err(Errno::ENOENT),
            Cached::Miss => {}
        }
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let cacheable = self.inode.cacheable() && !state.dead;
        match self.inode.lookup(name) {
            Ok(inode) => {
                let name: Arc<[u8]> = Arc::from(name);
                let dentry = Self::child(self, name.clone(), inode);
                if cacheable {
                    self.remember(name, Some(dentry.clone()));
                } else if dentry.inode.lasting() {
                    return Ok(self.keep(name, dentry));
                }
                Ok(dentry)
            }
            Err(Errno::ENOENT) => {
                if cacheable {
                    self.remember(Arc::from(name), None);
                }
                Err(Errno::ENOENT)
            }
            Err(other) => Err(other),
        }
    }

    /// A child was made; the directory's lock is held.
    pub(crate) fn instantiate(
        self: &Arc<Self>,
        name: Arc<[u8]>,
        inode: Arc<dyn Inode>,
    ) -> Arc<Self> {
        let dentry = Self::child(self, name.clone(), inode);
        if self.inode.cacheable() {
            self.remember(name, Some(dentry.clone()));
        }
        dentry
    }

    /// Enters a name into the table, in place of what it held.
    fn remember(&self, name: Arc<[u8]>, dentry: Option<Arc<Self>>) {
        let Some(directory) = &self.directory else {
            return;
        };
        let negative = dentry.is_none();
        let mut swept = Vec::new();
        let mut guard = directory.children.lock();
        let children = &mut *guard;
        let replaced = children.table.insert(name, dentry);
        children.negative += usize::from(negative);
        children.negative -= usize::from(matches!(replaced, Some(None)));
        let positive = children.table.len() - children.negative;
        if children.negative > NEGATIVE_FLOOR.max(positive) {
            swept = children.table.extract(Option::is_none);
            children.negative = 0;
        }
        drop(guard);
        drop((replaced, swept));
    }

    /// A name was removed: its dentry leaves the tree and the name is known not to be there. The
    /// directory's lock is held.
    pub(crate) fn forget(&self, name: &[u8], dentry: &Self) {
        self.remember(Arc::from(name), None);
        dentry.mark_unlinked();
    }

    pub(crate) fn mark_unlinked(&self) {
        if let Place::Child { unlinked, .. } = &mut *self.place.lock() {
            *unlinked = true;
        }
    }

    /// The dentry moves to `name` below `parent`; the caller holds both directories' locks and has
    /// forgotten the old name.
    pub(crate) fn relocate(self: &Arc<Self>, parent: &Arc<Self>, name: Arc<[u8]>) {
        let new = Place::Child {
            parent: parent.clone(),
            name: name.clone(),
            unlinked: false,
        };
        let old = core::mem::replace(&mut *self.place.lock(), new);
        drop(old);
        if parent.inode.cacheable() {
            parent.remember(name, Some(self.clone()));
        }
    }

    /// The name is no longer known either way. The directory's lock is held.
    pub(crate) fn uncache(&self, name: &[u8]) {
        let Some(directory) = &self.directory else {
            return;
        };
        let mut guard = directory.children.lock();
        let children = &mut *guard;
        let removed = children.table.remove(name);
        if matches!(removed, Some((_, None))) {
            children.negative -= 1;
        }
        drop(guard);
        drop(removed);
    }

    /// Whether `self` is `other` or above it.
    #[must_use]
    pub fn is_ancestor_of(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let mut at = other.clone();
        loop {
            if Arc::ptr_eq(self, &at) {
                return true;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => return false,
            }
        }
    }

    fn take_children(&self) -> Vec<Arc<Self>> {
        let Some(directory) = &self.directory else {
            return Vec::new();
        };
        let mut children = directory.children.lock();
        let table = core::mem::take(&mut *children);
        drop(children);
        table.table.into_values().flatten().collect()
    }

    /// Empties the cache below this dentry, which is being unmounted. Leaves first, so that no chain
    /// of drops runs deep.
    pub(crate) fn prune(self: &Arc<Self>) {
        let mut all = self.take_children();
        let mut next = 0;
        while let Some(dentry) = all.get(next) {
            let below = dentry.take_children();
            all.extend(below);
            next += 1;
        }
        while all.pop().is_some() {}
    }
}

impl Drop for Dentry {
    /// A removed directory is held by the removed directories below it: let such a chain go link by
    /// link, not by recursion.
    fn drop(&mut self) {
        let mut place = self.leave_place();
        while let Place::Child { parent, .. } = place {
            let Some(mut parent) = Arc::into_inner(parent) else {
                return;
            };
            place = parent.leave_place();
        }
    }
}

impl Dentry {
    /// The place of one that goes. Who watches the inode hears of the end of a removed name here, when nobody has it
    /// open any more.
    fn leave_place(&mut self) -> Place {
        let place = core::mem::replace(self.place.get_mut(), Place::Root);
        if let Place::Child { unlinked: true, .. } = place {
            notify::gone(&*self.inode);
        }
        place
    }
}
