//! Moving bytes through open files: trying, bringing pages in, waiting, and what a part of the way
//! counts for (`man 2 read`, `man 2 write`).

use abi::fcntl::OFlags;
use abi::signal::{SIGPIPE, SIGXFSZ};
use abi::{Errno, Result};
use alloc::sync::Arc;
use mm::io::{IoDst, IoSrc};
use sync::{Events, INFINITY, Instant, Resource};
use task::Thread;
use task::signal::{Origin, SigInfo, send_to_thread};
use task::wait::{WaitOptions, wait};
use vfs::{AT_END, Inode, OpenFile, seek};

use super::Cx;
use super::socket;

/// How one call differs from the file's flags (`RWF_*`).
#[derive(Clone, Copy, Default)]
pub struct How {
    /// It does not wait, whatever the file says.
    pub nowait: bool,
    /// At the end, or not, whatever the file says.
    pub append: Option<bool>,
    /// What is written is on the device when the call returns; `true`: with its attributes.
    pub sync: Option<bool>,
}

/// Refuses a range that no position can name.
#[inline]
fn verify(file: &OpenFile, pos: u64, len: usize) -> Result<()> {
    match pos.checked_add(len as u64) {
        Some(end) if end <= seek::MAX_SIZE => Ok(()),
        end => verify_address(file, end),
    }
}

/// Where positions are addresses, the upper half of them counts as well.
#[cold]
fn verify_address(file: &OpenFile, end: Option<u64>) -> Result<()> {
    match end {
        _ if !file.ops().has_addresses() => Err(Errno::EINVAL),
        None => Err(Errno::EOVERFLOW),
        Some(_) => Ok(()),
    }
}

/// Reads at `at`, or at the file's position, which it holds to the end of the call.
///
/// # Errors
/// Those of `read(2)`; one of the restart codes when a signal came first.
#[inline]
pub fn read(
    cx: &Cx<'_>,
    file: &Arc<OpenFile>,
    dst: &mut IoDst<'_>,
    at: Option<&mut u64>,
    how: How,
) -> Result<usize> {
    if !file.positioned() {
        if let Some(socket) = net::file::socket_of(file) {
            let nonblock = how.nowait || file.nonblocking();
            return socket::read(cx, socket, dst, nonblock);
        }
        return read_from(cx.thread, file, dst, &mut 0, how);
    }
    match at {
        Some(at) => {
            verify(file, *at, dst.remaining())?;
            read_from(cx.thread, file, dst, at, how)
        }
        None if file.holds_position() => {
            let mut position = file.position();
            verify(file, *position, dst.remaining())?;
            read_from(cx.thread, file, dst, &mut position, how)
        }
        None => {
            let mut position = file.position_seen();
            verify(file, position, dst.remaining())?;
            let done = read_from(cx.thread, file, dst, &mut position, how);
            file.set_position_loosely(position);
            done
        }
    }
}

/// Whether reads and writes may take the short way: nothing to hold, no socket's rules, a position that any length
/// can be added to.
#[inline(always)]
fn is_loose(file: &OpenFile, len: usize) -> bool {
    !file.holds_position()
        && !file.is_socket()
        && file
            .position_seen()
            .checked_add(len as u64)
            .is_some_and(|end| end <= seek::MAX_SIZE)
}

/// As [`read`] at the file's own position, in a few steps where one try is enough: devices, pipes, events.
///
/// # Errors
/// As [`read`].
#[inline(always)]
pub fn read_next(cx: &Cx<'_>, file: &Arc<OpenFile>, dst: &mut IoDst<'_>) -> Result<usize> {
    let how = How::default();
    if !is_loose(file, dst.remaining()) {
        return read(cx, file, dst, None, how);
    }
    match file.read_loosely(dst) {
        Ok(bytes) if !dst.faulted() => Ok(bytes),
        first => {
            let mut at = file.position_seen();
            let done = read_on(cx.thread, file, dst, &mut at, how, first);
            file.set_position_loosely(at);
            done
        }
    }
}

/// As [`write()`] at the file's own position, in a few steps where one try is enough: devices, pipes, events.
///
/// # Errors
/// As [`write()`].
#[inline(always)]
pub fn write_next(cx: &Cx<'_>, file: &Arc<OpenFile>, src: &mut IoSrc<'_>) -> Result<usize> {
    let wanted = src.remaining();
    if !is_loose(file, wanted) {
        return write(cx, file, src, None, How::default());
    }
    match file.write_loosely(src) {
        Ok(bytes) if bytes == wanted => Ok(bytes),
        first => {
            let mut at = file.position_seen();
            let done = write_on(cx.thread, file, src, &mut at, (false, false), first);
            file.set_position_loosely(at);
            done
        }
    }
}

