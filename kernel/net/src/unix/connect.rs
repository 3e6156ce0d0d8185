//! Binding, connecting, accepting, ending.

use super::address::{Address, Written};
use super::charge::wake;
use super::inbox::Inbox;
use super::link::{Identity, Shut, Want};
use super::names::{self, Binding};
use super::{Kind, UnixSocket};
use crate::options::Flags;
use crate::socket::How;
use abi::socket::family::{AF_UNIX, AF_UNSPEC};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use sync::Events;
use vfs::Caller;

impl UnixSocket {
    pub(super) fn bind_to(self: &Arc<Self>, caller: &dyn Caller, address: &[u8]) -> Result<()> {
        let address = match Address::parse(address)? {
            Address::Unnamed => return self.bind_automatically(),
            address => address,
        };
        let named = self.link.lock().address().is_some();
        if named && matches!(address, Address::Abstract(_)) {
            return Err(Errno::EINVAL);
        }
        // The file is made first: what is wrong with its path is told of a socket with a name too.
        let binding = names::bind(self, address, caller)?;
        self.install_name(binding.clone()).inspect_err(|_| {
            names::undo(self, &binding, caller);
        })
    }

    /// Takes a free abstract name, unless there is a name already.
    pub(super) fn bind_automatically(self: &Arc<Self>) -> Result<()> {
        if self.link.lock().address().is_some() {
            return Ok(());
        }
        let binding = names::bind_automatically(self)?;
        // Another thread may have been faster; its name is as good.
        self.install_name(binding).or(Ok(()))
    }

    fn install_name(&self, binding: Arc<Binding>) -> Result<()> {
        let mut link = self.link.lock();
        if link.address().is_some() {
            drop(link);
            return Err(Errno::EINVAL);
        }
        link.set_binding(binding);
        Ok(())
    }

    pub(super) fn connect_to(self: &Arc<Self>, caller: &dyn Caller, address: &[u8]) -> Result<()> {
        let family = address
            .first_chunk()
            .map(|family| u16::from_ne_bytes(*family));
        if self.kind == Kind::Datagram && family == Some(AF_UNSPEC) {
            return self.forget_peer();
        }
        let address = match Written::parse(address)? {
            Written::Unnamed => return Err(Errno::EINVAL),
            address => address,
        };
        debug_assert_eq!(family, Some(AF_UNIX));
        if self
            .options
            .flags()
            .intersects(Flags::PASSCRED | Flags::PASSPIDFD)
        {
            self.bind_automatically()?;
        }
        let target = names::find(address, self.kind, caller)?;
        if self.kind == Kind::Datagram {
            self.associate(&target)
        } else {
            self.join(&target, caller)
        }
    }

    /// A datagram socket chooses whom it talks to.
    fn associate(self: &Arc<Self>, target: &Arc<Self>) -> Result<()> {
        if !self.may_send_to(target) {
            return Err(Errno::EPERM);
        }
        let name = target.link.lock().address();
        let (changed, old) = {
            let mut link = self.link.lock();
            let changed = link.is_connected() && !link.is_peer(target);
            let old = link.peer();
            link.associate(target, name);
            (changed, old)
        };
        if changed {
            self.drop_strangers(old);
        }
        Ok(())
    }

    fn forget_peer(self: &Arc<Self>) -> Result<()> {
        let (was, old) = {
            let link = self.link.lock();
            (link.is_connected(), link.peer())
        };
        self.dissolve();
        if was {
            self.drop_strangers(old);
        }
        Ok(())
    }

    /// What former peers sent is dropped when the peer changes; one that was connected to this
    /// socket hears of it.
    fn drop_strangers(&self, old: Option<Arc<Self>>) {
        let dropped = self.inbox.lock().drain();
        drop(dropped);
        self.wake_blocked();
        if let Some(old) = old {
            let link = old.link.lock();
            let hears = link.is_peer(self) && !link.closed;
            if hears {
                old.fail(Errno::ECONNRESET);
            }
            drop(link);
            if hears {
                old.pollee.notify(Events::ERR);
            }
        }
    }

