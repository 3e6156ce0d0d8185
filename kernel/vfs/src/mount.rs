//! Mounts: where the root of a file system, or a part of it, stands in the tree.
//!
//! Trees of mounts, one a namespace, changed under one sleeping lock (rank `RENAME`); a path walk crosses a mount by
//! a look into its parent's short table. A parent holds its children and a child its parent, until the
//! child is unmounted. Who hears of what happens on a mount is in [`crate::ops`]' propagation.

use abi::mount::{
    MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_NOSYMFOLLOW, MS_RDONLY,
    MS_RELATIME, MS_STRICTATIME,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use sync::{Events, Mutex, MutexGuard, Pollee, SpinLock, rank};

use crate::attr::{Attributes, InodeFlags};
use crate::dentry::Dentry;
use crate::mount_ns;
use crate::path::Path;
use crate::superblock::SuperBlock;

bitflags::bitflags! {
    /// Flags of one mount.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MountFlags: u32 {
        /// Read-only.
        const RDONLY = 1;
        /// Ignore set-user-ID and set-group-ID.
        const NOSUID = 2;
        /// No device files.
        const NODEV = 4;
        /// No programs.
        const NOEXEC = 8;
        /// Do not follow symbolic links.
        const NOSYMFOLLOW = 16;
        /// Leave access times alone.
        const NOATIME = 32;
        /// Leave access times of directories alone.
        const NODIRATIME = 64;
        /// Change access times only when older than the last change.
        const RELATIME = 128;
        /// Cannot be bound.
        const UNBINDABLE = 256;
    }
}

impl MountFlags {
    /// The flags in the word `mount(2)` takes; `relatime` unless told otherwise.
    #[must_use]
    pub fn from_ms(ms: u64) -> Self {
        let mut flags = Self::empty();
        for (bit, flag) in [
            (MS_RDONLY, Self::RDONLY),
            (MS_NOSUID, Self::NOSUID),
            (MS_NODEV, Self::NODEV),
            (MS_NOEXEC, Self::NOEXEC),
            (MS_NOSYMFOLLOW, Self::NOSYMFOLLOW),
            (MS_NOATIME, Self::NOATIME),
            (MS_NODIRATIME, Self::NODIRATIME),
        ] {
            flags.set(flag, ms & bit != 0);
        }
        flags.set(
            Self::RELATIME,
            ms & MS_STRICTATIME == 0 && ms & MS_NOATIME == 0 || ms & MS_RELATIME != 0,
        );
        flags
    }
}

struct Place {
    parent: Arc<Mount>,
    point: Arc<Dentry>,
}

/// A mount that stands on another, and where: found without a look at its place.
struct Child {
    point: Arc<Dentry>,
    mount: Arc<Mount>,
}

/// A mount.
pub struct Mount {
    id: u32,
    unique_id: u64,
    sb: Arc<SuperBlock>,
    root: Arc<Dentry>,
    source: Arc<[u8]>,
    flags: AtomicU32,
    /// The peers it shares news with; 0: none.
    group: AtomicU32,
    /// The group it hears news from; 0: none.
    master: AtomicU32,
    writers: AtomicUsize,
    expired: AtomicBool,
    place: SpinLock<Option<Place>, { rank::LEAF }>,
    children: SpinLock<Vec<Child>, { rank::DENTRY }>,
}

/// What the numbers that are never used again lie above, as on Linux.
const FIRST_UNIQUE_ID: u64 = 1 << 31;

static NEXT_ID: AtomicU32 = AtomicU32::new(20);

/// Mounts there may be in one namespace (`fs.mount-max`).
pub static MOUNT_MAX: AtomicU32 = AtomicU32::new(100_000);
/// Mounts there are, wherever they stand.
static LIVING: AtomicUsize = AtomicUsize::new(0);

/// How many mounts there are in all.
pub(crate) fn living() -> usize {
    LIVING.load(Ordering::Relaxed)
}

