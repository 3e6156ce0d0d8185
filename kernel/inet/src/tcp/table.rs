//! All connections: who has which pair of ends, and what is left of those that ended.

use super::TcpSocket;
use super::machine::segment::Header;
use super::machine::sequence::Seq;
use super::machine::{Last, Met};
use super::state::State;
use crate::ports::{Ports, Receivers};
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use hashbrown::HashMap;
use net::address::Endpoint;
use net::settings::{TCP_RESTS_MAX, TCP_REUSE, TCP_TIMESTAMPS};
use sync::{Instant, SpinLock, rank};

/// Claims on TCP ports.
pub static PORTS: Ports = Ports::new();
/// Who listens.
pub static LISTENERS: Receivers<TcpSocket> = Receivers::new();

/// How long an end that closed first remembers (`TCP_TIMEWAIT_LEN`), and how long one that nobody holds waits for the
/// other's end (`net.ipv4.tcp_fin_timeout`).
const REMEMBER: Duration = Duration::from_secs(60);
/// After this a connection may take the place of one that is only remembered, if that is allowed.
const REUSE_AFTER: Duration = Duration::from_secs(1);

/// The two ends of a connection, this one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    local: (IpAddr, u16),
    remote: (IpAddr, u16),
}

impl Pair {
    /// Of two ends.
    #[must_use]
    pub fn new(local: &Endpoint, remote: &Endpoint) -> Self {
        Self {
            local: (local.addr, local.port),
            remote: (remote.addr, remote.port),
        }
    }

    /// As the other end sees it.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            local: self.remote,
            remote: self.local,
        }
    }

    /// The own end.
    #[must_use]
    pub fn local(&self) -> Endpoint {
        Endpoint::new(self.local.0, self.local.1)
    }

    /// The other end.
    #[must_use]
    pub fn remote(&self) -> Endpoint {
        Endpoint::new(self.remote.0, self.remote.1)
    }
}

/// What is left of a connection whose socket is gone.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    /// The number its claim on the port has.
    pub id: u64,
    /// FIN_WAIT2 or TIME_WAIT.
    pub state: State,
    /// When it came to that.
    pub since: Instant,
    /// Of an AF_INET6 socket.
    pub v6: bool,
    /// How a connection over a card stood.
    pub last: Option<Last>,
}

impl Rest {
    /// How long it is remembered yet, in hundredths of a second.
    #[must_use]
    pub fn left_ticks(&self) -> u64 {
        let left = self.ends().saturating_since(Instant::now());
        u64::try_from(left.as_millis() / 10).unwrap_or(0)
    }

    /// Whether a new connection between the same ends may take its place (`tcp_twsk_unique`).
    fn gives_way(&self, asks: Asks, now: Instant) -> bool {
        let told = match &self.last {
            Some(last) => last.stamps.is_some(),
            // Nothing of the kind is told within the machine, where Linux tells times.
            None => TCP_TIMESTAMPS.load(Relaxed) != 0,
        };
        let may = match (asks, TCP_REUSE.load(Relaxed)) {
            (Asks::Answers, _) => return true,
            (Asks::FromItsOwnPort, _) => true,
            (_, 0) | (Asks::FromAnyPort { within: false }, 2..) => false,
            (Asks::FromAnyPort { .. }, _) => {
                self.state == State::TimeWait && self.since.saturating_add(REUSE_AFTER) <= now
            }
        };
        may && told
    }

    fn ends(&self) -> Instant {
        self.since.saturating_add(REMEMBER)
    }

    fn key(&self) -> (Instant, u64) {
        (self.since, self.id)
    }
}

/// Who wants two ends that a connection may rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A SYN was looked at by what rests there, or comes from within the machine.
    Answers,
    /// `connect` of a socket that has a port.
    FromItsOwnPort,
    /// `connect`, for which any port is as good. `within`: it stays in the machine.
    FromAnyPort {
        /// See there.
        within: bool,
    },
}

