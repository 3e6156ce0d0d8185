//! Connecting.

use super::TcpSocket;
use super::link::{Phase, Shut};
use super::machine::sequence::Seq;
use super::state::State;
use super::table::{self, Asks, LISTENERS, PORTS, Pair};
use crate::counts::{Count, count};
use crate::ip_options::IpFlags;
use crate::ports::{Arrival, Claim};
use crate::route;
use abi::socket::family::AF_UNSPEC;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use net::address::{Endpoint, Family, family_of};
use sync::Events;

/// What an attempt to join a listener came to.
enum Joined {
    Yes,
    /// The queue is full: it is as if the SYN had been dropped.
    NoRoom,
    Refused,
    /// The socket is no longer about to connect.
    Moot,
}

impl TcpSocket {
    pub(super) fn connect_to(self: &Arc<Self>, address: &[u8], nonblock: bool) -> Result<()> {
        let family = family_of(address).ok_or(Errno::EINVAL)?;
        if family == AF_UNSPEC {
            self.disconnect();
            return Ok(());
        }
        if let Some(known) = self.progress(nonblock) {
            return known;
        }
        let to = self.destination(address)?;
        let number = self.begin(to)?;
        if super::wire::leaves(to.addr) {
            self.start_wire(number);
            return if nonblock {
                Err(Errno::EINPROGRESS)
            } else {
                self.progress(false).unwrap_or(Err(Errno::ECONNABORTED))
            };
        }
        match self.join() {
            Joined::NoRoom | Joined::Moot if !nonblock => Err(Errno::EAGAIN),
            _ if nonblock => Err(Errno::EINPROGRESS),
            _ => self.progress(false).unwrap_or(Err(Errno::ECONNABORTED)),
        }
    }

    /// How far a connection is that was asked for before; `None` when none was.
    fn progress(&self, nonblock: bool) -> Option<Result<()>> {
        let mut link = self.link.lock();
        match link.phase {
            Phase::Connected => Some(Err(Errno::EISCONN)),
            Phase::Unconnected if link.state != State::Closed => Some(Err(Errno::EISCONN)),
            Phase::Unconnected => None,
            Phase::Connecting => Some(match link.state {
                State::SynSent | State::SynReceived if nonblock => Err(Errno::EALREADY),
                State::SynSent | State::SynReceived => Err(Errno::EAGAIN),
                State::Closed => {
                    link.phase = Phase::Unconnected;
                    Err(link.error.take().unwrap_or(Errno::ECONNABORTED))
                }
                _ => {
                    link.phase = Phase::Connected;
                    Ok(())
                }
            }),
        }
    }

    /// Where a program wants to go.
    fn destination(&self, address: &[u8]) -> Result<Endpoint> {
        let mut to = Endpoint::parse(self.core.family, address)?;
        match to.addr {
            IpAddr::V4(_)
                if self.core.family == Family::V6
                    && self.core.ip.flags().contains(IpFlags::V6ONLY) =>
            {
                return Err(Errno::ENETUNREACH);
            }
            // To nowhere is to here.
            IpAddr::V4(addr) if addr.is_unspecified() => to.addr = IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(addr) if addr.is_unspecified() => to.addr = IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V6(addr) if addr.is_unicast_link_local() => {
                if to.scope == 0 {
                    to.scope = self.core.device();
                }
                if to.scope == 0 {
                    return Err(Errno::EINVAL);
                }
            }
            _ => {}
        }
        if to.addr.is_multicast() || route::is_broadcast(to.addr) {
            return Err(Errno::ENETUNREACH);
        }
        Ok(to)
    }

    /// Takes a name and stands in the table, in SYN_SENT. The number to begin with, if it is not free.
    fn begin(self: &Arc<Self>, to: Endpoint) -> Result<Option<Seq>> {
        let mut link = self.link.lock();
        let from = if link.bound.is_any() {
            route::source(to.addr, self.core.device())?
        } else {
            // An address of the other family leads nowhere.
            if link.bound.addr.is_ipv4() != to.addr.is_ipv4() {
                return Err(if to.addr.is_ipv4() {
                    Errno::ENETUNREACH
                } else {
                    Errno::EINVAL
                });
            }
            link.bound.addr
        };
        let mut local = Endpoint {
            addr: from,
            port: link.local.port,
            scope: to.scope,
        };
        let (id, this) = (self.core.id, Arc::downgrade(self));
        let mut number = None;
        if local.port == 0 {
            let claim = Claim {
                by_connect: true,
                ..self.core.claim(from)
            };
            let asks = Asks::FromAnyPort {
                within: !super::wire::leaves(to.addr),
            };
            local.port = PORTS.claim_for_connection(&claim, |port| {
                let pair = Pair::new(&Endpoint { port, ..local }, &to);
                let entered = table::enter(pair, id, this.clone(), asks);
                number = entered.unwrap_or_default();
                entered.is_ok()
            })?;
        } else {
            number = table::enter(Pair::new(&local, &to), id, this, Asks::FromItsOwnPort)?;
        }
        link.pair = Some(Pair::new(&local, &to));
        link.local = local;
        link.remote = to;
        link.state = State::SynSent;
        link.phase = Phase::Connecting;
        count(Count::TcpActiveOpens);
        link.error = None;
        Ok(number)
    }

