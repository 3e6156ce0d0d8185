//! AF_UNIX sockets (`man 7 unix`).
//!
//! Each socket owns an [`inbox::Inbox`] under a sleeping lock (bytes are copied under it, faults
//! disabled), a `Link` under a spin lock (name, peer, shutdown), and a pending error. Who sends takes
//! the *receiver's* inbox; nobody ever holds two. Peers know each other by weak references; what keeps
//! a socket alive is its open file, or the listener's queue before it is accepted.
//!
//! Whoever must wait waits on its own pollee: a full receiver keeps a list of those it turned
//! away and tells them when there is room.

pub mod address;
mod charge;
mod connect;
pub mod diag;
pub mod flight;
pub mod graph;
pub mod inbox;
mod link;
pub mod names;
mod packet;
mod rare;
pub mod sender;
mod stream;
mod table;

pub use table::report;

use crate::options::{Flags, Options};
use crate::socket::{How, Outgoing, Received, Socket};
use abi::socket::family::AF_UNIX;
use abi::socket::{MsgFlags, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM, Ucred};
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use graph::SocketId;
use inbox::{Inbox, Stream};
use link::{Link, Shut};
use mm::io::{IoDst, IoSrc};
use sender::Sender;
use sync::{Events, Mutex, Pollee, Registration, SpinLock, rank};
use vfs::{Caller, OpenFile, Path};

/// The rank of a link's lock: inside the inbox, outside nothing.
const LINK: u8 = rank::SOCKET + 2;

/// The three types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `SOCK_STREAM`
    Stream,
    /// `SOCK_DGRAM`
    Datagram,
    /// `SOCK_SEQPACKET`
    SeqPacket,
}

impl Kind {
    /// Reads a type and a protocol.
    ///
    /// # Errors
    /// `EPROTONOSUPPORT`: a protocol but 0 and `AF_UNIX`. `ESOCKTNOSUPPORT`: another type.
    pub fn parse(kind: u32, protocol: i32) -> Result<Self> {
        if protocol != 0 && protocol != i32::from(AF_UNIX) {
            return Err(Errno::EPROTONOSUPPORT);
        }
        match kind {
            SOCK_STREAM => Ok(Self::Stream),
            SOCK_DGRAM | SOCK_RAW => Ok(Self::Datagram),
            SOCK_SEQPACKET => Ok(Self::SeqPacket),
            _ => Err(Errno::ESOCKTNOSUPPORT),
        }
    }
}