#[inline]
fn read_from(
    thread: &Thread,
    file: &OpenFile,
    dst: &mut IoDst<'_>,
    at: &mut u64,
    how: How,
) -> Result<usize> {
    match file.read(dst, Some(at)) {
        Ok(bytes) if !dst.faulted() => Ok(bytes),
        Err(error) if error != Errno::EAGAIN && error != Errno::EFAULT => Err(error),
        first => read_on(thread, file, dst, at, how, first),
    }
}

/// Goes on after a first try that did not end the call.
#[cold]
fn read_on(
    thread: &Thread,
    file: &OpenFile,
    dst: &mut IoDst<'_>,
    at: &mut u64,
    how: How,
    first: Result<usize>,
) -> Result<usize> {
    let mut total = 0;
    let mut result = first;
    loop {
        let error = match result {
            Ok(bytes) => {
                total += bytes;
                if !dst.faulted() {
                    return Ok(total);
                }
                Errno::EFAULT
            }
            Err(error) => error,
        };
        result = match error {
            Errno::EFAULT if dst.faulted() && dst.fault_in() => file.read(dst, Some(at)),
            Errno::EAGAIN if total == 0 && !how.nowait && !file.nonblocking() => {
                match wait_to_read(thread, file, dst, at) {
                    Ok(0) if !dst.faulted() => return file.ops().read_ended(file),
                    Ok(bytes) => Ok(bytes),
                    Err(Errno::EFAULT) if dst.faulted() => Err(Errno::EFAULT),
                    Err(error) => return Err(error),
                }
            }
            error if total == 0 => return Err(error),
            _ => return Ok(total),
        };
    }
}

/// Waits until there is something to read, and reads it. A terminal may wait no longer than its settings
/// say, which begin anew with every byte.
fn wait_to_read(
    thread: &Thread,
    file: &OpenFile,
    dst: &mut IoDst<'_>,
    at: &mut u64,
) -> Result<usize> {
    let ops = file.ops();
    let pollee = ops.pollee().ok_or(Errno::EAGAIN)?;
    let began = Instant::now();
    loop {
        let deadline = ops.read_deadline(file, began);
        let options = WaitOptions {
            deadline,
            ..WaitOptions::default()
        };
        let events = Events::READABLE | Events::RDHUP;
        let answer = wait(thread, &options, &[(pollee, events)], || {
            match file.read(dst, Some(at)) {
                Err(Errno::EAGAIN) if ops.read_deadline(file, began) != deadline => Ok(None),
                result => result.map(Some),
            }
        });
        match answer {
            Ok(None) => {}
            Ok(Some(bytes)) => return Ok(bytes),
            Err(Errno::ETIMEDOUT) => return Ok(ops.read_rest(file, dst)),
            Err(error) => {
                return match ops.read_rest(file, dst) {
                    0 => Err(error),
                    bytes => Ok(bytes),
                };
            }
        }
    }
}

/// Writes at `at`, or at the file's position, which it holds to the end of the call.
///
/// # Errors
/// Those of `write(2)`; one of the restart codes when a signal came first.
#[inline]
pub fn write(
    cx: &Cx<'_>,
    file: &Arc<OpenFile>,
    src: &mut IoSrc<'_>,
    at: Option<&mut u64>,
    how: How,
) -> Result<usize> {
    if !file.positioned() {
        if let Some(socket) = net::file::socket_of(file) {
            let nonblock = how.nowait || file.nonblocking();
            return socket::write(cx, socket, src, nonblock);
        }
        return write_from(cx.thread, file, src, &mut 0, how);
    }
    match at {
        Some(at) => write_positioned(cx.thread, file, src, at, how),
        None if file.holds_position() => {
            write_positioned(cx.thread, file, src, &mut file.position(), how)
        }
        None => {
            let mut position = file.position_seen();
            let done = write_positioned(cx.thread, file, src, &mut position, how);
            file.set_position_loosely(position);
            done
        }
    }
}

#[inline]
fn write_positioned(
    thread: &Thread,
    file: &OpenFile,
    src: &mut IoSrc<'_>,
    at: &mut u64,
    how: How,
) -> Result<usize> {
    verify(file, *at, src.remaining())?;
    let limit = thread.process().limits().soft(Resource::FileSize);
    if limit != INFINITY {
        limit_size(thread, file, src, *at, how, limit)?;
    }
    let done = write_from(thread, file, src, at, how)?;
    let sync = how.sync.or_else(|| synced(file.flags()));
    if let Some(all) = sync
        && done > 0
        && file.inode().object().is_some()
    {
        file.ops().fsync(file, !all)?;
    }
    Ok(done)
}

