//! Mounted file systems and the kinds there are.

use abi::stat::{Statfs, makedev};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use sync::{Mutex, Once, SpinLock, rank};

use crate::dentry::Dentry;
use crate::inode::Inode;
use crate::notify;

/// A file system that is mounted, as its implementation offers it.
pub trait FileSystem: Any + Send + Sync {
    /// The root directory.
    fn root(&self) -> Arc<dyn Inode>;

    /// Sizes and the magic number. The caller fills `f_fsid` and `f_flags`.
    ///
    /// # Errors
    /// What the file system says.
    fn statfs(&self) -> Result<Statfs>;

    /// New options, as `mount -o remount` passes them.
    ///
    /// # Errors
    /// `EINVAL` for an option that is not known.
    fn remount(&self, _data: &[u8]) -> Result<()> {
        Ok(())
    }

    /// The options as `/proc/mounts` shows them, each with a comma before it.
    ///
    /// # Errors
    /// As the writer.
    fn show_options(&self, _out: &mut dyn fmt::Write) -> fmt::Result {
        Ok(())
    }

    /// Writes back what is not yet on the device.
    ///
    /// # Errors
    /// `EIO`.
    fn sync(&self) -> Result<()> {
        Ok(())
    }

    /// The last mount is gone.
    fn shutdown(&self) {}
}

/// A mounted file system.
pub struct SuperBlock {
    dev: u64,
    kind: &'static str,
    fs: Box<dyn FileSystem>,
    root: Arc<Dentry>,
    /// `MS_RDONLY`, `MS_SYNCHRONOUS`, `MS_DIRSYNC`, `MS_LAZYTIME` of the file system itself.
    flags: AtomicU32,
    writers: AtomicUsize,
    mounts: AtomicUsize,
    uuid: Once<[u8; 16]>,
    /// Held over renames between directories: the shape of the tree stands still.
    pub(crate) rename: Mutex<(), { rank::RENAME }>,
}

static NEXT_DEV: AtomicU32 = AtomicU32::new(1);

impl SuperBlock {
    /// A file system of `kind` with a device number of its own.
    #[must_use]
    pub fn new(kind: &'static str, fs: Box<dyn FileSystem>, flags: u32) -> Arc<Self> {
        let dev = makedev(0, NEXT_DEV.fetch_add(1, Ordering::Relaxed));
        let root = Dentry::root(fs.root());
        Arc::new(Self {
            dev,
            kind,
            fs,
            root,
            flags: AtomicU32::new(flags),
            writers: AtomicUsize::new(0),
            mounts: AtomicUsize::new(0),
            uuid: Once::new(),
            rename: Mutex::new(()),
        })
    }

    /// `st_dev` of its files.
    #[must_use]
    pub fn dev(&self) -> u64 {
        self.dev
    }

    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its implementation.
    #[must_use]
    pub fn fs(&self) -> &dyn FileSystem {
        &*self.fs
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> &Arc<Dentry> {
        &self.root
    }

    /// The number that tells it from others, drawn when first asked for; `None` for the kinds that Linux gives
    /// none.
    pub fn uuid(&self, draw: impl FnOnce() -> [u8; 16]) -> Option<[u8; 16]> {
        let has = matches!(self.kind, "tmpfs" | "devtmpfs" | "sysfs");
        has.then(|| *self.uuid.get_or_init(draw))
    }

    /// `MS_*` flags of the file system itself.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.flags.load(Ordering::Relaxed)
    }

    pub(crate) fn set_flags(&self, flags: u32) {
        self.flags.store(flags, Ordering::Relaxed);
    }

    pub(crate) fn writers(&self) -> &AtomicUsize {
        &self.writers
    }

    pub(crate) fn add_mount(&self) {
        self.mounts.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn drop_mount(&self) {
        if self.mounts.fetch_sub(1, Ordering::AcqRel) == 1 {
            notify::unmounted(self.dev);
            self.root.prune();
            self.fs.shutdown();
        }
    }
}

/// A kind of file system.
pub trait FileSystemType: Send + Sync {
    /// The name `mount -t` takes.
    fn name(&self) -> &'static str;

    /// Whether it needs a block device (`/proc/filesystems` says `nodev` when not).
    fn needs_device(&self) -> bool {
        false
    }

    /// Whether there is such an option.
    ///
    /// # Errors
    /// `EINVAL`.
    fn check(&self, _option: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Mounts one.
    ///
    /// # Errors
    /// `EINVAL` for an option that is not known, `ENOMEM`.
    fn mount(&self, source: &[u8], data: &[u8], flags: u32) -> Result<Arc<SuperBlock>>;
}

static TYPES: SpinLock<Vec<&'static dyn FileSystemType>, { rank::DENTRY }> =
    SpinLock::new(Vec::new());

/// Makes a kind of file system known.
pub fn register(kind: &'static dyn FileSystemType) {
    TYPES.lock().push(kind);
}

/// The kind called `name`.
///
/// # Errors
/// `ENODEV`.
pub fn find(name: &[u8]) -> Result<&'static dyn FileSystemType> {
    TYPES
        .lock()
        .iter()
        .copied()
        .find(|kind| kind.name().as_bytes() == name)
        .ok_or(Errno::ENODEV)
}

/// The kinds there are, in order of registration.
#[must_use]
pub fn types() -> Vec<&'static dyn FileSystemType> {
    TYPES.lock().clone()
}
