//! Sending and receiving.

use super::TcpSocket;
use super::close::sent_to_nobody;
use super::link::Shut;
use super::state::State;
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use mm::io::{IoDst, IoSrc};
use net::bytes::ByteQueue;
use net::socket::{Outgoing, Received};
use sync::Events;

/// Bytes that go at once when there is room for any.
const CHUNK: usize = 32_768;

impl TcpSocket {
    pub(super) fn send_bytes(
        self: &Arc<Self>,
        src: &mut IoSrc<'_>,
        out: &Outgoing<'_>,
    ) -> Result<usize> {
        if out.flags.contains(MsgFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        let peer = self.sending_peer()?;
        let wanted = src.remaining();
        if wanted == 0 {
            return Ok(0);
        }
        let Some(peer) = peer else {
            if self.link.lock().wired {
                return self.send_wire(src, out.flags);
            }
            return self.send_into_the_void(src, wanted);
        };
        let limit = self.limit(&peer);
        let used = self.charged();
        if used >= limit {
            return Err(Errno::EAGAIN);
        }
        let most = wanted.min((limit - used).next_multiple_of(CHUNK));
        let mut inbox = peer.inbox.lock();
        if peer.link.lock().closed {
            drop(inbox);
            return self.send_into_the_void(src, wanted);
        }
        let pushed = inbox.push(src, most);
        self.charged.fetch_add(pushed, Relaxed);
        let holds = self.holds_back(out.flags.contains(MsgFlags::MORE));
        let seen = pushed > 0 && peer.hide(pushed, holds);
        drop(inbox);
        if pushed == 0 {
            return Err(if src.faulted() {
                Errno::EFAULT
            } else {
                Errno::ENOBUFS
            });
        }
        if seen {
            if peer.deferred.load(Relaxed) {
                peer.undefer();
            }
            peer.core.pollee.notify_sync(Events::READABLE);
        }
        Ok(pushed)
    }

    /// Who is sent to; `None` when nobody holds the other end.
    fn sending_peer(&self) -> Result<Option<Arc<Self>>> {
        let mut link = self.link.lock();
        if let Some(error) = link.error.take() {
            return Err(error);
        }
        match link.state {
            State::SynSent | State::SynReceived => return Err(Errno::EAGAIN),
            state if !state.may_send() => return Err(Errno::EPIPE),
            _ => {}
        }
        if link.shut.contains(Shut::SEND) {
            return Err(Errno::EPIPE);
        }
        Ok(link.peer())
    }

    /// The first bytes to nobody go; what they meet is a reset, which the next call tells.
    fn send_into_the_void(self: &Arc<Self>, src: &mut IoSrc<'_>, wanted: usize) -> Result<usize> {
        let mut lost = ByteQueue::new();
        let pushed = lost.push(src, wanted.min(CHUNK));
        if pushed == 0 {
            return Err(if src.faulted() {
                Errno::EFAULT
            } else {
                Errno::ENOBUFS
            });
        }
        sent_to_nobody(self);
        Ok(pushed)
    }

    pub(super) fn receive_bytes(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        into: &mut Received,
    ) -> Result<()> {
        if flags.contains(MsgFlags::ERRQUEUE) {
            return Err(Errno::EAGAIN);
        }
        if flags.contains(MsgFlags::OOB) {
            return Err(match self.link.lock().state {
                State::Listen => Errno::ENOTCONN,
                _ => Errno::EINVAL,
            });
        }
        if self.link.lock().wired {
            return self.receive_wire(dst, flags, into);
        }
        let mut inbox = self.inbox.lock();
        let peek = flags.contains(MsgFlags::PEEK);
        let offset = self.core.options.peek_offset().filter(|_| peek);
        let skip = offset.unwrap_or(0);
        let seen = inbox.len().saturating_sub(self.hidden.load(Relaxed));
        if seen <= skip {
            return self.nothing(into);
        }
        let wanted = dst.remaining().min(seen - skip);
        if peek {
            into.bytes = inbox.peek(dst, skip, wanted);
            if into.bytes == 0 && dst.faulted() {
                return Err(Errno::EFAULT);
            }
            if offset.is_some() {
                self.core.options.move_peek_offset(into.bytes, true);
            }
            return Ok(());
        }
        let bytes = if flags.contains(MsgFlags::TRUNC) {
            // Dropped without a look.
            let dropped = wanted;
            inbox.discard(dropped);
            into.last = true;
            dropped
        } else {
            inbox.pop(dst, wanted)
        };
        drop(inbox);
        if bytes == 0 && wanted > 0 && dst.faulted() {
            return Err(Errno::EFAULT);
        }
        into.bytes += bytes;
        self.core.options.move_peek_offset(bytes, false);
        let peer = self.link.lock().peer();
        if let Some(peer) = peer {
            peer.uncharge(bytes, peer.limit(self));
        }
        Ok(())
    }

    /// What a read says when nothing waits: the end, an error once, or not yet.
    pub(super) fn nothing(&self, into: &mut Received) -> Result<()> {
        let mut link = self.link.lock();
        if link.done {
            into.last = true;
            return Ok(());
        }
        if let Some(error) = link.error.take() {
            return Err(error);
        }
        if link.shut.contains(Shut::RECEIVE) {
            into.last = true;
            return Ok(());
        }
        match link.state {
            State::Closed | State::Listen => Err(Errno::ENOTCONN),
            _ => Err(Errno::EAGAIN),
        }
    }
}
