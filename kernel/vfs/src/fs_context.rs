//! What a process sees of the tree: its root, its working directory, its umask.

use abi::stat::S_IRWXUGO;
use core::sync::atomic::{AtomicU32, Ordering};
use sync::{SpinLock, rank};

use crate::mount_ns::{self, MountNs};
use crate::path::Path;
use alloc::sync::Arc;

struct Places {
    root: Path,
    cwd: Path,
    namespace: Option<Arc<MountNs>>,
}

/// Root, working directory, namespace of mounts and umask of a process (shared by `CLONE_FS`).
pub struct FsContext {
    places: SpinLock<Places, { rank::LEAF }>,
    umask: AtomicU32,
}

impl FsContext {
    /// A context that starts at `root` in the first namespace of mounts, with umask 022.
    #[must_use]
    pub fn new(root: Path) -> Self {
        let cwd = root.clone();
        Self {
            places: SpinLock::new(Places {
                root,
                cwd,
                namespace: mount_ns::first(),
            }),
            umask: AtomicU32::new(0o022),
        }
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> Path {
        self.places.lock().root.clone()
    }

    /// The working directory.
    #[must_use]
    pub fn cwd(&self) -> Path {
        self.places.lock().cwd.clone()
    }

    /// The namespace of mounts; `None` before there is any.
    #[must_use]
    pub fn namespace(&self) -> Option<Arc<MountNs>> {
        self.places.lock().namespace.clone()
    }

    /// Goes into a namespace of mounts, to these places of it.
    pub fn enter(&self, namespace: &Arc<MountNs>, root: Path, cwd: Path) {
        let namespace = Some(namespace.clone());
        let places = Places {
            root,
            cwd,
            namespace,
        };
        let old = core::mem::replace(&mut *self.places.lock(), places);
        drop(old);
    }

    /// Sets the root directory.
    pub fn set_root(&self, root: Path) {
        let old = core::mem::replace(&mut self.places.lock().root, root);
        drop(old);
    }

    /// Sets the working directory.
    pub fn set_cwd(&self, cwd: Path) {
        let old = core::mem::replace(&mut self.places.lock().cwd, cwd);
        drop(old);
    }

    /// The bits taken from the mode of new files.
    #[must_use]
    pub fn umask(&self) -> u32 {
        self.umask.load(Ordering::Relaxed)
    }

    /// Sets the umask; answers the old one.
    pub fn set_umask(&self, mask: u32) -> u32 {
        self.umask.swap(mask & S_IRWXUGO, Ordering::Relaxed)
    }

    /// A copy for `fork`.
    #[must_use]
    pub fn fork(&self) -> Self {
        let places = self.places.lock();
        Self {
            places: SpinLock::new(Places {
                root: places.root.clone(),
                cwd: places.cwd.clone(),
                namespace: places.namespace.clone(),
            }),
            umask: AtomicU32::new(self.umask()),
        }
    }

    /// After `pivot_root`: whoever stood on `old` stands on `new`.
    pub fn pivot(&self, old: &Path, new: &Path) {
        let mut places = self.places.lock();
        let root = places
            .root
            .same(old)
            .then(|| core::mem::replace(&mut places.root, new.clone()));
        let cwd = places
            .cwd
            .same(old)
            .then(|| core::mem::replace(&mut places.cwd, new.clone()));
        drop(places);
        drop((root, cwd));
    }
}
