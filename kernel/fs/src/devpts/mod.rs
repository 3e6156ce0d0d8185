//! devpts: the names of pseudo-terminals (Documentation/filesystems/devpts.rst).
//!
//! Every mount is an instance with numbers of its own. A master belongs to the instance whose `ptmx` was opened, or to
//! the one that is mounted at `pts` beside a `ptmx` elsewhere.

mod inode;
mod options;
#[cfg(test)]
mod tests;

use abi::mount::DEVPTS_SUPER_MAGIC;
use abi::stat::Statfs;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use sync::SortedMap;
use sync::{Credentials, SpinLock, rank};
use vfs::{
    CharDevice, Dentry, FileSystem, FileSystemType, FsContext, Inode, LookupFlags, OpenRequest,
    Path, Start, SuperBlock, lookup,
};

use inode::{Device, Root};
use options::Options;

const NAME: &str = "devpts";

/// Most ptys there may be in all (`kernel.pty.max`), and pages of memory for each: a pair keeps queues of some six.
const LIMIT: usize = 4096;
const PAGES: usize = 64;

/// Ptys there may be on this machine.
fn limit() -> u32 {
    (hal::frame::total() / PAGES).min(LIMIT) as u32
}

/// Ptys there are, in all instances.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Most ptys there may be, and how many there are: `/proc/sys/kernel/pty`.
#[must_use]
pub fn counts() -> (u32, u32) {
    (limit(), COUNT.load(Ordering::Relaxed))
}

/// One mounted devpts.
struct Instance {
    options: SpinLock<Options, { rank::LEAF }>,
    /// Numbers taken; the inode while the slave is shown.
    slaves: SpinLock<SortedMap<u32, Option<Arc<Device>>>, { rank::DENTRY }>,
    root: Arc<Root>,
}

impl Instance {
    fn new(options: Options) -> Arc<Self> {
        Arc::new_cyclic(|instance: &Weak<Self>| Self {
            options: SpinLock::new(options),
            slaves: SpinLock::new(SortedMap::new()),
            root: Root::new(instance.clone(), options.ptmxmode),
        })
    }

    fn options(&self) -> Options {
        *self.options.lock()
    }

    /// The inode of a slave that is shown.
    fn slave(&self, index: u32) -> Option<Arc<Device>> {
        self.slaves.lock().get(&index)?.clone()
    }

    /// The numbers of those.
    fn shown(&self) -> Vec<u32> {
        let slaves = self.slaves.lock();
        slaves
            .iter()
            .filter(|(_, device)| device.is_some())
            .map(|(index, _)| *index)
            .collect()
    }

    /// Takes the lowest number that is free.
    fn take(&self) -> Result<u32> {
        let max = self.options().max;
        let counted = COUNT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count < limit()).then_some(count + 1)
        });
        counted.map_err(|_| Errno::ENOSPC)?;
        let mut slaves = self.slaves.lock();
        let free = (0..max).find(|index| !slaves.contains_key(index));
        if let Some(index) = free {
            slaves.insert(index, None);
            return Ok(index);
        }
        drop(slaves);
        COUNT.fetch_sub(1, Ordering::Relaxed);
        Err(Errno::ENOSPC)
    }

    fn free(&self, index: u32) {
        let slave = self.slaves.lock().remove(&index);
        drop(slave);
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A mounted devpts.
struct DevPts {
    instance: Arc<Instance>,
}

impl FileSystem for DevPts {
    fn root(&self) -> Arc<dyn Inode> {
        self.instance.root.clone()
    }

    fn statfs(&self) -> Result<Statfs> {
        Ok(Statfs {
            f_type: DEVPTS_SUPER_MAGIC,
            f_bsize: 4096,
            f_frsize: 4096,
            f_namelen: 255,
            ..Statfs::default()
        })
    }

    fn remount(&self, data: &[u8]) -> Result<()> {
        let options = Options::parse(data)?;
        *self.instance.options.lock() = options;
        self.instance.root.set_ptmxmode(options.ptmxmode);
        Ok(())
    }

    fn show_options(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.instance.options().show(out)
    }
}

/// The kind `devpts`.
pub struct DevPtsType;

impl FileSystemType for DevPtsType {
    fn name(&self) -> &'static str {
        NAME
    }

    fn mount(&self, _source: &[u8], data: &[u8], flags: u32) -> Result<Arc<SuperBlock>> {
        let instance = Instance::new(Options::parse(data)?);
        Ok(SuperBlock::new(NAME, Box::new(DevPts { instance }), flags))
    }
}

