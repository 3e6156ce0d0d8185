//! Sockets of messages: UDP, raw IP and ping (`man 7 udp`, `man 7 raw`, `man 7 icmp`).
//!
//! A queue of datagrams under a sleeping lock, charged to the receive buffer; what finds it full is lost, as on any
//! network. A `Link` under a spin lock: names, groups, error.

pub mod ancillary;
mod bind;
mod errors;
mod groups;
pub mod input;
mod options;
mod receive;
pub mod report;
mod send;
mod source_lists;
mod sources;

use super::inet_sock::InetSock;
use super::ip_options::{self, SOL_IP};
use super::ports::{Ports, Receivers};
use super::protocol;
use abi::socket::{MsgFlags, SOCK_DGRAM, SOCK_RAW, so};
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use mm::io::{IoDst, IoSrc};
use net::address::{Endpoint, Family};
use net::options::{Flags, Options};
use net::socket::{How, Outgoing, Received, Socket};
use sync::{Events, Mutex, Pollee, SpinLock, rank};
use vfs::Caller;

pub use errors::Report;
use sources::Group;

/// The rank of a link's lock: inside the inbox, outside the tables.
const LINK: u8 = rank::SOCKET + 2;

/// Claims on UDP ports.
pub static UDP_PORTS: Ports = Ports::new();
/// Claims on ports of UDP-Lite.
static LITE_PORTS: Ports = Ports::new();
/// Claims on the numbers of ping sockets.
static PING_PORTS: Ports = Ports::new();
/// Who receives UDP.
pub static UDP: Receivers<DatagramSocket> = Receivers::new();
/// Who receives UDP-Lite.
pub static LITE: Receivers<DatagramSocket> = Receivers::new();
/// Who receives answers to pings, by number.
static PING: Receivers<DatagramSocket> = Receivers::new();
/// Raw sockets, by protocol.
pub static RAW: Receivers<DatagramSocket> = Receivers::new();

/// Messages of UDP that went.
pub static SENT: AtomicU64 = AtomicU64::new(0);

/// What such a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UDP
    Udp,
    /// UDP-Lite, whose checksum need not cover all.
    UdpLite,
    /// ICMP's echo, for everybody.
    Ping,
    /// IP itself, of one protocol.
    Raw(u8),
}

impl Kind {
    /// Whether it is one of the two kinds of UDP.
    #[must_use]
    pub fn is_udp(self) -> bool {
        matches!(self, Self::Udp | Self::UdpLite)
    }
}

/// One message that came.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Who sent it.
    pub from: Endpoint,
    /// The address it went to.
    pub to: IpAddr,
    /// The port it went to.
    pub to_port: u16,
    /// The interface it came by.
    pub device: u32,
    /// Its hop limit.
    pub ttl: u8,
    /// Its type of service.
    pub tos: u8,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// When it came, by the wall clock, in nanoseconds.
    pub at: u64,
}

/// What Linux counts for a message besides its bytes, roughly.
const OVERHEAD: usize = 768;

#[derive(Debug, Default)]
struct Inbox {
    queue: VecDeque<Datagram>,
    /// What they count against the receive buffer.
    charged: usize,
    errors: VecDeque<Report>,
    /// Pieces of a message that is not sent yet (`MSG_MORE`, `UDP_CORK`).
    corked: Option<(Endpoint, Vec<u8>)>,
}

bitflags::bitflags! {
    /// Halves that ended.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    struct Shut: u8 {
        const RECEIVE = 1;
        const SEND = 2;
    }
}

#[derive(Debug)]
struct Link {
    local: Endpoint,
    bound: Endpoint,
    remote: Option<Endpoint>,
    shut: Shut,
    error: Option<Errno>,
    groups: Vec<Group>,
    closed: bool,
    /// Types of ICMP a raw socket does not want, a bit each.
    filter: [u32; 8],
    cork: bool,
    /// What the checksum covers of what goes, and must of what comes; `None`: nobody said.
    coverage: [Option<u16>; 2],
}

