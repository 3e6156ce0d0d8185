//! Descriptors: closing, doubling, pipes (`man 2 close`, `man 2 dup`, `man 2 close_range`, `man 2 pipe`).

use abi::fcntl::{CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, OFlags};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::time::Duration;
use hal::ucopy::UserPtr;
use net::socket::Socket;
use sync::{Events, Instant};
use task::wait::{Restart, WaitOptions, wait};
use vfs::{FdTable, OpenFile};

use super::Cx;
use super::args::{Fd, Flags};

/// `close(2)`
pub fn close(cx: &mut Cx<'_>, fd: Fd) -> Result<usize> {
    let files = &cx.holdings.files;
    let file = files.remove(fd.0)?;
    let_go(cx, files, file);
    Ok(0)
}

/// Lets go of a file; a socket with `SO_LINGER` then has its time to bring to the other end what was sent. Whether
/// it is non-blocking does not matter (`inet_release`), and a signal ends the wait, not the call.
fn let_go(cx: &Cx<'_>, files: &FdTable, file: Arc<OpenFile>) {
    let lingering = net::file::socket_of(&file).and_then(|socket| {
        let time = socket.options().linger_time()?;
        Some((socket.clone(), time))
    });
    vfs::close(files, file);
    if let Some((socket, time)) = lingering {
        linger(cx, &*socket, time);
    }
}

#[cold]
fn linger(cx: &Cx<'_>, socket: &dyn Socket, time: Duration) {
    let options = WaitOptions {
        deadline: Some(Instant::after(time)),
        restart: Restart::Never,
        ..WaitOptions::default()
    };
    let events = Events::all() - Events::NVAL - Events::UNLOCKED;
    // Time that is up and a signal end it as well: the file is closed in any case.
    let _ = wait(cx.thread, &options, &[(socket.pollee(), events)], || {
        if socket.lingers() {
            Err(Errno::EAGAIN)
        } else {
            Ok(())
        }
    });
}

/// `close_range(2)`
pub fn close_range(cx: &mut Cx<'_>, first: u32, last: u32, flags: Flags) -> Result<usize> {
    if flags.0 & !(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != 0 || first > last {
        return Err(Errno::EINVAL);
    }
    let marks = flags.0 & CLOSE_RANGE_CLOEXEC != 0;
    let (first, last) = (first as usize, last as usize);
    let mut files = cx.files()?;
    if flags.0 & CLOSE_RANGE_UNSHARE != 0 && files.is_shared() {
        // What would be closed right away need not be copied.
        let end = if marks || last < files.capacity() {
            usize::MAX
        } else {
            first
        };
        cx.thread.unshare_files(end)?;
        files = cx.files()?;
    }
    if marks {
        files.mark_cloexec(first, last);
        return Ok(0);
    }
    let mut from = first;
    while let Some((fd, file)) = files.remove_in(from, last) {
        let_go(cx, &files, file);
        from = fd as usize + 1;
    }
    Ok(0)
}

/// `dup(2)`
pub fn dup(cx: &mut Cx<'_>, fd: Fd) -> Result<usize> {
    let files = &cx.holdings.files;
    let file = files.get(fd.0)?;
    Ok(files.install(file, cx.descriptor_limit(), false)? as usize)
}

/// `dup3(2)`
pub fn dup3(cx: &mut Cx<'_>, from: Fd, to: Fd, flags: Flags) -> Result<usize> {
    if flags.0 & !OFlags::CLOEXEC.bits() != 0 || from == to {
        return Err(Errno::EINVAL);
    }
    let limit = cx.descriptor_limit();
    if usize::try_from(to.0).map_or(true, |to| to >= limit) {
        return Err(Errno::EBADF);
    }
    let files = &cx.holdings.files;
    let file = files.get(from.0)?;
    if let Some(old) = files.replace(to.0, file, limit, flags.0 != 0)? {
        let_go(cx, files, old);
    }
    Ok(to.0 as usize)
}

/// `pipe2(2)`
pub fn pipe2(cx: &mut Cx<'_>, pair: UserPtr<[i32; 2]>, flags: Flags) -> Result<usize> {
    let known = OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::DIRECT;
    let flags = OFlags::from_bits_retain(flags.0);
    // Pipes of notifications (O_EXCL) are not in Debian's kernel either.
    if flags == flags & (known | OFlags::EXCL) && flags.contains(OFlags::EXCL) {
        return Err(Errno::ENOPKG);
    }
    if flags != flags & known {
        return Err(Errno::EINVAL);
    }
    let files = &cx.holdings.files;
    let limit = cx.descriptor_limit();
    let cloexec = flags.contains(OFlags::CLOEXEC);
    let reader = files.reserve(0, limit, cloexec)?;
    let writer = files.reserve(0, limit, cloexec)?;
    pair.write(&[reader.fd(), writer.fd()])?;
    let (read, write) = vfs::pipe::pair(flags - OFlags::CLOEXEC, &cx.cred())?;
    reader.install(read);
    writer.install(write);
    Ok(0)
}
