//! Sockets: making, naming, connecting, ending (`man 2 socket` and its kin).

mod blocking;
mod control;
mod message;
mod options;
mod transfer;

pub use message::{recvfrom, recvmmsg, recvmsg, sendmmsg, sendmsg, sendto};
pub use options::{getsockopt, setsockopt};

use abi::fcntl::OFlags;
use abi::socket::family::{AF_INET, AF_INET6, AF_MAX, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK};
use abi::socket::{
    MsgFlags, SOCK_CLOEXEC, SOCK_MAX, SOCK_NONBLOCK, SOCK_TYPE_MASK, SOCKADDR_STORAGE,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use hal::UserAddr;
use hal::ucopy::{UserPtr, UserSlice};
use mm::io::{IoDst, IoSrc};
use net::settings::BACKLOG_MAX;
use net::socket::{How, Outgoing, Received, Socket};
use net::unix::{Kind, UnixSocket};
use sync::Capability;
use vfs::OpenFile;
use vfs::ops::open::{OpenHow, path_only};
use vfs::walk::LookupFlags;

use super::Cx;
use super::args::Fd;

/// The socket of an open file.
fn socket_of(file: &OpenFile) -> Result<&Arc<dyn Socket>> {
    net::file::socket_of(file).ok_or(Errno::ENOTSOCK)
}

/// Splits a type argument into the type and the flags of the new file.
fn split_type(kind: u32) -> Result<(u32, OFlags, bool)> {
    if kind & !(SOCK_TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC) != 0 {
        return Err(Errno::EINVAL);
    }
    let flags = if kind & SOCK_NONBLOCK != 0 {
        OFlags::NONBLOCK
    } else {
        OFlags::empty()
    };
    Ok((kind & SOCK_TYPE_MASK, flags, kind & SOCK_CLOEXEC != 0))
}

/// Checks family and type in Linux's order.
fn family(domain: i32, kind: u32) -> Result<u16> {
    let family = u16::try_from(domain).ok().filter(|family| *family < AF_MAX);
    let family = family.ok_or(Errno::EAFNOSUPPORT)?;
    if kind >= SOCK_MAX {
        Err(Errno::EINVAL)
    } else {
        Ok(family)
    }
}

/// `socket(2)`
pub fn socket(cx: &mut Cx<'_>, domain: i32, kind: u32, protocol: i32) -> Result<usize> {
    let (kind, flags, cloexec) = split_type(kind)?;
    let socket: Arc<dyn Socket> = match family(domain, kind)? {
        AF_UNIX => UnixSocket::new(Kind::parse(kind, protocol)?),
        AF_INET | AF_INET6 => inet::create(domain as u16, kind, protocol, &cx.caller())?,
        AF_NETLINK => inet::netlink::NetlinkSocket::new(kind, protocol, &cx.caller())?,
        AF_PACKET => inet::packet::PacketSocket::new(kind, protocol, &cx.caller())?,
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    install(cx, socket, flags, cloexec)
}

fn install(cx: &Cx<'_>, socket: Arc<dyn Socket>, flags: OFlags, cloexec: bool) -> Result<usize> {
    let file = net::file::open(socket, flags, &cx.caller());
    let fd = cx
        .thread
        .files()?
        .install(file, cx.descriptor_limit(), cloexec)?;
    Ok(fd as usize)
}

/// `socketpair(2)`
pub fn socketpair(
    cx: &mut Cx<'_>,
    domain: i32,
    kind: u32,
    protocol: i32,
    pair: UserPtr<[i32; 2]>,
) -> Result<usize> {
    let (kind, flags, cloexec) = split_type(kind)?;
    let files = &cx.holdings.files;
    let limit = cx.descriptor_limit();
    let first = files.reserve(0, limit, cloexec)?;
    let second = files.reserve(0, limit, cloexec)?;
    pair.write(&[first.fd(), second.fd()])?;
    let family = family(domain, kind)?;
    let (a, b) = match family {
        AF_UNIX => UnixSocket::pair(Kind::parse(kind, protocol)?, &cx.caller()),
        // Families with sockets that do not pair.
        AF_INET | AF_INET6 | AF_NETLINK | AF_PACKET | AF_VSOCK => return Err(Errno::EOPNOTSUPP),
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    first.install(net::file::open(a, flags, &cx.caller()));
    second.install(net::file::open(b, flags, &cx.caller()));
    Ok(0)
}

/// `read(2)` of a socket.
pub fn read(
    cx: &Cx<'_>,
    socket: &Arc<dyn Socket>,
    dst: &mut IoDst<'_>,
    nonblock: bool,
) -> Result<usize> {
    if dst.remaining() == 0 {
        return Ok(0);
    }
    // Descriptors that came along are closed with what was received.
    let mut received = Received::default();
    let flags = MsgFlags::empty();
    transfer::receive(cx.thread, socket, dst, flags, nonblock, &mut received)?;
    Ok(received.bytes)
}

/// `write(2)` to a socket.
pub fn write(
    cx: &Cx<'_>,
    socket: &Arc<dyn Socket>,
    src: &mut IoSrc<'_>,
    nonblock: bool,
) -> Result<usize> {
    let calling = cx.caller();
    let mut out = Outgoing::plain(&calling, MsgFlags::empty());
    transfer::send(cx.thread, socket, src, &mut out, nonblock)
}

/// The bytes of an address argument. Read where they stand: they are not few.
struct Name([u8; SOCKADDR_STORAGE]);

impl Name {
    const fn new() -> Self {
        Self([0; SOCKADDR_STORAGE])
    }

    /// Reads them.
    ///
    /// # Errors
    /// `EINVAL`: longer than any address. `EFAULT`.
    fn read(&mut self, address: UserAddr, len: i32) -> Result<&[u8]> {
        let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?;
        let bytes = self.0.get_mut(..len).ok_or(Errno::EINVAL)?;
        if bytes.is_empty() {
            // None, wherever they are.
            return Ok(bytes);
        }
        UserSlice::new(address, len).read(bytes)?;
        Ok(bytes)
    }
}

/// Writes an address as far as there is room, and its whole length.
fn write_address(bytes: &[u8], address: UserAddr, len: UserPtr<i32>) -> Result<()> {
    let room = usize::try_from(len.read()?).map_err(|_| Errno::EINVAL)?;
    let shown = bytes.get(..room.min(bytes.len())).unwrap_or(bytes);
    UserSlice::new(address, shown.len()).write(shown)?;
    len.write(&i32::try_from(bytes.len()).unwrap_or(i32::MAX))
}

/// The peer did not answer, as against: the call waited long enough. Not a number a program sees.
const TIMED_OUT: Errno = Errno::EISNAM;

fn is_inet(socket: &dyn Socket) -> bool {
    matches!(socket.family(), AF_INET | AF_INET6)
}

/// `bind(2)`
pub fn bind(cx: &mut Cx<'_>, fd: Fd, address: UserAddr, len: i32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    let mut name = Name::new();
    socket
        .clone()
        .bind(&cx.caller(), name.read(address, len)?)?;
    Ok(0)
}

/// `listen(2)`; a backlog above `somaxconn`, or a negative one, is `somaxconn`.
pub fn listen(cx: &mut Cx<'_>, fd: Fd, backlog: u32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    socket.listen(&cx.caller(), backlog.min(BACKLOG_MAX.load(Relaxed)))?;
    Ok(0)
}

/// `connect(2)`
pub fn connect(cx: &mut Cx<'_>, fd: Fd, address: UserAddr, len: i32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let mut name = Name::new();
    // Read before it shows that this is no socket.
    let address = name.read(address, len)?;
    let socket = socket_of(&file)?;
    let caller = cx.caller();
    let nonblock = file.nonblocking();
    let wait = blocking::Wait::to_send(&**socket, nonblock);
    let begun = socket.is_connecting();
    let mut gave_up = true;
    let result = wait.run(cx.thread, &**socket, false, || {
        let result = socket.clone().connect(&caller, address, nonblock);
        gave_up = result == Err(Errno::EAGAIN);
        result.map_err(|error| {
            if error == Errno::ETIMEDOUT {
                TIMED_OUT
            } else {
                error
            }
        })
    });
    match result {
        Ok(()) => Ok(0),
        Err(TIMED_OUT) => Err(Errno::ETIMEDOUT),
        // The time a call may wait is over; the protocol goes on.
        Err(Errno::EAGAIN) if gave_up && begun => Err(Errno::EALREADY),
        Err(Errno::EAGAIN) if gave_up && is_inet(&**socket) => Err(Errno::EINPROGRESS),
        Err(error) => Err(error),
    }
}

/// `accept(2)`
pub fn accept(cx: &mut Cx<'_>, fd: Fd, address: UserAddr, len: UserPtr<i32>) -> Result<usize> {
    accept4(cx, fd, address, len, 0)
}

/// `accept4(2)`
pub fn accept4(
    cx: &mut Cx<'_>,
    fd: Fd,
    address: UserAddr,
    len: UserPtr<i32>,
    flags: u32,
) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    if flags & !(SOCK_NONBLOCK | SOCK_CLOEXEC) != 0 {
        return Err(Errno::EINVAL);
    }
    // The flags are looked at before what kind of file it is.
    let socket = socket_of(&file)?;
    let (_, file_flags, cloexec) = split_type(flags)?;
    let files = &cx.holdings.files;
    let reserved = files.reserve(0, cx.descriptor_limit(), cloexec)?;
    let nonblock = file.nonblocking();
    let wait = blocking::Wait::to_receive(&**socket, nonblock);
    let connection = wait.run(cx.thread, &**socket, false, || socket.accept(nonblock))?;
    if !address.is_null() {
        // One that was reset meanwhile has no peer to tell of.
        let name = connection
            .accepted_name()
            .map_err(|_| Errno::ECONNABORTED)?;
        write_address(&name, address, len)?;
    }
    let file = net::file::open(connection, file_flags, &cx.caller());
    Ok(reserved.install(file) as usize)
}

/// `getsockname(2)`
pub fn getsockname(cx: &mut Cx<'_>, fd: Fd, address: UserAddr, len: UserPtr<i32>) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    write_address(&socket.name(), address, len)?;
    Ok(0)
}

/// `getpeername(2)`
pub fn getpeername(cx: &mut Cx<'_>, fd: Fd, address: UserAddr, len: UserPtr<i32>) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    write_address(&socket.peer_name()?, address, len)?;
    Ok(0)
}

/// `SIOCUNIXFILE`: the file a socket is bound to, as `O_PATH` opens it.
pub fn open_place(cx: &Cx<'_>, socket: &UnixSocket) -> Result<usize> {
    let cred = cx.cred();
    if !cred.has(Capability::NET_ADMIN) {
        return Err(Errno::EPERM);
    }
    let how = OpenHow {
        flags: OFlags::PATH | OFlags::CLOEXEC,
        mode: 0,
        resolve: LookupFlags::empty(),
        cred: &cred,
        caller: None,
    };
    let file = path_only(socket.place()?, &how);
    let fd = cx
        .thread
        .files()?
        .install(file, cx.descriptor_limit(), true)?;
    Ok(fd as usize)
}

/// `shutdown(2)`
pub fn shutdown(cx: &mut Cx<'_>, fd: Fd, how: u32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    socket.shutdown(How::parse(how)?)?;
    Ok(0)
}
