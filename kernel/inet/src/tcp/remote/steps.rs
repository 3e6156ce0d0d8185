//! One step of a connection: its machine acts, what is to be sent goes, the socket follows, the next time is noted.

use super::super::TcpSocket;
use super::super::half;
use super::super::link::Shut;
use super::super::machine::sequence::Seq;
use super::super::machine::{End, KeepAlive, Machine, Settings};
use super::super::options::TcpFlags;
use super::super::state::State;
use super::super::table::{self, Rest};
use super::super::wire::{Standing, Way, Wire};
use super::ending;
use abi::Errno;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Weak;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use net::address::Family;
use net::options::Flags;
use sync::{Events, Instant, SpinLock, rank};

/// How long what was sent may stay without an answer when nobody says (`net.ipv4.tcp_retries2`), and of an end that
/// nobody holds (`net.ipv4.tcp_orphan_retries`).
const GIVE_UP: Duration = Duration::from_secs(924);
const GIVE_UP_ORPHAN: Duration = Duration::from_secs(100);

/// Who wants a step, and when.
static TIMERS: SpinLock<BTreeMap<(Instant, u64), Weak<TcpSocket>>, { rank::SOCKET_TABLE + 2 }> =
    SpinLock::new(BTreeMap::new());
/// When the worker looks next at the latest, in nanoseconds.
static NEXT_LOOK: AtomicU64 = AtomicU64::new(u64::MAX);

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
                Some(entry) if entry.key().0 <= now => Some(entry.remove_entry()),
                _ => None,
            }
        };
        let Some(((at, _), due)) = due else { break };
        if let Some(socket) = due.upgrade() {
            let rang = socket.with_wire(|wire| {
                if wire.timer == Some(at) {
                    wire.timer = None;
                }
            });
            if rang.is_none() {
                socket.give_up_joining();
            }
            socket.time_passes();
            socket.defer_time_passes();
            socket.cork_time_passes();
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

/// Comes back to a socket at `at`, whatever its machine wants.
pub(in super::super) fn come_back(socket: &TcpSocket, at: Instant) {
    let old = TIMERS
        .lock()
        .insert((at, socket.core.id), socket.this.clone());
    drop(old);
    look_by(at);
}

/// A machine is taken from its socket: its time need not come.
pub(in super::super) fn disarm(socket: &TcpSocket, wire: Option<Box<Wire>>) {
    let timer = wire.as_ref().and_then(|wire| wire.timer);
    let old = timer.and_then(|at| TIMERS.lock().remove(&(at, socket.core.id)));
    drop((old, wire));
}

impl TcpSocket {
    /// Begins a connection that leaves the machine. `number`: with which, if any is not as good.
    pub(in super::super) fn start_wire(&self, number: Option<Seq>) {
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
        *self.wire.lock() = Some(Box::new(Wire::connecting(&local, &remote, device, number)));
        self.apply_settings();
    }

    /// Has packets carry the hop limit and type of service that were chosen.
    pub(in super::super) fn mark(&self, way: &mut Way) {
        let ip = &self.core.ip;
        let (family, tos) = if way.to.is_ipv4() {
            (Family::V4, ip.tos())
        } else {
            (Family::V6, ip.tclass())
        };
        way.hop_limit = ip.hop_limit(family, false).max(1);
        way.any_hops = !ip.chooses_hops(family);
        way.tos = tos;
    }

    /// Tells the machine what the options are.
    pub(in super::super) fn apply_settings(&self) {
        let (wired, closed) = {
            let link = self.link.lock();
            (link.wired, link.closed)
        };
        if !wired {
            return;
        }
        let kept = &self.tcp;
        let seconds = |value: i32| Duration::from_secs(value.max(1) as u64);
        let flags = kept.flags();
        let options = &self.core.options;
        let keep_alive = options
            .flags()
            .contains(Flags::KEEPALIVE)
            .then(|| KeepAlive {
                idle: seconds(kept.keep_idle.load(Relaxed)),
                interval: seconds(kept.keep_interval.load(Relaxed)),
                count: kept.keep_count.load(Relaxed).max(1) as u32,
            });
        let user = u64::from(kept.user_timeout.load(Relaxed));
        let settings = Settings {
            nagle: !flags.contains(TcpFlags::NODELAY),
            corked: flags.contains(TcpFlags::CORK),
            keep_alive,
            user_timeout: (user > 0).then(|| Duration::from_millis(user)),
            give_up: if closed { GIVE_UP_ORPHAN } else { GIVE_UP },
            syn_count: kept.syn_count.load(Relaxed).clamp(1, 127) as u32,
            max_segment: self.asked_segment(),
            send_buffer: options.chosen_send_buffer(),
            receive_buffer: self.chosen_window(),
            not_sent_low: kept.not_sent_low(),
        };
        self.with_wire(|wire| {
            self.mark(&mut wire.way);
            wire.machine.set(&settings);
        });
    }

    /// One step: `act`, then what is to be sent goes, and the socket is as its machine is.
    pub(in super::super) fn with_wire<R>(&self, act: impl FnOnce(&mut Wire) -> R) -> Option<R> {
        let mut guard = self.wire.lock();
        let wire = guard.as_mut()?;
        let result = act(wire);
        let (news, ended) = self.step(wire);
        let dropped = if ended { guard.take() } else { None };
        drop(guard);
        if dropped.is_some() {
            disarm(self, dropped);
        }
        if !news.is_empty() {
            self.core.pollee.notify(news);
        }
        if ended {
            ending::let_go(self);
        }
        Some(result)
    }

    fn step(&self, wire: &mut Wire) -> (Events, bool) {
        let standing = wire.flush();
        self.arm(wire, standing.again);
        let result = self.follow(&standing, &wire.machine);
        if standing.state == State::FinWait2 {
            self.wait_for_end();
        }
        result
    }

    /// Notes when the machine wants its next step. A time that was noted earlier stays: the step then comes early,
    /// does nothing and notes the right one.
    fn arm(&self, wire: &mut Wire, again: Option<Instant>) {
        if let (Some(noted), Some(again)) = (wire.timer, again)
            && noted <= again
        {
            return;
        }
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
    fn follow(&self, standing: &Standing, machine: &Machine) -> (Events, bool) {
        let mut news = Events::empty();
        if standing.waiting > 0 {
            news |= Events::READABLE;
        }
        if standing.room && standing.state.may_send() {
            news |= Events::WRITABLE | Events::WRBAND;
        }
        let mut link = self.link.lock();
        let before = link.state;
        let all = Events::all() - Events::NVAL - Events::UNLOCKED;
        if standing.done && link.lingers {
            link.lingers = false;
            news = all;
        }
        if before == standing.state && before == State::Established {
            return (news, false);
        }
        link.state = standing.state;
        if matches!(
            standing.state,
            State::CloseWait | State::Closing | State::TimeWait | State::LastAck
        ) && !link.done
        {
            link.done = true;
            link.shut |= Shut::RECEIVE;
            news = all;
        }
        if before == State::SynSent {
            news = all;
        }
        let mut left = None;
        let mut rest = None;
        let mut ended = false;
        if standing.state == State::TimeWait {
            // What waits is the table. Bytes that came stay with the machine until they are read.
            link.shut = Shut::all();
            rest = Some(Rest {
                last: Some(machine.last()),
                ..self.rest(State::TimeWait)
            });
            left = link.pair.take();
            link.state = State::Closed;
            ended = standing.waiting == 0;
            news = all;
        } else if standing.state == State::Closed {
            link.state = before;
            if before != State::Closed {
                link.error = standing.end.map(|end| match (before, end) {
                    (State::SynSent, End::Reset) => Errno::ECONNREFUSED,
                    (State::CloseWait, End::Reset) => Errno::EPIPE,
                    (_, End::Reset) => Errno::ECONNRESET,
                    (_, End::TimedOut) => Errno::ETIMEDOUT,
                });
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
}
