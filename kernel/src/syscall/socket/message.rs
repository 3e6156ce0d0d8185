//! Sending and receiving (`man 2 send`, `man 2 recv`, `man 2 sendmmsg`, `man 2 recvmmsg`).

use abi::socket::family::{AF_NETLINK, AF_UNIX};
use abi::socket::{MMsgHdr, MsgFlags, MsgHdr, SOCKADDR_STORAGE, UIO_MAXIOV, Ucred};
use abi::time::Timespec;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use hal::UserAddr;
use hal::ucopy::{UserPtr, UserSlice};
use mm::io::{IoDst, IoSrc};
use net::control::{Message, messages};
use net::socket::{Outgoing, Received, Socket};
use sync::{Capability, Instant};
use task::caller::Calling;
use vfs::OpenFile;

use super::super::Cx;
use super::super::args::{Fd, Flags};
use super::super::iovec::{MAX_TRANSFER, Pieces};
use super::control;
use super::transfer;
use super::{Name, socket_of, write_address};

/// The flag of 32-bit callers, refused in theirs and ours.
const MSG_CMSG_COMPAT: u32 = 0x8000_0000;

fn flags_of(raw: Flags, file: &OpenFile) -> (MsgFlags, bool) {
    let flags = MsgFlags::from_bits_retain(raw.0);
    (
        flags,
        flags.contains(MsgFlags::DONTWAIT) || file.nonblocking(),
    )
}

/// A descriptor's files and limit, for what goes out.
fn outgoing<'a>(
    cx: &Cx<'_>,
    caller: &'a Calling<'a>,
    flags: MsgFlags,
    address: Option<&'a [u8]>,
) -> Outgoing<'a> {
    Outgoing {
        address,
        descriptor_limit: cx.descriptor_limit() as u64,
        waited: false,
        ..Outgoing::plain(caller, flags)
    }
}

/// Whether a thread may claim these credentials (`man 7 unix`, `SCM_CREDENTIALS`).
fn check_credentials(cx: &Cx<'_>, claim: &Ucred) -> Result<()> {
    let cred = cx.thread.cred();
    let own_pid = u32::try_from(claim.pid) == Ok(cx.process().pid());
    let uid = [cred.uid, cred.euid, cred.suid].contains(&claim.uid) || cred.has(Capability::SETUID);
    let gid = [cred.gid, cred.egid, cred.sgid].contains(&claim.gid) || cred.has(Capability::SETGID);
    if !((own_pid || cred.has(Capability::SYS_ADMIN)) && uid && gid) {
        return Err(Errno::EPERM);
    }
    let pid = u32::try_from(claim.pid).map_err(|_| Errno::ESRCH)?;
    if own_pid || task::tree::lock().process(pid).is_some() {
        Ok(())
    } else {
        Err(Errno::ESRCH)
    }
}

/// A timeout as a length of time.
fn duration(timeout: &Timespec) -> Result<Duration> {
    let seconds = u64::try_from(timeout.sec).map_err(|_| Errno::EINVAL)?;
    let nanoseconds = u32::try_from(timeout.nsec)
        .ok()
        .filter(|ns| *ns < 1_000_000_000);
    Ok(Duration::new(seconds, nanoseconds.ok_or(Errno::EINVAL)?))
}

fn timespec(left: Duration) -> Timespec {
    Timespec {
        sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        nsec: i64::from(left.subsec_nanos()),
    }
}

/// `sendto(2)`
pub fn sendto(
    cx: &mut Cx<'_>,
    fd: Fd,
    buf: UserAddr,
    len: usize,
    flags: Flags,
    address: UserAddr,
    address_len: i32,
) -> Result<usize> {
    ensure_users(buf, len)?;
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    let (flags, nonblock) = flags_of(flags, &file);
    let mut name;
    let address = if address.is_null() {
        None
    } else {
        name = Name::new();
        Some(name.read(address, address_len)?)
    };
    let mut src = IoSrc::user(UserSlice::new(buf, len.min(MAX_TRANSFER)));
    let calling = cx.caller();
    let mut out = outgoing(cx, &calling, flags, address);
    transfer::send(cx.thread, socket, &mut src, &mut out, nonblock)
}