/// A socket of messages.
pub struct DatagramSocket {
    pub(super) core: InetSock,
    pub(super) kind: Kind,
    inbox: Mutex<Inbox, { rank::SOCKET }>,
    link: SpinLock<Link, LINK>,
    /// Whether a message came that nobody has received; written under the inbox's lock.
    stirred: AtomicBool,
    /// Messages lost for want of room.
    drops: AtomicU64,
    this: Weak<Self>,
}

impl DatagramSocket {
    /// A socket without name.
    #[must_use]
    pub fn new(family: Family, kind: Kind, uid: u32) -> Arc<Self> {
        let none = Endpoint::none(family);
        let number = match kind {
            Kind::Raw(number) => u16::from(number),
            _ => 0,
        };
        let local = Endpoint {
            port: number,
            ..none
        };
        let socket = Arc::new_cyclic(|this| Self {
            core: InetSock::new(family, Options::default(), uid),
            kind,
            inbox: Mutex::new(Inbox::default()),
            link: SpinLock::new(Link {
                local,
                bound: none,
                remote: None,
                shut: Shut::empty(),
                error: None,
                groups: Vec::new(),
                closed: false,
                filter: [0; 8],
                cork: false,
                coverage: [None; 2],
            }),
            stirred: AtomicBool::new(false),
            drops: AtomicU64::new(0),
            this: this.clone(),
        });
        if matches!(kind, Kind::Raw(_)) {
            if number == u16::from(u8::MAX) {
                // IPPROTO_RAW sends only, headers and all.
                let _ = socket.core.ip.set(
                    SOL_IP,
                    ip_options::ip::HDRINCL,
                    &1i32.to_ne_bytes(),
                    &sync::Credentials::root(),
                    false,
                );
            }
            socket.enter();
        }
        socket
    }

    fn ports(&self) -> &'static Ports {
        match self.kind {
            Kind::Ping => &PING_PORTS,
            Kind::UdpLite => &LITE_PORTS,
            _ => &UDP_PORTS,
        }
    }

    fn receivers(&self) -> &'static Receivers<Self> {
        match self.kind {
            Kind::Udp => &UDP,
            Kind::UdpLite => &LITE,
            Kind::Ping => &PING,
            Kind::Raw(_) => &RAW,
        }
    }

    /// Whether names of it have ports.
    fn has_ports(&self) -> bool {
        !matches!(self.kind, Kind::Raw(_))
    }

    fn notify_end(&self) {
        self.core
            .pollee
            .notify(Events::all() - Events::NVAL - Events::UNLOCKED);
    }

    fn end(&self) {
        let (port, bound, groups) = {
            let mut link = self.link.lock();
            if link.closed {
                return;
            }
            link.closed = true;
            (
                link.local.port,
                link.local,
                core::mem::take(&mut link.groups),
            )
        };
        if self.has_ports() {
            if port != 0 {
                self.receivers().leave(port, self.core.id);
                self.ports().release(bound.port, self.core.id);
            }
        } else {
            self.receivers().leave(port, self.core.id);
        }
        for group in groups {
            group.forget_named();
            crate::groups::leave(group.addr, group.device);
        }
        let dropped = core::mem::take(&mut *self.inbox.lock());
        drop(dropped);
    }
}

impl Socket for DatagramSocket {
    fn family(&self) -> u16 {
        self.core.family.number()
    }

    fn kind(&self) -> u32 {
        match self.kind {
            Kind::Raw(_) => SOCK_RAW,
            _ => SOCK_DGRAM,
        }
    }

    fn protocol(&self) -> i32 {
        match (self.kind, self.core.family) {
            (Kind::Udp, _) => protocol::UDP,
            (Kind::UdpLite, _) => protocol::UDPLITE,
            (Kind::Ping, Family::V4) => protocol::ICMP,
            (Kind::Ping, Family::V6) => protocol::ICMPV6,
            (Kind::Raw(number), _) => i32::from(number),
        }
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
        let mut events = Events::WRITABLE | Events::WRBAND;
        let inbox = self.inbox.lock();
        if !inbox.queue.is_empty() {
            events |= Events::READABLE;
        }
        if !inbox.errors.is_empty() {
            events |= Events::ERR;
        }
        drop(inbox);
        let link = self.link.lock();
        if link.error.is_some() {
            events |= Events::ERR;
        }
        if link.shut.contains(Shut::RECEIVE) {
            events |= Events::RDHUP | Events::READABLE;
        }
        if link.shut == Shut::all() {
            events |= Events::HUP;
        }
        events
    }

