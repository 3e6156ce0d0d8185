//! Connections half made: a SYN came, the answer went, the last step is missing.
//!
//! An entry keeps the SYN and the seed of the answer's numbers, not a connection with its buffers: the state machine
//! is made for the answer and thrown away, and made again, the same, when the last step comes. So a flood of SYNs
//! costs a few hundred bytes each, of which there are only so many: the oldest gives way.

use super::TcpSocket;
use super::state::State;
use super::table::Pair;
use super::wire::{Wire, seed};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::time::Duration;
use hashbrown::HashMap;
use sync::{Instant, SpinLock, rank};

/// Entries there are at most (`net.ipv4.tcp_max_syn_backlog`).
const MOST: usize = 1024;
/// Times an answer is sent again (`net.ipv4.tcp_synack_retries`), the first after this.
const RETRIES: u32 = 5;
const FIRST: Duration = Duration::from_secs(1);

/// One of them.
#[derive(Clone)]
struct Half {
    syn: Arc<[u8]>,
    seed: u64,
    listener: Weak<TcpSocket>,
    device: u32,
    sent: u32,
    serial: u64,
}

#[derive(Default)]
struct Table {
    map: Option<HashMap<Pair, Half>>,
    /// In the order they came; those that are gone are passed over.
    order: VecDeque<(u64, Pair)>,
    /// When answers are sent again.
    due: BTreeMap<(Instant, u64), Pair>,
    serial: u64,
}

static TABLE: SpinLock<Table, { rank::SOCKET_TABLE }> = SpinLock::new(Table {
    map: None,
    order: VecDeque::new(),
    due: BTreeMap::new(),
    serial: 0,
});

impl Table {
    fn map(&mut self) -> &mut HashMap<Pair, Half> {
        self.map.get_or_insert_with(HashMap::new)
    }

    /// Makes room for one more.
    fn evict(&mut self) -> Option<Half> {
        // Entries that are gone leave their places in the row; it is cut when it is long.
        while self.map().len() >= MOST || self.order.len() >= 4 * MOST {
            let (serial, pair) = self.order.pop_front()?;
            if self
                .map()
                .get(&pair)
                .is_some_and(|half| half.serial == serial)
            {
                if self.map().len() >= MOST {
                    return self.map().remove(&pair);
                }
                self.order.push_back((serial, pair));
            }
        }
        None
    }
}

/// A SYN came for a listener with room.
pub fn answer(listener: &Arc<TcpSocket>, pair: Pair, syn: &[u8], device: u32) {
    let known = TABLE.lock().map().get(&pair).cloned();
    let half = known.unwrap_or_else(|| Half {
        syn: syn.into(),
        seed: seed(),
        listener: Arc::downgrade(listener),
        device,
        sent: 0,
        serial: 0,
    });
    half.machine(&pair).flush();
    let due = Instant::after(FIRST);
    let mut table = TABLE.lock();
    let gone = table.evict();
    table.serial += 1;
    let serial = table.serial;
    table.order.push_back((serial, pair));
    table.due.insert((due, serial), pair);
    let old = table.map().insert(pair, Half { serial, ..half });
    drop(table);
    drop((gone, old));
    super::remote::look_by(due);
}

impl Half {
    /// The machine as it is after the SYN came.
    fn machine(&self, pair: &Pair) -> Wire {
        let mut wire = Wire::answering(&pair.local(), &pair.remote(), self.device, self.seed);
        wire.input(self.syn.to_vec(), false);
        wire
    }
}

/// What became of a segment for a half-made connection.
pub enum Outcome {
    /// There is none.
    Unknown,
    /// It is made: its machine, and the listener it belongs to.
    Made(alloc::boxed::Box<Wire>, Arc<TcpSocket>),
    /// It was taken, or dropped.
    Done,
}

/// A segment without SYN came; it may be the last step.
pub fn last_step(pair: &Pair, packet: &[u8], reset: bool) -> Outcome {
    let half = TABLE.lock().map().get(pair).cloned();
    let Some(half) = half else {
        return Outcome::Unknown;
    };
    if reset {
        let old = TABLE.lock().map().remove(pair);
        drop(old);
        return Outcome::Done;
    }
    let Some(listener) = half.listener.upgrade() else {
        let old = TABLE.lock().map().remove(pair);
        drop(old);
        return Outcome::Unknown;
    };
    if !listener.takes_connections() {
        // As if it had been lost: the client sends again.
        return Outcome::Done;
    }
    let mut wire = half.machine(pair);
    wire.forget();
    wire.input(packet.to_vec(), false);
    let state = wire.socket().map(|socket| socket.state());
    if matches!(
        state,
        None | Some(
            smoltcp::socket::tcp::State::Closed
                | smoltcp::socket::tcp::State::Listen
                | smoltcp::socket::tcp::State::SynReceived
        )
    ) {
        wire.flush();
        return Outcome::Done;
    }
    let old = TABLE.lock().map().remove(pair);
    drop(old);
    Outcome::Made(alloc::boxed::Box::new(wire), listener)
}

/// Sends answers again; when to come again.
pub fn settle() -> Option<Instant> {
    let now = Instant::now();
    let mut again = Vec::new();
    let mut gone = Vec::new();
    let next = {
        let mut table = TABLE.lock();
        while let Some(entry) = table.due.first_entry() {
            let (at, serial) = *entry.key();
            if at > now {
                break;
            }
            let pair = entry.remove();
            let Some(half) = table
                .map()
                .get_mut(&pair)
                .filter(|half| half.serial == serial)
            else {
                continue;
            };
            half.sent += 1;
            if half.sent > RETRIES || half.listener.strong_count() == 0 {
                gone.extend(table.map().remove(&pair));
                continue;
            }
            let later = now.saturating_add(FIRST * (1 << half.sent));
            again.push((pair, half.clone()));
            table.due.insert((later, serial), pair);
        }
        table.due.first_key_value().map(|((at, _), _)| *at)
    };
    drop(gone);
    for (pair, half) in again {
        half.machine(&pair).flush();
    }
    next
}

/// Half-made connections, for `/proc/net/tcp`.
#[must_use]
pub fn all() -> Vec<(Pair, State)> {
    TABLE
        .lock()
        .map()
        .keys()
        .map(|pair| (*pair, State::SynReceived))
        .collect()
}
