//! The inodes of devpts: a directory, `ptmx`, and a device a slave.

use abi::stat::{S_IFCHR, S_IFDIR, makedev};
use abi::{Errno, Result};
use alloc::format;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use vfs::{
    Attributes, CharDevice, DirSink, FileOps, FileType, Inode, OpenFile, OpenRequest, Whence, seek,
    special,
};

use super::Instance;

const ROOT_INO: u64 = 1;
const PTMX_INO: u64 = 2;
/// Number of the inode of slave 0.
const FIRST_INO: u64 = 3;
/// The cookie after `ptmx`: that of slave 0.
const FIRST_COOKIE: u64 = 3;

/// The root.
pub(super) struct Root {
    attr: Attributes,
    ptmx: Arc<Device>,
    instance: Weak<Instance>,
}

impl Root {
    pub(super) fn new(instance: Weak<Instance>, ptmxmode: u32) -> Arc<Self> {
        let ptmx = Arc::new(Device {
            attr: Attributes::new(PTMX_INO, S_IFCHR | ptmxmode, 0, 0, makedev(5, 2)),
            slave: None,
        });
        let attr = Attributes::new(ROOT_INO, S_IFDIR | 0o755, 0, 0, 0);
        attr.set_nlink(2);
        Arc::new(Self {
            attr,
            ptmx,
            instance,
        })
    }

    pub(super) fn set_ptmxmode(&self, mode: u32) {
        self.ptmx.attr.set_permissions(mode);
    }
}

impl Inode for Root {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn lookup(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        if name == b"ptmx" {
            return Ok(self.ptmx.clone());
        }
        let index = core::str::from_utf8(name)
            .ok()
            .and_then(|name| name.parse::<u32>().ok())
            .filter(|index| format!("{index}").as_bytes() == name)
            .ok_or(Errno::ENOENT)?;
        let instance = self.instance.upgrade().ok_or(Errno::ENOENT)?;
        let slave = instance.slave(index).ok_or(Errno::ENOENT)?;
        Ok(slave)
    }

    fn open(self: Arc<Self>, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Ok(self)
    }
}

impl FileOps for Root {
    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _file: &OpenFile, _dst: &mut mm::IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EISDIR)
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        seek::within(seek::MAX_SIZE, pos, offset, whence)
    }

    fn readdir(&self, open: &OpenFile, pos: &mut u64, sink: &mut dyn DirSink) -> Result<()> {
        if !vfs::dots(open, ROOT_INO, pos, sink) {
            return Ok(());
        }
        if *pos < FIRST_COOKIE {
            if !sink.entry(b"ptmx", PTMX_INO, FileType::Char, FIRST_COOKIE) {
                return Ok(());
            }
            *pos = FIRST_COOKIE;
        }
        let indices: Vec<u32> = match self.instance.upgrade() {
            Some(instance) => instance.shown(),
            None => Vec::new(),
        };
        for index in indices {
            let cookie = FIRST_COOKIE + u64::from(index);
            if cookie < *pos {
                continue;
            }
            let name = format!("{index}");
            let ino = FIRST_INO + u64::from(index);
            if !sink.entry(name.as_bytes(), ino, FileType::Char, cookie + 1) {
                return Ok(());
            }
            *pos = cookie + 1;
        }
        Ok(())
    }
}

/// `ptmx` or a slave.
pub(super) struct Device {
    attr: Attributes,
    slave: Option<(u32, Arc<dyn CharDevice>)>,
}

impl Device {
    pub(super) fn slave(
        index: u32,
        device: u64,
        mode: u32,
        owner: (u32, u32),
        slave: Arc<dyn CharDevice>,
    ) -> Arc<Self> {
        let ino = FIRST_INO + u64::from(index);
        Arc::new(Self {
            attr: Attributes::new(ino, S_IFCHR | mode, owner.0, owner.1, device),
            slave: Some((index, slave)),
        })
    }
}

impl Inode for Device {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn open(self: Arc<Self>, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        match &self.slave {
            Some((index, slave)) => slave.open(*index, request),
            None => special::open(&self.attr, request),
        }
    }
}
