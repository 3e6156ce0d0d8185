//! The socket itself.

use super::options::Membership;
use super::wire::{BEFORE_ADDRESS, ETHERNET, SockAddrLl, TAG, parse};
use crate::link::device::Mac;
use crate::link::tap::{self, Tap};
use crate::link::{self, Interface};
use crate::room;
use abi::socket::family::AF_PACKET;
use abi::socket::{MsgFlags, SOCK_DGRAM, SOCK_RAW};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed,
};
use mm::io::{IoDst, IoSrc};
use net::filter::{Beside, Slot};
use net::mailbox::Mailbox;
use net::options::Options;
use net::socket::{How, Outgoing, Received, Socket};
use sync::{Capability, Events, Pollee, SpinLock, rank};
use vfs::Caller;
use zerocopy::IntoBytes;

/// A socket of the family.
pub struct PacketSocket {
    pub(super) id: u64,
    pub(super) kind: u32,
    pub(super) options: Options,
    pub(super) pollee: Pollee,
    pub(super) mailbox: Mailbox,
    filter: Slot,
    /// The Ethernet type it hears; 0 for nothing.
    pub(super) protocol: AtomicU16,
    /// The interface it hears; 0 for all.
    pub(super) interface: AtomicU32,
    listens: AtomicBool,
    memberships: SpinLock<Vec<Membership>, { rank::SOCKET + 2 }>,
    /// The pending error, 0 for none.
    error: AtomicI32,
    pub(super) auxdata: AtomicBool,
    pub(super) origdev: AtomicBool,
    pub(super) ignores_outgoing: AtomicBool,
    pub(super) taken: AtomicU32,
    pub(super) dropped: AtomicU32,
    owner: u32,
    ino: AtomicU64,
    this: Weak<Self>,
}

/// What is told of a socket.
pub struct Figures {
    /// `SOCK_*`
    pub kind: u32,
    /// The Ethernet type.
    pub protocol: u16,
    /// The interface.
    pub interface: u32,
    /// Whether it hears.
    pub running: bool,
    /// Bytes that wait.
    pub waiting: usize,
    /// Whose it is.
    pub owner: u32,
    /// The inode of its file.
    pub ino: u64,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1 << 48);
static SOCKETS: SpinLock<Vec<Weak<PacketSocket>>, { rank::LEAF }> = SpinLock::new(Vec::new());

