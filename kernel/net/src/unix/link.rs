//! How a socket stands to others: name, peer, listener's queue, shutdown. Plain state
//! under a spin lock; what it lets go of is handed out and dropped by the caller.

use super::UnixSocket;
use super::address::Address;
use super::names::Binding;
use super::sender::Sender;
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use vfs::Caller;

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

/// Who made a connection or a listener.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Process and effective ids.
    pub sender: Sender,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
}

impl Identity {
    /// The caller's.
    pub fn of(caller: &dyn Caller) -> Self {
        Self {
            sender: Sender::effective(caller),
            groups: caller.cred().groups.clone(),
        }
    }
}

/// Connections nobody has accepted.
#[derive(Debug)]
struct Listener {
    backlog: u32,
    queue: VecDeque<Arc<UnixSocket>>,
    identity: Identity,
}

/// The peer and what is remembered of it.
#[derive(Debug)]
struct Connection {
    peer: Weak<UnixSocket>,
    name: Option<Arc<Address>>,
    identity: Option<Identity>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Apart,
    Listening(Listener),
    Connected(Connection),
}

/// Why a socket wants to hear of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Its call is about to send.
    Send,
    /// It was looked at by poll.
    Look,
}

/// Who wants to hear of room.
#[derive(Debug)]
pub struct Blocked {
    pub socket: Weak<UnixSocket>,
    want: Want,
}

impl Blocked {
    /// Whether somebody waits for the message that room is made for; who only looks takes none.
    pub fn is_heard(&self) -> bool {
        self.want == Want::Look
            || self
                .socket
                .upgrade()
                .is_none_or(|socket| socket.pollee.is_observed())
    }
}

/// What a socket that ends lets go of.
pub struct End {
    /// Who hears of it.
    pub peer: Option<Arc<UnixSocket>>,
    /// Its name.
    pub binding: Option<Arc<Binding>>,
    /// Connections nobody has accepted.
    pub queue: VecDeque<Arc<UnixSocket>>,
    /// Who waited for room.
    pub blocked: Vec<Blocked>,
}

/// See the module's page.
#[derive(Debug, Default)]
pub struct Link {
    state: State,
    binding: Option<Arc<Binding>>,
    pub shut: Shut,
    /// The last descriptor is gone.
    pub closed: bool,
    blocked: Vec<Blocked>,
}

