//! Sending and receiving on `SOCK_STREAM`.

use super::inbox::{Inbox, Mark, STREAM_CHUNK, Stream, Urgent};
use super::sender::Sender;
use super::{Shut, UnixSocket};
use crate::options::Flags;
use crate::socket::{Outgoing, Received};
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use mm::io::{IoDst, IoSrc};
use sync::Events;

/// Marks that wait at most: writes with descriptors, of another sender, urgent bytes. They take room that no byte does.
const MARKS: usize = 4096;

impl UnixSocket {
    /// Sends what there is room for; how many bytes. `EAGAIN` when there is room for none.
    pub(super) fn send_stream(
        self: &Arc<Self>,
        src: &mut IoSrc<'_>,
        out: &mut Outgoing<'_>,
    ) -> Result<usize> {
        let peer = self.stream_peer(out)?;
        let urgent = out.flags.contains(MsgFlags::OOB);
        let wanted = src.remaining();
        if wanted == 0 {
            return if urgent {
                Err(Errno::EOPNOTSUPP)
            } else {
                Ok(0)
            };
        }
        let room = self.room(wanted).ok_or(Errno::EAGAIN)?;
        let sender = self.message_sender(&peer, out)?;
        let mut rights = out.take_rights(peer.holder())?;

        let mut inbox = peer.inbox.lock();
        peer.adopt(&mut rights);
        if peer.link.lock().shut.contains(Shut::RECEIVE) {
            drop(inbox);
            return Err(Errno::EPIPE);
        }
        let Inbox::Stream(stream) = &mut *inbox else {
            return Err(Errno::EPROTOTYPE);
        };
        // One mark for the write, one for the urgent byte.
        let marked = urgent || rights.is_some() || stream.last_sender != sender;
        if marked && stream.marks.len() >= MARKS {
            drop(inbox);
            out.put_back(rights);
            return Err(Errno::EAGAIN);
        }
        if marked && stream.marks.try_reserve(2).is_err() {
            drop(inbox);
            out.put_back(rights);
            return Err(Errno::ENOBUFS);
        }
        let at = stream.back();
        let ordinary = if urgent { wanted - 1 } else { wanted };
        let pushed = self.push_whole(stream, src, ordinary.min(room));
        if pushed == 0 && ordinary > 0 {
            let faulted = src.faulted();
            drop(inbox);
            out.put_back(rights);
            return Err(if faulted {
                Errno::EFAULT
            } else {
                Errno::ENOBUFS
            });
        }
        if pushed > 0 {
            stream.mark_write(at, pushed, sender.clone(), rights);
        }
        let mut sent = pushed;
        let mut byte = [0];
        if urgent && pushed == ordinary && src.take(&mut byte) == 1 {
            stream.mark_urgent(byte, sender);
            sent += 1;
        }
        self.charge(pushed);
        peer.stirred.store(true, Relaxed);
        drop(inbox);
        let news = if urgent {
            Events::READABLE | Events::PRI
        } else {
            Events::READABLE
        };
        peer.pollee.notify_sync(news);
        Ok(sent)
    }

    /// Puts bytes at the end of `stream`; how many. Where a page is missing, as many whole buffers as can be
    /// filled before it: Linux copies each whole before it goes.
    fn push_whole(&self, stream: &mut Stream, src: &mut IoSrc<'_>, wanted: usize) -> usize {
        let mark = src.mark();
        let pushed = stream.bytes.push(src, wanted);
        if pushed == wanted || !src.faulted() {
            return pushed;
        }
        let whole = pushed - pushed % self.chunk();
        stream.bytes.take_back(pushed);
        src.rewind(mark);
        stream.bytes.push(src, whole)
    }

    /// Bytes of one of Linux's buffers.
    fn chunk(&self) -> usize {
        let limit = self.options.send_buffer();
        STREAM_CHUNK.min((limit / 2).saturating_sub(64)).max(1)
    }

    /// How many of `wanted` bytes go now: whole buffers while less than `SO_SNDBUF` is on its way.
    fn room(&self, wanted: usize) -> Option<usize> {
        let limit = self.options.send_buffer();
        let used = self.charged();
        if used >= limit {
            return None;
        }
        Some(wanted.min((limit - used).next_multiple_of(self.chunk())))
    }

    /// The peer of a stream that may be written to.
    fn stream_peer(&self, out: &Outgoing<'_>) -> Result<Arc<Self>> {
        let link = self.link.lock();
        let connected = link.is_connected();
        if out.address.is_some_and(|address| !address.is_empty()) {
            return Err(if connected {
                Errno::EISCONN
            } else {
                Errno::EOPNOTSUPP
            });
        }
        if !connected {
            return Err(Errno::ENOTCONN);
        }
        if link.shut.contains(Shut::SEND) {
            drop(link);
            // Who waited looks at the error first.
            let error = if out.waited {
                self.pending_error()
            } else {
                None
            };
            return Err(error.unwrap_or(Errno::EPIPE));
        }
        link.peer().ok_or(Errno::EPIPE)
    }

