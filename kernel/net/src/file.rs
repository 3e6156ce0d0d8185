//! A socket as an open file.

use crate::interfaces;
use crate::socket::{Outgoing, Received, Socket};
use abi::fcntl::OFlags;
use abi::socket::{MsgFlags, SIOCATMARK, SIOCINQ, SIOCOUTQ};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::ucopy::UserPtr;
use mm::io::{IoDst, IoSrc};
use sync::{Events, Once, Pollee};
use vfs::anon::{AnonInode, socket_file};
use vfs::{Caller, FileOps, FileType, OpenFile};

/// The file's operations.
pub struct SocketFile {
    socket: Arc<dyn Socket>,
}

/// Gives the calling thread to a closure; installed by the task layer.
pub type WithCaller = fn(&mut dyn FnMut(&dyn Caller));

static WITH_CALLER: Once<WithCaller> = Once::new();

/// Installs how a plain `write` finds out who writes.
pub fn install_caller(with: WithCaller) {
    WITH_CALLER.get_or_init(|| with);
}

/// Opens a file of a socket; `flags` may hold `O_NONBLOCK`.
#[must_use]
pub fn open(socket: Arc<dyn Socket>, flags: OFlags, caller: &dyn Caller) -> Arc<OpenFile> {
    let inode = AnonInode::new(FileType::Socket, caller.cred());
    socket.set_ino(vfs::Inode::attr(&*inode).ino());
    let ops = Arc::new(SocketFile { socket });
    socket_file(inode, ops, flags | OFlags::RDWR, caller.cred().clone())
}

/// The socket behind an open file, if there is one.
#[inline]
#[must_use]
pub fn socket_of(file: &OpenFile) -> Option<&Arc<dyn Socket>> {
    if !file.is_socket() {
        return None;
    }
    file.ops_as::<SocketFile>().map(|file| &file.socket)
}

impl FileOps for SocketFile {
    fn read(&self, file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        if dst.remaining() == 0 {
            return Ok(0);
        }
        // Descriptors that came along are closed with what was received.
        let mut received = Received::default();
        self.socket
            .receive(dst, MsgFlags::empty(), file.nonblocking(), &mut received)?;
        Ok(received.bytes)
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        let with = WITH_CALLER.get().ok_or(Errno::EIO)?;
        let mut result = Err(Errno::EIO);
        with(&mut |caller| {
            let mut out = Outgoing::plain(caller, MsgFlags::empty());
            result = self.socket.clone().send(src, &mut out);
        });
        result
    }

    fn signals(&self) -> bool {
        true
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        self.socket.ready()
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(self.socket.pollee())
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, caller: &dyn Caller) -> Result<usize> {
        let value = match cmd {
            SIOCINQ => i32::try_from(self.socket.waiting()?).unwrap_or(i32::MAX),
            SIOCOUTQ => i32::try_from(self.socket.unsent()?).unwrap_or(i32::MAX),
            SIOCATMARK => i32::from(self.socket.at_mark()?),
            _ => match self.socket.ioctl(cmd, arg, caller) {
                Err(Errno::ENOTTY) => {
                    interfaces::control(self.socket.family(), cmd, arg.into(), caller)?;
                    return Ok(0);
                }
                result => return result,
            },
        };
        UserPtr::<i32>::new(arg.into()).write(&value)?;
        Ok(0)
    }

    fn release(&self, _file: &OpenFile) {
        self.socket.close();
    }
}