impl Mount {
    /// A mount of `root` and what is below it, in no tree yet.
    #[must_use]
    pub fn new(
        sb: Arc<SuperBlock>,
        root: Arc<Dentry>,
        source: Arc<[u8]>,
        flags: MountFlags,
    ) -> Arc<Self> {
        sb.add_mount();
        LIVING.fetch_add(1, Ordering::Relaxed);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            id,
            unique_id: u64::from(id) + FIRST_UNIQUE_ID,
            sb,
            root,
            source,
            flags: AtomicU32::new(flags.bits()),
            group: AtomicU32::new(0),
            master: AtomicU32::new(0),
            writers: AtomicUsize::new(0),
            expired: AtomicBool::new(false),
            place: SpinLock::new(None),
            children: SpinLock::new(Vec::new()),
        })
    }

    /// A mount of a whole file system that stands in no tree: for pipes, sockets, memfds.
    #[must_use]
    pub fn internal(sb: Arc<SuperBlock>) -> Arc<Self> {
        let root = sb.root().clone();
        Self::new(sb, root, Arc::from(&b"none"[..]), MountFlags::empty())
    }

    /// The number `/proc/<pid>/mountinfo` shows.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The number that is never used again (`STATX_MNT_ID_UNIQUE`).
    #[must_use]
    pub fn unique_id(&self) -> u64 {
        self.unique_id
    }

    /// The file system.
    #[must_use]
    pub fn sb(&self) -> &Arc<SuperBlock> {
        &self.sb
    }

    /// The part of the file system that is mounted.
    #[must_use]
    pub fn root(&self) -> &Arc<Dentry> {
        &self.root
    }

    /// What was given as the source.
    #[must_use]
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> MountFlags {
        MountFlags::from_bits_truncate(self.flags.load(Ordering::Relaxed))
    }

    pub(crate) fn set_flags(&self, flags: MountFlags) {
        self.flags.store(flags.bits(), Ordering::Relaxed);
    }

    /// The peers it shares news with, by number; 0: none.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.group.load(Ordering::Relaxed)
    }

    pub(crate) fn set_group(&self, group: u32) {
        self.group.store(group, Ordering::Relaxed);
    }

    /// The group it hears news from; 0: none.
    #[must_use]
    pub fn master(&self) -> u32 {
        self.master.load(Ordering::Relaxed)
    }

    pub(crate) fn set_master(&self, group: u32) {
        self.master.store(group, Ordering::Relaxed);
    }

    /// Stands on `point` from now on.
    pub(crate) fn hang(self: &Arc<Self>, point: &Path) {
        point.dentry().add_mount();
        let place = Place {
            parent: point.mount().clone(),
            point: point.dentry().clone(),
        };
        let old = self.place.lock().replace(place);
        drop(old);
        point.mount().children.lock().push(Child {
            point: point.dentry().clone(),
            mount: self.clone(),
        });
    }

    /// Where the mount stands; `None` at the root of the tree and when unmounted.
    #[must_use]
    pub fn mountpoint(&self) -> Option<Path> {
        self.place
            .lock()
            .as_ref()
            .map(|place| Path::new(place.parent.clone(), place.point.clone()))
    }

    /// The mount that stands on `dentry` of this mount, the last one when several do.
    #[must_use]
    pub fn mounted_on(&self, dentry: &Arc<Dentry>) -> Option<Arc<Self>> {
        let children = self.children.lock();
        let on = |child: &&Child| Arc::ptr_eq(&child.point, dentry);
        children
            .iter()
            .rev()
            .find(on)
            .map(|child| child.mount.clone())
    }

    /// The mounts that stand on this one.
    #[must_use]
    pub fn children(&self) -> Vec<Arc<Self>> {
        let children = self.children.lock();
        children.iter().map(|child| child.mount.clone()).collect()
    }

    /// Whether files of this mount may be changed.
    ///
    /// # Errors
    /// `EROFS`.
    pub fn writable(&self) -> Result<()> {
        let read_only = self.flags().contains(MountFlags::RDONLY)
            || u64::from(self.sb.flags()) & MS_RDONLY != 0;
        if read_only { Err(Errno::EROFS) } else { Ok(()) }
    }

    /// Counts a file open for writing, for as long as which the mount cannot become read-only.
    ///
    /// # Errors
    /// `EROFS`.
    pub fn begin_write(&self) -> Result<()> {
        self.writers.fetch_add(1, Ordering::SeqCst);
        self.sb.writers().fetch_add(1, Ordering::SeqCst);
        self.writable().inspect_err(|_| self.end_write())
    }

    /// The end of [`Self::begin_write`].
    pub fn end_write(&self) {
        self.writers.fetch_sub(1, Ordering::SeqCst);
        self.sb.writers().fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn has_writers(&self) -> bool {
        self.writers.load(Ordering::SeqCst) != 0
    }

    /// Marks for `MNT_EXPIRE`; answers whether it was marked already.
    pub(crate) fn mark_expired(&self) -> bool {
        self.expired.swap(true, Ordering::Relaxed)
    }

    /// Somebody used the mount.
    pub(crate) fn used(&self) {
        if self.expired.load(Ordering::Relaxed) {
            self.expired.store(false, Ordering::Relaxed);
        }
    }

    /// A read of a file's data or of a directory moves its access time as the mount says.
    pub fn accessed(&self, attr: &Attributes) {
        let flags = self.flags();
        if flags.contains(MountFlags::NOATIME)
            || attr.flags().contains(InodeFlags::NOATIME)
            || flags.contains(MountFlags::NODIRATIME) && attr.is_dir()
            || self.writable().is_err()
        {
            return;
        }
        attr.touch_accessed(!flags.contains(MountFlags::RELATIME));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, Ordering::Relaxed);
        self.sb.drop_mount();
    }
}