enum Conn {
    Live(u64, Weak<TcpSocket>),
    Rest(Rest),
}

#[derive(Default)]
struct Conns {
    map: Option<HashMap<Pair, Conn>>,
    /// Those that only rest, by when they began to, and by their numbers.
    rests: BTreeMap<(Instant, u64), Pair>,
}

static CONNS: SpinLock<Conns, { rank::SOCKET_TABLE }> = SpinLock::new(Conns {
    map: None,
    rests: BTreeMap::new(),
});

/// A port and whose claim on it ends.
type Freed = (u16, u64);

impl Conns {
    fn map(&mut self) -> &mut HashMap<Pair, Conn> {
        self.map.get_or_insert_with(HashMap::new)
    }

    fn rest(&mut self, pair: &Pair) -> Option<&mut Rest> {
        match self.map().get_mut(pair) {
            Some(Conn::Rest(rest)) => Some(rest),
            _ => None,
        }
    }

    /// Forgets the first of those that have been remembered long enough.
    fn expire(&mut self, now: Instant) -> Option<Freed> {
        let (&(since, _), &pair) = self.rests.first_key_value()?;
        if since.saturating_add(REMEMBER) > now {
            return None;
        }
        self.forget(&pair)
    }

    /// Forgets what rests on two ends.
    fn forget(&mut self, pair: &Pair) -> Option<Freed> {
        let rest = *self.rest(pair)?;
        self.map().remove(pair);
        self.rests.remove(&rest.key());
        Some((pair.local.1, rest.id))
    }

    fn enter(
        &mut self,
        pair: Pair,
        id: u64,
        socket: Weak<TcpSocket>,
        asks: Asks,
        now: Instant,
    ) -> Result<(Option<Freed>, Option<Seq>)> {
        self.map().try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let mut begins = None;
        match self.map().get(&pair) {
            Some(Conn::Live(..)) => return Err(Errno::EADDRNOTAVAIL),
            Some(Conn::Rest(rest)) if !rest.gives_way(asks, now) => {
                return Err(Errno::EADDRNOTAVAIL);
            }
            Some(Conn::Rest(rest)) => begins = rest.last.as_ref().map(Last::beyond),
            None => {}
        }
        let freed = self.forget(&pair);
        self.map().insert(pair, Conn::Live(id, socket));
        Ok((freed, begins))
    }

    /// Whether something is left, which then rests; the weak link is let go of outside the lock.
    fn leave(
        &mut self,
        pair: &Pair,
        id: u64,
        rest: Option<Rest>,
        most: usize,
    ) -> (bool, Option<Conn>) {
        let own = matches!(self.map().get(pair), Some(Conn::Live(other, _)) if *other == id);
        let rest = rest.filter(|_| own && self.rests.len() < most);
        let old = match rest {
            _ if !own => None,
            Some(rest) => {
                self.rests.insert(rest.key(), *pair);
                self.map().insert(*pair, Conn::Rest(rest))
            }
            None => self.map().remove(pair),
        };
        (rest.is_some(), old)
    }

    /// The time of remembering begins anew.
    fn renew(&mut self, pair: &Pair, now: Instant) {
        let Some(rest) = self.rest(pair) else { return };
        let before = rest.key();
        rest.since = now;
        let key = rest.key();
        self.rests.remove(&before);
        self.rests.insert(key, *pair);
    }
}

/// Forgets what has been remembered long enough.
pub fn sweep() {
    loop {
        let freed = CONNS.lock().expire(Instant::now());
        let Some((port, id)) = freed else { return };
        PORTS.release(port, id);
    }
}

