//! Namespaces of mounts (`man 7 mount_namespaces`): trees of mounts beside each other, which may share groups.
//!
//! A process is in the namespace its [`FsContext`] names: who shares root and working directory shares the
//! namespace, for `CLONE_NEWNS` refuses `CLONE_FS`, and `setns` refuses whose context is shared.

use abi::mount::MS_PRIVATE;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use sync::{Once, SpinLock, rank};

use crate::dentry::Dentry;
use crate::fs_context::FsContext;
use crate::mount::{Mount, TreeGuard, lock_tree, subtree};
use crate::ops::propagation;
use crate::path::Path;

/// A tree of mounts, there as long as a process is in it or a file stands for it.
pub struct MountNs {
    id: u64,
    root: Arc<Mount>,
}

/// The number below those of inodes that stand for namespaces; the first of mounts has the next.
const FIRST_INO: u64 = 0xf000_0000;

static FIRST: Once<Arc<MountNs>> = Once::new();
static NEXT_ID: AtomicU64 = AtomicU64::new(1);
/// The roots of all there are, changed under the lock of the tree.
static ROOTS: SpinLock<Vec<Arc<Mount>>, { rank::LEAF }> = SpinLock::new(Vec::new());

/// The roots of all namespaces.
pub(crate) fn roots() -> Vec<Arc<Mount>> {
    ROOTS.lock().clone()
}

/// The first namespace, once it has a root.
pub(crate) fn first() -> Option<Arc<MountNs>> {
    FIRST.get().cloned()
}

/// Sets the root of the first namespace, once, at start.
pub(crate) fn begin(root: &Arc<Mount>) {
    FIRST.get_or_init(|| MountNs::new(root.clone()));
}

impl MountNs {
    fn new(root: Arc<Mount>) -> Arc<Self> {
        ROOTS.lock().push(root.clone());
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, root })
    }

    /// The number that is never used again (`listmount`).
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The number of the inode that stands for it.
    #[must_use]
    pub fn ino(&self) -> u64 {
        FIRST_INO + self.id
    }

    pub(crate) fn root(&self) -> &Arc<Mount> {
        &self.root
    }

    /// What is seen at its root: where one who enters stands.
    #[must_use]
    pub fn top(&self) -> Path {
        Path::new(self.root.clone(), self.root.root().clone()).topmost()
    }
}

impl Drop for MountNs {
    fn drop(&mut self) {
        let tree = lock_tree();
        let all = tree.subtree(&self.root);
        for mount in all.iter().rev() {
            propagation::change(&tree, mount, MS_PRIVATE);
            tree.detach(mount);
        }
        let mut roots = ROOTS.lock();
        roots.retain(|root| !Arc::ptr_eq(root, &self.root));
        drop(roots);
        drop(tree);
        drop(all);
    }
}

fn stands_on(dentry: &Dentry, mount: &Mount) -> bool {
    mount
        .mountpoint()
        .is_some_and(|point| core::ptr::eq(&**point.dentry(), dentry))
}

/// Whether a mount of the namespace of who sees `fs` stands on `dentry`, which so cannot go. Asked under the lock of a
/// directory, thus without that of the tree.
pub(crate) fn is_mountpoint(fs: &FsContext, dentry: &Dentry) -> bool {
    let Some(ns) = fs.namespace().filter(|_| dentry.is_mountpoint()) else {
        return false;
    };
    let all = subtree(ns.root());
    all.iter().any(|mount| stands_on(dentry, mount))
}

/// What other namespaces have mounted on a name that is gone goes with it.
pub(crate) fn detach_from(dentry: &Dentry) {
    if !dentry.is_mountpoint() {
        return;
    }
    let tree = lock_tree();
    for top in tree.all().iter().filter(|mount| stands_on(dentry, mount)) {
        for mount in tree.subtree(top).iter().rev() {
            propagation::change(&tree, mount, MS_PRIVATE);
            tree.detach(mount);
        }
    }
}

/// The place in the copy of a tree that `path` is in the tree itself.
fn moved(path: &Path, from: &[Arc<Mount>], to: &[Arc<Mount>]) -> Path {
    let at = from.iter().position(|old| Arc::ptr_eq(old, path.mount()));
    match at.and_then(|at| to.get(at)) {
        Some(new) => Path::new(new.clone(), path.dentry().clone()),
        None => path.clone(),
    }
}

impl FsContext {
    /// A copy that stands at the same places of a new namespace, whose mounts are peers of those they are of; the same
    /// places without a namespace.
    #[must_use]
    pub fn fork_with_mounts(&self) -> Self {
        let own = self.fork();
        let Some(ns) = own.namespace() else {
            return own;
        };
        let tree = lock_tree();
        let root = propagation::copy_whole(ns.root());
        let (from, to) = (tree.subtree(ns.root()), tree.subtree(&root));
        let new = MountNs::new(root);
        drop(tree);
        let (root, cwd) = (own.root(), own.cwd());
        own.enter(&new, moved(&root, &from, &to), moved(&cwd, &from, &to));
        own
    }
}

impl TreeGuard {
    pub(crate) fn top_of(&self, mount: &Arc<Mount>) -> Arc<Mount> {
        let mut at = mount.clone();
        while let Some(point) = at.mountpoint() {
            at = point.mount().clone();
        }
        at
    }

    /// Whether `mount` is in the namespace of who sees `fs`.
    #[must_use]
    pub fn is_attached(&self, fs: &FsContext, mount: &Arc<Mount>) -> bool {
        let ns = fs.namespace();
        ns.is_some_and(|ns| Arc::ptr_eq(&self.top_of(mount), ns.root()))
    }

    /// Whether `mount` is in any namespace.
    #[must_use]
    pub fn stands(&self, mount: &Arc<Mount>) -> bool {
        let top = self.top_of(mount);
        ROOTS.lock().iter().any(|root| Arc::ptr_eq(root, &top))
    }

    /// The mounts of all namespaces, parents before children.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Mount>> {
        roots().iter().flat_map(|root| self.subtree(root)).collect()
    }
}
