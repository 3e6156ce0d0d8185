//! Sending and receiving on `SOCK_DGRAM` and `SOCK_SEQPACKET`.

use super::address::Written;
use super::inbox::{Inbox, Message, SendCharge};
use super::link::Want;
use super::{Kind, Shut, UnixSocket, names};
use crate::bytes::ByteQueue;
use crate::name::Name;
use crate::settings;
use crate::socket::{Outgoing, Received};
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use mm::io::{IoDst, IoSrc};
use sync::Events;

/// A message may be as long as the send buffer less this.
const HEADROOM: usize = 32;

/// A place for one more message.
#[inline(always)]
fn make_place(queue: &mut VecDeque<Message>) -> Result<()> {
    if queue.len() < queue.capacity() {
        return Ok(());
    }
    queue.try_reserve(1).map_err(|_| Errno::ENOBUFS)
}

impl UnixSocket {
    /// Sends one message. `EAGAIN` when the own buffer or the receiver's queue is full; the
    /// receiver then tells the own pollee when there is room.
    pub(super) fn send_message(
        self: &Arc<Self>,
        src: &mut IoSrc<'_>,
        out: &mut Outgoing<'_>,
    ) -> Result<usize> {
        if self.kind == Kind::SeqPacket {
            self.check_sequence()?;
        }
        if out.flags.contains(MsgFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        let address = match out.address {
            Some(bytes) if self.kind == Kind::Datagram && !bytes.is_empty() => {
                Some(Written::parse(bytes)?)
            }
            _ => None,
        };
        let link = self.link.lock();
        let (peer, connected) = (link.peer(), link.is_connected());
        let (mut from, ended) = (link.address(), link.shut.contains(Shut::SEND));
        drop(link);
        if address.is_none() && peer.is_none() && !connected {
            return Err(Errno::ENOTCONN);
        }
        let len = src.remaining();
        if len > self.options.send_buffer().saturating_sub(HEADROOM) {
            return Err(Errno::EMSGSIZE);
        }
        if ended || self.has_error() {
            self.check_sending()?;
        }
        if self.charged() >= self.options.send_buffer() {
            return Err(Errno::EAGAIN);
        }
        let target = match address {
            Some(address) => names::find(address, self.kind, out.caller)?,
            None => self.connected_target(peer)?,
        };
        let mut bytes = ByteQueue::new();
        let copied = bytes.push(src, len);
        if copied < len {
            return Err(if src.faulted() {
                Errno::EFAULT
            } else {
                Errno::ENOBUFS
            });
        }
        let kept = target.rare.kept_of(&bytes);
        let sender = self.message_sender(&target, out)?;
        if from.is_none() && sender.is_some() {
            // It may just have got a name.
            from = self.link.lock().address();
        }
        let mut rights = out.take_rights(target.holder())?;
        let Some(kept) = kept else {
            // The sender does not hear that its message was refused.
            drop(rights);
            return Ok(len);
        };
        if kept < len {
            bytes.take_back(len - kept);
        }
        let stamp = target.stamp_for();

        let mut inbox = target.inbox.lock();
        target.adopt(&mut rights);
        let Inbox::Messages(queue) = &mut *inbox else {
            drop(inbox);
            return Err(Errno::EPROTOTYPE);
        };
        let asked = self.ask(&target, queue.len());
        let asked = asked.and_then(|()| make_place(queue));
        if let Err(error) = asked {
            drop(inbox);
            if error == Errno::ECONNREFUSED {
                self.dissolve();
            }
            // Not delivered: what it carries goes back.
            out.put_back(rights);
            return Err(error);
        }
        // Not before: a charge that ends tells who waits for room, and that is the sender itself.
        let charge = SendCharge::new(self, len);
        queue.push_back(Message {
            bytes,
            stamp,
            from,
            sender,
            rights,
            charge,
        });
        target.stirred.store(true, Relaxed);
        drop(inbox);
        target.pollee.notify_sync(Events::READABLE);
        Ok(len)
    }

    fn check_sequence(&self) -> Result<()> {
        if let Some(error) = self.pending_error() {
            return Err(error);
        }
        if self.link.lock().is_connected() {
            Ok(())
        } else {
            Err(Errno::ENOTCONN)
        }
    }

    /// A pending error, an own shutdown.
    fn check_sending(&self) -> Result<()> {
        if let Some(error) = self.pending_error() {
            return Err(error);
        }
        if self.link.lock().shut.contains(Shut::SEND) {
            return Err(Errno::EPIPE);
        }
        Ok(())
    }

    /// The connected receiver; one that is gone dissolves the connection.
    fn connected_target(&self, peer: Option<Arc<Self>>) -> Result<Arc<Self>> {
        match peer {
            Some(peer) => Ok(peer),
            None if self.kind == Kind::SeqPacket => Err(Errno::EPIPE),
            None => {
                self.dissolve();
                Err(Errno::ECONNREFUSED)
            }
        }
    }

    /// Whether `target` hears this socket: it is connected to it, or to nobody.
    pub(super) fn may_send_to(&self, target: &Arc<Self>) -> bool {
        let link = target.link.lock();
        !link.is_connected() || link.is_peer(self)
    }

    /// Whether `target`, whose inbox is locked and holds so many messages, takes one of this socket's. `EAGAIN` when it
    /// is full: it then tells when there is room.
    fn ask(self: &Arc<Self>, target: &Arc<Self>, queued: usize) -> Result<()> {
        let mut link = target.link.lock();
        let partner = link.is_peer(self);
        if link.closed {
            return Err(match self.kind {
                Kind::SeqPacket => Errno::EPIPE,
                _ => Errno::ECONNREFUSED,
            });
        }
        if !partner && link.is_connected() {
            return Err(Errno::EPERM);
        }
        if link.shut.contains(Shut::RECEIVE) {
            return Err(Errno::EPIPE);
        }
        if !partner && queued > settings::max_queue() && !Arc::ptr_eq(self, target) {
            link.wait_for_room(self, Want::Send)?;
            target.awaited.store(true, Relaxed);
            return Err(Errno::EAGAIN);
        }
        Ok(())
    }

    /// Receives one message. `EAGAIN` when none waits.
    pub(super) fn receive_message(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        nonblock: bool,
        into: &mut Received,
    ) -> Result<()> {
        if self.kind == Kind::SeqPacket && !self.link.lock().is_connected() {
            return Err(Errno::ENOTCONN);
        }
        if flags.contains(MsgFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        if let Some(error) = self.pending_error() {
            return Err(error);
        }
        let peek = flags.contains(MsgFlags::PEEK);
        let mut skip = if peek {
            self.options.peek_offset().unwrap_or(0)
        } else {
            0
        };
        let mut inbox = self.inbox.lock();
        let Inbox::Messages(queue) = &mut *inbox else {
            return Err(Errno::EPROTOTYPE);
        };
        // A peek offset past a message's end looks into the next.
        let mut index = 0;
        while skip > 0 && queue.get(index).is_some_and(|m| skip >= m.bytes.len()) {
            skip -= queue.get(index).map_or(0, |message| message.bytes.len());
            index += 1;
        }
        let Some(message) = queue.get(index) else {
            // Still locked: what a peer sends before it closes must be seen before the end is.
            return self.no_message(nonblock, into);
        };
        let whole = message.bytes.len() - skip;
        let wanted = whole.min(dst.remaining());
        let copied = message.bytes.peek(dst, skip, wanted);
        if copied < wanted {
            return Err(Errno::EFAULT);
        }
        (into.bytes, into.whole, into.last) = (copied, whole, true);
        if copied < whole {
            into.flags |= MsgFlags::TRUNC;
        }
        if let Some(stamp) = self.rare.stamp(message.stamp) {
            into.control = alloc::vec![stamp].into();
        }
        if peek {
            into.from = message.from.clone().map(Name::Unix);
            into.sender.clone_from(&message.sender);
            if let Some(rights) = &message.rights {
                into.rights = rights.peek();
            }
            if self.options.peek_offset().is_some() {
                self.options.move_peek_offset(copied, true);
            }
            return Ok(());
        }
        let Some(message) = queue.pop_front() else {
            return Ok(());
        };
        let waiting = queue.len();
        self.stirred.store(waiting > 0, Relaxed);
        // Who was turned away was so under the inbox's lock.
        let awaited = self.awaited.load(Relaxed);
        drop(inbox);
        self.options.move_peek_offset(whole, false);
        match waiting {
            _ if !awaited => {}
            0 => self.wake_blocked(),
            _ => self.wake_for_room((settings::max_queue() + 1).saturating_sub(waiting)),
        }
        into.from = message.from.map(Name::Unix);
        into.sender = message.sender;
        if let Some(rights) = message.rights {
            into.rights = rights.land();
        }
        drop(message.charge);
        Ok(())
    }

    fn no_message(&self, nonblock: bool, into: &mut Received) -> Result<()> {
        let ended = self.link.lock().shut.contains(Shut::RECEIVE);
        // A datagram socket says so to those who would wait only.
        if ended && (self.kind == Kind::SeqPacket || !nonblock) {
            into.last = true;
            return Ok(());
        }
        Err(Errno::EAGAIN)
    }
}
