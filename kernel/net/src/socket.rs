//! What all families share: the operations of a socket, none of which waits.

use crate::control::Beside;
use crate::files::Files;
use crate::name::Name;
use crate::options::Options;
use crate::unix::flight::Rights;
use crate::unix::graph::SocketId;
use crate::unix::sender::Sender;
use abi::socket::{MsgFlags, Ucred};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use mm::io::{IoDst, IoSrc};
use sync::{Events, Pollee, Registration};
use vfs::Caller;

/// What goes out beside the bytes.
pub struct Outgoing<'a> {
    /// Flags of the call.
    pub flags: MsgFlags,
    /// Who sends.
    pub caller: &'a dyn Caller,
    /// Where to, as the program wrote it.
    pub address: Option<&'a [u8]>,
    /// Files to pass on; taken by the first piece that goes.
    pub files: Files,
    /// Credentials the program claims, checked.
    pub credentials: Option<Ucred>,
    /// The sender's control messages, each looked at once: the family reads those of its own levels.
    pub control: &'a [u8],
    /// `RLIMIT_NOFILE` of the sender, the limit of descriptors in flight.
    pub descriptor_limit: u64,
    /// There was no room at first: the sender has waited for it.
    pub waited: bool,
}

impl<'a> Outgoing<'a> {
    /// Bytes and nothing else.
    #[must_use]
    pub fn plain(caller: &'a dyn Caller, flags: MsgFlags) -> Self {
        Self {
            flags,
            caller,
            address: None,
            files: Files::None,
            credentials: None,
            control: &[],
            descriptor_limit: 0,
            waited: false,
        }
    }

    /// The files, put into flight towards `holder`; `None` when there are none.
    ///
    /// # Errors
    /// `ETOOMANYREFS`, `ENOMEM`.
    #[inline(always)]
    pub fn take_rights(&mut self, holder: SocketId) -> Result<Option<Rights>> {
        match self.files {
            Files::None => Ok(None),
            _ => self.send_rights(holder).map(Some),
        }
    }

    fn send_rights(&mut self, holder: SocketId) -> Result<Rights> {
        let files = core::mem::take(&mut self.files);
        Rights::send(files, holder, self.caller.cred(), self.descriptor_limit)
    }

    /// What did not go is tried again with the next piece.
    pub fn put_back(&mut self, rights: Option<Rights>) {
        if let Some(rights) = rights {
            self.files = rights.land();
        }
    }
}

/// What came, one receive after the other for a stream.
#[derive(Default)]
pub struct Received {
    /// Bytes copied.
    pub bytes: usize,
    /// Length of the message, copied or not; 0 for streams.
    pub whole: usize,
    /// `MSG_TRUNC`, `MSG_OOB`, `MSG_EOR`.
    pub flags: MsgFlags,
    /// The sender's name.
    pub from: Option<Name>,
    /// The sender.
    pub sender: Option<Sender>,
    /// Files to install.
    pub rights: Files,
    /// Control messages of the family's own.
    pub control: Beside,
    /// Nothing may be added to this: a message, a border in the stream, the end.
    pub last: bool,
}

/// Which halves `shutdown` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `SHUT_RD`
    Receive,
    /// `SHUT_WR`
    Send,
    /// `SHUT_RDWR`
    Both,
}

impl How {
    /// Reads the argument.
    ///
    /// # Errors
    /// `EINVAL`: none of the three.
    pub fn parse(how: u32) -> Result<Self> {
        match how {
            abi::socket::SHUT_RD => Ok(Self::Receive),
            abi::socket::SHUT_WR => Ok(Self::Send),
            abi::socket::SHUT_RDWR => Ok(Self::Both),
            _ => Err(Errno::EINVAL),
        }
    }
}

/// The number of the network's namespace, of which there is one.
pub const NAMESPACE: u64 = 1;

/// A socket of any family. `EAGAIN` means "not yet": [`Socket::pollee`] tells when to try again.
pub trait Socket: Any + Send + Sync {
    /// `AF_*`
    fn family(&self) -> u16;
    /// `SOCK_*`
    fn kind(&self) -> u32;
    /// The protocol.
    fn protocol(&self) -> i32 {
        0
    }
    /// Whether it carries a stream of bytes rather than messages.
    fn is_stream(&self) -> bool {
        self.kind() == abi::socket::SOCK_STREAM
    }
    /// A number of its own (`SO_COOKIE`).
    fn cookie(&self) -> u64;
    /// Options of `SOL_SOCKET`.
    fn options(&self) -> &Options;
    /// Who is told when readiness changes.
    fn pollee(&self) -> &Pollee;
    /// What it is ready for.
    fn ready(&self) -> Events;