/// The lock over the shape of the tree of mounts.
static TREE: Mutex<(), { rank::RENAME }> = Mutex::new(());

/// How often the tree of mounts has changed.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// Told of each change of the tree of mounts (`/proc/mounts` can be polled).
pub static NEWS: Pollee = Pollee::new();

/// How often the tree of mounts has changed so far.
#[must_use]
pub fn changes() -> u64 {
    CHANGES.load(Ordering::Acquire)
}

/// The tree, or what it shows of a mount, has changed.
pub(crate) fn changed() {
    CHANGES.fetch_add(1, Ordering::AcqRel);
    NEWS.notify(Events::ERR | Events::PRI);
}

/// The right to change the tree of mounts.
pub struct TreeGuard {
    _guard: MutexGuard<'static, (), { rank::RENAME }>,
}

/// Takes the right to change the tree of mounts; may sleep.
pub fn lock_tree() -> TreeGuard {
    TreeGuard {
        _guard: TREE.lock(),
    }
}

/// The root of the first tree of mounts.
///
/// # Errors
/// `ENOENT` before the first mount.
pub fn root() -> Result<Path> {
    mount_ns::first().map(|ns| ns.top()).ok_or(Errno::ENOENT)
}

/// Sets the root of the first tree of mounts, at start.
pub fn set_root(mount: &Arc<Mount>) {
    mount_ns::begin(mount);
}

impl TreeGuard {
    /// Puts `mount` on `point`.
    pub fn attach(&self, mount: &Arc<Mount>, point: &Path) {
        mount.hang(point);
        changed();
    }

    /// Takes `mount` off where it stands.
    pub fn detach(&self, mount: &Arc<Mount>) {
        let Some(place) = mount.place.lock().take() else {
            return;
        };
        place.point.drop_mount();
        let mut children = place.parent.children.lock();
        let at = children
            .iter()
            .position(|child| Arc::ptr_eq(&child.mount, mount));
        let removed = at.map(|at| children.remove(at));
        drop(children);
        drop(removed);
        changed();
    }

    /// `mount` and the mounts below it, parents before children.
    #[must_use]
    pub fn subtree(&self, mount: &Arc<Mount>) -> Vec<Arc<Mount>> {
        subtree(mount)
    }
}

/// `mount` and the mounts below it, parents before children.
pub(crate) fn subtree(mount: &Arc<Mount>) -> Vec<Arc<Mount>> {
    let mut all = Vec::new();
    let mut stack = alloc::vec![mount.clone()];
    while let Some(next) = stack.pop() {
        stack.extend(next.children().into_iter().rev());
        all.push(next);
    }
    all
}
