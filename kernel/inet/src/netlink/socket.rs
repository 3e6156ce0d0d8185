//! The socket itself.

use super::address::{SockAddrNl, group_of, parse};
use super::options::{self, Switches};
use super::{Protocol, table};
use crate::room;
use abi::socket::family::{AF_NETLINK, AF_UNSPEC};
use abi::socket::{MsgFlags, SOCK_DGRAM, SOCK_RAW, Ucred};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use mm::io::{IoDst, IoSrc};
use net::control::Ancillary;
use net::filter::{Beside, Slot};
use net::mailbox::{Letter, Mailbox};
use net::name::Name;
use net::options::{Flags, Options};
use net::socket::{How, Outgoing, Received, Socket};
use net::unix::sender::Sender;
use sync::{Capability, Events, Pollee};
use vfs::Caller;
use zerocopy::IntoBytes;

/// A message may be as long as the send buffer less this.
const HEADROOM: usize = 32;

/// A socket of the family.
pub struct NetlinkSocket {
    id: u64,
    kind: u32,
    protocol: Protocol,
    /// Who made it may administrate.
    pub(super) is_admins: bool,
    options: Options,
    pollee: Pollee,
    mailbox: Mailbox,
    filter: Slot,
    /// 0 before it has one.
    port: AtomicU32,
    /// Where `connect` points: a port and a group.
    to_port: AtomicU32,
    to_group: AtomicU32,
    /// The groups it listens to, group 1 the lowest bit.
    pub(super) groups: AtomicU64,
    pub(super) switches: AtomicU32,
    /// Messages were lost: `ENOBUFS` once.
    lost: AtomicBool,
    drops: AtomicU32,
    ino: AtomicU64,
    this: Weak<Self>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1 << 32);

