//! Reading and writing by descriptor (`man 2 read`, `man 2 pread`, `man 2 readv`), and `lseek`.

use abi::fcntl::{
    RWF_APPEND, RWF_DSYNC, RWF_HIPRI, RWF_NOAPPEND, RWF_NOWAIT, RWF_SYNC, SEEK_CUR, SEEK_DATA,
    SEEK_END, SEEK_HOLE, SEEK_SET,
};
use abi::stat::S_IFMT;
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::UserAddr;
use hal::ucopy::UserSlice;
use mm::io::{IoDst, IoSrc};
use vfs::{Abilities, OpenFile, Whence};

use super::Cx;
use super::args::{Fd, Flags};
use super::iovec::{MAX_TRANSFER, Pieces};
use super::transfer::{self, How};

/// One range of the program's memory, cut to what one call moves.
#[inline]
fn range(buf: UserAddr, len: usize) -> Result<UserSlice> {
    if buf.may_transfer(len) {
        Ok(UserSlice::new(buf, len.min(MAX_TRANSFER)))
    } else {
        Err(Errno::EFAULT)
    }
}

#[inline]
fn readable(file: &OpenFile) -> Result<()> {
    if file.can(Abilities::READ) {
        return Ok(());
    }
    Err(refusal(file.readable()))
}

#[inline]
fn writable(file: &OpenFile) -> Result<()> {
    if file.can(Abilities::WRITE) {
        return Ok(());
    }
    Err(refusal(file.writable()))
}

/// What a file says that has no such operation, or, unless `opened` for it, may not use it.
#[cold]
fn refusal(opened: bool) -> Errno {
    if opened { Errno::EINVAL } else { Errno::EBADF }
}

/// `read(2)`
pub fn read(cx: &mut Cx<'_>, fd: Fd, buf: UserAddr, len: usize) -> Result<usize> {
    let file = cx.file(fd)?;
    readable(&file)?;
    let mut dst = IoDst::user(range(buf, len)?);
    let done = transfer::read_next(cx, &file, &mut dst);
    cx.thread.has_read(&done);
    done
}

/// `write(2)`
pub fn write(cx: &mut Cx<'_>, fd: Fd, buf: UserAddr, len: usize) -> Result<usize> {
    let file = cx.file(fd)?;
    writable(&file)?;
    let mut src = IoSrc::user(range(buf, len)?);
    let done = transfer::write_next(cx, &file, &mut src);
    cx.thread.has_written(&done);
    done
}

/// The file of a descriptor that has positions, and the position asked for.
fn at_position(cx: &Cx<'_>, fd: Fd, offset: i64) -> Result<(Arc<OpenFile>, u64)> {
    let at = u64::try_from(offset).map_err(|_| Errno::EINVAL)?;
    let file = cx.file(fd)?;
    if file.is_path_only() {
        return Err(Errno::EBADF);
    }
    if !file.positioned() && !file.can(Abilities::ANY_PLACE) {
        return Err(Errno::ESPIPE);
    }
    Ok((file, at))
}

/// As [`at_position`], for writing: a text made when it is read has no places to write at.
fn at_written_position(cx: &Cx<'_>, fd: Fd, offset: i64) -> Result<(Arc<OpenFile>, u64)> {
    let (file, at) = at_position(cx, fd, offset)?;
    if file.can(Abilities::WRITE_AT) {
        Ok((file, at))
    } else {
        Err(Errno::ESPIPE)
    }
}

/// `pread64(2)`
pub fn pread64(cx: &mut Cx<'_>, fd: Fd, buf: UserAddr, len: usize, offset: i64) -> Result<usize> {
    let (file, mut at) = at_position(cx, fd, offset)?;
    readable(&file)?;
    let mut dst = IoDst::user(range(buf, len)?);
    let done = transfer::read(cx, &file, &mut dst, Some(&mut at), How::default());
    cx.thread.has_read(&done);
    done
}

/// `pwrite64(2)`
pub fn pwrite64(cx: &mut Cx<'_>, fd: Fd, buf: UserAddr, len: usize, offset: i64) -> Result<usize> {
    let (file, mut at) = at_written_position(cx, fd, offset)?;
    writable(&file)?;
    let mut src = IoSrc::user(range(buf, len)?);
    let done = transfer::write(cx, &file, &mut src, Some(&mut at), How::default());
    cx.thread.has_written(&done);
    done
}

fn read_pieces(
    cx: &Cx<'_>,
    file: &Arc<OpenFile>,
    (vector, count): (UserAddr, usize),
    at: Option<&mut u64>,
    flags: u32,
) -> Result<usize> {
    readable(file)?;
    let mut pieces = Pieces::default();
    pieces.read(vector, count)?;
    let mut dst = IoDst::iovec(&pieces);
    if dst.remaining() == 0 {
        return Ok(0);
    }
    let how = how(file, flags, false)?;
    let done = transfer::read(cx, file, &mut dst, at, how);
    cx.thread.has_read(&done);
    done
}

fn write_pieces(
    cx: &Cx<'_>,
    file: &Arc<OpenFile>,
    (vector, count): (UserAddr, usize),
    at: Option<&mut u64>,
    flags: u32,
) -> Result<usize> {
    writable(file)?;
    let mut pieces = Pieces::default();
    pieces.read(vector, count)?;
    let mut src = IoSrc::iovec(&pieces);
    if src.remaining() == 0 {
        return Ok(0);
    }
    let how = how(file, flags, true)?;
    let done = transfer::write(cx, file, &mut src, at, how);
    cx.thread.has_written(&done);
    done
}

