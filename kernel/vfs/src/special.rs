//! Opening what is neither a regular file nor a directory: devices, FIFOs, sockets.

use abi::stat::{major, minor};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::{SpinLock, rank};

use crate::attr::{Attributes, FileType};
use crate::file_ops::FileOps;
use crate::inode::OpenRequest;

/// A driver of character devices.
pub trait CharDevice: Send + Sync {
    /// Opens minor number `minor`.
    ///
    /// # Errors
    /// `ENXIO` when there is no such device, `EBUSY`, what the device says.
    fn open(&self, minor: u32, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>>;
}

struct Registered {
    major: u32,
    first: u32,
    count: u32,
    name: &'static str,
    device: Arc<dyn CharDevice>,
}

static CHAR: SpinLock<Vec<Registered>, { rank::DENTRY }> = SpinLock::new(Vec::new());

/// Makes a driver the owner of `count` minor numbers of `major` from `first`. `name` is shown in
/// `/proc/devices`.
///
/// # Errors
/// `EBUSY` when one of them has an owner.
pub fn register_chrdev(
    major: u32,
    first: u32,
    count: u32,
    name: &'static str,
    device: Arc<dyn CharDevice>,
) -> Result<()> {
    let end = first.saturating_add(count);
    let mut list = CHAR.lock();
    let taken = |other: &Registered| {
        other.major == major && first < other.first.saturating_add(other.count) && other.first < end
    };
    if list.iter().any(taken) {
        return Err(Errno::EBUSY);
    }
    list.push(Registered {
        major,
        first,
        count,
        name,
        device,
    });
    Ok(())
}

/// Major numbers and names of the drivers there are, for `/proc/devices`.
#[must_use]
pub fn char_devices() -> Vec<(u32, &'static str)> {
    let mut all: Vec<_> = CHAR
        .lock()
        .iter()
        .map(|entry| (entry.major, entry.first, entry.name))
        .collect();
    sync::order::sort_by_key(&mut all, |(major, first, _)| (*major, *first));
    let mut named: Vec<_> = all
        .into_iter()
        .map(|(major, _, name)| (major, name))
        .collect();
    named.dedup();
    named
}

fn char_device(dev: u64) -> Result<Arc<dyn CharDevice>> {
    let (major, minor) = (major(dev), minor(dev));
    let list = CHAR.lock();
    list.iter()
        .find(|entry| {
            entry.major == major && minor >= entry.first && minor - entry.first < entry.count
        })
        .map(|entry| entry.device.clone())
        .ok_or(Errno::ENXIO)
}

/// Opens a FIFO by its inode's attributes; installed by the pipe module.
pub type FifoOpen = fn(&Attributes, &OpenRequest<'_>) -> Result<Arc<dyn FileOps>>;

static FIFO: sync::Once<FifoOpen> = sync::Once::new();

/// Says who opens FIFOs. The first one stays.
pub fn install_fifo(open: FifoOpen) {
    let _ = FIFO.set(open);
}

/// Opens a special file.
///
/// # Errors
/// `ENXIO` for a socket, for a device without a driver.
pub fn open(attr: &Attributes, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
    match attr.file_type() {
        FileType::Char => char_device(attr.rdev())?.open(minor(attr.rdev()), request),
        FileType::Fifo => FIFO.get().ok_or(Errno::ENXIO)?(attr, request),
        _ => Err(Errno::ENXIO),
    }
}