impl NetlinkSocket {
    /// A socket without a port.
    ///
    /// # Errors
    /// `ESOCKTNOSUPPORT`: neither raw nor datagram. `EPROTONOSUPPORT`
    pub fn new(kind: u32, protocol: i32, caller: &dyn Caller) -> Result<Arc<Self>> {
        if kind != SOCK_RAW && kind != SOCK_DGRAM {
            return Err(Errno::ESOCKTNOSUPPORT);
        }
        let protocol = Protocol::parse(protocol)?;
        let socket = Arc::new_cyclic(|this| Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            kind,
            protocol,
            is_admins: caller.cred().has(Capability::NET_ADMIN),
            options: Options::default(),
            pollee: Pollee::new(),
            mailbox: Mailbox::default(),
            filter: Slot::default(),
            port: AtomicU32::new(0),
            to_port: AtomicU32::new(0),
            to_group: AtomicU32::new(0),
            groups: AtomicU64::new(0),
            switches: AtomicU32::new(0),
            lost: AtomicBool::new(false),
            drops: AtomicU32::new(0),
            ino: AtomicU64::new(0),
            this: this.clone(),
        });
        table::enter(&socket);
        Ok(socket)
    }

    /// Its protocol.
    #[must_use]
    pub fn protocol_kind(&self) -> Protocol {
        self.protocol
    }

    /// Its port; 0 before it has one.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.port.load(Relaxed)
    }

    /// Notes its port, under the table's lock.
    pub(super) fn set_port(&self, port: u32) {
        self.port.store(port, Relaxed);
    }

    /// The groups it listens to.
    #[must_use]
    pub fn group_bits(&self) -> u64 {
        self.groups.load(Relaxed)
    }

    /// Messages lost, bytes that wait, and the inode of its file.
    #[must_use]
    pub fn figures(&self) -> (u32, usize, u64) {
        (
            self.drops.load(Relaxed),
            self.mailbox.bytes(),
            self.ino.load(Relaxed),
        )
    }

    /// Whether it listens to a group.
    #[must_use]
    pub fn listens(&self, group: u32) -> bool {
        group
            .checked_sub(1)
            .is_some_and(|bit| self.group_bits() & 1u64.checked_shl(bit).unwrap_or(0) != 0)
    }

    /// A message from `port` (0: the kernel) to `group` (0: to this socket alone); whether it was taken.
    pub(super) fn hear(
        &self,
        bytes: Vec<u8>,
        port: u32,
        group: u32,
        sender: Option<Sender>,
    ) -> bool {
        self.take(bytes, port, group, sender, self.options.receive_buffer())
    }

    /// As [`Self::hear`], with room for `limit` bytes.
    pub(super) fn take(
        &self,
        bytes: Vec<u8>,
        port: u32,
        group: u32,
        sender: Option<Sender>,
        limit: usize,
    ) -> bool {
        let dropped = |filter: &net::filter::Filter| filter.run(&bytes, &Beside::default()) == 0;
        if self.filter.get().is_some_and(|filter| dropped(&filter)) {
            return true;
        }
        let from = SockAddrNl {
            family: AF_NETLINK,
            pad: 0,
            port,
            groups: group
                .checked_sub(1)
                .and_then(|bit| 1u32.checked_shl(bit))
                .unwrap_or(0),
        };
        let mut control = Vec::new();
        if self.switches().contains(Switches::PKTINFO) {
            control.push(Ancillary {
                level: options::LEVEL,
                kind: options::PKTINFO,
                data: group.to_ne_bytes().to_vec(),
            });
        }
        let kernel = Sender {
            ucred: Ucred {
                pid: 0,
                uid: 0,
                gid: 0,
            },
            process: None,
        };
        let letter = Letter {
            whole: bytes.len(),
            bytes,
            from: Name::plain(from.as_bytes()),
            control: control.into(),
            sender: Some(sender.unwrap_or(kernel)),
        };
        let taken = self.mailbox.push(letter, limit);
        if taken {
            self.pollee.notify(Events::READABLE);
        } else if !self.switches().contains(Switches::NO_ENOBUFS) {
            self.drops.fetch_add(1, Relaxed);
            self.lost.store(true, Relaxed);
            self.pollee.notify(Events::ERR);
        }
        taken
    }

    fn bind_automatically(&self, caller: &dyn Caller) {
        if self.port() == 0
            && let Some(this) = self.this.upgrade()
        {
            table::take_any(&this, caller.pid());
        }
    }

    fn send_to(
        &self,
        bytes: Vec<u8>,
        (port, group): (u32, u32),
        caller: &dyn Caller,
        named: bool,
    ) -> Result<()> {
        let sender = Some(Sender::of(caller));
        if group != 0 {
            for other in table::all() {
                if other.protocol == self.protocol && other.id != self.id && other.listens(group) {
                    other.hear(bytes.clone(), self.port(), group, sender.clone());
                }
            }
        }
        if port == 0 {
            if group == 0 {
                self.serve(&bytes, caller, named);
            }
            return Ok(());
        }
        let other = table::find(self.protocol, port).ok_or(Errno::ECONNREFUSED)?;
        let to = other.to_port.load(Relaxed);
        if to != 0 && to != self.port() {
            // It hears nobody else.
            return Err(Errno::ECONNREFUSED);
        }
        if other.hear(bytes, self.port(), 0, sender) {
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    }
}

impl Socket for NetlinkSocket {
    fn family(&self) -> u16 {
        AF_NETLINK
    }

    fn kind(&self) -> u32 {
        self.kind
    }

    fn protocol(&self) -> i32 {
        self.protocol as i32
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
        events.set(Events::ERR, self.lost.load(Relaxed));
        events
    }

    fn bind(self: Arc<Self>, caller: &dyn Caller, address: &[u8]) -> Result<()> {
        let address = parse(address)?;
        match self.port() {
            0 if address.port == 0 => self.bind_automatically(caller),
            0 => table::take(&self, address.port)?,
            port if port == address.port => {}
            _ => return Err(Errno::EINVAL),
        }
        // The mask names the first 32 groups; those above stay.
        let above = self.group_bits() & !u64::from(u32::MAX);
        self.groups
            .store(above | u64::from(address.groups), Relaxed);
        Ok(())
    }