    /// Joins the listener at the other end, if there is one and it has room.
    fn join(self: &Arc<Self>) -> Joined {
        let (local, remote) = {
            let link = self.link.lock();
            if link.state != State::SynSent {
                return Joined::Moot;
            }
            (link.local, link.remote)
        };
        if (local.addr, local.port) == (remote.addr, remote.port) {
            // A SYN that meets itself: both ends are this socket.
            return if self.establish(self) {
                Joined::Yes
            } else {
                Joined::Moot
            };
        }
        let arrival = Arrival {
            from: (local.addr, local.port),
            to: (remote.addr, remote.port),
            device: route::LOOPBACK,
        };
        let Some(listener) = LISTENERS.find(&arrival) else {
            self.reset();
            return Joined::Refused;
        };
        let reserved = {
            let mut link = listener.link.lock();
            link.listener.as_mut().map(|listener| {
                let room = listener.reserve();
                if !room {
                    listener.blocked.push_back(Arc::downgrade(self));
                }
                room
            })
        };
        match reserved {
            None => {
                self.reset();
                return Joined::Refused;
            }
            Some(false) => {
                self.wait_to_join();
                return Joined::NoRoom;
            }
            Some(true) => {}
        }
        let server = self.make_server(&listener, local, remote);
        let Ok(server) = server else {
            if let Some(listener) = &mut listener.link.lock().listener {
                listener.give_back();
            }
            self.reset();
            return Joined::Refused;
        };
        if !self.establish(&server) {
            // Shut down meanwhile: the server's end never was.
            if let Some(listener) = &mut listener.link.lock().listener {
                listener.give_back();
            }
            server.end_by(true);
            listener.admit();
            return Joined::Moot;
        }
        if listener.defers(&server) {
            return Joined::Yes;
        }
        let refused = {
            let mut link = listener.link.lock();
            match link.listener.as_mut() {
                Some(listener) => {
                    listener.fill(server.clone());
                    false
                }
                None => true,
            }
        };
        if refused {
            server.end();
            return Joined::Refused;
        }
        listener.core.pollee.notify_sync(Events::READABLE);
        Joined::Yes
    }

    /// The connection is there, if it is still wanted.
    fn establish(&self, peer: &Arc<Self>) -> bool {
        let mut link = self.link.lock();
        let wanted = link.state == State::SynSent;
        if wanted {
            link.state = State::Established;
            link.peer = Some(Arc::downgrade(peer));
        }
        wanted
    }

    /// The socket at the listener's end.
    ///
    /// # Errors
    /// `ENOMEM`: no room in the table.
    fn make_server(
        self: &Arc<Self>,
        listener: &Self,
        from: Endpoint,
        to: Endpoint,
    ) -> Result<Arc<Self>> {
        let server = Self::new(listener.core.family, listener.core.uid);
        server.inherit(listener);
        count(Count::TcpPassiveOpens);
        let pair = Pair::new(&to, &from);
        table::enter(pair, server.core.id, Arc::downgrade(&server), Asks::Answers)?;
        {
            let mut link = server.link.lock();
            link.state = State::Established;
            link.phase = Phase::Connected;
            link.local = to;
            link.remote = from;
            link.peer = Some(Arc::downgrade(self));
            link.pair = Some(pair);
        }
        PORTS.join(to.port, server.core.claim(to.addr));
        Ok(server)
    }

    /// A listener has room again: who found it full gets his turn.
    pub(super) fn admit(&self) {
        self.admit_deferred();
        loop {
            let next = {
                let mut link = self.link.lock();
                match link.listener.as_mut() {
                    Some(listener) if listener.has_room() => listener.blocked.pop_front(),
                    _ => None,
                }
            };
            let Some(next) = next else {
                return;
            };
            if let Some(client) = next.upgrade()
                && matches!(client.join(), Joined::Yes)
            {
                client.core.pollee.notify(Events::WRITABLE);
            }
        }
    }

    /// A listener is gone: the next SYN of who found it full is refused.
    pub(super) fn refuse(self: &Arc<Self>) {
        if self.link.lock().state == State::SynSent {
            self.reset();
        }
    }

    /// `connect` to no family: the socket is as new, but for a name it was given.
    pub(super) fn disconnect(&self) {
        let connected = self.link.lock().pair.is_some();
        self.abandon();
        let unread = core::mem::take(&mut *self.inbox.lock());
        let mut link = self.link.lock();
        link.phase = Phase::Unconnected;
        link.wired = false;
        link.shut = Shut::empty();
        link.done = false;
        link.error = connected.then_some(Errno::ECONNRESET);
        link.remote = Endpoint::none(self.core.family);
        link.local = link.bound;
        drop(link);
        drop(unread);
    }
}