/// Enters a connection. The number it begins with, if one that rests gave way that still would take others for its own.
///
/// # Errors
/// `EADDRNOTAVAIL`: another has the same ends. `ENOMEM`
pub fn enter(pair: Pair, id: u64, socket: Weak<TcpSocket>, asks: Asks) -> Result<Option<Seq>> {
    sweep();
    let entered = CONNS.lock().enter(pair, id, socket, asks, Instant::now());
    let (freed, begins) = entered?;
    if let Some((port, id)) = freed {
        PORTS.release(port, id);
    }
    Ok(begins)
}

/// The socket of two ends.
#[must_use]
pub fn find(pair: &Pair) -> Option<Arc<TcpSocket>> {
    let mut conns = CONNS.lock();
    match conns.map().get(pair) {
        Some(Conn::Live(_, socket)) => socket.upgrade(),
        _ => None,
    }
}

/// A socket leaves. `rest`: what is left of it; its claim on the port then stays as long. Of too many nothing is left.
pub fn leave(pair: &Pair, id: u64, rest: Option<Rest>) {
    let most = TCP_RESTS_MAX.load(Relaxed) as usize;
    let (rests, old) = CONNS.lock().leave(pair, id, rest, most);
    drop(old);
    if !rests {
        PORTS.release(pair.local.1, id);
    }
}

/// The other end of a connection whose socket is gone ended too; `false` when nothing was left.
pub fn fin_to_rest(pair: &Pair) -> bool {
    let mut conns = CONNS.lock();
    let Some(rest) = conns.rest(pair) else {
        return false;
    };
    rest.state = rest.state.fin_received();
    conns.renew(pair, Instant::now());
    true
}

/// A segment came for a connection over a card that is only remembered: what becomes of it. `None` when nothing is.
pub fn meet(pair: &Pair, header: &Header, span: usize) -> Option<Met> {
    sweep();
    let mut conns = CONNS.lock();
    let now = Instant::now();
    let (met, renews) = conns.rest(pair)?.last.as_mut()?.meet(header, span, now);
    if renews {
        conns.renew(pair, now);
    }
    Some(met)
}

/// Something came for a connection whose socket is gone: nothing is left of it.
pub fn reset_rest(pair: &Pair) {
    let freed = CONNS.lock().forget(pair);
    if let Some((port, id)) = freed {
        PORTS.release(port, id);
    }
}