    fn listen(&self, _caller: &dyn Caller, _backlog: u32) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    fn connect(
        self: Arc<Self>,
        caller: &dyn Caller,
        address: &[u8],
        _nonblock: bool,
    ) -> Result<()> {
        let family = address.first_chunk().ok_or(Errno::EINVAL)?;
        if u16::from_ne_bytes(*family) == AF_UNSPEC {
            self.to_port.store(0, Relaxed);
            self.to_group.store(0, Relaxed);
            return Ok(());
        }
        let address = parse(address)?;
        self.may_send(address.port, address.groups, caller)?;
        self.bind_automatically(caller);
        self.to_port.store(address.port, Relaxed);
        self.to_group.store(group_of(address.groups), Relaxed);
        Ok(())
    }

    fn accept(&self, _nonblock: bool) -> Result<Arc<dyn Socket>> {
        Err(Errno::EOPNOTSUPP)
    }

    fn send(self: Arc<Self>, src: &mut IoSrc<'_>, out: &mut Outgoing<'_>) -> Result<usize> {
        if out.flags.contains(MsgFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        let len = src.remaining();
        if len == 0 {
            return Err(Errno::ENODATA);
        }
        let address = out.address.filter(|address| !address.is_empty());
        let (port, group) = match address {
            Some(address) => {
                let address = parse(address)?;
                self.may_send(address.port, address.groups, out.caller)?;
                (address.port, group_of(address.groups))
            }
            None => (self.to_port.load(Relaxed), self.to_group.load(Relaxed)),
        };
        self.bind_automatically(out.caller);
        if len > self.options.send_buffer().saturating_sub(HEADROOM) {
            return Err(Errno::EMSGSIZE);
        }
        let mut bytes = room::zeroes(len)?;
        if src.take(&mut bytes) < len {
            return Err(Errno::EFAULT);
        }
        self.send_to(bytes, (port, group), out.caller, address.is_some())?;
        Ok(len)
    }

    fn receive(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        _nonblock: bool,
        into: &mut Received,
    ) -> Result<()> {
        if flags.contains(MsgFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.lost.swap(false, Relaxed) {
            return Err(Errno::ENOBUFS);
        }
        self.mailbox.receive(dst, flags, into)
    }

    fn shutdown(&self, _how: How) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    fn name(&self) -> Vec<u8> {
        let name = SockAddrNl {
            family: AF_NETLINK,
            pad: 0,
            port: self.port(),
            groups: self.group_bits() as u32,
        };
        name.as_bytes().to_vec()
    }

    fn peer_name(&self) -> Result<Vec<u8>> {
        let group = self.to_group.load(Relaxed);
        let name = SockAddrNl {
            family: AF_NETLINK,
            pad: 0,
            port: self.to_port.load(Relaxed),
            groups: group
                .checked_sub(1)
                .and_then(|bit| 1u32.checked_shl(bit))
                .unwrap_or(0),
        };
        Ok(name.as_bytes().to_vec())
    }

    fn is_listening(&self) -> bool {
        false
    }

    fn take_error(&self) -> Option<Errno> {
        self.lost.swap(false, Relaxed).then_some(Errno::ENOBUFS)
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

    fn set_option(&self, level: i32, name: i32, value: &[u8], _caller: &dyn Caller) -> Result<()> {
        self.set(level, name, value)
    }

    fn get_option(&self, level: i32, name: i32, _given: &[u8], room: usize) -> Result<Vec<u8>> {
        self.get(level, name, room)
    }

    fn signals_pipe(&self, _waited: bool) -> bool {
        false
    }

    fn set_ino(&self, ino: u64) {
        self.ino.store(ino, Relaxed);
    }

    fn close(&self) {
        table::leave(self);
        self.mailbox.clear();
    }
}

impl NetlinkSocket {
    /// Sending to others than the kernel needs a privilege.
    fn may_send(&self, port: u32, groups: u32, caller: &dyn Caller) -> Result<()> {
        let free = port == 0 && groups == 0;
        if free || caller.cred().has(Capability::NET_ADMIN) {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }

    /// Whether the credentials of senders are asked for.
    #[must_use]
    pub fn passes_credentials(&self) -> bool {
        self.options.flags().contains(Flags::PASSCRED)
    }
}
