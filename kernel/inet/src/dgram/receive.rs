//! Receiving messages.

use super::{DatagramSocket, OVERHEAD, Shut};
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use core::sync::atomic::Ordering::Relaxed;
use mm::io::IoDst;
use net::address::Endpoint;
use net::name::Name;
use net::socket::Received;

impl DatagramSocket {
    pub(super) fn receive_message(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        nonblock: bool,
        into: &mut Received,
    ) -> Result<()> {
        if flags.contains(MsgFlags::ERRQUEUE) {
            return self.receive_error(dst, into);
        }
        if flags.contains(MsgFlags::OOB) && !self.kind.is_udp() {
            return Err(Errno::EOPNOTSUPP);
        }
        if let Some(error) = self.link.lock().error.take() {
            return Err(error);
        }
        let peek = flags.contains(MsgFlags::PEEK);
        let offset = self.core.options.peek_offset().filter(|_| peek);
        let mut skip = offset.unwrap_or(0);
        let mut inbox = self.inbox.lock();
        let mut index = 0;
        // A peek offset past a message's end looks into the next.
        while skip > 0
            && let Some(message) = inbox.queue.get(index)
            && skip >= message.bytes.len()
        {
            skip -= message.bytes.len();
            index += 1;
        }
        let Some(message) = inbox.queue.get(index) else {
            drop(inbox);
            return self.no_message(nonblock, into);
        };
        let bytes = message.bytes.get(skip..).unwrap_or_default();
        let wanted = bytes.len().min(dst.remaining());
        let copied = dst.put(bytes.get(..wanted).unwrap_or(bytes));
        if copied < wanted {
            return Err(Errno::EFAULT);
        }
        let from = Endpoint {
            port: if self.has_ports() {
                message.from.port
            } else {
                0
            },
            ..message.from
        };
        let whole = bytes.len();
        (into.bytes, into.whole, into.last) = (copied, whole, true);
        into.from = Some(Name::Ip(from, self.core.family));
        into.control = self.control_of(message);
        if copied < whole {
            into.flags |= MsgFlags::TRUNC;
        }
        if peek {
            drop(inbox);
            if offset.is_some() {
                self.core.options.move_peek_offset(copied, true);
            }
            return Ok(());
        }
        let message = inbox.queue.pop_front();
        if let Some(message) = &message {
            inbox.charged = inbox.charged.saturating_sub(message.bytes.len() + OVERHEAD);
        }
        self.stirred.store(!inbox.queue.is_empty(), Relaxed);
        drop(inbox);
        self.core.options.move_peek_offset(whole, false);
        drop(message);
        Ok(())
    }

    fn no_message(&self, nonblock: bool, into: &mut Received) -> Result<()> {
        let ended = self.link.lock().shut.contains(Shut::RECEIVE);
        if ended && !nonblock {
            into.last = true;
            return Ok(());
        }
        Err(Errno::EAGAIN)
    }
}