    /// Receives what waits, up to the next border. `EAGAIN` when nothing does.
    pub(super) fn receive_stream(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        into: &mut Received,
    ) -> Result<()> {
        if flags.contains(MsgFlags::OOB) {
            if !self.link.lock().is_connected() {
                return Err(Errno::EINVAL);
            }
            return self.receive_urgent(dst, flags, into);
        }
        let mut inbox = self.inbox.lock();
        let Inbox::Stream(stream) = &mut *inbox else {
            return Err(Errno::EPROTOTYPE);
        };
        if stream.bytes.is_empty() && stream.waiting() == 0 {
            if !flags.contains(MsgFlags::PEEK) {
                // Places of urgent bytes that were received already.
                let crowded = stream.marks.len() >= MARKS;
                stream.marks.clear();
                if crowded {
                    drop(inbox);
                    self.tell_of_places();
                    inbox = self.inbox.lock();
                    if !inbox.is_empty() {
                        return Err(Errno::EAGAIN);
                    }
                }
            }
            // Still locked: what a peer writes before it closes must be seen before the end is.
            return self.end_of_stream(into);
        }
        let options = self.options.flags();
        let by_sender = options.intersects(Flags::PASSCRED | Flags::PASSPIDFD);
        let inline = options.contains(Flags::OOBINLINE);
        if flags.contains(MsgFlags::PEEK) {
            let skip = self.options.peek_offset();
            stream.peek(dst, skip.unwrap_or(0), by_sender, inline, into);
            if skip.is_some() {
                self.options.move_peek_offset(into.bytes, true);
            }
            return if into.bytes == 0 && dst.faulted() {
                Err(Errno::EFAULT)
            } else if into.bytes == 0 && skip.is_some() {
                self.end_of_stream(into)
            } else {
                Ok(())
            };
        }
        let before = into.bytes;
        let crowded = stream.marks.len() >= MARKS;
        let (rights, width) = stream.take(dst, by_sender, inline, into);
        self.options.move_peek_offset(width, false);
        self.stirred.store(!stream.is_empty(), Relaxed);
        drop(inbox);
        // Not under the link's lock: it tells who waits for room.
        let peer = self.link.lock().peer();
        if let Some(peer) = peer {
            peer.uncharge(width);
        }
        if crowded {
            self.tell_of_places();
        }
        if let Some(rights) = rights {
            into.rights = rights.land();
        }
        if into.bytes > before || into.last {
            return Ok(());
        }
        if dst.faulted() {
            return Err(Errno::EFAULT);
        }
        if dst.remaining() > 0 {
            // Nothing but an urgent byte, passed over.
            let inbox = self.inbox.lock();
            return if inbox.is_empty() {
                self.end_of_stream(into)
            } else {
                Err(Errno::EAGAIN)
            };
        }
        Ok(())
    }

    /// There is room for marks again.
    #[cold]
    fn tell_of_places(&self) {
        let peer = self.link.lock().peer();
        if let Some(peer) = peer {
            peer.pollee.notify_sync(Events::WRITABLE | Events::WRBAND);
        }
    }

    /// What a read says when nothing waits: `EINVAL` without a connection, an error once, the end, or not yet.
    fn end_of_stream(&self, into: &mut Received) -> Result<()> {
        let link = self.link.lock();
        if !link.is_connected() {
            return Err(Errno::EINVAL);
        }
        if let Some(error) = self.pending_error() {
            return Err(error);
        }
        if link.shut.contains(Shut::RECEIVE) {
            into.last = true;
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    }

    fn receive_urgent(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        into: &mut Received,
    ) -> Result<()> {
        if self.options.flags().contains(Flags::OOBINLINE) {
            return Err(Errno::EINVAL);
        }
        let mut inbox = self.inbox.lock();
        let Inbox::Stream(stream) = &mut *inbox else {
            return Err(Errno::EPROTOTYPE);
        };
        let mark = stream.pending_urgent().ok_or(Errno::EINVAL)?;
        let Some(Urgent::Pending(byte)) = mark.urgent else {
            return Err(Errno::EINVAL);
        };
        if dst.remaining() > 0 && dst.put(&[byte]) == 0 {
            return Err(Errno::EFAULT);
        }
        if !flags.contains(MsgFlags::PEEK) {
            mark.urgent = Some(Urgent::Received);
        }
        into.bytes = 1;
        into.flags |= MsgFlags::OOB;
        into.last = true;
        Ok(())
    }
}

impl Stream {
    /// Notes who wrote the bytes from `at` on, and what came with them.
    fn mark_write(
        &mut self,
        at: u64,
        len: usize,
        sender: Option<Sender>,
        rights: Option<super::flight::Rights>,
    ) {
        if rights.is_none() && self.last_sender == sender {
            return;
        }
        self.last_sender.clone_from(&sender);
        let end = at + len.min(STREAM_CHUNK) as u64;
        self.marks.push_back(Mark {
            at,
            end,
            sender,
            rights,
            urgent: None,
        });
    }