    /// The peer's name: as it is now, or as it was when it went.
    pub(super) fn peer_address(&self) -> Result<Option<Arc<Address>>> {
        let (peer, name) = {
            let link = self.link.lock();
            (link.peer(), link.peer_address()?)
        };
        let now = peer.and_then(|peer| peer.link.lock().address());
        Ok(now.or(name))
    }

    /// Connects a stream or a sequence to a listener: pairs with a third socket, which waits to be
    /// accepted.
    fn join(self: &Arc<Self>, listener: &Arc<Self>, caller: &dyn Caller) -> Result<()> {
        let server = Self::new(self.kind);
        let own = Identity::of(caller);
        let own_name = self.link.lock().address();
        let binding = listener.link.lock().binding();
        let name = binding.as_ref().map(|binding| binding.address.clone());
        {
            let mut link = server.link.lock();
            if let Some(binding) = binding {
                link.set_binding(binding);
            }
            link.connect(self, own, own_name);
        }
        server.holder.store(listener.id.0, Relaxed);

        // One after the other: only who is still apart may stand in a listener's queue.
        let turn = self.inbox.lock();
        let apart = self.check_apart();
        let queued = {
            let mut link = listener.link.lock();
            let queued = link
                .has_room()
                .and(apart)
                .and_then(|()| link.enqueue(&server));
            match queued {
                Err(Errno::EAGAIN) => link.wait_for_room(self, Want::Send).and(Err(Errno::EAGAIN)),
                queued => queued,
            }
        };
        if let Ok(identity) = &queued {
            let mut link = self.link.lock();
            link.connect(&server, identity.clone(), name);
        }
        drop(turn);
        queued?;
        if server.link.lock().closed {
            // It was accepted and closed, or went with its listener, before it was the peer.
            self.hear_end(&server, false);
        }
        listener.pollee.notify_sync(Events::READABLE);
        Ok(())
    }

