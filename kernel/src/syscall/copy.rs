//! Copying between files inside the kernel (`man 2 sendfile`, `man 2 copy_file_range`).

use abi::fcntl::{MAX_RW_COUNT, OFlags};
use abi::inotify::InotifyMask;
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::ucopy::UserPtr;
use mm::MemObject;
use mm::io::{IoDst, IoSrc};
use vfs::{Abilities, OpenFile, notify, same_inode, seek};

use super::Cx;
use super::args::{Fd, Flags};
use super::pages::Pages;
use super::splice::{buffer, into_pipe, is_spliceable, leave, pipe_of, place, read_offset};
use super::transfer::{self, How};

/// Bytes on their way at once.
const CHUNK: usize = 32 << 10;

/// `sendfile(2)`
pub fn sendfile(
    cx: &mut Cx<'_>,
    fd_out: Fd,
    fd_in: Fd,
    offset: UserPtr<i64>,
    count: usize,
) -> Result<usize> {
    let asked = read_offset(offset)?;
    let input = readable(cx, fd_in)?;
    if asked.is_some() && !input.positioned() {
        return Err(Errno::ESPIPE);
    }
    let mut at = place(&input, asked)?;
    let past = i64::try_from(count)
        .ok()
        .and_then(|n| n.checked_add_unsigned(at));
    if past.is_none() {
        return Err(Errno::EINVAL);
    }
    let count = count.min(MAX_RW_COUNT);
    let output = writable(cx, fd_out)?;
    let result = send(cx, &input, &mut at, &output, count);
    cx.thread.has_read(&result);
    cx.thread.has_written(&result);
    // The offset is written back whatever became of it.
    if result.is_ok() || !offset.is_null() {
        leave(&input, offset, at)?;
    }
    result
}

fn readable(cx: &Cx<'_>, fd: Fd) -> Result<Arc<OpenFile>> {
    let file = cx.file(fd)?;
    if file.readable() {
        Ok(file)
    } else {
        Err(Errno::EBADF)
    }
}

fn writable(cx: &Cx<'_>, fd: Fd) -> Result<Arc<OpenFile>> {
    let file = cx.file(fd)?;
    if file.writable() {
        Ok(file)
    } else {
        Err(Errno::EBADF)
    }
}

fn send(
    cx: &Cx<'_>,
    input: &Arc<OpenFile>,
    at: &mut u64,
    output: &Arc<OpenFile>,
    count: usize,
) -> Result<usize> {
    if let Some(pipe) = pipe_of(output) {
        return into_pipe(cx, input, at, output, pipe, count, output.nonblocking());
    }
    // What cannot be gone back in might lose what the output does not take.
    if output.flags().contains(OFlags::APPEND)
        || !input.positioned()
        || !is_spliceable(input, Abilities::SPLICE_FROM)
    {
        return Err(Errno::EINVAL);
    }
    // Nothing goes anywhere, even into what takes nothing.
    if count == 0 {
        return Ok(0);
    }
    if !is_spliceable(output, Abilities::SPLICE_INTO) {
        // Where nothing comes out, nobody asks what it goes into.
        let mut first = [0];
        let got = transfer::read(
            cx,
            input,
            &mut IoDst::kernel(&mut first),
            Some(&mut at.clone()),
            How::default(),
        )?;
        return if got == 0 { Ok(0) } else { Err(Errno::EINVAL) };
    }
    let mut at_out = place(output, None)?;
    let sent = copy(cx, input, at, output, &mut at_out, count)?;
    if output.positioned() {
        *output.position() = at_out;
    }
    Ok(sent)
}

