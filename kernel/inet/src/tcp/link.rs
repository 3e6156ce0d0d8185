//! How a socket stands: names, state, peer, listener's queue, error. Plain state under a spin lock; what it lets go of
//! is handed out and dropped by the caller.

use super::TcpSocket;
use super::state::State;
use super::table::Pair;
use abi::Errno;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use net::address::{Endpoint, Family};
use sync::Instant;

bitflags::bitflags! {
    /// Halves that ended.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Shut: u8 {
        /// Nothing comes any more.
        const RECEIVE = 1;
        /// Nothing goes any more.
        const SEND = 2;
    }
}

/// How far the program knows of the connection (`SS_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Of none.
    Unconnected,
    /// It asked for one and has no answer.
    Connecting,
    /// It has one, or had.
    Connected,
}

/// Connections nobody has accepted.
#[derive(Debug, Default)]
pub struct Listener {
    pub backlog: u32,
    pub queue: VecDeque<Arc<TcpSocket>>,
    /// Places in the queue given to connections about to be made.
    pub reserved: usize,
    /// Connections whose first bytes are waited for, and whether one of them found no place.
    pub deferred: Vec<Arc<TcpSocket>>,
    pub ripe: bool,
    /// Clients that found the queue full.
    pub blocked: VecDeque<Weak<TcpSocket>>,
}

impl Listener {
    /// Whether a connection may be made.
    pub fn has_room(&self) -> bool {
        self.queue.len() + self.reserved <= self.backlog as usize
    }

    /// Keeps a place.
    pub fn reserve(&mut self) -> bool {
        let room = self.has_room();
        if room {
            self.reserved += 1;
        }
        room
    }

    /// Gives up a place that was kept.
    pub fn give_back(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Fills a place that was kept.
    pub fn fill(&mut self, socket: Arc<TcpSocket>) {
        self.reserved = self.reserved.saturating_sub(1);
        self.queue.push_back(socket);
    }
}

/// See the module's page.
#[derive(Debug)]
pub struct Link {
    pub state: State,
    pub phase: Phase,
    /// The own name as it is.
    pub local: Endpoint,
    /// The own name as `bind` gave it; port 0 when it did not.
    pub bound: Endpoint,
    pub remote: Endpoint,
    /// The ends under which it stands in the table of connections.
    pub pair: Option<Pair>,
    pub peer: Option<Weak<TcpSocket>>,
    pub listener: Option<Listener>,
    pub shut: Shut,
    pub error: Option<Errno>,
    /// The peer's end came: reads say so even when an error is pending.
    pub done: bool,
    /// The last descriptor is gone.
    pub closed: bool,
    /// The connection leaves the machine.
    pub wired: bool,
    /// The listener that waits for this connection's first bytes.
    pub deferred_to: Option<Weak<TcpSocket>>,
    /// Somebody waits for all that was sent to be answered.
    pub lingers: bool,
    /// When it is over, whatever the other end does.
    pub ends_at: Option<Instant>,
}

impl Link {
    pub fn new(family: Family) -> Self {
        Self {
            state: State::Closed,
            phase: Phase::Unconnected,
            local: Endpoint::none(family),
            bound: Endpoint::none(family),
            remote: Endpoint::none(family),
            pair: None,
            peer: None,
            listener: None,
            shut: Shut::empty(),
            error: None,
            done: false,
            closed: false,
            wired: false,
            lingers: false,
            deferred_to: None,
            ends_at: None,
        }
    }

    /// The peer, while it lives. Let the answer go outside the lock.
    pub fn peer(&self) -> Option<Arc<TcpSocket>> {
        self.peer.as_ref().and_then(Weak::upgrade)
    }

    pub fn has_queued(&self) -> bool {
        self.listener
            .as_ref()
            .is_some_and(|listener| !listener.queue.is_empty())
    }

    /// There is no connection any more; the name is what `bind` gave. The ends it had.
    pub fn fall_back(&mut self) -> Option<Pair> {
        self.state = State::Closed;
        self.local = Endpoint {
            port: self.bound.port,
            ..self.local
        };
        self.peer = None;
        self.pair.take()
    }

    /// Everything a listener holds.
    pub fn take_listener(&mut self) -> (Vec<Arc<TcpSocket>>, Vec<Weak<TcpSocket>>) {
        match self.listener.take() {
            Some(listener) => {
                let mut connections = Vec::from(listener.queue);
                connections.extend(listener.deferred);
                (connections, listener.blocked.into())
            }
            None => (Vec::new(), Vec::new()),
        }
    }
}
