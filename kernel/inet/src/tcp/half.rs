//! Connections half made: a SYN came, the answer went, the last step is missing.
//!
//! An entry keeps what the two ends said, not a connection: that is made when the last step comes. So a flood of
//! SYNs costs some hundred bytes each, of which there are only so many: the oldest gives way.
//!
//! Of a listener that wants data first (`TCP_DEFER_ACCEPT`) the last step without data is heard and dropped; when
//! the answer went again as often as the program's seconds say, the next counts without.

use super::TcpSocket;
use super::machine::segment::{Bits, Header};
use super::machine::sequence::{Seq, Steps};
use super::machine::stamps::Stamps;
use super::machine::{Agreed, SCALE};
use super::secret::{first_number, stamps_wanted};
use super::state::State;
use super::table::Pair;
use super::wire::{Post, Way, Wire};
use alloc::boxed::Box;
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
/// The last doubling of the wait.
const DOUBLINGS: u32 = 6;
/// The segment size of an end that does not tell its own: of IPv4 and of IPv6.
const MSS_DEFAULT: (u16, u16) = (536, 1220);

/// One of them.
#[derive(Clone)]
struct Half {
    agreed: Agreed,
    way: Way,
    own_mss: u16,
    listener: Weak<TcpSocket>,
    since: Instant,
    /// Times it was time to answer again, and times data is waited for.
    timeouts: u32,
    deferred: u32,
    /// The last step came, without data.
    heard: bool,
    serial: u64,
    /// When it is looked at again.
    due: Instant,
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

    /// Takes one out, and its time with it: a flood of those that give way leaves nothing behind.
    fn remove(&mut self, pair: &Pair) -> Option<Half> {
        let half = self.map().remove(pair)?;
        self.due.remove(&(half.due, half.serial));
        Some(half)
    }

    /// Puts one in; who gave way to it.
    fn insert(&mut self, pair: Pair, mut half: Half) -> [Option<Half>; 2] {
        let gone = [self.remove(&pair), self.evict()];
        self.serial += 1;
        half.serial = self.serial;
        self.order.push_back((half.serial, pair));
        self.due.insert((half.due, half.serial), pair);
        self.map().insert(pair, half);
        gone
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
                    return self.remove(&pair);
                }
                self.order.push_back((serial, pair));
            }
        }
        None
    }
}

/// A SYN came for a listener with room. `own`: the number to begin with, after a connection of the same ends.
pub fn answer(listener: &Arc<TcpSocket>, pair: Pair, syn: &Header, way: Way, own: Option<Seq>) {
    let known = TABLE.lock().map().get(&pair).cloned();
    // The same SYN again has the same answer; another is another connection.
    if let Some(half) = known
        && half.agreed.other == syn.seq
    {
        half.reply();
        return;
    }
    let own = own.unwrap_or_else(|| first_number(&pair.local(), &pair.remote()));
    let half = Half::new(listener, syn, way, own);
    half.reply();
    let due = half.due;
    let gone = TABLE.lock().insert(pair, half);
    drop(gone);
    super::remote::look_by(due);
}

impl Half {
    fn new(listener: &Arc<TcpSocket>, syn: &Header, mut way: Way, own: Seq) -> Self {
        let now = Instant::now();
        let stamps = syn.stamps.and_then(|(value, _)| {
            let offset = stamps_wanted(way.from, way.to)?;
            Some(Stamps::new(offset, now).with(value, syn.seq.plus(1), now))
        });
        listener.mark(&mut way);
        let (v4, v6) = MSS_DEFAULT;
        let default = if way.from.is_ipv4() { v4 } else { v6 };
        let asked = listener.asked_segment().unwrap_or(u16::MAX);
        Self {
            agreed: Agreed {
                local: syn.to,
                remote: syn.from,
                own,
                other: syn.seq,
                mss: syn.mss.unwrap_or(default),
                scale: syn.scale,
                ranges: syn.sack_permitted,
                stamps,
                told: listener.first_window(),
            },
            way,
            own_mss: way.segment().min(asked),
            listener: Arc::downgrade(listener),
            since: now,
            timeouts: 0,
            deferred: listener.deferrals(),
            heard: false,
            serial: 0,
            due: now.saturating_add(FIRST),
        }
    }