/// What `O_DSYNC` and `O_SYNC` ask for.
#[inline]
fn synced(flags: OFlags) -> Option<bool> {
    flags
        .contains(OFlags::DSYNC)
        .then(|| flags.contains(OFlags::SYNC_BIT))
}

/// `RLIMIT_FSIZE`: a write that would begin past it raises SIGXFSZ, one that crosses it is cut.
#[cold]
fn limit_size(
    thread: &Thread,
    file: &OpenFile,
    src: &mut IoSrc<'_>,
    at: u64,
    how: How,
    limit: u64,
) -> Result<()> {
    if !file.writable() {
        return Err(Errno::EBADF);
    }
    let Some(object) = file.inode().object() else {
        return Ok(());
    };
    if src.remaining() == 0 {
        return Ok(());
    }
    let append = appends(file, how);
    let start = if append { object.size() } else { at };
    if start >= limit {
        raise(thread, SIGXFSZ);
        return Err(Errno::EFBIG);
    }
    src.limit(usize::try_from(limit - start).unwrap_or(usize::MAX));
    Ok(())
}

/// `RLIMIT_FSIZE` for a file that is made `size` bytes long: past it, SIGXFSZ.
///
/// # Errors
/// `EFBIG`
pub fn check_growth(thread: &Thread, inode: &dyn Inode, size: u64) -> Result<()> {
    let limit = thread.process().limits().soft(Resource::FileSize);
    if size > limit && size > inode.metadata().size {
        raise(thread, SIGXFSZ);
        return Err(Errno::EFBIG);
    }
    Ok(())
}

#[inline]
fn appends(file: &OpenFile, how: How) -> bool {
    how.append
        .unwrap_or_else(|| file.flags().contains(OFlags::APPEND))
}

/// A signal by the kernel's hand that the caller seems to have sent itself, as Linux does.
pub fn raise(thread: &Thread, signo: i32) {
    let info = SigInfo::user(signo, thread.process().pid() as i32, thread.cred().uid);
    // A signal of the kernel's is never refused.
    let _ = send_to_thread(thread, info, Origin::Kernel);
}

#[inline]
fn write_from(
    thread: &Thread,
    file: &OpenFile,
    src: &mut IoSrc<'_>,
    at: &mut u64,
    how: How,
) -> Result<usize> {
    debug_assert!(*at != AT_END, "a position, not a place to append");
    let append = appends(file, how);
    let wanted = src.remaining();
    match file.write_at(src, at, append) {
        Ok(bytes) if bytes == wanted => Ok(bytes),
        first => write_on(thread, file, src, at, (how.nowait, append), first),
    }
}

/// Goes on after a first try that did not end the call.
#[cold]
fn write_on(
    thread: &Thread,
    file: &OpenFile,
    src: &mut IoSrc<'_>,
    at: &mut u64,
    (nowait, append): (bool, bool),
    first: Result<usize>,
) -> Result<usize> {
    let mut total = 0;
    let mut result = first;
    loop {
        let error = match result {
            Ok(bytes) => {
                total += bytes;
                if src.faulted() {
                    Errno::EFAULT
                } else if bytes == 0 || src.remaining() == 0 || !file.ops().writes_all() {
                    return Ok(total);
                } else {
                    result = file.write_at(src, at, append);
                    continue;
                }
            }
            Err(error) => error,
        };
        result = match error {
            Errno::EFAULT if src.faulted() && src.fault_in() => file.write_at(src, at, append),
            Errno::EAGAIN if !nowait && !file.nonblocking() => {
                match wait_to_write(thread, file, src, at, append) {
                    Ok(bytes) => Ok(bytes),
                    Err(Errno::EAGAIN) => return part(total, Errno::EAGAIN),
                    Err(error) => Err(error),
                }
            }
            error => {
                if error == Errno::EPIPE {
                    // Even when a part has gone, as Linux's pipes do.
                    raise(thread, SIGPIPE);
                }
                return part(total, error);
            }
        };
    }
}

fn part(total: usize, error: Errno) -> Result<usize> {
    if total > 0 { Ok(total) } else { Err(error) }
}

fn wait_to_write(
    thread: &Thread,
    file: &OpenFile,
    src: &mut IoSrc<'_>,
    at: &mut u64,
    append: bool,
) -> Result<usize> {
    let pollee = file.ops().pollee().ok_or(Errno::EAGAIN)?;
    let on = [(pollee, Events::WRITABLE)];
    wait(thread, &WaitOptions::default(), &on, || {
        file.write_at(src, at, append)
    })
}