/// Copies until `len` bytes have gone, the input ends or the output takes no more.
fn copy(
    cx: &Cx<'_>,
    input: &Arc<OpenFile>,
    at_in: &mut u64,
    output: &Arc<OpenFile>,
    at_out: &mut u64,
    len: usize,
) -> Result<usize> {
    let mut copied = 0;
    while copied < len && !cx.thread.is_killed() {
        let left = len - copied;
        let part = match input.inode().object() {
            Some(object) => copy_pages(cx, (input, object), *at_in, output, at_out, left),
            None => copy_bytes(cx, input, *at_in, output, at_out, left),
        };
        match part {
            Ok((got, put)) => {
                copied += put;
                *at_in += put as u64;
                if put < got || got == 0 {
                    break;
                }
            }
            Err(error) if copied == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(copied)
}

/// Writes some pages of a file; how many bytes they had and how many went.
fn copy_pages(
    cx: &Cx<'_>,
    (input, object): (&OpenFile, &MemObject),
    at: u64,
    output: &Arc<OpenFile>,
    at_out: &mut u64,
    len: usize,
) -> Result<(usize, usize)> {
    let mut pages = Pages::default();
    let got = pages.add(object, at, len)?;
    if got > 0 {
        // What is read is read before it is written.
        notify::on(input.path().dentry(), InotifyMask::ACCESS);
    }
    let put = match got {
        0 => 0,
        _ => transfer::write(
            cx,
            output,
            &mut pages.source(),
            Some(at_out),
            How::default(),
        )?,
    };
    Ok((got, put))
}

/// The same for what has no pages, through a buffer.
fn copy_bytes(
    cx: &Cx<'_>,
    input: &Arc<OpenFile>,
    mut at: u64,
    output: &Arc<OpenFile>,
    at_out: &mut u64,
    len: usize,
) -> Result<(usize, usize)> {
    let mut bytes = buffer(len.min(CHUNK))?;
    let mut dst = IoDst::kernel(&mut bytes);
    let got = transfer::read(cx, input, &mut dst, Some(&mut at), How::default())?;
    let mut src = IoSrc::kernel(bytes.get(..got).unwrap_or_default());
    let put = match got {
        0 => 0,
        _ => transfer::write(cx, output, &mut src, Some(at_out), How::default())?,
    };
    Ok((got, put))
}

/// `copy_file_range(2)`
pub fn copy_file_range(
    cx: &mut Cx<'_>,
    fd_in: Fd,
    offset_in: UserPtr<i64>,
    fd_out: Fd,
    offset_out: UserPtr<i64>,
    len: usize,
    flags: Flags,
) -> Result<usize> {
    let (input, output) = (cx.usable_file(fd_in)?, cx.usable_file(fd_out)?);
    let (asked_in, asked_out) = (read_offset(offset_in)?, read_offset(offset_out)?);
    if flags.0 != 0 {
        return Err(Errno::EINVAL);
    }
    let (from, to) = (input.inode(), output.inode());
    if from.attr().is_dir() || to.attr().is_dir() {
        return Err(Errno::EISDIR);
    }
    if !from.attr().is_regular() || !to.attr().is_regular() {
        return Err(Errno::EINVAL);
    }
    if !input.readable() || !output.writable() || output.flags().contains(OFlags::APPEND) {
        return Err(Errno::EBADF);
    }
    if !Arc::ptr_eq(input.path().mount().sb(), output.path().mount().sb()) {
        return Err(Errno::EXDEV);
    }
    let mut at_in = place(&input, asked_in)?;
    let mut at_out = place(&output, asked_out)?;
    let most = seek::MAX_SIZE;
    let ends_beyond = |at: u64| at.checked_add(len as u64).is_none_or(|end| end > most);
    if len as u64 > most || ends_beyond(at_in) || ends_beyond(at_out) {
        return Err(Errno::EOVERFLOW);
    }
    let left = from.metadata().size.saturating_sub(at_in);
    let len = usize::try_from(left).map_or(len, |left| len.min(left));
    let overlaps = at_out < at_in + len as u64 && at_in < at_out + len as u64;
    if same_inode(from, to) && overlaps {
        return Err(Errno::EINVAL);
    }
    let len = len.min(MAX_RW_COUNT);
    if len == 0 {
        return Ok(0);
    }
    let copied = copy(cx, &input, &mut at_in, &output, &mut at_out, len);
    cx.thread.has_read(&copied);
    cx.thread.has_written(&copied);
    let copied = copied?;
    leave(&input, offset_in, at_in)?;
    leave(&output, offset_out, at_out)?;
    Ok(copied)
}
