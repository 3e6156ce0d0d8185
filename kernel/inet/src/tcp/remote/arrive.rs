//! Segments that come: whom they are for, connections that are made by them, and what nobody waits for.

use super::super::TcpSocket;
use super::super::half::{self, Outcome};
use super::super::link::Phase;
use super::super::machine::Met;
use super::super::machine::segment::{Bits, Header};
use super::super::machine::sequence::Seq;
use super::super::state::State;
use super::super::table::{self, Asks, LISTENERS, PORTS, Pair};
use super::super::wire::{Post, Way, Wire};
use crate::checksum;
use crate::counts::{Count, count};
use crate::input::Incoming;
use crate::ports::Arrival;
use abi::Errno;
use alloc::boxed::Box;
use alloc::sync::Arc;
use net::address::Endpoint;
use sync::Events;

/// A segment came.
pub fn input(packet: &Incoming<'_>, verified: bool) {
    let Some((header, payload)) = Header::parse(packet.payload) else {
        count(Count::TcpInErrs);
        return;
    };
    if packet.to.is_multicast() || crate::route::is_broadcast(packet.to) {
        return;
    }
    let sum = || checksum::of_protocol(packet.from, packet.to, packet.protocol, packet.payload);
    if !verified && sum() != 0 {
        count(Count::TcpInCsumErrors);
        count(Count::TcpInErrs);
        return;
    }
    let local = Endpoint::new(packet.to, header.to);
    let remote = Endpoint::new(packet.from, header.from);
    let pair = Pair::new(&local, &remote);
    if let Some(socket) = table::find(&pair) {
        socket.with_wire(|wire| wire.input(&header, payload));
        return;
    }
    let way = Way::plain(packet.to, packet.from, packet.device);
    let begins = header.bits & (Bits::SYN | Bits::ACK | Bits::RST) == Bits::SYN;
    if begins {
        let arrival = Arrival {
            from: (remote.addr, remote.port),
            to: (local.addr, local.port),
            device: packet.device,
        };
        let met = table::meet(&pair, &header, header.span(payload.len()));
        let own = match met {
            Some(Met::Begins { number, .. }) => Some(number),
            Some(met) => return settle_rest(&way, &pair, &met),
            None => None,
        };
        match (LISTENERS.find(&arrival), met) {
            // A full queue is no reason to refuse: the client tries again.
            (Some(listener), _) if !listener.takes_connections() => {}
            (Some(listener), _) => half::answer(&listener, pair, &header, way, own),
            (None, Some(met)) => settle_rest(&way, &pair, &met),
            (None, None) => refuse(&way, &header, payload.len()),
        }
        return;
    }
    match half::last_step(&pair, &header, payload.len()) {
        Outcome::Made(wire, listener) => made(wire, &listener, &local, &remote, &header, payload),
        Outcome::Done => {}
        Outcome::Unknown => match table::meet(&pair, &header, header.span(payload.len())) {
            Some(met) => settle_rest(&way, &pair, &met),
            None => refuse(&way, &header, payload.len()),
        },
    }
}

/// What a connection that is only remembered does about a segment.
fn settle_rest(way: &Way, pair: &Pair, met: &Met) {
    match met {
        Met::Nothing => {}
        Met::Over => table::reset_rest(pair),
        Met::Answer(reply) | Met::Begins { reply, .. } => Post::new(*way).send(reply, 0, |_| ()),
    }
}

/// Nobody is there: a reset.
fn refuse(way: &Way, header: &Header, payload: usize) {
    if let Some(reply) = header.refusal(payload) {
        Post::new(*way).send(&reply, 0, |_| ());
    }
}

/// A connection is made: its socket goes to the listener's queue.
fn made(
    wire: Box<Wire>,
    listener: &Arc<TcpSocket>,
    local: &Endpoint,
    remote: &Endpoint,
    header: &Header,
    payload: &[u8],
) {
    let socket = TcpSocket::new(listener.core.family, listener.core.uid);
    socket.inherit(listener);
    count(Count::TcpPassiveOpens);
    let pair = Pair::new(local, remote);
    let place = Arc::downgrade(&socket);
    if table::enter(pair, socket.core.id, place, Asks::Answers).is_err() {
        // As if the last step had been lost: what comes next is refused.
        listener.return_place();
        return;
    }
    {
        let mut link = socket.link.lock();
        link.state = State::Established;
        link.phase = Phase::Connected;
        link.local = *local;
        link.remote = *remote;
        link.pair = Some(pair);
        link.wired = true;
    }
    PORTS.join(local.port, socket.core.claim(local.addr));
    *socket.wire.lock() = Some(wire);
    socket.apply_settings();
    socket.with_wire(|wire| wire.input(header, payload));
    let queued = {
        let mut link = listener.link.lock();
        match link.listener.as_mut() {
            Some(queue) => {
                queue.fill(socket.clone());
                true
            }
            None => false,
        }
    };
    if queued {
        listener.core.pollee.notify(Events::READABLE);
    } else {
        socket.end_by(true);
    }
}

/// A segment of ours with the number `seq` was refused by somebody on the way. `mtu`: the largest packet that would
/// have passed.
pub fn refused(from: &Endpoint, to: &Endpoint, seq: u32, error: Errno, mtu: u32) {
    let Some(socket) = table::find(&Pair::new(from, to)) else {
        return;
    };
    // Who does not know what is on its way has not seen it.
    let known = {
        let guard = socket.wire.lock();
        guard
            .as_ref()
            .is_some_and(|wire| wire.machine.is_on_its_way(Seq(seq as i32)))
    };
    if !known {
        return;
    }
    if error == Errno::EMSGSIZE {
        if mtu > 0 {
            socket.with_wire(|wire| wire.shrink(mtu));
        }
        return;
    }
    // A connection that stands is not given up for what somebody says.
    if socket.link.lock().state != State::SynSent {
        return;
    }
    let wire = socket.wire.lock().take();
    super::steps::disarm(&socket, wire);
    socket.fail(error);
}