/// A socket of the family.
pub struct UnixSocket {
    id: SocketId,
    kind: Kind,
    options: Options,
    rare: rare::Rare,
    pollee: Pollee,
    inbox: Mutex<Inbox, { rank::SOCKET }>,
    link: SpinLock<Link, LINK>,
    /// What the next call is told of; 0: nothing.
    error: AtomicI32,
    /// Whether something came that nobody has received; written under the inbox's lock.
    stirred: AtomicBool,
    /// Whether somebody waits for room here; written under the link's lock.
    awaited: AtomicBool,
    /// Bytes sent that nobody has received.
    charged: AtomicUsize,
    /// The listener descriptors wait with until the connection is accepted, else the own id.
    holder: AtomicU64,
    /// The inode of its file; 0 before it has one.
    ino: AtomicU64,
    this: Weak<Self>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl UnixSocket {
    /// A socket without name and peer.
    #[must_use]
    pub fn new(kind: Kind) -> Arc<Self> {
        let id = NEXT_ID.fetch_add(1, Relaxed);
        let inbox = match kind {
            Kind::Stream => Inbox::Stream(Stream::default()),
            Kind::Datagram | Kind::SeqPacket => Inbox::Messages(VecDeque::new()),
        };
        let socket = Arc::new_cyclic(|this| Self {
            id: SocketId(id),
            kind,
            options: Options::default(),
            rare: rare::Rare::default(),
            pollee: Pollee::new(),
            inbox: Mutex::new(inbox),
            link: SpinLock::new(Link::default()),
            error: AtomicI32::new(0),
            stirred: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            charged: AtomicUsize::new(0),
            holder: AtomicU64::new(id),
            ino: AtomicU64::new(0),
            this: this.clone(),
        });
        table::enter(&socket);
        socket
    }

    /// Two sockets connected to each other.
    #[must_use]
    pub fn pair(kind: Kind, caller: &dyn Caller) -> (Arc<Self>, Arc<Self>) {
        let (a, b) = (Self::new(kind), Self::new(kind));
        let who = link::Identity::of(caller);
        a.link.lock().connect(&b, who.clone(), None);
        b.link.lock().connect(&a, who, None);
        (a, b)
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.id
    }

    /// The inode of its file; 0 before it is accepted.
    fn ino(&self) -> u64 {
        self.ino.load(Relaxed)
    }

    fn this(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// Where descriptors sent to it wait, as the graph sees it.
    fn holder(&self) -> SocketId {
        SocketId(self.holder.load(Relaxed))
    }

    /// The file of its name (`SIOCUNIXFILE`).
    ///
    /// # Errors
    /// `ENOENT`: it has no name, or not that of a file.
    pub fn place(&self) -> Result<Path> {
        let binding = self.link.lock().binding();
        binding
            .and_then(|binding| binding.path())
            .ok_or(Errno::ENOENT)
    }

    /// The socket behind an open file, if it is one of this family.
    #[must_use]
    pub fn of_file(file: &OpenFile) -> Option<Arc<Self>> {
        let socket = crate::file::socket_of(file)?.clone();
        let any: Arc<dyn core::any::Any + Send + Sync> = socket;
        any.downcast().ok()
    }

    /// The next call is told of an error.
    fn fail(&self, error: Errno) {
        self.error.store(error.number(), Relaxed);
    }

    #[inline]
    fn has_error(&self) -> bool {
        self.error.load(Relaxed) != 0
    }

    /// The error to be told of, once.
    #[inline]
    fn pending_error(&self) -> Option<Errno> {
        if self.has_error() {
            Errno::from_number(self.error.swap(0, Relaxed))
        } else {
            None
        }
    }

    /// Who a message is from, when it or its receiver cares; a socket without a name gets one
    /// when it asks for credentials itself.
    #[inline(always)]
    fn message_sender(
        self: &Arc<Self>,
        target: &Self,
        out: &Outgoing<'_>,
    ) -> Result<Option<Sender>> {
        let pass = Flags::PASSCRED | Flags::PASSPIDFD;
        let own = self.options.flags().intersects(pass);
        let embryo = target.holder() != target.id;
        let asked = own || embryo || target.options.flags().intersects(pass);
        if asked || out.credentials.is_some() {
            self.sender_of(own, asked, out)
        } else {
            Ok(None)
        }
    }

    #[cold]
    fn sender_of(
        self: &Arc<Self>,
        own: bool,
        asked: bool,
        out: &Outgoing<'_>,
    ) -> Result<Option<Sender>> {
        if own && self.link.lock().address().is_none() {
            self.bind_automatically()?;
        }
        if let Some(ucred) = out.credentials {
            let sender = Sender::of(out.caller);
            let process = sender.process.filter(|_| ucred.pid == sender.ucred.pid);
            return Ok(Some(Sender { ucred, process }));
        }
        Ok(asked.then(|| Sender::of(out.caller)))
    }

    /// Everything that waits here, taken out; drop it under no lock.
    pub fn drain(&self) -> (Inbox, VecDeque<Arc<Self>>) {
        let waiting = self.link.lock().take_queue();
        let taken = self.inbox.lock().drain();
        let peer = self.link.lock().peer();
        if let (Inbox::Stream(stream), Some(peer)) = (&taken, peer) {
            peer.uncharge(stream.bytes.len());
        }
        (taken, waiting)
    }

    /// The peer of a datagram socket is gone: forget it.
    fn dissolve(&self) {
        self.link.lock().disconnect();
    }
}

impl Socket for UnixSocket {
    fn family(&self) -> u16 {
        AF_UNIX
    }

    fn kind(&self) -> u32 {
        match self.kind {
            Kind::Stream => SOCK_STREAM,
            Kind::Datagram => SOCK_DGRAM,
            Kind::SeqPacket => SOCK_SEQPACKET,
        }
    }

    fn cookie(&self) -> u64 {
        self.id.0
    }

    fn options(&self) -> &Options {
        &self.options
    }

    fn pollee(&self) -> &Pollee {
        &self.pollee
    }

    fn ready(&self) -> Events {
        self.readiness()
    }

    fn bind(self: Arc<Self>, caller: &dyn Caller, address: &[u8]) -> Result<()> {
        self.bind_to(caller, address)
    }

    fn listen(&self, caller: &dyn Caller, backlog: u32) -> Result<()> {
        if self.kind == Kind::Datagram {
            return Err(Errno::EOPNOTSUPP);
        }
        let identity = link::Identity::of(caller);
        // Not in the midst of a connect.
        let turn = self.inbox.lock();
        let old = self.link.lock().listen(backlog, identity);
        drop(turn);
        drop(old?);
        self.wake_blocked();
        Ok(())
    }

    fn connect(
        self: Arc<Self>,
        caller: &dyn Caller,
        address: &[u8],
        _nonblock: bool,
    ) -> Result<()> {
        self.connect_to(caller, address)
    }

    fn accept(&self, nonblock: bool) -> Result<Arc<dyn Socket>> {
        self.next_connection(nonblock)
            .map(|socket| socket as Arc<dyn Socket>)
    }

    fn send(self: Arc<Self>, src: &mut IoSrc<'_>, out: &mut Outgoing<'_>) -> Result<usize> {
        match self.kind {
            Kind::Stream => self.send_stream(src, out),
            Kind::Datagram | Kind::SeqPacket => self.send_message(src, out),
        }
    }

    fn receive(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        nonblock: bool,
        into: &mut Received,
    ) -> Result<()> {
        match self.kind {
            Kind::Stream => self.receive_stream(dst, flags, into),
            Kind::Datagram | Kind::SeqPacket => self.receive_message(dst, flags, nonblock, into),
        }
    }

    fn seems_idle(&self) -> bool {
        !self.stirred.load(Relaxed)
    }

    fn shutdown(&self, how: How) -> Result<()> {
        self.end_halves(how);
        Ok(())
    }

    fn name(&self) -> Vec<u8> {
        let name = self.link.lock().address();
        name.map_or_else(
            || address::Address::Unnamed.to_bytes(),
            |name| name.to_bytes(),
        )
    }

    fn peer_name(&self) -> Result<Vec<u8>> {
        let name = self.peer_address()?;
        Ok(name.map_or_else(
            || address::Address::Unnamed.to_bytes(),
            |name| name.to_bytes(),
        ))
    }

    fn is_listening(&self) -> bool {
        self.link.lock().is_listening()
    }

    fn take_error(&self) -> Option<Errno> {
        self.pending_error()
    }

    fn peer(&self) -> Option<Sender> {
        self.link.lock().identity().map(|identity| identity.sender)
    }

    fn peer_groups(&self) -> Option<Arc<[u32]>> {
        self.link.lock().identity().map(|identity| identity.groups)
    }

    fn has_peek_offset(&self) -> bool {
        true
    }

    fn waiting(&self) -> Result<usize> {
        if self.is_listening() {
            return Err(Errno::EINVAL);
        }
        Ok(match &*self.inbox.lock() {
            Inbox::Stream(stream) => stream.waiting(),
            // The kernel's count of a sequence of packets is of them all.
            Inbox::Messages(queue) if self.kind == Kind::SeqPacket => {
                queue.iter().map(|message| message.bytes.len()).sum()
            }
            Inbox::Messages(queue) => queue.front().map_or(0, |message| message.bytes.len()),
        })
    }

    fn unsent(&self) -> Result<usize> {
        Ok(self.charged())
    }

    fn set_own(&self, name: i32, value: &[u8], caller: &dyn Caller) -> Option<Result<()>> {
        self.set_rare(name, value, caller)
    }

    fn get_own(&self, name: i32) -> Option<Result<Vec<u8>>> {
        self.get_rare(name)
    }

    fn stream_name(&self) -> Vec<u8> {
        let named = self.peer_address().ok().flatten();
        named.map(|name| name.to_bytes()).unwrap_or_default()
    }

    fn at_mark(&self) -> Result<bool> {
        match &*self.inbox.lock() {
            Inbox::Stream(stream) => Ok(stream.at_mark()),
            Inbox::Messages(_) => Err(Errno::EOPNOTSUPP),
        }
    }

    fn keep_urgent(&self, observer: Registration) {
        if self.kind == Kind::Stream {
            self.rare.keep_urgent(observer);
        }
    }

    fn signals_pipe(&self, waited: bool) -> bool {
        self.kind == Kind::Stream && !waited
    }

    fn set_ino(&self, ino: u64) {
        self.ino.store(ino, Relaxed);
    }

    fn close(&self) {
        self.end();
    }
}

/// What `SO_PEERCRED` tells before there is a peer.
#[must_use]
pub fn no_peer() -> Ucred {
    Ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    }
}

impl core::fmt::Debug for UnixSocket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "UnixSocket({})", self.id.0)
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