/// What the `RWF_*` flags of one call ask for. Polling for completion (`RWF_HIPRI`) has no meaning without
/// a device that does it, and none does.
#[inline]
fn how(file: &OpenFile, flags: u32, write: bool) -> Result<How> {
    if flags == 0 {
        return Ok(How::default());
    }
    let takes_flags = if write {
        Abilities::WRITE_FLAGS
    } else {
        Abilities::READ_FLAGS
    };
    if flags & !RWF_HIPRI != 0 && !file.can(takes_flags) {
        return Err(Errno::EOPNOTSUPP);
    }
    const KNOWN: u32 = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND;
    if flags & !KNOWN != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    if flags & RWF_APPEND != 0 && flags & RWF_NOAPPEND != 0 {
        return Err(Errno::EINVAL);
    }
    // A file of pages may have to wait for them.
    let nowait = flags & RWF_NOWAIT != 0;
    let kind = file.inode().attr();
    if nowait && (kind.is_regular() || kind.is_dir() || !file.can(Abilities::NOWAIT)) {
        return Err(Errno::EOPNOTSUPP);
    }
    let append = match flags & (RWF_APPEND | RWF_NOAPPEND) {
        RWF_APPEND => Some(true),
        RWF_NOAPPEND => Some(false),
        _ => None,
    };
    let sync = (write && flags & (RWF_DSYNC | RWF_SYNC) != 0).then_some(flags & RWF_SYNC != 0);
    Ok(How {
        nowait,
        append,
        sync,
    })
}

/// `readv(2)`
pub fn readv(cx: &mut Cx<'_>, fd: Fd, vector: UserAddr, count: usize) -> Result<usize> {
    let file = cx.file(fd)?;
    read_pieces(cx, &file, (vector, count), None, 0)
}

/// `writev(2)`
pub fn writev(cx: &mut Cx<'_>, fd: Fd, vector: UserAddr, count: usize) -> Result<usize> {
    let file = cx.file(fd)?;
    write_pieces(cx, &file, (vector, count), None, 0)
}

/// `preadv(2)`; `_high` is for machines of 32 bits.
pub fn preadv(
    cx: &mut Cx<'_>,
    fd: Fd,
    vector: UserAddr,
    count: usize,
    offset: i64,
    _high: u64,
) -> Result<usize> {
    read_pieces_at(cx, fd, (vector, count), offset, 0)
}

/// `pwritev(2)`
pub fn pwritev(
    cx: &mut Cx<'_>,
    fd: Fd,
    vector: UserAddr,
    count: usize,
    offset: i64,
    _high: u64,
) -> Result<usize> {
    write_pieces_at(cx, fd, (vector, count), offset, 0)
}

/// `preadv2(2)`; offset -1 is the file's own position.
pub fn preadv2(
    cx: &mut Cx<'_>,
    fd: Fd,
    vector: UserAddr,
    count: usize,
    offset: i64,
    _high: u64,
    flags: Flags,
) -> Result<usize> {
    if offset == -1 {
        let file = cx.file(fd)?;
        return read_pieces(cx, &file, (vector, count), None, flags.0);
    }
    read_pieces_at(cx, fd, (vector, count), offset, flags.0)
}

/// `pwritev2(2)`; offset -1 is the file's own position.
pub fn pwritev2(
    cx: &mut Cx<'_>,
    fd: Fd,
    vector: UserAddr,
    count: usize,
    offset: i64,
    _high: u64,
    flags: Flags,
) -> Result<usize> {
    if offset == -1 {
        let file = cx.file(fd)?;
        return write_pieces(cx, &file, (vector, count), None, flags.0);
    }
    write_pieces_at(cx, fd, (vector, count), offset, flags.0)
}

type Vector = (UserAddr, usize);

fn read_pieces_at(cx: &Cx<'_>, fd: Fd, vector: Vector, offset: i64, flags: u32) -> Result<usize> {
    let (file, mut at) = at_position(cx, fd, offset)?;
    read_pieces(cx, &file, vector, Some(&mut at), flags)
}

fn write_pieces_at(cx: &Cx<'_>, fd: Fd, vector: Vector, offset: i64, flags: u32) -> Result<usize> {
    let (file, mut at) = at_written_position(cx, fd, offset)?;
    write_pieces(cx, &file, vector, Some(&mut at), flags)
}

/// `lseek(2)`
pub fn lseek(cx: &mut Cx<'_>, fd: Fd, offset: i64, whence: i32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let whence = match whence {
        SEEK_SET => Whence::Set,
        SEEK_CUR => Whence::Cur,
        SEEK_END => Whence::End,
        SEEK_DATA => Whence::Data,
        SEEK_HOLE => Whence::Hole,
        _ => return Err(Errno::EINVAL),
    };
    // The objects without a type have a position that nothing moves.
    if file.inode().attr().mode() & S_IFMT == 0 && !file.positioned() {
        return Ok(0);
    }
    let at = file
        .ops()
        .seek(&file, &mut file.position(), offset, whence)?;
    Ok(at as usize)
}