impl Link {
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }

    pub fn is_listening(&self) -> bool {
        matches!(self.state, State::Listening(_))
    }

    pub fn is_apart(&self) -> bool {
        matches!(self.state, State::Apart)
    }

    pub fn is_peer(&self, socket: &UnixSocket) -> bool {
        match &self.state {
            State::Connected(connection) => core::ptr::eq(connection.peer.as_ptr(), socket),
            _ => false,
        }
    }

    /// The peer, while it lives.
    pub fn peer(&self) -> Option<Arc<UnixSocket>> {
        match &self.state {
            State::Connected(connection) => connection.peer.upgrade(),
            _ => None,
        }
    }

    pub fn connect(
        &mut self,
        peer: &Arc<UnixSocket>,
        identity: Identity,
        name: Option<Arc<Address>>,
    ) {
        let peer = Arc::downgrade(peer);
        self.state = State::Connected(Connection {
            peer,
            name,
            identity: Some(identity),
        });
    }

    /// A datagram socket chooses a peer, whose identity it does not learn.
    pub fn associate(&mut self, peer: &Arc<UnixSocket>, name: Option<Arc<Address>>) {
        self.state = State::Connected(Connection {
            peer: Arc::downgrade(peer),
            name,
            identity: None,
        });
    }

    pub fn disconnect(&mut self) {
        if self.is_connected() {
            self.state = State::Apart;
        }
    }

    pub fn listen(&mut self, backlog: u32, identity: Identity) -> Result<Option<Identity>> {
        if self.binding.is_none() {
            return Err(Errno::EINVAL);
        }
        match &mut self.state {
            State::Connected(_) => Err(Errno::EINVAL),
            State::Listening(listener) => {
                listener.backlog = backlog;
                Ok(Some(core::mem::replace(&mut listener.identity, identity)))
            }
            State::Apart => {
                self.state = State::Listening(Listener {
                    backlog,
                    queue: VecDeque::new(),
                    identity,
                });
                Ok(None)
            }
        }
    }

    /// Whether one more connection may wait.
    ///
    /// # Errors
    /// `ECONNREFUSED` of who does not listen (any more), `EAGAIN` when the backlog is full.
    pub fn has_room(&self) -> Result<()> {
        match &self.state {
            State::Listening(listener) if !self.shut.contains(Shut::RECEIVE) && !self.closed => {
                if listener.queue.len() > listener.backlog as usize {
                    return Err(Errno::EAGAIN);
                }
                Ok(())
            }
            _ => Err(Errno::ECONNREFUSED),
        }
    }

    /// Adds a connection that there is room for.
    ///
    /// # Errors
    /// `ENOMEM`, and `ECONNREFUSED` of who does not listen.
    pub fn enqueue(&mut self, socket: &Arc<UnixSocket>) -> Result<Identity> {
        let State::Listening(listener) = &mut self.state else {
            return Err(Errno::ECONNREFUSED);
        };
        let room = listener.queue.try_reserve(1);
        room.map_err(|_| Errno::ENOMEM)?;
        listener.queue.push_back(socket.clone());
        Ok(listener.identity.clone())
    }

    pub fn dequeue(&mut self) -> Result<Option<Arc<UnixSocket>>> {
        match &mut self.state {
            State::Listening(listener) => Ok(listener.queue.pop_front()),
            _ => Err(Errno::EINVAL),
        }
    }

    pub fn has_queued(&self) -> bool {
        matches!(&self.state, State::Listening(listener) if !listener.queue.is_empty())
    }

    pub fn take_queue(&mut self) -> VecDeque<Arc<UnixSocket>> {
        match &mut self.state {
            State::Listening(listener) => core::mem::take(&mut listener.queue),
            _ => VecDeque::new(),
        }
    }

    pub fn binding(&self) -> Option<Arc<Binding>> {
        self.binding.clone()
    }

    pub fn set_binding(&mut self, binding: Arc<Binding>) {
        self.binding = Some(binding);
    }

    /// The last descriptor is gone: what is let go of, the first time.
    pub fn end(&mut self) -> Option<End> {
        if self.closed {
            return None;
        }
        self.closed = true;
        self.shut = Shut::all();
        Some(End {
            peer: self.peer(),
            binding: self.binding.take(),
            queue: self.take_queue(),
            blocked: self.take_blocked(),
        })
    }

    pub fn address(&self) -> Option<Arc<Address>> {
        self.binding.as_ref().map(|binding| binding.address.clone())
    }

    /// The peer went and had this name.
    pub fn remember_name(&mut self, left: Option<Arc<Address>>) {
        if let State::Connected(connection) = &mut self.state
            && left.is_some()
        {
            connection.name = left;
        }
    }

    /// The peer's name when it connected, or went.
    pub fn peer_address(&self) -> Result<Option<Arc<Address>>> {
        match &self.state {
            State::Connected(connection) => Ok(connection.name.clone()),
            _ => Err(Errno::ENOTCONN),
        }
    }

    pub fn identity(&self) -> Option<Identity> {
        match &self.state {
            State::Connected(connection) => connection.identity.clone(),
            State::Listening(listener) => Some(listener.identity.clone()),
            State::Apart => None,
        }
    }

    /// `socket` wants to hear when there is room here: to send at once, or, for `Want::Look`, to
    /// be seen as writable.
    ///
    /// # Errors
    /// `ENOMEM`: it will not hear.
    pub fn wait_for_room(&mut self, socket: &Arc<UnixSocket>, want: Want) -> Result<()> {
        let known = self
            .blocked
            .iter_mut()
            .find(|blocked| core::ptr::eq(blocked.socket.as_ptr(), Arc::as_ptr(socket)));
        match known {
            Some(blocked) if want == Want::Look => blocked.want = want,
            Some(_) => {}
            None => {
                // Those that are gone are not kept.
                if self.blocked.len() == self.blocked.capacity() {
                    self.blocked
                        .retain(|blocked| blocked.socket.strong_count() > 0);
                }
                let room = self.blocked.try_reserve(1);
                room.map_err(|_| Errno::ENOMEM)?;
                self.blocked.push(Blocked {
                    socket: Arc::downgrade(socket),
                    want,
                });
            }
        }
        Ok(())
    }

    /// All who wait for room.
    pub fn take_blocked(&mut self) -> Vec<Blocked> {
        core::mem::take(&mut self.blocked)
    }

    /// How many wait for room.
    pub fn blocked(&self) -> usize {
        self.blocked.len()
    }

    /// The next of those whom room for so many messages concerns: everybody who looks, and as many senders, in
    /// the order they came. More would only find that others were first.
    pub fn take_blocked_for(&mut self, room: &mut usize) -> Option<Blocked> {
        let at = self.blocked.iter().position(|blocked| {
            *room > 0 || blocked.want == Want::Look || blocked.socket.strong_count() == 0
        })?;
        let blocked = self.blocked.remove(at);
        if blocked.want == Want::Send && blocked.socket.strong_count() > 0 {
            *room = room.saturating_sub(1);
        }
        Some(blocked)
    }
}