    /// Puts an urgent byte at the end; the one before it becomes ordinary.
    fn mark_urgent(&mut self, [byte]: [u8; 1], sender: Option<Sender>) {
        if let Some(mark) = self.pending_urgent()
            && let Some(Urgent::Pending(old)) = mark.urgent
        {
            mark.urgent = Some(Urgent::Ordinary(old));
        }
        let at = self.back();
        let urgent = Some(Urgent::Pending(byte));
        self.last_sender.clone_from(&sender);
        self.marks.push_back(Mark {
            at,
            end: at,
            sender,
            rights: None,
            urgent,
        });
    }

    /// Moves bytes into `dst` until it is full, nothing is left, or a border comes: behind bytes
    /// with descriptors, before another sender's bytes, before an urgent byte.
    /// Gives the descriptors, and how many bytes left the queue.
    fn take(
        &mut self,
        dst: &mut IoDst<'_>,
        by_sender: bool,
        inline: bool,
        received: &mut Received,
    ) -> (Option<super::flight::Rights>, usize) {
        let mut rights = None;
        let mut width = 0;
        let mut border = u64::MAX;
        let pending = self.has_urgent();
        loop {
            if let Some(mark) = self.marks.front_mut()
                && mark.at == self.front
            {
                let begun = received.bytes > 0;
                if begun && (mark.stops(pending) || by_sender && mark.sender != self.sender) {
                    received.last = true;
                    break;
                }
                if let Some(byte) = mark.readable(inline) {
                    let put = dst.put(&[byte]);
                    received.bytes += put;
                    if put == 0 {
                        break;
                    }
                }
                if let Some(files) = mark.rights.take() {
                    rights = Some(files);
                    border = mark.end;
                }
                let Some(mark) = self.marks.pop_front() else {
                    break;
                };
                self.sender = mark.sender;
                continue;
            }
            received.sender.clone_from(&self.sender);
            let next = self
                .marks
                .front()
                .map_or(u64::MAX, |mark| mark.at)
                .min(border);
            let most = usize::try_from(next - self.front).unwrap_or(usize::MAX);
            let moved = self.bytes.pop(dst, most);
            self.front += moved as u64;
            width += moved;
            received.bytes += moved;
            if moved == 0 || self.front >= border || dst.remaining() == 0 {
                received.last = self.front >= border;
                break;
            }
        }
        // Descriptors go with the last of their bytes that could be copied: a page that has to be
        // faulted in first must not part them.
        if self.front < border
            && dst.faulted()
            && let Some(files) = rights.take()
        {
            self.marks.push_front(Mark {
                at: self.front,
                end: border,
                sender: self.sender.clone(),
                rights: Some(files),
                urgent: None,
            });
        }
        (rights, width)
    }

    /// As [`Stream::take`], leaving everything where it is; starts `skip` bytes on.
    fn peek(
        &self,
        dst: &mut IoDst<'_>,
        skip: usize,
        by_sender: bool,
        inline: bool,
        received: &mut Received,
    ) {
        received.last = true;
        let mut sender = self.sender.clone();
        let mut at = self.front;
        let mut skip = skip as u64;
        let mut marks = self.marks.iter().peekable();
        let pending = self.has_urgent();
        loop {
            let mut border = u64::MAX;
            while let Some(mark) = marks.next_if(|mark| mark.at <= at) {
                let begun = received.bytes > 0;
                if begun && (mark.stops(pending) || by_sender && mark.sender != sender) {
                    return;
                }
                if let Some(byte) = mark.readable(inline) {
                    received.bytes += dst.put(&[byte]);
                }
                sender.clone_from(&mark.sender);
                if let Some(rights) = &mark.rights
                    && mark.end > at + skip
                {
                    received.rights = rights.peek();
                    border = mark.end;
                }
            }
            let next = marks
                .peek()
                .map_or(u64::MAX, |mark| mark.at)
                .min(border)
                .min(self.back());
            let passed = skip.min(next - at);
            at += passed;
            skip -= passed;
            let offset = usize::try_from(at - self.front).unwrap_or(usize::MAX);
            let most = usize::try_from(next - at).unwrap_or(usize::MAX);
            let moved = self.bytes.peek(dst, offset, most);
            at += moved as u64;
            received.bytes += moved;
            received.sender.clone_from(&sender);
            let stuck = moved < most || passed == 0 && moved == 0 && marks.peek().is_none();
            if stuck || at >= border || at >= self.back() && marks.peek().is_none() {
                return;
            }
        }
    }
}