    /// Answers the SYN.
    fn reply(&self) {
        let agreed = &self.agreed;
        let header = Header {
            from: agreed.local,
            to: agreed.remote,
            seq: agreed.own,
            ack: agreed.other.plus(1),
            bits: Bits::SYN | Bits::ACK,
            window: agreed.told,
            mss: Some(self.own_mss),
            scale: agreed.scale.map(|_| SCALE),
            sack_permitted: agreed.ranges,
            stamps: agreed.stamps.map(|stamps| stamps.pair(Instant::now())),
            ..Header::default()
        };
        Post::new(self.way).send(&header, 0, |_| ());
    }

    /// Whether a number lies in the window that was told.
    fn in_window(&self, seq: Seq) -> bool {
        let first = self.agreed.other.plus(1);
        !seq.before(first) && !seq.after(first.plus(usize::from(self.agreed.told)))
    }

    /// Whether a segment is of an earlier connection between the same ends.
    fn is_old(&self, header: &Header) -> bool {
        match (&self.agreed.stamps, header.stamps) {
            (Some(stamps), Some((value, _))) => stamps.is_old(value, Instant::now()),
            _ => false,
        }
    }

    /// Time is up: whether it is given up, and whether the answer goes again.
    fn on_time(&self) -> (bool, bool) {
        if self.deferred == 0 {
            return (self.timeouts >= RETRIES, true);
        }
        let waits = self.heard && self.timeouts < self.deferred;
        let up = self.timeouts >= RETRIES && !waits;
        // Towards the end it goes again, so that the last step is heard once more.
        let again = !self.heard || self.timeouts + 1 >= self.deferred;
        (up, again)
    }
}

/// What became of a segment for a half-made connection.
pub enum Outcome {
    /// There is none.
    Unknown,
    /// It is made, with a place in the listener's queue: its machine, and the listener it belongs to.
    Made(Box<Wire>, Arc<TcpSocket>),
    /// It was taken, or dropped.
    Done,
}

fn forget(pair: &Pair) -> Option<Half> {
    TABLE.lock().remove(pair)
}

/// A segment without SYN came; it may be the last step.
pub fn last_step(pair: &Pair, header: &Header, length: usize) -> Outcome {
    let half = TABLE.lock().map().get(pair).cloned();
    let Some(half) = half else {
        return Outcome::Unknown;
    };
    if header.bits.contains(Bits::RST) {
        if header.seq == half.agreed.other.plus(1) {
            drop(forget(pair));
        }
        return Outcome::Done;
    }
    if !header.bits.contains(Bits::ACK) {
        return Outcome::Done;
    }
    if header.ack != half.agreed.own.plus(1) {
        // Of another connection between the same ends.
        if let Some(reply) = header.refusal(length) {
            Post::new(half.way).send(&reply, 0, |_| ());
        }
        return Outcome::Done;
    }
    let strange = header.bits.contains(Bits::SYN) || !half.in_window(header.seq);
    if strange || half.is_old(header) {
        half.reply();
        return Outcome::Done;
    }
    let Some(listener) = half.listener.upgrade() else {
        drop(forget(pair));
        return Outcome::Unknown;
    };
    if half.timeouts < half.deferred && header.span(length) == 0 {
        if let Some(half) = TABLE.lock().map().get_mut(pair) {
            half.heard = true;
        }
        return Outcome::Done;
    }
    // Without a place it is as if the step had been lost: the answer goes again, and so does the step.
    if !listener.reserve_place() {
        return Outcome::Done;
    }
    let Some(half) = forget(pair) else {
        listener.return_place();
        return Outcome::Done;
    };
    let since = (half.timeouts == 0).then_some(half.since);
    let wire = Wire::accepted(half.way, &half.agreed, since);
    Outcome::Made(Box::new(wire), listener)
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
            let (up, resend) = half.on_time();
            if up || half.listener.strong_count() == 0 {
                gone.extend(table.map().remove(&pair));
                continue;
            }
            half.timeouts += 1;
            let later = now.saturating_add(FIRST * (1 << half.timeouts.min(DOUBLINGS)));
            half.due = later;
            if resend {
                again.push(half.clone());
            }
            table.due.insert((later, serial), pair);
        }
        table.due.first_key_value().map(|((at, _), _)| *at)
    };
    drop(gone);
    for half in again {
        half.reply();
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
