//! Options (`man 2 getsockopt`, `man 7 socket`).

use abi::socket::{SOL_SOCKET, so};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use hal::UserAddr;
use hal::ucopy::{UserPtr, UserSlice};
use inet::ip_options::{SOL_IP, SOL_IPV6, ip};
use net::socket::Socket;
use task::Process;
use zerocopy::IntoBytes;

use super::super::Cx;
use super::super::args::Fd;
use super::socket_of;

/// Hardly any option is longer.
const LONGEST: usize = 1024;
/// A list of senders is: as many as there may be, and one too many.
const LONGEST_LIST: usize = 16 * 1024;

/// `setsockopt(2)`
pub fn setsockopt(
    cx: &mut Cx<'_>,
    fd: Fd,
    level: i32,
    name: i32,
    value: UserAddr,
    len: i32,
) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?;
    if level != SOL_SOCKET {
        if is_unix(&**socket) {
            return Err(Errno::EOPNOTSUPP);
        }
        let longest = match (level, name) {
            (SOL_IP | SOL_IPV6, ip::MCAST_MSFILTER) => LONGEST_LIST,
            _ => LONGEST,
        };
        let bytes = UserSlice::new(value, len.min(longest)).read_vec()?;
        return socket
            .set_option(level, name, &bytes, &cx.caller())
            .map(|()| 0);
    }
    if let Some(result) = set_own(cx, &**socket, name, value, len) {
        return result.map(|()| 0);
    }
    if len < size_of::<i32>() {
        return Err(Errno::EINVAL);
    }
    let bytes = UserSlice::new(value, len.min(LONGEST)).read_vec()?;
    let on = bytes.iter().take(size_of::<i32>()).any(|byte| *byte != 0);
    match name {
        so::REUSEPORT if on && !is_inet(&**socket) => Err(Errno::EOPNOTSUPP),
        so::PEEK_OFF if !socket.has_peek_offset() => Err(Errno::EOPNOTSUPP),
        so::ZEROCOPY if is_unix(&**socket) => Err(Errno::EOPNOTSUPP),
        _ => socket
            .options()
            .set(name, &bytes, &cx.thread.cred())
            .map(|()| 0),
    }
}

/// Options of `SOL_SOCKET` that only some families have.
fn set_own(
    cx: &Cx<'_>,
    socket: &dyn Socket,
    name: i32,
    value: UserAddr,
    len: usize,
) -> Option<Result<()>> {
    // Too short for a number: refused below.
    if is_unix(socket) && name != so::BINDTODEVICE && len < size_of::<i32>() {
        return None;
    }
    match UserSlice::new(value, len.min(LONGEST)).read_vec() {
        Ok(bytes) => socket.set_own(name, &bytes, &cx.caller()),
        Err(error) => Some(Err(error)),
    }
}

fn is_unix(socket: &dyn Socket) -> bool {
    socket.family() == abi::socket::family::AF_UNIX
}

fn is_inet(socket: &dyn Socket) -> bool {
    use abi::socket::family::{AF_INET, AF_INET6};
    matches!(socket.family(), AF_INET | AF_INET6)
}

/// `getsockopt(2)`
pub fn getsockopt(
    cx: &mut Cx<'_>,
    fd: Fd,
    level: i32,
    name: i32,
    value: UserAddr,
    len: UserPtr<i32>,
) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let socket = socket_of(&file)?;
    if level != SOL_SOCKET && is_unix(&**socket) {
        return Err(Errno::EOPNOTSUPP);
    }
    let room = usize::try_from(len.read()?).map_err(|_| Errno::EINVAL)?;
    let bytes = match name {
        _ if level != SOL_SOCKET => {
            let given = UserSlice::new(value, room.min(LONGEST)).read_vec()?;
            socket.get_option(level, name, &given, room)?
        }
        so::PEERGROUPS => return peer_groups(&**socket, room, value, len),
        so::PEERPIDFD => peer_pidfd(cx, &**socket)?,
        so::PEERNAME => {
            let bytes = socket.peer_name()?;
            if bytes.len() < room {
                return Err(Errno::EINVAL);
            }
            bytes
        }
        so::COOKIE if room < size_of::<u64>() => return Err(Errno::EINVAL),
        so::NETNS_COOKIE if room != size_of::<u64>() => return Err(Errno::EINVAL),
        _ => match socket.get_own(name) {
            Some(own) => own?,
            None => known(&**socket, name)?,
        },
    };
    let told = bytes.len().min(room);
    UserSlice::new(value, told).write(bytes.get(..told).unwrap_or(&bytes))?;
    len.write(&i32::try_from(told).unwrap_or(i32::MAX))?;
    Ok(0)
}

/// Options whose value is at hand.
fn known(socket: &dyn Socket, name: i32) -> Result<Vec<u8>> {
    let int = |value: i32| Ok(value.as_bytes().to_vec());
    match name {
        so::TYPE => int(socket.kind() as i32),
        so::DOMAIN => int(i32::from(socket.family())),
        so::PROTOCOL => int(socket.protocol()),
        so::ERROR => int(socket.take_error().map_or(0, Errno::number)),
        so::ACCEPTCONN => int(i32::from(socket.is_listening())),
        so::COOKIE => Ok(socket.cookie().as_bytes().to_vec()),
        so::PEERCRED => {
            let ucred = socket
                .peer()
                .map_or_else(net::unix::no_peer, |peer| peer.ucred);
            Ok(ucred.as_bytes().to_vec())
        }
        so::PEEK_OFF if !socket.has_peek_offset() => Err(Errno::EOPNOTSUPP),
        _ => {
            let value = socket.options().get(name).ok_or(Errno::ENOPROTOOPT)?;
            Ok(value.as_bytes().to_vec())
        }
    }
}

fn peer_groups(
    socket: &dyn Socket,
    room: usize,
    value: UserAddr,
    len: UserPtr<i32>,
) -> Result<usize> {
    let groups = socket.peer_groups().ok_or(Errno::ENODATA)?;
    let bytes = groups.as_bytes();
    len.write(&i32::try_from(bytes.len()).unwrap_or(i32::MAX))?;
    if room < bytes.len() {
        return Err(Errno::ERANGE);
    }
    UserSlice::new(value, bytes.len()).write(bytes)?;
    Ok(0)
}

fn peer_pidfd(cx: &Cx<'_>, socket: &dyn Socket) -> Result<Vec<u8>> {
    let process = socket
        .peer()
        .and_then(|peer| peer.process)
        .ok_or(Errno::ENODATA)?;
    pidfd(cx, &process).map(|fd| fd.as_bytes().to_vec())
}

/// A new descriptor of a process that a socket remembers.
pub fn pidfd(cx: &Cx<'_>, process: &Arc<dyn Any + Send + Sync>) -> Result<i32> {
    let process = process
        .clone()
        .downcast::<Process>()
        .map_err(|_| Errno::ESRCH)?;
    let file = task::pidfd::open(&process, false)?;
    cx.thread
        .files()?
        .install(file, cx.descriptor_limit(), true)
}
