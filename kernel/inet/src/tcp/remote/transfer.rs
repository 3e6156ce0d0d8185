//! What programs send and receive by a connection that leaves the machine.

use super::super::TcpSocket;
use super::super::link::Shut;
use super::super::state::State;
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use mm::io::{IoDst, IoSrc};
use net::socket::Received;
use sync::Instant;

impl TcpSocket {
    pub(in super::super) fn send_wire(
        &self,
        src: &mut IoSrc<'_>,
        flags: MsgFlags,
    ) -> Result<usize> {
        let more = flags.contains(MsgFlags::MORE);
        match self.with_wire(|wire| wire.machine.write(src, more)) {
            None => Err(Errno::EPIPE),
            Some(0) if src.faulted() => Err(Errno::EFAULT),
            Some(0) => {
                let link = self.link.lock();
                let over = link.shut.contains(Shut::SEND) || !link.state.may_send();
                Err(if over { Errno::EPIPE } else { Errno::EAGAIN })
            }
            Some(sent) => Ok(sent),
        }
    }

    pub(in super::super) fn receive_wire(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        into: &mut Received,
    ) -> Result<()> {
        let wanted = dst.remaining();
        let peek = flags.contains(MsgFlags::PEEK);
        let offset = self.core.options.peek_offset().filter(|_| peek);
        let skip = offset.unwrap_or(0);
        let moved;
        let tells = {
            let mut guard = self.wire.lock();
            let wire = guard.as_mut().filter(|wire| wire.machine.waiting() > skip);
            let Some(wire) = wire else {
                return self.nothing(into);
            };
            let machine = &mut wire.machine;
            let now = Instant::now();
            moved = if peek {
                machine.read(dst, Some(skip), now)
            } else if flags.contains(MsgFlags::TRUNC) {
                into.last = true;
                machine.skip(wanted, now)
            } else {
                machine.read(dst, None, now)
            };
            !peek && machine.wants_step()
        };
        if moved == 0 && wanted > 0 && dst.faulted() {
            return Err(Errno::EFAULT);
        }
        if !peek || offset.is_some() {
            self.core.options.move_peek_offset(moved, peek);
        }
        if tells {
            // The window opened, or the last byte of a connection that ended is read.
            self.with_wire(|_| ());
        }
        into.bytes += moved;
        Ok(())
    }

    /// Bytes a socket of this kind has waiting, and whether there is room to send.
    pub(in super::super) fn wire_readiness(&self) -> Option<(usize, bool)> {
        let guard = self.wire.lock();
        let machine = &guard.as_ref()?.machine;
        Some((machine.waiting(), machine.has_room()))
    }

    /// Bytes that were sent and not answered.
    pub(in super::super) fn wire_unsent(&self) -> Option<usize> {
        Some(self.wire.lock().as_ref()?.machine.unanswered())
    }

    /// Whether a close with `SO_LINGER` has something to wait for.
    pub(in super::super) fn wire_lingers(&self) -> bool {
        let over = matches!(self.link.lock().state, State::Closed | State::Listen);
        let guard = self.wire.lock();
        !over && guard.as_ref().is_some_and(|wire| !wire.machine.is_done())
    }
}