    fn bind(self: Arc<Self>, caller: &dyn Caller, address: &[u8]) -> Result<()> {
        self.bind_to(caller, address)
    }

    fn listen(&self, _caller: &dyn Caller, _backlog: u32) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    fn connect(
        self: Arc<Self>,
        _caller: &dyn Caller,
        address: &[u8],
        _nonblock: bool,
    ) -> Result<()> {
        self.connect_to(address)
    }

    fn accept(&self, _nonblock: bool) -> Result<Arc<dyn Socket>> {
        Err(Errno::EOPNOTSUPP)
    }

    fn send(self: Arc<Self>, src: &mut IoSrc<'_>, out: &mut Outgoing<'_>) -> Result<usize> {
        self.send_message(src, out)
    }

    fn receive(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        nonblock: bool,
        into: &mut Received,
    ) -> Result<()> {
        self.receive_message(dst, flags, nonblock, into)
    }

    fn seems_idle(&self) -> bool {
        !self.stirred.load(Relaxed)
    }

    fn shutdown(&self, how: How) -> Result<()> {
        let mut link = self.link.lock();
        link.shut |= match how {
            How::Receive => Shut::RECEIVE,
            How::Send => Shut::SEND,
            How::Both => Shut::all(),
        };
        let connected = link.remote.is_some();
        drop(link);
        self.notify_end();
        if connected {
            Ok(())
        } else {
            Err(Errno::ENOTCONN)
        }
    }

    fn name(&self) -> Vec<u8> {
        let local = self.link.lock().local;
        local.to_bytes(self.core.family).to_vec()
    }

    fn peer_name(&self) -> Result<Vec<u8>> {
        let remote = self.link.lock().remote.ok_or(Errno::ENOTCONN)?;
        if remote.port == 0 {
            return Err(Errno::ENOTCONN);
        }
        Ok(remote.to_bytes(self.core.family).to_vec())
    }

    fn is_listening(&self) -> bool {
        false
    }

    fn take_error(&self) -> Option<Errno> {
        self.link.lock().error.take()
    }

    fn has_peek_offset(&self) -> bool {
        self.kind.is_udp()
    }

    fn waiting(&self) -> Result<usize> {
        let inbox = self.inbox.lock();
        Ok(inbox.queue.front().map_or(0, |first| first.bytes.len()))
    }

    fn unsent(&self) -> Result<usize> {
        Ok(0)
    }

    fn set_own(&self, name: i32, value: &[u8], caller: &dyn Caller) -> Option<Result<()>> {
        if matches!(name, so::REUSEADDR | so::REUSEPORT) {
            let result = self.core.options.set(name, value, caller.cred());
            let port = self.link.lock().local.port;
            let flags = self.core.options.flags();
            let changed = self.ports().change(port, self.core.id, |claim| {
                claim.reuse_addr = flags.contains(Flags::REUSEADDR);
                claim.reuse_port = flags.contains(Flags::REUSEPORT);
            });
            return Some(result.and(changed));
        }
        let result = self.core.set_own(name, value, caller);
        if matches!(result, Some(Ok(()))) {
            self.enter();
        }
        result
    }

    fn get_own(&self, name: i32) -> Option<Result<Vec<u8>>> {
        self.core.get_own(name)
    }

    fn set_option(&self, level: i32, name: i32, value: &[u8], caller: &dyn Caller) -> Result<()> {
        self.set_level(level, name, value, caller)
    }

    fn get_option(&self, level: i32, name: i32, given: &[u8], room: usize) -> Result<Vec<u8>> {
        self.get_level(level, name, given, room)
    }

    fn signals_pipe(&self, _waited: bool) -> bool {
        false
    }

    fn set_ino(&self, ino: u64) {
        self.core.ino.store(ino, Relaxed);
    }

    fn close(&self) {
        self.end();
    }
}

impl Drop for DatagramSocket {
    fn drop(&mut self) {
        self.end();
    }
}

impl core::fmt::Debug for DatagramSocket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "DatagramSocket({})", self.core.id)
    }
}