/// Whether the bytes lie where a program's can: asked before anything else.
fn ensure_users(buf: UserAddr, len: usize) -> Result<()> {
    if buf.in_user_range(len.min(MAX_TRANSFER)) {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}

/// `recvfrom(2)`
pub fn recvfrom(
    cx: &mut Cx<'_>,
    fd: Fd,
    buf: UserAddr,
    len: usize,
    flags: Flags,
    address: UserAddr,
    address_len: UserPtr<i32>,
) -> Result<usize> {
    ensure_users(buf, len)?;
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    let (flags, nonblock) = flags_of(flags, &file);
    let mut dst = IoDst::user(UserSlice::new(buf, len.min(MAX_TRANSFER)));
    let mut received = Received::default();
    transfer::receive(cx.thread, socket, &mut dst, flags, nonblock, &mut received)?;
    if !address.is_null() {
        let name = sender_name(&**socket, &received);
        write_address(&name, address, address_len)?;
    }
    Ok(length(&received, flags))
}

/// The name a message came with; a stream may tell its peer's.
fn sender_name(socket: &dyn Socket, received: &Received) -> Vec<u8> {
    match &received.from {
        Some(name) => name.to_bytes(),
        None if socket.is_stream() && received.bytes > 0 => socket.stream_name(),
        None => Vec::new(),
    }
}

/// What the call returns: with `MSG_TRUNC` the message's own length.
fn length(received: &Received, flags: MsgFlags) -> usize {
    if flags.contains(MsgFlags::TRUNC) {
        received.bytes.max(received.whole)
    } else {
        received.bytes
    }
}

/// `sendmsg(2)`
pub fn sendmsg(cx: &mut Cx<'_>, fd: Fd, message: UserPtr<MsgHdr>, flags: Flags) -> Result<usize> {
    if flags.0 & MSG_CMSG_COMPAT != 0 {
        return Err(Errno::EINVAL);
    }
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    send_one(cx, &file, socket, message, flags)
}

fn send_one(
    cx: &Cx<'_>,
    file: &Arc<OpenFile>,
    socket: &Arc<dyn Socket>,
    message: UserPtr<MsgHdr>,
    flags: Flags,
) -> Result<usize> {
    let (flags, nonblock) = flags_of(flags, file);
    let header = message.read()?;
    let mut name;
    let address = if header.name == 0 || header.name_len == 0 {
        None
    } else {
        name = Name::new();
        // What is longer than any address is cut.
        let len = header.name_len.min(SOCKADDR_STORAGE as i32);
        Some(name.read(UserAddr::from(header.name), len)?)
    };
    let mut pieces = Pieces::default();
    read_pieces(&header, &mut pieces)?;
    let mut given = control::Given::new();
    given.read(header.control, header.control_len)?;
    let calling = cx.caller();
    let mut out = outgoing(cx, &calling, flags, address);
    out.control = given.bytes();
    let family = socket.family();
    for message in messages(out.control) {
        match message? {
            Message::Rights(fds) if family == AF_UNIX => {
                control::take_files(cx, fds, &mut out.files)?;
            }
            Message::Rights(_) if family == AF_NETLINK => return Err(Errno::EINVAL),
            Message::Credentials(claim) if matches!(family, AF_UNIX | AF_NETLINK) => {
                check_credentials(cx, &claim)?;
                out.credentials = Some(claim);
            }
            // Of no meaning to the other families, which pass it over.
            _ => {}
        }
    }
    let mut src = IoSrc::iovec(&pieces);
    transfer::send(cx.thread, socket, &mut src, &mut out, nonblock)
}

fn read_pieces(header: &MsgHdr, pieces: &mut Pieces) -> Result<()> {
    let count = usize::try_from(header.iov_len).unwrap_or(usize::MAX);
    if count > UIO_MAXIOV {
        return Err(Errno::EMSGSIZE);
    }
    pieces.read(UserAddr::from(header.iov), count)
}

/// `recvmsg(2)`
pub fn recvmsg(cx: &mut Cx<'_>, fd: Fd, message: UserPtr<MsgHdr>, flags: Flags) -> Result<usize> {
    if flags.0 & MSG_CMSG_COMPAT != 0 {
        return Err(Errno::EINVAL);
    }
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    receive_one(cx, &file, socket, message, flags)
}

fn receive_one(
    cx: &Cx<'_>,
    file: &Arc<OpenFile>,
    socket: &Arc<dyn Socket>,
    message: UserPtr<MsgHdr>,
    raw: Flags,
) -> Result<usize> {
    let (flags, nonblock) = flags_of(raw, file);
    let mut header = message.read()?;
    if header.name != 0 && header.name_len < 0 {
        return Err(Errno::EINVAL);
    }
    let mut pieces = Pieces::default();
    read_pieces(&header, &mut pieces)?;
    let mut dst = IoDst::iovec(&pieces);
    let mut received = Received::default();
    transfer::receive(cx.thread, socket, &mut dst, flags, nonblock, &mut received)?;

    let cloexec = flags.contains(MsgFlags::CMSG_CLOEXEC);
    let mut writer = control::Writer::new(header.control, header.control_len);
    writer.put_received(cx, &**socket, &received, cloexec);
    if header.name != 0 {
        let name = sender_name(&**socket, &received);
        let room = (header.name_len as usize).min(name.len());
        UserSlice::new(UserAddr::from(header.name), room)
            .write(name.get(..room).unwrap_or(&name))?;
        header.name_len = i32::try_from(name.len()).unwrap_or(i32::MAX);
    }
    header.control_len = writer.written() as u64;
    header.flags = (received.flags | writer.flags | (flags & MsgFlags::CMSG_CLOEXEC)).bits();
    message.write(&header)?;
    Ok(length(&received, flags))
}

/// `sendmmsg(2)`
pub fn sendmmsg(
    cx: &mut Cx<'_>,
    fd: Fd,
    messages: UserPtr<MMsgHdr>,
    count: u32,
    flags: Flags,
) -> Result<usize> {
    if flags.0 & MSG_CMSG_COMPAT != 0 {
        return Err(Errno::EINVAL);
    }
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    let count = (count as usize).min(UIO_MAXIOV);
    let mut done = 0;
    while done < count {
        let message = messages.add(done);
        let sent = send_one(cx, &file, socket, message.cast(), flags)
            .and_then(|bytes| write_len(message, bytes));
        match sent {
            Ok(()) => done += 1,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn write_len(message: UserPtr<MMsgHdr>, bytes: usize) -> Result<()> {
    let at = message
        .addr()
        .wrapping_add(core::mem::offset_of!(MMsgHdr, len));
    UserPtr::<u32>::new(at).write(&u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// `recvmmsg(2)`: the timeout is looked at after each message, as Linux does.
pub fn recvmmsg(
    cx: &mut Cx<'_>,
    fd: Fd,
    messages: UserPtr<MMsgHdr>,
    count: u32,
    flags: Flags,
    timeout: UserPtr<Timespec>,
) -> Result<usize> {
    if flags.0 & MSG_CMSG_COMPAT != 0 {
        return Err(Errno::EINVAL);
    }
    let deadline = match timeout.non_null() {
        None => None,
        Some(timeout) => Some(Instant::after(duration(&timeout.read()?)?)),
    };
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    if let Some(error) = socket.take_error() {
        return Err(error);
    }
    let count = (count as usize).min(UIO_MAXIOV);
    let mut each = flags.0 & !MsgFlags::WAITFORONE.bits();
    let mut done = 0;
    while done < count {
        let message = messages.add(done);
        let received = receive_one(cx, &file, socket, message.cast(), Flags(each))
            .and_then(|bytes| write_len(message, bytes));
        match received {
            Ok(()) => done += 1,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
        if flags.0 & MsgFlags::WAITFORONE.bits() != 0 {
            each |= MsgFlags::DONTWAIT.bits();
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            break;
        }
    }
    if let (Some(deadline), Some(timeout)) = (deadline, timeout.non_null()) {
        timeout.write(&timespec(deadline.saturating_since(Instant::now())))?;
    }
    Ok(done)
}
