//! All connections: who has which pair of ends, and what is left of those that ended.

use super::TcpSocket;
use super::machine::segment::Header;
use super::machine::{Last, Met};
use super::state::State;
use crate::ports::{Ports, Receivers};
use alloc::collections::VecDeque;
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

    /// Whether a new connection between the same ends may take its place. `within`: it stays in the machine.
    fn gives_way(&self, within: bool) -> bool {
        let told = match &self.last {
            Some(last) => last.stamps.is_some(),
            // Nothing of the kind is told within the machine, where Linux tells times.
            None => TCP_TIMESTAMPS.load(Relaxed) != 0,
        };
        let may = match TCP_REUSE.load(Relaxed) {
            0 => false,
            1 => true,
            _ => within,
        };
        may && told && self.since.saturating_add(REUSE_AFTER) <= Instant::now()
    }

    fn ends(&self) -> Instant {
        self.since.saturating_add(REMEMBER)
    }
}

enum Conn {
    Live(u64, Weak<TcpSocket>),
    Rest(Rest),
}

#[derive(Default)]
struct Conns {
    map: Option<HashMap<Pair, Conn>>,
    /// In order of time; what changed since is passed over.
    rests: VecDeque<(Instant, Pair)>,
}

static CONNS: SpinLock<Conns, { rank::SOCKET_TABLE }> = SpinLock::new(Conns {
    map: None,
    rests: VecDeque::new(),
});

impl Conns {
    fn map(&mut self) -> &mut HashMap<Pair, Conn> {
        self.map.get_or_insert_with(HashMap::new)
    }

    /// Forgets what has been remembered long enough.
    fn sweep(&mut self, freed: &mut Vec<(u16, u64)>) {
        if self.rests.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some((since, pair)) = self.rests.front().copied() {
            if since.saturating_add(REMEMBER) > now {
                break;
            }
            self.rests.pop_front();
            let Some(Conn::Rest(rest)) = self.map().get(&pair) else {
                continue;
            };
            let (id, anew) = (rest.id, rest.since);
            if rest.ends() <= now {
                freed.push((pair.local.1, id));
                self.map().remove(&pair);
            } else if anew != since {
                let place = self.rests.partition_point(|(since, _)| *since <= anew);
                self.rests.insert(place, (anew, pair));
            }
        }
    }
}

fn free(freed: Vec<(u16, u64)>) {
    for (port, id) in freed {
        PORTS.release(port, id);
    }
}

/// Enters a connection; `false` when another has the same ends. `replaces`: one that is only remembered gives way.
pub fn enter(pair: Pair, id: u64, socket: Weak<TcpSocket>, replaces: bool) -> bool {
    let mut freed = Vec::new();
    let within = !super::wire::leaves(pair.remote.0);
    let mut conns = CONNS.lock();
    conns.sweep(&mut freed);
    let taken = match conns.map().get(&pair) {
        Some(Conn::Live(..)) => true,
        Some(Conn::Rest(rest)) => {
            let id = rest.id;
            let kept = !replaces && !rest.gives_way(within);
            if !kept {
                freed.push((pair.local.1, id));
            }
            kept
        }
        None => false,
    };
    let old = if taken {
        None
    } else {
        conns.map().insert(pair, Conn::Live(id, socket))
    };
    drop(conns);
    drop(old);
    free(freed);
    !taken
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

/// A socket leaves. `rest`: what is left of it; its claim on the port then stays as long.
pub fn leave(pair: &Pair, id: u64, rest: Option<Rest>) {
    let mut conns = CONNS.lock();
    let own = matches!(conns.map().get(pair), Some(Conn::Live(other, _)) if *other == id);
    // With too many of them it is forgotten at once.
    let full = conns.rests.len() >= TCP_RESTS_MAX.load(Relaxed) as usize;
    let keeps = rest.is_some_and(|rest| !full || rest.state != State::TimeWait);
    let old = match rest {
        _ if !own => None,
        Some(rest) if keeps => {
            conns.rests.push_back((rest.since, *pair));
            conns.map().insert(*pair, Conn::Rest(rest))
        }
        _ => conns.map().remove(pair),
    };
    drop(conns);
    drop(old);
    if !keeps || !own {
        PORTS.release(pair.local.1, id);
    }
}

/// The other end of a connection whose socket is gone ended too; `false` when nothing was left.
pub fn fin_to_rest(pair: &Pair) -> bool {
    let mut conns = CONNS.lock();
    let now = Instant::now();
    let Some(Conn::Rest(rest)) = conns.map().get_mut(pair) else {
        return false;
    };
    rest.state = rest.state.fin_received();
    rest.since = now;
    true
}

/// A segment came for a connection over a card that is only remembered: what becomes of it. `None` when nothing is.
pub fn meet(pair: &Pair, header: &Header, span: usize) -> Option<Met> {
    let mut conns = CONNS.lock();
    let Some(Conn::Rest(rest)) = conns.map().get_mut(pair) else {
        return None;
    };
    let now = Instant::now();
    let (met, renews) = rest.last.as_mut()?.meet(header, span, now);
    if renews {
        // Its place in the row is found when its first time is over.
        rest.since = now;
    }
    Some(met)
}

/// Something came for a connection whose socket is gone: nothing is left of it.
pub fn reset_rest(pair: &Pair) {
    let mut conns = CONNS.lock();
    if let Some(Conn::Rest(rest)) = conns.map().get(pair) {
        let id = rest.id;
        conns.map().remove(pair);
        drop(conns);
        PORTS.release(pair.local.1, id);
    }
}

/// Everything there is.
#[must_use]
pub fn all() -> (Vec<Arc<TcpSocket>>, Vec<(Pair, Rest)>) {
    let mut freed = Vec::new();
    let mut conns = CONNS.lock();
    conns.sweep(&mut freed);
    let mut live = Vec::new();
    let mut rests = Vec::new();
    for (pair, conn) in conns.map().iter() {
        match conn {
            Conn::Live(_, socket) => live.extend(socket.upgrade()),
            Conn::Rest(rest) => rests.push((*pair, *rest)),
        }
    }
    drop(conns);
    free(freed);
    sync::order::sort_by_key(&mut live, |socket| socket.core.id);
    sync::order::sort_by_key(&mut rests, |(_, rest)| rest.id);
    (live, rests)
}