    /// Gives it a name.
    ///
    /// # Errors
    /// `EINVAL`: a bad address, or it has a name. `EADDRINUSE`: taken.
    fn bind(self: Arc<Self>, caller: &dyn Caller, address: &[u8]) -> Result<()>;
    /// Makes it a listener, or changes its backlog.
    ///
    /// # Errors
    /// `EOPNOTSUPP`: not of a connection type. `EINVAL`: no name, or connected.
    fn listen(&self, caller: &dyn Caller, backlog: u32) -> Result<()>;
    /// Connects; `EAGAIN` while the call has to wait for it: a listener's backlog is full, or the peer has not
    /// answered. It is then called again. `nonblock`: the call will not wait.
    ///
    /// # Errors
    /// `ECONNREFUSED`, `EPROTOTYPE`, `EISCONN`, `EINPROGRESS`, `EINVAL` and those of the path.
    fn connect(self: Arc<Self>, caller: &dyn Caller, address: &[u8], nonblock: bool) -> Result<()>;
    /// The next connection; `EAGAIN` when none waits.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `EINVAL`: not a listener.
    fn accept(&self, nonblock: bool) -> Result<Arc<dyn Socket>>;
    /// Sends what there is room for; `EAGAIN` when there is none.
    ///
    /// # Errors
    /// `EPIPE`, `ENOTCONN`, `EMSGSIZE` and others of `man 2 send`.
    fn send(self: Arc<Self>, src: &mut IoSrc<'_>, out: &mut Outgoing<'_>) -> Result<usize>;
    /// Receives what waits, adding to what came before; `EAGAIN` when nothing does. The end of a stream is nothing, and
    /// [`Received::last`].
    ///
    /// # Errors
    /// `ECONNRESET`, `ENOTCONN` and others of `man 2 recv`; nothing was added.
    fn receive(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        nonblock: bool,
        into: &mut Received,
    ) -> Result<()>;
    /// Whether nothing that could be received seems to wait: a guess at no cost, which spares who may wait a look.
    fn seems_idle(&self) -> bool {
        false
    }
    /// Ends one half or both.
    ///
    /// # Errors
    /// `ENOTCONN` where the family asks for a connection.
    fn shutdown(&self, how: How) -> Result<()>;
    /// The own name, as `getsockname` tells it.
    fn name(&self) -> Vec<u8>;
    /// The peer's name.
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn peer_name(&self) -> Result<Vec<u8>>;
    /// The name that comes with bytes of a stream; most families tell none.
    fn stream_name(&self) -> Vec<u8> {
        Vec::new()
    }
    /// Whether a connection was asked for that is not there yet.
    fn is_connecting(&self) -> bool {
        false
    }
    /// The peer's name as `accept` tells it: also of a connection that ended meanwhile.
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn accepted_name(&self) -> Result<Vec<u8>> {
        self.peer_name()
    }
    /// Whether it listens (`SO_ACCEPTCONN`).
    fn is_listening(&self) -> bool;
    /// Takes the pending error (`SO_ERROR`).
    fn take_error(&self) -> Option<Errno>;
    /// Who stands at the other end (`SO_PEERCRED`); `None` before a connection.
    fn peer(&self) -> Option<Sender> {
        None
    }
    /// The supplementary groups of the other end (`SO_PEERGROUPS`).
    fn peer_groups(&self) -> Option<Arc<[u32]>> {
        None
    }
    /// Whether a peek offset can be set.
    fn has_peek_offset(&self) -> bool {
        false
    }
    /// Bytes that can be read at once (`SIOCINQ`).
    ///
    /// # Errors
    /// `EINVAL` for a listener.
    fn waiting(&self) -> Result<usize>;
    /// Bytes sent and not yet received (`SIOCOUTQ`).
    ///
    /// # Errors
    /// `EINVAL` for a listener.
    fn unsent(&self) -> Result<usize>;
    /// Whether the urgent byte comes next (`SIOCATMARK`).
    ///
    /// # Errors
    /// `ENOTTY` where there are no urgent bytes.
    fn at_mark(&self) -> Result<bool> {
        Err(Errno::ENOTTY)
    }
    /// Sets an option of `SOL_SOCKET` that this family has besides [`Options`], or reads otherwise; `None` for those
    /// it has not.
    fn set_own(&self, _name: i32, _value: &[u8], _caller: &dyn Caller) -> Option<Result<()>> {
        None
    }
    /// The value of such an option.
    fn get_own(&self, _name: i32) -> Option<Result<Vec<u8>>> {
        None
    }
    /// Sets an option of another level.
    ///
    /// # Errors
    /// `ENOPROTOOPT`: no such option. `EINVAL`: not a value of it.
    fn set_option(
        &self,
        _level: i32,
        _name: i32,
        _value: &[u8],
        _caller: &dyn Caller,
    ) -> Result<()> {
        Err(Errno::ENOPROTOOPT)
    }
    /// The value of an option of another level; `given` are the first bytes of the program's buffer, `room` its length.
    ///
    /// # Errors
    /// `ENOPROTOOPT`: no such option.
    fn get_option(&self, _level: i32, _name: i32, _given: &[u8], _room: usize) -> Result<Vec<u8>> {
        Err(Errno::ENOPROTOOPT)
    }
    /// An ioctl of the family's own; `arg` is the program's argument.
    ///
    /// # Errors
    /// `ENOTTY`: no such command.
    fn ioctl(&self, _cmd: u32, _arg: usize, _caller: &dyn Caller) -> Result<usize> {
        Err(Errno::ENOTTY)
    }
    /// Keeps an observer that signals the owner of urgent bytes, in place of the one before.
    fn keep_urgent(&self, _observer: Registration) {}
    /// Whether a failed send raises `SIGPIPE`. `waited`: the sender had waited for room.
    fn signals_pipe(&self, waited: bool) -> bool;
    /// It has a file now, with this inode number.
    fn set_ino(&self, ino: u64);
    /// The last descriptor was closed.
    fn close(&self);
    /// Whether something that was sent before the last descriptor was closed has not reached the other end: what
    /// `SO_LINGER` waits for.
    fn lingers(&self) -> bool {
        false
    }
}
