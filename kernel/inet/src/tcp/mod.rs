//! TCP sockets (`man 7 tcp`).

mod accept;
mod close;
mod connect;
mod cork;
mod deferred;
mod half;
mod info;
mod link;
pub mod machine;
pub mod options;
pub mod remote;
pub mod report;
mod secret;
pub mod state;
mod stream;
pub mod table;
mod wire;

use super::inet_sock::InetSock;
use super::ip_options::{self, IpFlags, SOL_IP, SOL_IPV6};
use super::protocol;
use abi::socket::{MsgFlags, SOCK_STREAM, so};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use link::Link;
use mm::io::{IoDst, IoSrc};
use net::address::{Endpoint, Family};
use net::bytes::ByteQueue;
use net::options::{Flags, Options};
use net::socket::{How, Outgoing, Received, Socket};
use options::TcpOptions;
use state::State;
use sync::{Events, Mutex, Pollee, SpinLock, rank};
use vfs::Caller;

/// The rank of a link's lock: inside the inbox, outside the tables.
const LINK: u8 = rank::SOCKET + 2;

/// Sizes of buffers nobody has set (`net.ipv4.tcp_wmem`, `net.ipv4.tcp_rmem`).
const SEND_DEFAULT: u32 = 16_384;
const RECEIVE_DEFAULT: u32 = 131_072;

/// A TCP socket.
pub struct TcpSocket {
    pub(super) core: InetSock,
    tcp: TcpOptions,
    /// Bytes that came and nobody has read.
    inbox: Mutex<ByteQueue, { rank::SOCKET }>,
    /// The machine of a connection that leaves this one.
    wire: Mutex<Option<Box<wire::Wire>>, { rank::SOCKET }>,
    link: SpinLock<Link, LINK>,
    /// Bytes sent that the other end has not read.
    charged: AtomicUsize,
    /// Bytes at the end of the queue that are not seen yet, and until when: see [`cork`].
    hidden: AtomicUsize,
    hidden_until: AtomicU64,
    /// Made, and not in its listener's queue: see [`deferred`].
    deferred: AtomicBool,
    this: Weak<Self>,
}

impl TcpSocket {
    /// A socket without name and peer.
    #[must_use]
    pub fn new(family: Family, uid: u32) -> Arc<Self> {
        let options = Options::with_buffers(SEND_DEFAULT, RECEIVE_DEFAULT);
        Arc::new_cyclic(|this| Self {
            core: InetSock::new(family, options, uid),
            tcp: TcpOptions::default(),
            inbox: Mutex::new(ByteQueue::new()),
            wire: Mutex::new(None),
            link: SpinLock::new(Link::new(family)),
            charged: AtomicUsize::new(0),
            hidden: AtomicUsize::new(0),
            hidden_until: AtomicU64::new(0),
            deferred: AtomicBool::new(false),
            this: this.clone(),
        })
    }

    /// Bytes that came from a peer of this machine and may be read.
    fn seen(&self) -> usize {
        let inbox = self.inbox.lock();
        inbox.len().saturating_sub(self.hidden.load(Relaxed))
    }

    /// Bytes on their way.
    fn charged(&self) -> usize {
        self.charged.load(Relaxed)
    }

    /// Bytes that may be on their way to a peer with this receive buffer.
    fn limit(&self, peer: &Self) -> usize {
        let own = self.core.options.stream_send_buffer();
        own + peer.core.options.stream_receive_buffer()
    }

    /// The peer read or dropped `bytes`.
    fn uncharge(&self, bytes: usize, limit: usize) {
        if bytes == 0 {
            return;
        }
        let left = self.charged.fetch_sub(bytes, Relaxed).saturating_sub(bytes);
        if left <= limit / 3 * 2 {
            self.core
                .pollee
                .notify_sync(Events::WRITABLE | Events::WRBAND);
        }
    }

    fn notify_end(&self) {
        self.core
            .pollee
            .notify(Events::all() - Events::NVAL - Events::UNLOCKED);
    }

