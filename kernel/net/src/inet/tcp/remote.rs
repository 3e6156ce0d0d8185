//! Sockets whose connection leaves the machine: what they do with its state machine, and when.

use super::TcpSocket;
use super::half::{self, Outcome};
use super::link::{Phase, Shut};
use super::options::TcpFlags;
use super::state::State;
use super::table::{self, LISTENERS, PORTS, Pair, Rest};
use super::wire::{Settings, Standing, Wire, seed};
use crate::inet::address::{Endpoint, Family};
use crate::inet::counts::{Count, count};
use crate::inet::input::Incoming;
use crate::inet::ports::Arrival;
use crate::inet::{checksum, protocol};
use crate::options::Flags;
use crate::socket::Received;
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use mm::io::{IoDst, IoSrc};
use sync::{Events, Instant, SpinLock, rank};

/// How long an end that nobody holds waits for the other's (`net.ipv4.tcp_fin_timeout`).
const FIN_TIMEOUT: Duration = Duration::from_secs(60);
/// How long what was sent may stay without an answer when nobody says (`net.ipv4.tcp_retries2`).
const GIVE_UP: Duration = Duration::from_secs(924);

/// Who wants a step, and when.
static TIMERS: SpinLock<BTreeMap<(Instant, u64), Weak<TcpSocket>>, { rank::SOCKET_TABLE + 2 }> =
    SpinLock::new(BTreeMap::new());
/// When the worker looks next at the latest, in nanoseconds.
static NEXT_LOOK: AtomicU64 = AtomicU64::new(u64::MAX);
/// Connections that nobody holds and that have to end yet.
static ORPHANS: SpinLock<BTreeMap<u64, Arc<TcpSocket>>, { rank::SOCKET_TABLE + 2 }> =
    SpinLock::new(BTreeMap::new());

/// The worker is to look by then.
pub fn look_by(when: Instant) {
    if when.as_nanos() < NEXT_LOOK.load(Relaxed) {
        NEXT_LOOK.store(when.as_nanos(), Relaxed);
        crate::link::worker::kick();
    }
}

/// Takes the steps whose time has come; when to come again.
pub fn settle() -> Option<Instant> {
    // Who wants to come back from now on says so: this round may pass over him.
    NEXT_LOOK.store(u64::MAX, Relaxed);
    let halves = half::settle();
    let now = Instant::now();
    loop {
        let due = {
            let mut timers = TIMERS.lock();
            match timers.first_entry() {
                Some(entry) if entry.key().0 <= now => Some(entry.remove()),
                _ => None,
            }
        };
        let Some(due) = due else { break };
        if let Some(socket) = due.upgrade() {
            if socket.with_wire(|wire| wire.timer = None).is_none() {
                socket.give_up_joining();
            } else {
                socket.give_up_ending();
            }
        }
    }
    let next = TIMERS.lock().first_key_value().map(|((at, _), _)| *at);
    let next = match (halves, next) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    NEXT_LOOK.store(next.map_or(u64::MAX, Instant::as_nanos), Relaxed);
    next
}

/// Connections that only have to end yet.
#[must_use]
pub fn orphans() -> usize {
    ORPHANS.lock().len()
}

/// What a segment's header says.
struct Segment {
    from: u16,
    to: u16,
    syn: bool,
    ack: bool,
    reset: bool,
    fin: bool,
    sequence: u32,
    length: u32,
    answered: u32,
}

fn parse(bytes: &[u8]) -> Option<Segment> {
    let [
        f0,
        f1,
        t0,
        t1,
        s0,
        s1,
        s2,
        s3,
        a0,
        a1,
        a2,
        a3,
        offset,
        flags,
        ..,
    ] = *bytes
    else {
        return None;
    };
    let header = usize::from(offset >> 4) * 4;
    if header < 20 || header > bytes.len() {
        return None;
    }
    let (fin, syn) = (flags & 1 != 0, flags & 2 != 0);
    Some(Segment {
        from: u16::from_be_bytes([f0, f1]),
        to: u16::from_be_bytes([t0, t1]),
        syn,
        fin,
        reset: flags & 4 != 0,
        ack: flags & 0x10 != 0,
        sequence: u32::from_be_bytes([s0, s1, s2, s3]),
        answered: u32::from_be_bytes([a0, a1, a2, a3]),
        length: (bytes.len() - header) as u32 + u32::from(fin) + u32::from(syn),
    })
}

