//! Ending: by halves, whole, by the other end, by a reset.

use super::TcpSocket;
use super::link::{Phase, Shut};
use super::state::State;
use super::table::{self, LISTENERS, PORTS, Pair};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use net::options::Flags;
use net::socket::How;

impl TcpSocket {
    pub(super) fn end_halves(&self, how: How) -> Result<()> {
        let mine = match how {
            How::Receive => Shut::RECEIVE,
            How::Send => Shut::SEND,
            How::Both => Shut::all(),
        };
        let mut link = self.link.lock();
        match link.state {
            State::Closed => {
                link.shut |= mine;
                drop(link);
                self.notify_end();
                Err(Errno::ENOTCONN)
            }
            State::Listen | State::SynSent => {
                let stops = link.state == State::SynSent || mine.contains(Shut::RECEIVE);
                drop(link);
                if stops {
                    self.abandon();
                    self.link.lock().phase = Phase::Unconnected;
                }
                self.notify_end();
                Ok(())
            }
            _ => {
                link.shut |= mine;
                drop(link);
                if mine.contains(Shut::SEND) {
                    self.send_fin();
                }
                self.notify_end();
                Ok(())
            }
        }
    }

    /// The own end of the stream; the peer has it at once.
    fn send_fin(&self) {
        if self.link.lock().wired {
            self.with_wire(|wire| wire.machine.close());
            return;
        }
        let (pair, peer, left) = {
            let mut link = self.link.lock();
            if !link.state.may_send() {
                return;
            }
            link.state = link.state.fin_sent();
            let pair = link.pair;
            let peer = link.peer();
            let mut left = None;
            if link.state == State::Closed {
                link.shut = Shut::all();
                left = link.pair.take();
            }
            (pair, peer, left)
        };
        if let Some(pair) = left {
            table::leave(&pair, self.core.id, None);
        }
        tell_fin(pair, peer.as_deref());
    }

    /// The peer's end of the stream came.
    fn receive_fin(&self) {
        self.reveal();
        let left = {
            let mut link = self.link.lock();
            let next = link.state.fin_received();
            if next == link.state {
                return;
            }
            link.state = next;
            link.shut |= Shut::RECEIVE;
            link.done = true;
            if next == State::TimeWait {
                // What waits is the table; the socket is done.
                link.state = State::Closed;
                link.shut = Shut::all();
                link.pair.take()
            } else {
                None
            }
        };
        if let Some(pair) = left {
            table::leave(&pair, self.core.id, Some(self.rest(State::TimeWait)));
        }
        if self.deferred.load(Relaxed) {
            self.undefer();
        }
        self.notify_end();
    }

    /// The peer does not know this connection (any more).
    pub(super) fn reset(&self) {
        let left = {
            let mut link = self.link.lock();
            let error = match link.state {
                State::Closed | State::Listen => return,
                State::SynSent => Errno::ECONNREFUSED,
                State::CloseWait => Errno::EPIPE,
                _ => Errno::ECONNRESET,
            };
            link.error = Some(error);
            link.shut = Shut::all();
            link.fall_back()
        };
        if let Some(pair) = left {
            self.leave(&pair);
        }
        self.notify_end();
        self.forget_deferred();
    }

    /// Leaves the table; a port that `bind` gave stays.
    pub(super) fn leave(&self, pair: &Pair) {
        table::leave(pair, self.core.id, None);
        let link = self.link.lock();
        let (bound, closed) = (link.bound, link.closed);
        drop(link);
        if bound.port != 0 && !closed {
            PORTS.join(bound.port, self.core.claim(bound.addr));
        }
    }

    /// Gives up what there is without ceremony: a connection is reset, a listener's queue too.
    pub(super) fn abandon(&self) {
        let wire = self.wire.lock().take();
        if let Some(mut wire) = wire {
            wire.machine.abort();
            wire.flush();
            super::remote::disarm(self, Some(wire));
        }
        let (listening, port, peer, left, queue, blocked) = {
            let mut link = self.link.lock();
            let listening = link.state == State::Listen;
            let port = link.local.port;
            let peer = link.peer();
            let (queue, blocked) = link.take_listener();
            (listening, port, peer, link.fall_back(), queue, blocked)
        };
        if listening {
            LISTENERS.leave(port, self.core.id);
            let link = self.link.lock();
            let (bound, closed) = (link.bound, link.closed);
            drop(link);
            PORTS.release(port, self.core.id);
            if bound.port != 0 && !closed {
                PORTS.join(bound.port, self.core.claim(bound.addr));
            }
        }
        if let Some(pair) = &left {
            self.leave(pair);
        }
        if let Some(peer) = peer {
            peer.reset();
        }
        for connection in queue {
            connection.end_by(true);
        }
        for client in blocked.iter().filter_map(alloc::sync::Weak::upgrade) {
            client.refuse();
        }
    }

    /// The last descriptor is gone.
    pub(super) fn end(&self) {
        self.end_by(false);
    }

    pub(super) fn end_by(&self, reset: bool) {
        let unread = core::mem::take(&mut *self.inbox.lock());
        let options = &self.core.options;
        let abort = options.flags().contains(Flags::LINGER) && options.linger() == 0;
        let (state, peer, port, wired) = {
            let mut link = self.link.lock();
            if link.closed {
                return;
            }
            link.closed = true;
            link.lingers = options.flags().contains(Flags::LINGER) && !abort;
            link.shut = Shut::all();
            let wired = link.wired;
            (link.state, link.peer(), link.local.port, wired)
        };
        if wired {
            self.end_wire(reset, state);
            return;
        }
        let lost = !unread.is_empty();
        if let Some(peer) = &peer {
            peer.uncharge(unread.len(), usize::MAX);
        }
        drop(unread);
        match state {
            State::Closed => {
                let bound = self.link.lock().bound.port;
                if bound != 0 {
                    PORTS.release(bound, self.core.id);
                } else if port != 0 {
                    PORTS.release(port, self.core.id);
                }
            }
            State::Listen | State::SynSent => self.abandon(),
            _ if reset || abort || lost => self.abandon(),
            State::Established | State::CloseWait => {
                let (pair, next) = {
                    let mut link = self.link.lock();
                    link.state = link.state.fin_sent();
                    (link.pair.take(), link.state)
                };
                let Some(pair) = pair else { return };
                let rest = (next != State::Closed).then(|| self.rest(next));
                table::leave(&pair, self.core.id, rest);
                tell_fin(Some(pair), peer.as_deref());
            }
            other => {
                let pair = self.link.lock().pair.take();
                if let Some(pair) = pair {
                    table::leave(&pair, self.core.id, Some(self.rest(other)));
                }
            }
        }
    }
}

/// The end of a stream reaches the other end, or what is left of it.
fn tell_fin(pair: Option<Pair>, peer: Option<&TcpSocket>) {
    match (peer, pair) {
        (Some(peer), _) if !peer.link.lock().closed => peer.receive_fin(),
        (_, Some(pair)) => {
            table::fin_to_rest(&pair.reversed());
        }
        _ => {}
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a peer that is gone does to who sends to it.
pub(super) fn sent_to_nobody(socket: &Arc<TcpSocket>) {
    let pair = socket.link.lock().pair;
    if let Some(pair) = pair {
        table::reset_rest(&pair.reversed());
    }
    socket.reset();
}