    fn bind_to(&self, caller: &dyn Caller, address: &[u8]) -> Result<()> {
        let end = super::bind::check(&self.core, caller, address, true)?;
        table::sweep();
        let mut link = self.link.lock();
        if link.state != State::Closed || link.local.port != 0 {
            return Err(Errno::EINVAL);
        }
        let no_port = end.port == 0 && self.core.ip.flags().contains(IpFlags::BIND_NO_PORT);
        let claim = self.core.claim(end.addr);
        let port = match end.port {
            0 if no_port => 0,
            0 => table::PORTS.claim_alone(&claim)?,
            port => table::PORTS.claim(port, &claim)?,
        };
        link.local = Endpoint { port, ..end };
        // A port the kernel chose is not the program's: it goes with a connection that fails.
        link.bound = end;
        Ok(())
    }

    fn readiness(&self) -> Events {
        let mut events = Events::empty();
        // Looked at first: what comes meanwhile tells.
        let wire = self.wire_readiness();
        let waiting = wire.map_or_else(|| self.seen(), |(waiting, _)| waiting);
        let link = self.link.lock();
        if link.state == State::Listen {
            return if link.has_queued() {
                Events::READABLE
            } else {
                Events::empty()
            };
        }
        if link.error.is_some() {
            events |= Events::ERR;
        }
        if link.shut == link::Shut::all() || link.state == State::Closed {
            events |= Events::HUP;
        }
        if link.shut.contains(link::Shut::RECEIVE) {
            events |= Events::RDHUP | Events::READABLE;
        }
        if link.state == State::SynSent {
            return events;
        }
        if waiting > 0 && waiting >= self.core.options.receive_low() {
            events |= Events::READABLE;
        }
        let ended = link.shut.contains(link::Shut::SEND);
        let peer = link.peer();
        drop(link);
        let room = wire.is_none_or(|(_, room)| room)
            && peer.is_none_or(|peer| self.charged() <= self.limit(&peer) / 3 * 2);
        if room || ended {
            events |= Events::WRITABLE | Events::WRBAND;
        }
        events
    }
}

impl Socket for TcpSocket {
    fn family(&self) -> u16 {
        self.core.family.number()
    }

    fn kind(&self) -> u32 {
        SOCK_STREAM
    }

    fn protocol(&self) -> i32 {
        protocol::TCP
    }

    fn cookie(&self) -> u64 {
        self.core.id
    }

    fn options(&self) -> &Options {
        &self.core.options
    }

    fn pollee(&self) -> &Pollee {
        &self.core.pollee
    }

    fn ready(&self) -> Events {
        self.readiness()
    }

    fn bind(self: Arc<Self>, caller: &dyn Caller, address: &[u8]) -> Result<()> {
        self.bind_to(caller, address)
    }

    fn listen(&self, _caller: &dyn Caller, backlog: u32) -> Result<()> {
        self.listen_with(backlog)
    }

    fn connect(
        self: Arc<Self>,
        _caller: &dyn Caller,
        address: &[u8],
        nonblock: bool,
    ) -> Result<()> {
        self.connect_to(address, nonblock)
    }

    fn accept(&self, _nonblock: bool) -> Result<Arc<dyn Socket>> {
        self.next_connection()
            .map(|socket| socket as Arc<dyn Socket>)
    }

    fn send(self: Arc<Self>, src: &mut IoSrc<'_>, out: &mut Outgoing<'_>) -> Result<usize> {
        self.send_bytes(src, out)
    }

    fn receive(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        _nonblock: bool,
        into: &mut Received,
    ) -> Result<()> {
        self.receive_bytes(dst, flags, into)
    }

    fn shutdown(&self, how: How) -> Result<()> {
        self.end_halves(how)
    }

    fn name(&self) -> Vec<u8> {
        let local = self.link.lock().local;
        local.to_bytes(self.core.family).to_vec()
    }

    fn peer_name(&self) -> Result<Vec<u8>> {
        let link = self.link.lock();
        if link.remote.port == 0 || matches!(link.state, State::Closed | State::SynSent) {
            return Err(Errno::ENOTCONN);
        }
        Ok(link.remote.to_bytes(self.core.family).to_vec())
    }

    fn accepted_name(&self) -> Result<Vec<u8>> {
        let remote = self.link.lock().remote;
        Ok(remote.to_bytes(self.core.family).to_vec())
    }

    fn is_connecting(&self) -> bool {
        self.link.lock().phase == link::Phase::Connecting
    }

    fn is_listening(&self) -> bool {
        self.link.lock().state == State::Listen
    }