/// A segment came.
pub fn input(packet: &Incoming<'_>, verified: bool) {
    let Some(segment) = parse(packet.payload) else {
        return;
    };
    if packet.to.is_multicast() || crate::inet::route::is_broadcast(packet.to) {
        return;
    }
    let sum = || checksum::of_protocol(packet.from, packet.to, packet.protocol, packet.payload);
    if !verified && sum() != 0 {
        return;
    }
    let local = Endpoint {
        addr: packet.to,
        port: segment.to,
        scope: 0,
    };
    let remote = Endpoint {
        addr: packet.from,
        port: segment.from,
        scope: 0,
    };
    let pair = Pair::new(&local, &remote);
    let bytes = packet.with_header();
    if let Some(socket) = table::find(&pair) {
        socket.with_wire(|wire| wire.input(bytes, segment.reset));
        return;
    }
    if segment.syn && !segment.ack && !segment.reset {
        let arrival = Arrival {
            from: (remote.addr, remote.port),
            to: (local.addr, local.port),
            device: packet.device,
        };
        match LISTENERS.find(&arrival) {
            // A full queue is no reason to refuse: the client tries again.
            Some(listener) if !listener.takes_connections() => {}
            Some(listener) => half::answer(&listener, pair, &bytes, packet.device),
            None => refuse(packet, bytes),
        }
        return;
    }
    match half::last_step(&pair, &bytes, segment.reset) {
        Outcome::Made(wire, listener) => made(wire, &listener, &local, &remote),
        Outcome::Done => {}
        Outcome::Unknown if segment.reset => {}
        Outcome::Unknown if segment.fin && table::is_remembered(&pair) => {
            answer_again(packet, &segment);
        }
        Outcome::Unknown => refuse(packet, bytes),
    }
}

