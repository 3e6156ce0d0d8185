//! What can be done with an open file: the operations its file system, driver or object offers.
//!
//! Operations never wait for readiness: what is not there yet is `EAGAIN`, and [`FileOps::pollee`] tells
//! when to try again. They copy without faulting user memory in; a copy that stops short at a fault
//! says so through the [`IoDst`] or [`IoSrc`], and who called faults in and calls again.

use abi::fcntl::OFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::fmt;
use mm::MemObject;
use mm::io::{IoDst, IoSrc};
use sync::{Events, Instant, Pollee};

use crate::Caller;
use crate::abilities::Abilities;
use crate::attr::FileType;
use crate::epoll::Epoll;
use crate::file::OpenFile;

/// In place of a position of [`FileOps::write`]: the end, wherever it is by then.
pub const AT_END: u64 = u64::MAX;

/// Where `lseek` counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The start.
    Set,
    /// The present position.
    Cur,
    /// The end.
    End,
    /// The next data.
    Data,
    /// The next hole.
    Hole,
}

/// What a mapping of a file wants.
#[derive(Clone, Copy, Debug)]
pub struct MmapRequest {
    /// Shared or private.
    pub shared: bool,
    /// To be written now.
    pub write: bool,
    /// First byte of the file.
    pub offset: u64,
    /// Bytes.
    pub len: usize,
}

/// Takes directory entries.
pub trait DirSink {
    /// One entry. `next` is the position after it, which reading may go on from. Answers `false` when
    /// there is no room: the entry was not taken.
    fn entry(&mut self, name: &[u8], ino: u64, kind: FileType, next: u64) -> bool;
}

/// The operations of an open file. The defaults are Linux's answers of a file that has not got them.
pub trait FileOps: Any + Send + Sync {
    /// Reads at `pos` and moves it (a stream leaves it alone). `Ok(0)` is the end of the file.
    ///
    /// # Errors
    /// `EAGAIN` when there is nothing yet, `EINVAL` for what cannot be read.
    fn read(&self, _file: &OpenFile, _dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    /// Until when a read that began at `began` and found nothing (`EAGAIN`) waits at most; asked again after each
    /// notification. `None`: for ever.
    fn read_deadline(&self, _file: &OpenFile, _began: Instant) -> Option<Instant> {
        None
    }

    /// What a read gets that may wait no longer, its deadline having passed or a signal come: perhaps nothing.
    fn read_rest(&self, _file: &OpenFile, _dst: &mut IoDst<'_>) -> usize {
        0
    }

    /// What a read gets that waited and then found the end.
    ///
    /// # Errors
    /// `EIO` where the other side's leaving is an error to who waited for it.
    fn read_ended(&self, _file: &OpenFile) -> Result<usize> {
        Ok(0)
    }

    /// Writes at `pos` and moves it. A file of pages gets [`AT_END`] for a write at its end and puts the
    /// position after what it wrote in its place.
    ///
    /// # Errors
    /// `EAGAIN` when there is no room yet, `EINVAL` for what cannot be written.
    fn write(&self, _file: &OpenFile, _src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    /// Which operations there are at all; asked once, when the file is opened.
    fn abilities(&self) -> Abilities {
        Abilities::USUAL
    }

    /// Whether a write that may wait goes on until everything has gone: pipes and terminals.
    fn writes_all(&self) -> bool {
        false
    }

    /// What the file is ready for now.
    fn ready(&self, _file: &OpenFile) -> Events {
        Events::READABLE | Events::WRITABLE
    }

    /// Who tells of readiness; `None`: always ready.
    fn pollee(&self) -> Option<&Pollee> {
        None
    }

    /// Whether `O_ASYNC` has a meaning: the owner is signalled when the file becomes ready.
    fn signals(&self) -> bool {
        false
    }

    /// The epoll instance behind the file, without a search by type: `epoll_wait` asks each time.
    fn as_epoll(&self) -> Option<&Epoll> {
        None
    }

    /// What is left of opening: a FIFO waits for its peer (`EAGAIN` until it is there).
    ///
    /// # Errors
    /// `EAGAIN`: not yet; others end the opening.
    fn finish_open(&self, _file: &OpenFile) -> Result<()> {
        Ok(())
    }

    /// Whether the file has positions: `pread`, `pwrite` and `lseek` work.
    fn positioned(&self) -> bool {
        false
    }

    /// Whether positions are addresses: any number is one (`FMODE_UNSIGNED_OFFSET`).
    fn has_addresses(&self) -> bool {
        false
    }

    /// Moves the position.
    ///
    /// # Errors
    /// `ESPIPE`, `EINVAL`, `ENXIO`, `EOVERFLOW`.
    fn seek(&self, _file: &OpenFile, _pos: &mut u64, _offset: i64, _whence: Whence) -> Result<u64> {
        Err(Errno::ESPIPE)
    }

    /// Device control.
    ///
    /// # Errors
    /// `ENOTTY` for a command that is not the file's.
    fn ioctl(
        &self,
        _file: &OpenFile,
        _cmd: u32,
        _arg: usize,
        _caller: &dyn Caller,
    ) -> Result<usize> {
        Err(Errno::ENOTTY)
    }

    /// Where an offset of the file lies in the object that [`FileOps::mmap`] gave for it.
    fn object_offset(&self, offset: u64) -> u64 {
        offset
    }

    /// The memory behind the file, to be mapped.
    ///
    /// # Errors
    /// `ENODEV`, `EPERM` by a seal.
    fn mmap(&self, _file: &OpenFile, _request: &MmapRequest) -> Result<Arc<MemObject>> {
        Err(Errno::ENODEV)
    }

    /// Lists a directory from `pos`, which moves past what the sink took.
    ///
    /// # Errors
    /// `ENOTDIR`; `ENOENT` in a removed directory.
    fn readdir(&self, _file: &OpenFile, _pos: &mut u64, _sink: &mut dyn DirSink) -> Result<()> {
        Err(Errno::ENOTDIR)
    }

    /// Writes back what is not on the device.
    ///
    /// # Errors
    /// `EINVAL` for what has no device, `EIO`.
    fn fsync(&self, _file: &OpenFile, _data_only: bool) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// Allocates, zeroes or frees a range; `mode` is `FALLOC_FL_*`.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `ENOSPC`.
    fn fallocate(&self, _file: &OpenFile, _mode: u32, _offset: u64, _len: u64) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// The flags of `F_SETFL` change from what the file has to `flags`.
    ///
    /// # Errors
    /// `EINVAL` for `O_DIRECT` where there is none.
    fn set_flags(&self, _file: &OpenFile, _flags: OFlags) -> Result<()> {
        Ok(())
    }

    /// Lines of `/proc/<pid>/fdinfo/<fd>` after the common ones.
    ///
    /// # Errors
    /// As the writer.
    fn show_info(&self, _file: &OpenFile, _out: &mut dyn fmt::Write) -> fmt::Result {
        Ok(())
    }

    /// The last descriptor of the open file is gone.
    fn release(&self, _file: &OpenFile) {}
}

/// The operations of a file opened with `O_PATH`: none (`EBADF` comes before they are asked).
pub struct PathOnly;

impl FileOps for PathOnly {
    fn abilities(&self) -> Abilities {
        Abilities::empty()
    }

    fn read(&self, _file: &OpenFile, _dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EBADF)
    }

    fn write(&self, _file: &OpenFile, _src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        Err(Errno::EBADF)
    }
}