    /// Whether the socket may still be connected.
    fn check_apart(&self) -> Result<()> {
        let link = self.link.lock();
        if link.is_apart() {
            Ok(())
        } else if link.is_connected() {
            Err(Errno::EISCONN)
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// The peer closed its last descriptor, with bytes `unread` perhaps.
    fn hear_end(&self, peer: &Self, unread: bool) {
        let embryo = peer.holder() != peer.id;
        let mut link = self.link.lock();
        link.shut = Shut::all();
        if unread || embryo {
            self.fail(Errno::ECONNRESET);
        }
        drop(link);
        self.notify_end();
    }

    pub(super) fn next_connection(&self, nonblock: bool) -> Result<Arc<Self>> {
        if self.kind == Kind::Datagram {
            return Err(Errno::EOPNOTSUPP);
        }
        let (next, ended) = {
            let mut link = self.link.lock();
            (link.dequeue()?, link.shut.contains(Shut::RECEIVE))
        };
        let Some(socket) = next else {
            return Err(if ended && !nonblock {
                Errno::EINVAL
            } else {
                Errno::EAGAIN
            });
        };
        socket.options.inherit_passing(&self.options);
        socket.come_of_age();
        self.wake_blocked();
        Ok(socket)
    }

    /// Accepted: descriptors that wait here wait with this socket from now on.
    fn come_of_age(&self) {
        let mut inbox = self.inbox.lock();
        self.holder.store(self.id.0, Relaxed);
        match &mut *inbox {
            Inbox::Stream(stream) => {
                stream
                    .marks
                    .iter_mut()
                    .filter_map(|mark| mark.rights.as_mut())
                    .for_each(|rights| rights.rehome(self.id));
            }
            Inbox::Messages(queue) => {
                queue
                    .iter_mut()
                    .filter_map(|message| message.rights.as_mut())
                    .for_each(|rights| rights.rehome(self.id));
            }
        }
    }

    pub(super) fn readiness(&self) -> Events {
        let link = self.link.lock();
        let mut events = Events::empty();
        if self.has_error() {
            events |= Events::ERR;
        }
        if link.shut == Shut::all() {
            events |= Events::HUP;
        }
        if link.shut.contains(Shut::RECEIVE) {
            events |= Events::RDHUP | Events::READABLE;
        }
        if link.has_queued() {
            events |= Events::READABLE;
        }
        if self.kind != Kind::Datagram && link.is_apart() {
            events |= Events::HUP;
        }
        let listening = link.is_listening();
        let peer = if self.kind == Kind::Stream {
            None
        } else {
            link.peer()
        };
        drop(link);
        if !listening {
            events |= self.inbox_readiness();
            if self.charged() * 4 <= self.options.send_buffer()
                && !peer.is_some_and(|peer| self.is_full(&peer))
            {
                events |= Events::WRITABLE | Events::WRBAND;
            }
        }
        events
    }

    fn inbox_readiness(&self) -> Events {
        let inbox = self.inbox.lock();
        let mut events = Events::empty();
        if inbox.shows() {
            events |= Events::READABLE;
        }
        if let Inbox::Stream(stream) = &*inbox
            && stream.has_urgent()
        {
            events |= Events::PRI;
        }
        events
    }

    /// Whether a peer that is not connected back takes no more messages; it then tells this
    /// socket when it does.
    fn is_full(&self, peer: &Arc<Self>) -> bool {
        let inbox = peer.inbox.lock();
        let Inbox::Messages(queue) = &*inbox else {
            return false;
        };
        if queue.len() <= crate::settings::max_queue() {
            return false;
        }
        let mut link = peer.link.lock();
        // One that has ended takes no message, and tells nobody any more.
        if link.is_peer(self) || link.closed {
            return false;
        }
        // Who cannot be told later is let try at once.
        let told = self
            .this()
            .is_some_and(|own| link.wait_for_room(&own, Want::Look).is_ok());
        if told {
            peer.awaited.store(true, Relaxed);
        }
        told
    }

    pub(super) fn end_halves(&self, how: How) {
        let (mine, theirs) = match how {
            How::Receive => (Shut::RECEIVE, Shut::SEND),
            How::Send => (Shut::SEND, Shut::RECEIVE),
            How::Both => (Shut::all(), Shut::all()),
        };
        let peer = {
            let mut link = self.link.lock();
            link.shut |= mine;
            link.peer()
        };
        self.notify_end();
        self.wake_blocked();
        if self.kind != Kind::Datagram
            && let Some(peer) = peer
        {
            peer.link.lock().shut |= theirs;
            peer.notify_end();
        }
    }

    fn notify_end(&self) {
        self.pollee
            .notify(Events::all() - Events::NVAL - Events::UNLOCKED);
    }

    /// The last descriptor is gone: the peer hears of it, what waits is dropped.
    pub(super) fn end(&self) {
        let Some(end) = self.link.lock().end() else {
            return;
        };
        let binding = end.binding;
        if let Some(binding) = &binding {
            names::release(self, binding);
        }
        // Who comes now finds it closed: nothing more waits here, and nobody for it.
        let left = {
            let mut inbox = self.inbox.lock();
            (!inbox.is_bare()).then(|| inbox.drain())
        };
        let unread = left.as_ref().is_some_and(|inbox| !inbox.is_empty());
        if let Some(peer) = end.peer {
            if let Some(Inbox::Stream(stream)) = &left {
                peer.uncharge(stream.bytes.len());
            }
            let mut link = peer.link.lock();
            // Not so for a connection the listener had no room for: its client goes on waiting.
            let joined = link.is_peer(self) && self.kind != Kind::Datagram;
            if link.is_peer(self) {
                link.remember_name(binding.as_ref().map(|binding| binding.address.clone()));
            }
            drop(link);
            if joined {
                peer.hear_end(self, unread);
            }
        }
        for connection in end.queue {
            connection.end();
        }
        wake(&end.blocked);
        super::table::leave(self.id);
        if let Some(inbox) = left
            && inbox.holds_rights()
        {
            super::flight::let_go(inbox);
        }
        super::flight::collect();
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        self.end();
    }
}