/// The other end did not hear the last answer to its end.
fn answer_again(packet: &Incoming<'_>, segment: &Segment) {
    let next = segment.sequence.wrapping_add(segment.length);
    let mut reply = alloc::vec::Vec::with_capacity(20);
    reply.extend_from_slice(&segment.to.to_be_bytes());
    reply.extend_from_slice(&segment.from.to_be_bytes());
    reply.extend_from_slice(&segment.answered.to_be_bytes());
    reply.extend_from_slice(&next.to_be_bytes());
    // No options, ACK, a full window, no sum yet, nothing urgent.
    reply.extend_from_slice(&[5 << 4, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    let sum = checksum::of_protocol(packet.to, packet.from, packet.protocol, &reply);
    if let Some(place) = reply.get_mut(16..18) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    let header = crate::inet::output::Packet::plain(
        packet.to,
        packet.from,
        protocol::TCP as u8,
        packet.device,
    );
    // Lost, it is asked for again.
    let _ = crate::inet::output::send(&header, &reply);
}

/// Nobody is there: a reset.
fn refuse(packet: &Incoming<'_>, bytes: alloc::vec::Vec<u8>) {
    let mut wire = Wire::stranger(packet.to, packet.from, packet.device, seed());
    wire.input(bytes, false);
    wire.flush();
}

/// A connection is made: its socket goes to the listener's queue.
fn made(wire: Box<Wire>, listener: &Arc<TcpSocket>, local: &Endpoint, remote: &Endpoint) {
    let reserved = {
        let mut link = listener.link.lock();
        link.listener.as_mut().is_some_and(|queue| queue.reserve())
    };
    let socket = TcpSocket::new(listener.core.family, listener.core.uid);
    socket.inherit(listener);
    count(Count::TcpPassiveOpens);
    let pair = Pair::new(local, remote);
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
    table::enter(pair, socket.core.id, Arc::downgrade(&socket), true);
    *socket.wire.lock() = Some(wire);
    socket.apply_settings();
    let queued = reserved && {
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

/// A segment of ours was refused by somebody on the way.
pub fn refused(from: &Endpoint, to: &Endpoint, error: Errno, _hard: bool) {
    let Some(socket) = table::find(&Pair::new(from, to)) else {
        return;
    };
    // A connection that stands is not given up for what somebody says.
    if socket.link.lock().state != State::SynSent {
        return;
    }
    *socket.wire.lock() = None;
    socket.fail(error);
}

impl TcpSocket {
    /// Whether a listener's queue has room.
    pub(super) fn takes_connections(&self) -> bool {
        let link = self.link.lock();
        link.listener
            .as_ref()
            .is_some_and(|listener| listener.has_room())
    }

    /// Begins a connection that leaves the machine.
    pub(super) fn start_wire(&self) {
        let (local, remote) = {
            let mut link = self.link.lock();
            link.wired = true;
            (link.local, link.remote)
        };
        let device = if remote.scope != 0 {
            remote.scope
        } else {
            self.core.device()
        };
        *self.wire.lock() = Some(Box::new(Wire::connecting(&local, &remote, device)));
        self.apply_settings();
    }

    /// Tells the machine what the options are.
    pub(super) fn apply_settings(&self) {
        if !self.link.lock().wired {
            return;
        }
        let kept = &self.tcp;
        let seconds = |value: i32| Duration::from_secs(value.max(1) as u64);
        let flags = kept.flags();
        let alive = self.core.options.flags().contains(Flags::KEEPALIVE);
        let state = self.link.lock().state;
        let user = u64::from(kept.user_timeout.load(Relaxed));
        let idle = seconds(kept.keep_idle.load(Relaxed));
        let probes =
            seconds(kept.keep_interval.load(Relaxed)) * kept.keep_count.load(Relaxed).max(1) as u32;
        let timeout = match (user, state) {
            (1.., _) => Duration::from_millis(user),
            // One second, two, four: as many as are sent again, and one more.
            (0, State::SynSent) => {
                let count = kept.syn_count.load(Relaxed).clamp(1, 16) as u32;
                Duration::from_secs((1 << (count + 1)) - 1)
            }
            (0, _) if alive => idle + probes,
            (0, _) => GIVE_UP,
        };
        let family = self.core.family;
        let settings = Settings {
            nagle: !flags.contains(TcpFlags::NODELAY) || flags.contains(TcpFlags::CORK),
            keep_alive: alive.then_some(idle.min(probes)),
            timeout: Some(timeout),
            hop_limit: self.core.ip.hop_limit(family, false),
        };
        self.with_wire(|wire| wire.set(&settings));
    }

    /// One step: `act`, then what is to be sent goes, and the socket is as its machine is.
    pub(super) fn with_wire<R>(&self, act: impl FnOnce(&mut Wire) -> R) -> Option<R> {
        let mut guard = self.wire.lock();
        let wire = guard.as_mut()?;
        let result = act(wire);
        let standing = wire.flush();
        self.arm(wire, standing.again);
        let (news, ended) = self.follow(&standing);
        let dropped = if ended { guard.take() } else { None };
        drop(guard);
        if let Some(wire) = &dropped
            && let Some(at) = wire.timer
        {
            TIMERS.lock().remove(&(at, self.core.id));
        }
        drop(dropped);
        if !news.is_empty() {
            self.core.pollee.notify(news);
        }
        if ended {
            let orphan = ORPHANS.lock().remove(&self.core.id);
            drop(orphan);
        }
        Some(result)
    }

    fn arm(&self, wire: &mut Wire, again: Option<Instant>) {
        if wire.timer == again {
            return;
        }
        let mut timers = TIMERS.lock();
        let old = wire
            .timer
            .take()
            .and_then(|at| timers.remove(&(at, self.core.id)));
        if let Some(at) = again {
            timers.insert((at, self.core.id), self.this.clone());
            wire.timer = Some(at);
        }
        drop(timers);
        drop(old);
        if let Some(at) = again {
            look_by(at);
        }
    }

    /// The socket's state follows its machine's. What to tell, and whether the machine has done its work.
    fn follow(&self, standing: &Standing) -> (Events, bool) {
        let mut news = Events::empty();
        if standing.waiting > 0 {
            news |= Events::READABLE;
        }
        if standing.room && standing.state.may_send() {
            news |= Events::WRITABLE | Events::WRBAND;
        }
        let mut link = self.link.lock();
        let before = link.state;
        link.state = standing.state;
        let all = Events::all() - Events::NVAL - Events::UNLOCKED;
        if matches!(
            standing.state,
            State::CloseWait | State::Closing | State::TimeWait | State::LastAck
        ) && !link.done
        {
            link.done = true;
            link.shut |= Shut::RECEIVE;
            news = all;
        }
        let mut left = None;
        let mut rest = None;
        let mut ended = false;
        if standing.state == State::TimeWait {
            // What waits is the table. Bytes that came stay with the machine until they are read.
            link.shut = Shut::all();
            rest = Some(self.rest(State::TimeWait));
            left = link.pair.take();
            link.state = State::Closed;
            ended = standing.waiting == 0;
            news = all;
        } else if standing.state == State::Closed {
            link.state = before;
            if before != State::Closed {
                let regular = before == State::LastAck || link.closed && before == State::TimeWait;
                if !regular {
                    link.error = Some(match (before, standing.reset) {
                        (State::SynSent, true) => Errno::ECONNREFUSED,
                        (State::CloseWait, true) => Errno::EPIPE,
                        (_, true) => Errno::ECONNRESET,
                        (_, false) => Errno::ETIMEDOUT,
                    });
                }
                link.shut = Shut::all();
                left = link.fall_back();
                news = all;
            }
            link.state = State::Closed;
            ended = standing.waiting == 0;
        }
        drop(link);
        if let Some(pair) = left {
            match rest {
                Some(rest) => table::leave(&pair, self.core.id, Some(rest)),
                None => self.leave(&pair),
            }
        }
        (news, ended)
    }

    /// The connection cannot be.
    fn fail(&self, error: Errno) {
        let left = {
            let mut link = self.link.lock();
            link.error = Some(error);
            link.shut = Shut::all();
            link.fall_back()
        };
        if let Some(pair) = left {
            self.leave(&pair);
        }
        self.notify_end();
    }

    /// The last descriptor of such a socket is gone.
    pub(super) fn end_wire(&self, reset: bool, state: State) {
        let this = self.this.upgrade();
        let abort =
            self.core.options.flags().contains(Flags::LINGER) && self.core.options.linger() == 0;
        if let Some(this) = &this {
            ORPHANS.lock().insert(self.core.id, this.clone());
        }
        let hard = reset || abort || this.is_none() || state == State::SynSent;
        let existed = self.with_wire(|wire| {
            if let Some(socket) = wire.socket() {
                if hard || socket.recv_queue() > 0 {
                    socket.abort();
                    // What it holds is of no use to anybody.
                    while socket.recv_queue() > 0 && socket.recv(|bytes| (bytes.len(), ())).is_ok()
                    {
                    }
                } else {
                    socket.close();
                }
            }
        });
        if existed.is_some() && !hard {
            self.end_by_time(Instant::after(FIN_TIMEOUT));
        }
        if existed.is_none() {
            let orphan = ORPHANS.lock().remove(&self.core.id);
            drop(orphan);
            let (left, port, bound) = {
                let mut link = self.link.lock();
                let port = link.local.port;
                (link.fall_back(), port, link.bound.port)
            };
            if let Some(pair) = left {
                table::leave(&pair, self.core.id, None);
            } else if bound != 0 {
                PORTS.release(bound, self.core.id);
            } else if port != 0 {
                PORTS.release(port, self.core.id);
            }
        }
    }

    /// Comes back to this socket when time is up.
    fn end_by_time(&self, at: Instant) {
        self.link.lock().ends_at = Some(at);
        let old = TIMERS.lock().insert((at, self.core.id), self.this.clone());
        drop(old);
        look_by(at);
    }

    /// A listener's queue is full: the connection is given up when SYNs would have been sent often enough.
    pub(super) fn wait_to_join(&self) {
        let count = self.tcp.syn_count.load(Relaxed).clamp(1, 16) as u32;
        let user = u64::from(self.tcp.user_timeout.load(Relaxed));
        let wait = if user > 0 {
            Duration::from_millis(user)
        } else {
            Duration::from_secs((1 << (count + 1)) - 1)
        };
        self.end_by_time(Instant::after(wait));
    }

    fn time_is_up(&self, state: State) -> bool {
        let mut link = self.link.lock();
        let up = link.ends_at.is_some_and(Instant::is_past);
        if up {
            link.ends_at = None;
        }
        up && link.state == state
    }

    fn give_up_joining(&self) {
        if self.time_is_up(State::SynSent) {
            self.fail(Errno::ETIMEDOUT);
        }
    }

    fn give_up_ending(&self) {
        if self.time_is_up(State::FinWait2) && self.link.lock().closed {
            self.with_wire(|wire| {
                if let Some(socket) = wire.socket() {
                    socket.abort();
                }
            });
        }
    }

    pub(super) fn send_wire(&self, src: &mut IoSrc<'_>) -> Result<usize> {
        let mut sent = 0;
        let step = self.with_wire(|wire| {
            let Some(socket) = wire.socket() else { return };
            // The buffer is a ring: a second time for what goes at its beginning.
            for _ in 0..2 {
                if src.remaining() == 0 || src.faulted() || !socket.can_send() {
                    break;
                }
                let taken = socket.send(|room| {
                    let taken = src.take(room);
                    (taken, taken)
                });
                sent += taken.unwrap_or(0);
            }
        });
        match (step, sent) {
            (None, _) => Err(Errno::EPIPE),
            (_, 0) if src.faulted() => Err(Errno::EFAULT),
            (_, 0) => Err(Errno::EAGAIN),
            _ => Ok(sent),
        }
    }

    pub(super) fn receive_wire(
        &self,
        dst: &mut IoDst<'_>,
        flags: MsgFlags,
        into: &mut Received,
    ) -> Result<()> {
        let wanted = dst.remaining();
        let mut moved = 0;
        let peek = flags.contains(MsgFlags::PEEK);
        {
            let mut guard = self.wire.lock();
            let socket = guard.as_mut().and_then(|wire| wire.socket());
            let Some(socket) = socket.filter(|socket| socket.recv_queue() > 0) else {
                return self.nothing(into);
            };
            if peek {
                let bytes = socket.peek(wanted).unwrap_or_default();
                moved = dst.put(bytes);
            } else {
                for _ in 0..2 {
                    let most = wanted - moved;
                    if most == 0 || dst.faulted() || socket.recv_queue() == 0 {
                        break;
                    }
                    let taken = socket.recv(|bytes| {
                        let bytes = bytes.get(..most.min(bytes.len())).unwrap_or(bytes);
                        let taken = if flags.contains(MsgFlags::TRUNC) {
                            bytes.len()
                        } else {
                            dst.put(bytes)
                        };
                        (taken, taken)
                    });
                    moved += taken.unwrap_or(0);
                }
            }
        }
        if moved == 0 && wanted > 0 && dst.faulted() {
            return Err(Errno::EFAULT);
        }
        if flags.contains(MsgFlags::TRUNC) {
            into.last = true;
        }
        into.bytes += moved;
        if !peek {
            // The window opened.
            self.with_wire(|_| ());
        }
        Ok(())
    }

    /// Bytes a socket of this kind has waiting, and whether there is room to send.
    pub(super) fn wire_readiness(&self) -> Option<(usize, bool)> {
        let mut guard = self.wire.lock();
        let socket = guard.as_mut()?.socket()?;
        Some((
            socket.recv_queue(),
            socket.send_queue() <= socket.send_capacity() / 3 * 2,
        ))
    }

    /// Bytes that were sent and not answered.
    pub(super) fn wire_unsent(&self) -> Option<usize> {
        let mut guard = self.wire.lock();
        Some(guard.as_mut()?.socket()?.send_queue())
    }
}

/// What is left of an end for the table.
impl TcpSocket {
    pub(super) fn rest(&self, state: State) -> Rest {
        Rest {
            id: self.core.id,
            state,
            since: Instant::now(),
            v6: self.core.family == Family::V6,
        }
    }
}