    fn take_error(&self) -> Option<Errno> {
        self.link.lock().error.take()
    }

    fn has_peek_offset(&self) -> bool {
        true
    }

    fn waiting(&self) -> Result<usize> {
        if self.is_listening() {
            return Err(Errno::EINVAL);
        }
        if let Some((waiting, _)) = self.wire_readiness() {
            return Ok(waiting);
        }
        Ok(self.seen())
    }

    fn unsent(&self) -> Result<usize> {
        if let Some(bytes) = self.wire_unsent() {
            return Ok(bytes);
        }
        let link = self.link.lock();
        if link.state == State::Listen {
            return Err(Errno::EINVAL);
        }
        let peer = link.peer();
        drop(link);
        let held = peer.map_or(0, |peer| peer.core.options.stream_receive_buffer());
        Ok(self.charged().saturating_sub(held))
    }

    fn at_mark(&self) -> Result<bool> {
        Ok(false)
    }

    fn set_own(&self, name: i32, value: &[u8], caller: &dyn Caller) -> Option<Result<()>> {
        if matches!(name, so::REUSEADDR | so::REUSEPORT | so::KEEPALIVE) {
            let result = self.core.options.set(name, value, caller.cred());
            self.apply_settings();
            let port = self.link.lock().local.port;
            let flags = self.core.options.flags();
            let changed = table::PORTS.change(port, self.core.id, |claim| {
                claim.reuse_addr = flags.contains(Flags::REUSEADDR);
                claim.reuse_port = flags.contains(Flags::REUSEPORT);
            });
            return Some(result.and(changed));
        }
        if matches!(
            name,
            so::SNDBUF | so::RCVBUF | so::SNDBUFFORCE | so::RCVBUFFORCE
        ) {
            let result = self.core.options.set(name, value, caller.cred());
            self.apply_settings();
            return Some(result);
        }
        self.core.set_own(name, value, caller)
    }

    fn get_own(&self, name: i32) -> Option<Result<Vec<u8>>> {
        self.core.get_own(name)
    }

    fn set_option(&self, level: i32, name: i32, value: &[u8], caller: &dyn Caller) -> Result<()> {
        match level {
            options::SOL_TCP => {
                self.set_tcp(name, value)?;
                self.apply_settings();
                if self.tcp.pushes(name) {
                    self.draw_cork();
                }
                Ok(())
            }
            SOL_IPV6 if self.core.family == Family::V4 => Err(Errno::ENOPROTOOPT),
            SOL_IPV6 if name == ip_options::ipv6::V6ONLY && self.link.lock().local.port != 0 => {
                Err(Errno::EINVAL)
            }
            SOL_IP | SOL_IPV6 => {
                self.core.ip.set(level, name, value, caller.cred(), true)?;
                self.apply_settings();
                Ok(())
            }
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    fn get_option(&self, level: i32, name: i32, _given: &[u8], room: usize) -> Result<Vec<u8>> {
        match level {
            options::SOL_TCP => self.get_tcp(name, room),
            SOL_IPV6 if self.core.family == Family::V4 => Err(Errno::EOPNOTSUPP),
            SOL_IP | SOL_IPV6 => {
                let link = self.link.lock();
                let to = (link.state != State::Closed && link.remote.port != 0)
                    .then_some(link.remote.addr);
                let number = link.local.port.into();
                drop(link);
                let value = self.core.get_ip(level, name, number, to)?;
                Ok(ip_options::tell(level, value, room))
            }
            _ => Err(self.core.family.no_level()),
        }
    }

    fn signals_pipe(&self, _waited: bool) -> bool {
        true
    }

    fn set_ino(&self, ino: u64) {
        self.core.ino.store(ino, Relaxed);
    }

    fn close(&self) {
        self.end();
    }

    fn lingers(&self) -> bool {
        let link = self.link.lock();
        // Another descriptor may hold it.
        if !link.closed {
            return false;
        }
        if link.wired {
            drop(link);
            return self.wire_lingers();
        }
        let peer = link.peer();
        drop(link);
        // What is beyond the peer's buffer would still be here.
        peer.is_some_and(|peer| {
            !peer.link.lock().closed && self.charged() > peer.core.options.stream_receive_buffer()
        })
    }
}

impl core::fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TcpSocket({})", self.core.id)
    }
}

pub use remote::{input, refused, settle};
