//! Buffers as descriptors of their own (`DRM_IOCTL_PRIME_HANDLE_TO_FD`): dma-bufs, for mapping and handing on.

use abi::drm::{
    DMA_BUF_IOCTL_SYNC, DMA_BUF_SET_NAME_A, DMA_BUF_SET_NAME_B, DMA_BUF_SYNC_END,
    DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DRM_CLOEXEC, DRM_RDWR, DrmPrimeHandle,
};
use abi::fcntl::OFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt;
use hal::{UserAddr, UserPtr};
use mm::MemObject;
use sync::{SpinLock, rank};
use vfs::attr::{Attributes, Metadata};
use vfs::{Caller, FileOps, Inode, MmapRequest, OpenFile, Whence};

use super::buffer::Buffer;
use super::file::DrmFile;

/// Longest name, its end included.
const NAME: usize = 32;

/// A buffer's own file.
struct DmaBuf {
    buffer: Arc<Buffer>,
    name: SpinLock<[u8; NAME], { rank::LEAF }>,
}

/// Its inode, which has its size.
struct DmaInode {
    attr: Attributes,
    size: u64,
}

impl Inode for DmaInode {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            has_birth: false,
            ..self.attr.metadata(self.size, 0)
        }
    }
}

impl FileOps for DmaBuf {
    fn positioned(&self) -> bool {
        true
    }

    fn seek(&self, _file: &OpenFile, _pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        // So one learns the size; there is nothing else to seek for.
        match (whence, offset) {
            (Whence::End, 0) => Ok(self.buffer.size()),
            (Whence::Set, 0) => Ok(0),
            _ => Err(Errno::EINVAL),
        }
    }

    fn mmap(&self, _file: &OpenFile, request: &MmapRequest) -> Result<Arc<MemObject>> {
        let end = request.offset.checked_add(request.len as u64);
        if !request.shared || end.ok_or(Errno::EOVERFLOW)? > self.buffer.size() {
            return Err(Errno::EINVAL);
        }
        Ok(self.buffer.object().clone())
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, _caller: &dyn Caller) -> Result<usize> {
        match cmd {
            DMA_BUF_IOCTL_SYNC => {
                let flags = UserPtr::<u64>::new(UserAddr(arg)).read()?;
                let access = DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE;
                // Processor and device see the same memory at any time: there is nothing to be done.
                if flags & !(access | DMA_BUF_SYNC_END) != 0 || flags & access == 0 {
                    return Err(Errno::EINVAL);
                }
                Ok(0)
            }
            DMA_BUF_SET_NAME_A | DMA_BUF_SET_NAME_B => {
                let mut name = [0; NAME];
                for (at, byte) in name.iter_mut().enumerate() {
                    *byte = UserPtr::<u8>::new(UserAddr(arg)).add(at).read()?;
                    if *byte == 0 {
                        *self.name.lock() = name;
                        return Ok(0);
                    }
                }
                Err(Errno::EINVAL)
            }
            _ => Err(Errno::ENOTTY),
        }
    }

    fn show_info(&self, _file: &OpenFile, out: &mut dyn fmt::Write) -> fmt::Result {
        writeln!(out, "size:\t{}", self.buffer.size())?;
        let name = *self.name.lock();
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME);
        writeln!(out, "exp_name:\tdrm")?;
        match core::str::from_utf8(name.get(..end).unwrap_or_default()) {
            Ok(name) if !name.is_empty() => writeln!(out, "name:\t{name}"),
            _ => Ok(()),
        }
    }
}

/// `DRM_IOCTL_PRIME_HANDLE_TO_FD`
pub(super) fn export(file: &DrmFile, arg: &mut DrmPrimeHandle, caller: &dyn Caller) -> Result<()> {
    if arg.flags & !(DRM_CLOEXEC | DRM_RDWR) != 0 {
        return Err(Errno::EINVAL);
    }
    let buffer = file.buffer(arg.handle)?;
    let cred = caller.cred();
    let inode = Arc::new(DmaInode {
        attr: Attributes::new(vfs::anon::next_ino(), 0o600, cred.fsuid, cred.fsgid, 0),
        size: buffer.size(),
    });
    let ops = Arc::new(DmaBuf {
        buffer,
        name: SpinLock::new([0; NAME]),
    });
    let flags = if arg.flags & DRM_RDWR != 0 {
        OFlags::RDWR
    } else {
        OFlags::empty()
    };
    let open = vfs::anon::dma_buf_file(inode, ops, flags, cred.clone());
    let fd = caller.install(open, arg.flags & DRM_CLOEXEC != 0)?;
    arg.fd = i32::try_from(fd).map_err(|_| Errno::EMFILE)?;
    Ok(())
}

/// `DRM_IOCTL_PRIME_FD_TO_HANDLE`
pub(super) fn import(file: &DrmFile, arg: &mut DrmPrimeHandle, caller: &dyn Caller) -> Result<()> {
    let open = caller.file(arg.fd)?;
    let shared = open.ops_as::<DmaBuf>().ok_or(Errno::EINVAL)?;
    arg.handle = file.handle_of(&shared.buffer);
    Ok(())
}
