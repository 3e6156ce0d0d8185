//! `/dev/null`, `/dev/zero` and `/dev/full` (`man 4 null`, `man 4 full`).

use abi::stat::makedev;
use abi::{Errno, Result};
use alloc::sync::Arc;
use mm::MemObject;
use mm::io::{IoDst, IoSrc};
use vfs::{Abilities, CharDevice, FileOps, MmapRequest, OpenFile, OpenRequest, Whence, seek};

use crate::node::{self, Node};

/// Major number of the memory devices (Documentation/admin-guide/devices.txt).
pub const MAJOR: u32 = 1;

const NULL: u32 = 3;
const ZERO: u32 = 5;
const FULL: u32 = 7;

/// What reading gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    End,
    Zeroes,
}

/// An open memory device.
struct Memory {
    source: Source,
    /// Writing finds no room.
    full: bool,
    mappable: bool,
}

impl FileOps for Memory {
    fn abilities(&self) -> Abilities {
        let mut abilities = Abilities::USUAL;
        if self.source == Source::End {
            abilities.remove(Abilities::SPLICE_FROM);
        }
        if self.full {
            abilities.remove(Abilities::NOWAIT | Abilities::WRITE_FLAGS | Abilities::SPLICE_INTO);
        }
        abilities
    }

    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        Ok(match self.source {
            Source::End => 0,
            Source::Zeroes => dst.put_zeros(dst.remaining()),
        })
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        // Linux does not look at the bytes either: a bad address is no error here.
        if self.full {
            Err(Errno::ENOSPC)
        } else {
            Ok(src.remaining())
        }
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, _offset: i64, _whence: Whence) -> Result<u64> {
        *pos = 0;
        Ok(0)
    }

    fn mmap(&self, _file: &OpenFile, request: &MmapRequest) -> Result<Arc<MemObject>> {
        if !self.mappable {
            return Err(Errno::ENODEV);
        }
        // Each mapping has pages of its own; a private one may be grown later, a shared one not.
        let end = request.offset.saturating_add(request.len as u64);
        Ok(MemObject::new_anon(if request.shared {
            end
        } else {
            seek::MAX_SIZE
        }))
    }
}

/// The devices by minor number.
struct Devices;

impl CharDevice for Devices {
    fn open(&self, minor: u32, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        let (source, full, mappable) = match minor {
            NULL => (Source::End, false, false),
            ZERO => (Source::Zeroes, false, true),
            FULL => (Source::Zeroes, true, false),
            _ => return Err(Errno::ENXIO),
        };
        Ok(Arc::new(Memory {
            source,
            full,
            mappable,
        }))
    }
}

/// Makes the devices openable and shows them; called once at start-up.
pub fn register() {
    let devices = Arc::new(Devices);
    for (name, minor) in [("null", NULL), ("zero", ZERO), ("full", FULL)] {
        // At start-up nobody else has the numbers.
        let _ = vfs::register_chrdev(MAJOR, minor, 1, "mem", devices.clone());
        node::publish(Node::new(name, makedev(MAJOR, minor), 0o666, "mem"));
    }
}