/// Everything there is.
#[must_use]
pub fn all() -> (Vec<Arc<TcpSocket>>, Vec<(Pair, Rest)>) {
    sweep();
    let mut conns = CONNS.lock();
    let mut live = Vec::new();
    let mut rests = Vec::new();
    for (pair, conn) in conns.map().iter() {
        match conn {
            Conn::Live(_, socket) => live.extend(socket.upgrade()),
            Conn::Rest(rest) => rests.push((*pair, *rest)),
        }
    }
    drop(conns);
    sync::order::sort_by_key(&mut live, |socket| socket.core.id);
    sync::order::sort_by_key(&mut rests, |(_, rest)| rest.id);
    (live, rests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    const MOST: usize = 3;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn pair(port: u16) -> Pair {
        let end = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Pair::new(&end(port), &end(80))
    }

    fn rest(id: u64, state: State, since: Instant) -> Rest {
        Rest {
            id,
            state,
            since,
            v6: false,
            last: None,
        }
    }

    fn enter(conns: &mut Conns, port: u16, id: u64, asks: Asks, now: Instant) -> Result<bool> {
        let entered = conns.enter(pair(port), id, Weak::new(), asks, now);
        entered.map(|(freed, _)| freed.is_some())
    }

    /// A connection from a port that came and went.
    fn spend(conns: &mut Conns, port: u16, id: u64, state: State, now: Instant) -> bool {
        assert!(enter(conns, port, id, Asks::FromItsOwnPort, now).is_ok());
        let rest = rest(id, state, now);
        conns.leave(&pair(port), id, Some(rest), MOST).0
    }

    #[test]
    fn what_rests_is_forgotten_after_its_time_and_only_then() {
        let mut conns = Conns::default();
        assert!(spend(&mut conns, 1, 10, State::TimeWait, at(0)));
        assert!(spend(&mut conns, 2, 20, State::TimeWait, at(5)));
        conns.renew(&pair(1), at(10));
        assert_eq!(conns.expire(at(60_004)), None);
        assert_eq!(conns.expire(at(60_005)), Some((2, 20)));
        assert_eq!(conns.expire(at(60_009)), None);
        assert_eq!(conns.expire(at(60_010)), Some((1, 10)));
        assert!(conns.rests.is_empty() && conns.map().is_empty());
    }

    #[test]
    fn ends_used_again_and_again_leave_one_rest() {
        let mut conns = Conns::default();
        for id in 0..1000 {
            assert!(spend(&mut conns, 1, id, State::TimeWait, at(id * 2000)));
            assert_eq!(conns.rests.len(), 1);
        }
        assert_eq!(conns.forget(&pair(1)), Some((1, 999)));
        assert!(conns.rests.is_empty());
    }

    #[test]
    fn of_too_many_nothing_is_left_whatever_their_state() {
        let mut conns = Conns::default();
        for port in 0..10 {
            let state = if port % 2 == 0 {
                State::TimeWait
            } else {
                State::FinWait2
            };
            let rests = spend(&mut conns, port, u64::from(port), state, at(0));
            assert_eq!(rests, usize::from(port) < MOST);
        }
        assert_eq!(conns.map().len(), MOST);
        // Those that are over make room.
        assert!(conns.expire(at(60_000)).is_some());
        assert!(spend(&mut conns, 77, 77, State::TimeWait, at(60_000)));
    }

    #[test]
    fn who_has_a_port_connects_from_it_again_at_once_and_who_has_none_after_a_second() {
        let any = Asks::FromAnyPort { within: true };
        let away = Asks::FromAnyPort { within: false };
        let mut conns = Conns::default();
        assert!(spend(&mut conns, 1, 10, State::TimeWait, at(0)));
        assert_eq!(
            enter(&mut conns, 1, 11, any, at(999)),
            Err(Errno::EADDRNOTAVAIL)
        );
        assert_eq!(
            enter(&mut conns, 1, 11, away, at(9999)),
            Err(Errno::EADDRNOTAVAIL)
        );
        assert_eq!(enter(&mut conns, 1, 11, any, at(1000)), Ok(true));
        assert_eq!(
            enter(&mut conns, 1, 12, Asks::Answers, at(1000)),
            Err(Errno::EADDRNOTAVAIL)
        );
        assert!(
            conns
                .leave(
                    &pair(1),
                    11,
                    Some(rest(11, State::TimeWait, at(1000))),
                    MOST
                )
                .0
        );
        assert_eq!(
            enter(&mut conns, 1, 12, Asks::FromItsOwnPort, at(1001)),
            Ok(true)
        );
    }

    #[test]
    fn what_waits_for_the_other_end_gives_way_to_who_has_the_port_alone() {
        let mut conns = Conns::default();
        assert!(spend(&mut conns, 1, 10, State::FinWait2, at(0)));
        let any = Asks::FromAnyPort { within: true };
        assert_eq!(
            enter(&mut conns, 1, 11, any, at(5000)),
            Err(Errno::EADDRNOTAVAIL)
        );
        assert_eq!(
            enter(&mut conns, 1, 11, Asks::FromItsOwnPort, at(5000)),
            Ok(true)
        );
    }

    #[test]
    fn nobody_takes_anothers_place_away() {
        let mut conns = Conns::default();
        assert_eq!(enter(&mut conns, 1, 10, Asks::Answers, at(0)), Ok(false));
        let (rests, old) = conns.leave(&pair(1), 99, Some(rest(99, State::TimeWait, at(0))), MOST);
        assert!(!rests && old.is_none());
        assert!(matches!(conns.map().get(&pair(1)), Some(Conn::Live(10, _))));
    }
}