/// The root of the devpts that belongs to a `ptmx` at `path`.
fn root_for(path: &Path) -> Result<Path> {
    let found = if instance_of(path.mount().sb()).is_some() {
        Path::new(path.mount().clone(), path.mount().sb().root().clone())
    } else {
        let directory = path.dentry().parent().ok_or(Errno::ENOENT)?;
        let beside = FsContext::new(Path::new(path.mount().clone(), directory));
        // Whoever may open the ptmx may use what is mounted beside it.
        let cred = Credentials::root();
        let start = Start {
            fs: &beside,
            base: None,
            cred: &cred,
        };
        lookup(&start, b"pts", LookupFlags::empty())?
    };
    let sb = found.mount().sb();
    if instance_of(sb).is_some() && Arc::ptr_eq(found.dentry(), sb.root()) {
        Ok(found)
    } else {
        Err(Errno::ENODEV)
    }
}

fn instance_of(sb: &SuperBlock) -> Option<&Arc<Instance>> {
    let fs: &dyn Any = sb.fs();
    Some(&fs.downcast_ref::<DevPts>()?.instance)
}

/// A pty's number in one instance, free again when this is dropped.
pub struct Entry {
    instance: Arc<Instance>,
    root: Arc<Dentry>,
    index: u32,
}

/// Sets a number aside for a master opened so.
///
/// # Errors
/// `ENOENT` when nothing stands at `pts` beside the `ptmx`, `ENODEV` when that is no devpts, `ENOSPC` when there are
/// too many ptys.
pub fn allot(request: &OpenRequest<'_>) -> Result<Entry> {
    let path = root_for(request.path)?;
    let sb = path.mount().sb();
    let instance = instance_of(sb).ok_or(Errno::ENODEV)?.clone();
    let index = instance.take()?;
    Ok(Entry {
        instance,
        root: sb.root().clone(),
        index,
    })
}

impl Entry {
    /// The number.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    fn name(&self) -> alloc::string::String {
        format!("{}", self.index)
    }

    /// Shows the slave, which belongs to `owner` unless the options say whose it is.
    ///
    /// # Errors
    /// `ENOTDIR`, never in fact.
    pub fn show(&self, device: u64, slave: Arc<dyn CharDevice>, owner: &Credentials) -> Result<()> {
        let options = self.instance.options();
        let owner = (
            options.uid.unwrap_or(owner.fsuid),
            options.gid.unwrap_or(owner.fsgid),
        );
        let inode = Device::slave(self.index, device, options.mode, owner, slave);
        let mut slaves = self.instance.slaves.lock();
        slaves.insert(self.index, Some(inode.clone()));
        drop(slaves);
        self.root.appeared(self.name().as_bytes(), inode)
    }

    /// Takes the name away.
    pub fn hide(&self) {
        let slave = match self.instance.slaves.lock().get_mut(&self.index) {
            Some(slave) => slave.take(),
            None => None,
        };
        if let Some(slave) = slave {
            slave.attr().set_nlink(0);
            // The root is a directory.
            let _ = self.root.vanished(self.name().as_bytes());
        }
    }

    /// Where the slave is seen from a master opened at `path`.
    ///
    /// # Errors
    /// As [`allot`]; `ENODEV` when another instance stands there now, `ENOENT` when the slave is gone.
    pub fn peer(&self, path: &Path) -> Result<Path> {
        let root = root_for(path)?;
        if !Arc::ptr_eq(root.dentry(), &self.root) {
            return Err(Errno::ENODEV);
        }
        let dentry = root.dentry().lookup(self.name().as_bytes())?;
        Ok(Path::new(root.mount().clone(), dentry))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.hide();
        self.instance.free(self.index);
    }
}
