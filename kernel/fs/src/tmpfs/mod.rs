//! tmpfs: files in memory (`man 5 tmpfs`). Also the first root, and under other names devtmpfs.
//!
//! Regular files are memory objects, so that `read`, `write` and mappings see the same pages. A
//! directory keeps its names twice: by hash to find one, and by a cookie that never comes again to
//! list them, so that a listing under way misses and repeats nothing that stays.

mod acl;
mod directory;
mod inode;
mod operations;
mod options;
mod xattrs;

use abi::Result;
use abi::mount::TMPFS_MAGIC;
use abi::stat::{S_IFDIR, Statfs};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use vfs::{FileSystem, FileSystemType, Inode, SuperBlock};

pub use inode::TmpInode;
use options::Options;

const PAGE: u64 = hal::PAGE_SIZE as u64;

/// What the files of one tmpfs share: how much there may be, and how much there is.
pub(crate) struct Shared {
    next_ino: AtomicU64,
    pages: AtomicU64,
    inodes: AtomicU64,
    /// In pages; `u64::MAX`: no limit.
    max_pages: AtomicU64,
    max_inodes: AtomicU64,
}

impl Shared {
    fn next_ino(&self) -> u64 {
        self.next_ino.fetch_add(1, Ordering::Relaxed)
    }

    fn take(used: &AtomicU64, max: &AtomicU64, count: u64) -> bool {
        let max = max.load(Ordering::Relaxed);
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(count).filter(|total| *total <= max)
        })
        .is_ok()
    }

    /// Counts one more inode, or another name of one.
    fn take_inode(&self) -> Result<()> {
        if Self::take(&self.inodes, &self.max_inodes, 1) {
            Ok(())
        } else {
            Err(abi::Errno::ENOSPC)
        }
    }

    fn give_inode(&self) {
        self.inodes.fetch_sub(1, Ordering::Relaxed);
    }
}

impl mm::Quota for Shared {
    fn take(&self, pages: usize) -> bool {
        Self::take(&self.pages, &self.max_pages, pages as u64)
    }

    fn give(&self, pages: usize) {
        self.pages.fetch_sub(pages as u64, Ordering::Relaxed);
    }
}

/// A mounted tmpfs.
pub struct TmpFs {
    shared: Arc<Shared>,
    root: Arc<TmpInode>,
    magic: i64,
    /// What the root was made with, for `/proc/mounts`.
    made: Options,
}

impl TmpFs {
    fn new(options: &Options, magic: i64) -> Self {
        let shared = Arc::new(Shared {
            next_ino: AtomicU64::new(1),
            pages: AtomicU64::new(0),
            inodes: AtomicU64::new(1),
            max_pages: AtomicU64::new(options.pages.unwrap_or_else(options::default_pages)),
            max_inodes: AtomicU64::new(options.inodes.unwrap_or_else(options::default_pages)),
        });
        let mode = S_IFDIR | options.mode.unwrap_or(0o1777);
        let owner = (options.uid.unwrap_or(0), options.gid.unwrap_or(0));
        let root = TmpInode::directory(&shared, mode, owner);
        Self {
            shared,
            root,
            magic,
            made: options.clone(),
        }
    }

    /// A file system of its own for `kind` (`tmpfs`, `rootfs`, `devtmpfs`), with the options in `data`.
    ///
    /// # Errors
    /// `EINVAL` for an option that is not known.
    pub fn super_block(kind: &'static str, data: &[u8], flags: u32) -> Result<Arc<SuperBlock>> {
        let options = Options::parse(data)?;
        Ok(SuperBlock::new(
            kind,
            Box::new(Self::new(&options, TMPFS_MAGIC)),
            flags,
        ))
    }
}

impl FileSystem for TmpFs {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Result<Statfs> {
        let total =
            |max: &AtomicU64| Some(max.load(Ordering::Relaxed)).filter(|max| *max != u64::MAX);
        let blocks = total(&self.shared.max_pages);
        let files = total(&self.shared.max_inodes);
        let left = |total: Option<u64>, used: &AtomicU64| {
            total.map_or(0, |total| {
                total.saturating_sub(used.load(Ordering::Relaxed))
            })
        };
        let free = left(blocks, &self.shared.pages);
        Ok(Statfs {
            f_type: self.magic,
            f_bsize: PAGE as i64,
            f_blocks: blocks.unwrap_or(0),
            f_bfree: free,
            f_bavail: free,
            f_files: files.unwrap_or(0),
            f_ffree: left(files, &self.shared.inodes),
            f_namelen: 255,
            f_frsize: PAGE as i64,
            ..Statfs::default()
        })
    }

    fn remount(&self, data: &[u8]) -> Result<()> {
        let options = Options::parse(data)?;
        let set = |new: Option<u64>, max: &AtomicU64, used: &AtomicU64| match new {
            Some(new) if new < used.load(Ordering::Relaxed) => Err(abi::Errno::EINVAL),
            Some(new) => {
                max.store(new, Ordering::Relaxed);
                Ok(())
            }
            None => Ok(()),
        };
        set(options.pages, &self.shared.max_pages, &self.shared.pages)?;
        set(options.inodes, &self.shared.max_inodes, &self.shared.inodes)
    }

    fn show_options(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let pages = self.shared.max_pages.load(Ordering::Relaxed);
        if pages != options::default_pages() && pages != u64::MAX {
            write!(out, ",size={}k", pages.saturating_mul(PAGE / 1024))?;
        }
        let inodes = self.shared.max_inodes.load(Ordering::Relaxed);
        if inodes != options::default_pages() && inodes != u64::MAX {
            write!(out, ",nr_inodes={inodes}")?;
        }
        if let Some(mode) = self.made.mode.filter(|mode| *mode != 0o1777) {
            write!(out, ",mode={mode:o}")?;
        }
        if let Some(uid) = self.made.uid.filter(|uid| *uid != 0) {
            write!(out, ",uid={uid}")?;
        }
        if let Some(gid) = self.made.gid.filter(|gid| *gid != 0) {
            write!(out, ",gid={gid}")?;
        }
        out.write_str(",inode64")
    }
}

/// The kind `tmpfs`.
pub struct TmpFsType;

impl FileSystemType for TmpFsType {
    fn name(&self) -> &'static str {
        "tmpfs"
    }

    fn check(&self, option: &[u8]) -> Result<()> {
        Options::parse(option).map(|_| ())
    }

    fn mount(&self, _source: &[u8], data: &[u8], flags: u32) -> Result<Arc<SuperBlock>> {
        TmpFs::super_block("tmpfs", data, flags)
    }
}

/// The kind `ramfs`: tmpfs without limits.
pub struct RamFsType;

impl FileSystemType for RamFsType {
    fn name(&self) -> &'static str {
        "ramfs"
    }

    fn mount(&self, _source: &[u8], data: &[u8], flags: u32) -> Result<Arc<SuperBlock>> {
        // ramfs takes mode= and ignores what else it is told.
        let mode = Options::parse(data).ok().and_then(|options| options.mode);
        let options = Options {
            mode: Some(mode.unwrap_or(0o755)),
            pages: Some(u64::MAX),
            inodes: Some(u64::MAX),
            ..Options::default()
        };
        let fs = TmpFs::new(&options, abi::mount::RAMFS_MAGIC);
        Ok(SuperBlock::new("ramfs", Box::new(fs), flags))
    }
}