impl PacketSocket {
    /// A socket that hears frames of a type from now on, or of none.
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW`. `ESOCKTNOSUPPORT`: neither raw nor datagram.
    pub fn new(kind: u32, protocol: i32, caller: &dyn Caller) -> Result<Arc<Self>> {
        if !caller.cred().has(Capability::NET_RAW) {
            return Err(Errno::EPERM);
        }
        if kind != SOCK_RAW && kind != SOCK_DGRAM {
            return Err(Errno::ESOCKTNOSUPPORT);
        }
        let socket = Arc::new_cyclic(|this| Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            kind,
            options: Options::default(),
            pollee: Pollee::new(),
            mailbox: Mailbox::default(),
            filter: Slot::default(),
            protocol: AtomicU16::new(u16::from_be(protocol as u16)),
            interface: AtomicU32::new(0),
            listens: AtomicBool::new(false),
            memberships: SpinLock::new(Vec::new()),
            error: AtomicI32::new(0),
            auxdata: AtomicBool::new(false),
            origdev: AtomicBool::new(false),
            ignores_outgoing: AtomicBool::new(false),
            taken: AtomicU32::new(0),
            dropped: AtomicU32::new(0),
            owner: caller.cred().uid,
            ino: AtomicU64::new(0),
            this: this.clone(),
        });
        SOCKETS.lock().push(Arc::downgrade(&socket));
        socket.listen_if_asked();
        Ok(socket)
    }

    /// All sockets.
    pub(super) fn all() -> Vec<Arc<Self>> {
        SOCKETS.lock().iter().filter_map(Weak::upgrade).collect()
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            kind: self.kind,
            protocol: self.protocol.load(Relaxed),
            interface: self.interface.load(Relaxed),
            running: self.listens.load(Relaxed),
            waiting: self.mailbox.bytes(),
            owner: self.owner,
            ino: self.ino.load(Relaxed),
        }
    }

    /// Begins to hear once there is something to hear.
    fn listen_if_asked(&self) {
        if self.protocol.load(Relaxed) != 0
            && !self.listens.swap(true, Relaxed)
            && let Some(this) = self.this.upgrade()
        {
            tap::add(this);
        }
    }

    pub(super) fn join(&self, membership: Membership) {
        self.memberships.lock().push(membership);
        membership.apply(true);
    }

    pub(super) fn part(&self, membership: &Membership) -> Result<()> {
        let mut all = self.memberships.lock();
        let at = all.iter().position(|one| one == membership);
        let gone = all.swap_remove(at.ok_or(Errno::EADDRNOTAVAIL)?);
        drop(all);
        gone.apply(false);
        Ok(())
    }

    fn fail(&self, error: Errno) {
        self.error.store(error.number(), Relaxed);
        self.pollee.notify(Events::ERR);
    }

    /// The interface and type a message goes to, and the station.
    fn target(&self, address: Option<&[u8]>) -> Result<(Arc<Interface>, [u8; 2], Option<Mac>)> {
        let (index, protocol, to) = match address {
            None => {
                let protocol = self.protocol.load(Relaxed).to_be_bytes();
                (self.interface.load(Relaxed), protocol, None)
            }
            Some(address) => {
                let given = parse(address)?;
                let to = given.address.first_chunk().copied();
                (given.interface.cast_unsigned(), given.protocol, to)
            }
        };
        let interface = link::by_index(index).ok_or(Errno::ENXIO)?;
        if !interface.is_up() {
            return Err(Errno::ENETDOWN);
        }
        Ok((interface, protocol, to))
    }

    /// How much of a frame the filter keeps; `None` drops it.
    pub(super) fn keeps(&self, bytes: &[u8], beside: &Beside) -> Option<usize> {
        match self.filter.get() {
            None => Some(usize::MAX),
            Some(filter) => match filter.run(bytes, beside) {
                0 => None,
                kept => Some(kept as usize),
            },
        }
    }
}

impl Socket for PacketSocket {
    fn family(&self) -> u16 {
        AF_PACKET
    }

    fn kind(&self) -> u32 {
        self.kind
    }

    fn protocol(&self) -> i32 {
        i32::from(self.protocol.load(Relaxed).to_be())
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn cookie(&self) -> u64 {
        self.id
    }

    fn options(&self) -> &Options {
        &self.options
    }

    fn pollee(&self) -> &Pollee {
        &self.pollee
    }

    fn ready(&self) -> Events {
        let mut events = Events::WRITABLE;
        events.set(Events::READABLE, !self.mailbox.is_empty());
        events.set(Events::ERR, self.error.load(Relaxed) != 0);
        events
    }

    fn bind(self: Arc<Self>, _caller: &dyn Caller, address: &[u8]) -> Result<()> {
        let given = parse(address)?;
        let index = given.interface.cast_unsigned();
        let mut down = false;
        if index != 0 {
            down = !link::by_index(index).ok_or(Errno::ENODEV)?.is_up();
        }
        let protocol = u16::from_be_bytes(given.protocol);
        if protocol != 0 {
            self.protocol.store(protocol, Relaxed);
        }
        self.interface.store(index, Relaxed);
        if down {
            // It hears when the interface comes up; until then this is told once.
            self.fail(Errno::ENETDOWN);
        }
        self.listen_if_asked();
        Ok(())
    }

    fn listen(&self, _caller: &dyn Caller, _backlog: u32) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    fn connect(
        self: Arc<Self>,
        _caller: &dyn Caller,
        _address: &[u8],
        _nonblock: bool,
    ) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    fn accept(&self, _nonblock: bool) -> Result<Arc<dyn Socket>> {
        Err(Errno::EOPNOTSUPP)
    }

    fn send(self: Arc<Self>, src: &mut IoSrc<'_>, out: &mut Outgoing<'_>) -> Result<usize> {
        let (interface, protocol, to) = self.target(out.address)?;
        let len = src.remaining();
        let most = interface.mtu as usize;
        let mut frame = Vec::new();
        if self.kind == SOCK_DGRAM {
            if len > most {
                return Err(Errno::EMSGSIZE);
            }
            let to = to.ok_or(Errno::EINVAL)?;
            frame.extend_from_slice(&to);
            frame.extend_from_slice(&interface.mac);
            frame.extend_from_slice(&protocol);
        } else if len > most + ETHERNET + TAG {
            return Err(Errno::EMSGSIZE);
        } else if len < ETHERNET {
            return Err(Errno::EINVAL);
        }
        let mut bytes = room::zeroes(len)?;
        if src.take(&mut bytes) < len {
            return Err(Errno::EFAULT);
        }
        if frame.is_empty() {
            frame = bytes;
        } else {
            room::append(&mut frame, &bytes)?;
        }
        match interface.port.transmit_as(&frame, self.id) {
            // A full ring loses packets, as a full queue does on Linux.
            Err(Errno::EAGAIN) => Err(Errno::ENOBUFS),
            Err(error) => Err(error),
            Ok(()) => Ok(len),
        }
    }

    fn receive(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        _nonblock: bool,
        into: &mut Received,
    ) -> Result<()> {
        let known = MsgFlags::PEEK
            | MsgFlags::DONTWAIT
            | MsgFlags::TRUNC
            | MsgFlags::CMSG_CLOEXEC
            | MsgFlags::ERRQUEUE;
        if flags.bits() & !known.bits() != 0 {
            return Err(Errno::EINVAL);
        }
        if flags.contains(MsgFlags::ERRQUEUE) {
            return Err(Errno::EAGAIN);
        }
        if let Some(error) = self.take_error() {
            return Err(error);
        }
        self.mailbox.receive(dst, flags, into)
    }

    fn shutdown(&self, _how: How) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    fn name(&self) -> Vec<u8> {
        let index = self.interface.load(Relaxed);
        let interface = link::by_index(index);
        let mut name = SockAddrLl {
            family: AF_PACKET,
            protocol: self.protocol.load(Relaxed).to_be_bytes(),
            interface: index as i32,
            hardware: 0,
            direction: 0,
            len: 0,
            address: [0; 8],
        };
        if let Some(interface) = interface {
            name.hardware = interface.hardware();
            name.len = 6;
            for (to, from) in name.address.iter_mut().zip(interface.mac) {
                *to = from;
            }
        }
        let len = BEFORE_ADDRESS + usize::from(name.len);
        name.as_bytes().get(..len).unwrap_or_default().to_vec()
    }

    fn peer_name(&self) -> Result<Vec<u8>> {
        Err(Errno::EOPNOTSUPP)
    }

    fn is_listening(&self) -> bool {
        false
    }

    fn take_error(&self) -> Option<Errno> {
        (self.error.swap(0, Relaxed) != 0).then_some(Errno::ENETDOWN)
    }

    fn waiting(&self) -> Result<usize> {
        Ok(self.mailbox.first_len())
    }

    fn unsent(&self) -> Result<usize> {
        Ok(0)
    }

    fn set_own(&self, name: i32, value: &[u8], _caller: &dyn Caller) -> Option<Result<()>> {
        self.filter.set_option(name, value)
    }

    fn get_own(&self, name: i32) -> Option<Result<Vec<u8>>> {
        let locked = i32::from(self.filter.is_locked());
        (name == abi::socket::so::LOCK_FILTER).then(|| Ok(locked.to_ne_bytes().to_vec()))
    }

    fn set_option(&self, level: i32, name: i32, value: &[u8], _caller: &dyn Caller) -> Result<()> {
        self.set(level, name, value)
    }

    fn get_option(&self, level: i32, name: i32, _given: &[u8], _room: usize) -> Result<Vec<u8>> {
        self.get(level, name)
    }

    fn signals_pipe(&self, _waited: bool) -> bool {
        false
    }

    fn set_ino(&self, ino: u64) {
        self.ino.store(ino, Relaxed);
    }

    fn close(&self) {
        if self.listens.swap(false, Relaxed)
            && let Some(this) = self.this.upgrade()
        {
            let this: Arc<dyn Tap> = this;
            tap::remove(&this);
        }
        let all = core::mem::take(&mut *self.memberships.lock());
        for membership in &all {
            membership.apply(false);
        }
        let this: *const Self = self;
        let mut gone = Vec::new();
        SOCKETS.lock().retain(|one| {
            let stays = !core::ptr::eq(one.as_ptr(), this);
            if !stays {
                gone.push(one.clone());
            }
            stays
        });
        self.mailbox.clear();
    }
}
