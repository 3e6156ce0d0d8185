//! Whole connections over a link that drops, repeats, reorders, delays and corrupts, in a time of their own.
//!
//! [`World`] is two machines, the link, and what the rest of the kernel does around a machine: it keeps a half-made
//! connection, and answers for one that is over. After each thing that happens it asks whether somebody still has a
//! time to wake by: who has something to send and no alarm stands still for ever.

mod losses;
mod rules;
mod stamps;
mod transfers;

use super::output::Stretch;
use super::segment::{Bits, Header};
use super::sequence::{Seq, Steps};
use super::*;
use crate::checksum;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// A generator of the numbers a link's mood follows: xorshift.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn of(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        dice.roll();
        dice
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.roll() % 100 < chance
    }

    /// One of `most` numbers.
    fn below(&mut self, most: u64) -> u64 {
        self.roll() % most.max(1)
    }
}

/// What a link does to a hundred frames.
#[derive(Clone, Copy, Debug)]
struct Mood {
    drops: u64,
    repeats: u64,
    delays: u64,
    corrupts: u64,
}

const GOOD: Mood = Mood {
    drops: 0,
    repeats: 0,
    delays: 0,
    corrupts: 0,
};

/// A frame that is lost for sure: which of the ends sent it, and what it is.
struct Doomed {
    from: usize,
    count: usize,
    is: fn(&Header, usize) -> bool,
}

/// A half-made connection, as the kernel keeps it beside its machines.
struct Half {
    agreed: Agreed,
    at: Instant,
    tries: u32,
}

/// Two ends and what is between them.
struct World {
    now: Instant,
    ends: [Machine; 2],
    /// The second end only listens as long as this is so.
    listens: bool,
    half: Option<Half>,
    /// Arrival, order, receiver, bytes.
    wire: Vec<(Instant, u64, usize, Vec<u8>)>,
    dice: Dice,
    mood: Mood,
    doomed: Vec<Doomed>,
    way: Duration,
    /// How late the link can make a frame, in microseconds.
    late: u64,
    /// SYNs lose these on the way: ranges, scale, times.
    strips: [bool; 3],
    sent: [usize; 2],
    count: u64,
}

const START: u64 = 1_000_000_000;
const SETTINGS: Settings = Settings {
    nagle: true,
    corked: false,
    keep_alive: None,
    user_timeout: None,
    give_up: Duration::from_secs(924),
    syn_count: 40,
    max_segment: None,
    send_buffer: None,
    receive_buffer: None,
    not_sent_low: usize::MAX,
};

fn frame(header: &Header, payload: Stretch<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    payload.append(&mut bytes);
    sum(&mut bytes);
    bytes
}

fn sum(bytes: &mut [u8]) {
    let sum = checksum::of(bytes);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
}

fn bare(header: &Header) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    sum(&mut bytes);
    bytes
}

impl World {
    /// A client that asks and a server that listens, whose numbers go round early on.
    fn new(seed: u64, mood: Mood) -> Self {
        let now = Instant::from_nanos(START);
        let mut world = Self {
            now,
            ends: [
                Machine::connecting(4000, 80, Seq(-3001), 1460, now),
                Machine::connecting(80, 4000, Seq(-91), 1460, now),
            ],
            listens: true,
            half: None,
            wire: Vec::new(),
            dice: Dice::of(seed),
            mood,
            doomed: Vec::new(),
            way: Duration::from_micros(500),
            late: 5000,
            strips: [false; 3],
            sent: [0; 2],
            count: 0,
        };
        world.ends[1].state = State::Listen;
        world.ends[1].syn_due = false;
        world
    }

    /// Both want to tell times, of clocks that are about to go round.
    fn telling_times(mut self) -> Self {
        for (end, offset) in self.ends.iter_mut().zip([u32::MAX - 3000, u32::MAX / 2]) {
            end.stamps = Some(Stamps::new(offset, self.now));
        }
        self
    }

    /// Both ask.
    fn crossing(seed: u64, mood: Mood) -> Self {
        let mut world = Self::new(seed, mood);
        world.listens = false;
        world.ends[1].state = State::SynSent;
        world.ends[1].syn_due = true;
        world
    }

    /// The numbers the ends begin with.
    fn number(&mut self, client: i32, server: i32) {
        for (end, first) in self.ends.iter_mut().zip([client, server]) {
            (end.first, end.una, end.nxt) = (Seq(first), Seq(first), Seq(first).plus(1));
        }
    }

    fn post(&mut self, to: usize, mut bytes: Vec<u8>) {
        self.sent[1 - to] += 1;
        let (header, payload) = Header::parse(&bytes).unwrap();
        let length = payload.len();
        assert!(
            bytes.len() <= 1480,
            "longer than the link carries: {header:?} and {length} bytes"
        );
        let doomed = self
            .doomed
            .iter_mut()
            .find(|one| one.from == 1 - to && one.count > 0 && (one.is)(&header, length));
        if let Some(doomed) = doomed {
            doomed.count -= 1;
            return;
        }
        if header.bits.contains(Bits::SYN) && self.strips != [false; 3] {
            let mut header = header;
            header.sack_permitted &= !self.strips[0];
            header.scale = header.scale.filter(|_| !self.strips[1]);
            header.stamps = header.stamps.filter(|_| !self.strips[2]);
            bytes = bare(&header);
        }
        if self.dice.percent(self.mood.drops) {
            return;
        }
        if self.dice.percent(self.mood.repeats) {
            self.push(to, bytes.clone());
        }
        if self.dice.percent(self.mood.corrupts) {
            let index = self.dice.below(bytes.len() as u64) as usize;
            bytes[index] ^= 1 << self.dice.below(8);
        }
        self.push(to, bytes);
    }

    fn push(&mut self, to: usize, bytes: Vec<u8>) {
        let mut way = self.way;
        if self.dice.percent(self.mood.delays) {
            way += Duration::from_micros(self.dice.below(self.late));
        }
        self.count += 1;
        let arrival = self.now.saturating_add(way);
        self.wire.push((arrival, self.count, to, bytes));
    }

    fn flush(&mut self) {
        for from in 0..2 {
            let mut out = Vec::new();
            let now = self.now;
            self.ends[from].output(now, &mut |header, payload| out.push(frame(header, payload)));
            for bytes in out {
                self.post(1 - from, bytes);
            }
            check(&self.ends[from]);
        }
    }

    /// The half-made connection's answer, again.
    fn settle_half(&mut self) {
        let Some(half) = self.half.as_mut().filter(|half| half.at <= self.now) else {
            return;
        };
        half.tries += 1;
        half.at = self
            .now
            .saturating_add(Duration::from_secs(1 << half.tries.min(6)));
        let answer = bare(&half.answer(self.now));
        self.post(0, answer);
    }

    fn at_listener(&mut self, header: &Header, payload: &[u8]) {
        let begins = header.bits & (Bits::SYN | Bits::ACK | Bits::RST) == Bits::SYN;
        if begins {
            let half = self.half.get_or_insert_with(|| Half {
                agreed: Agreed {
                    local: 80,
                    remote: 4000,
                    own: self.ends[1].first,
                    other: header.seq,
                    mss: header.mss.unwrap_or(536),
                    scale: header.scale,
                    ranges: header.sack_permitted,
                    told: 64_240,
                    stamps: self.ends[1]
                        .stamps
                        .zip(header.stamps)
                        .map(|(own, other)| own.with(other.0, header.seq.plus(1), self.now)),
                },
                at: self.now.saturating_add(Duration::from_secs(1)),
                tries: 0,
            });
            let answer = bare(&half.answer(self.now));
            self.post(0, answer);
            return;
        }
        let Some(half) = &self.half else { return };
        if header.bits.contains(Bits::ACK) && header.ack == half.agreed.own.plus(1) {
            let settings = self.ends[1].settings;
            self.ends[1] = Machine::accepted(&half.agreed, 1460, None, self.now);
            self.ends[1].set(&settings);
            self.ends[1].input(header, payload, self.now);
            (self.half, self.listens) = (None, false);
        }
    }

    fn deliver(&mut self, to: usize, bytes: &[u8]) {
        if checksum::of(bytes) != 0 {
            return;
        }
        let Some((header, payload)) = Header::parse(bytes) else {
            return;
        };
        match self.ends[to].state() {
            State::Listen => self.at_listener(&header, payload),
            // The table of connections answers for who is over.
            State::TimeWait => {
                let span = header.span(payload.len());
                let (met, _) = self.ends[to].last().meet(&header, span, self.now);
                if let Met::Answer(reply) = met {
                    self.post(1 - to, bare(&reply));
                }
            }
            State::Closed => {
                if let Some(reply) = header.refusal(payload.len()) {
                    self.post(1 - to, bare(&reply));
                }
            }
            _ => self.ends[to].input(&header, payload, self.now),
        }
        self.flush();
    }

    /// When the next thing happens.
    fn next(&self) -> Option<Instant> {
        let arrives = self.wire.iter().map(|frame| frame.0).min();
        let due = self.ends.iter().filter_map(Machine::deadline).min();
        let half = self.half.as_ref().map(|half| half.at);
        [arrives, due, half].into_iter().flatten().min()
    }

    /// On to the next thing that happens; `false` when nothing will.
    fn step(&mut self) -> bool {
        self.flush();
        let Some(next) = self.next() else {
            return false;
        };
        self.now = self.now.max(next);
        self.settle_half();
        let mut come = Vec::new();
        let now = self.now;
        self.wire.retain_mut(|frame| {
            let here = frame.0 <= now;
            if here {
                come.push((frame.0, frame.1, frame.2, core::mem::take(&mut frame.3)));
            }
            !here
        });
        come.sort_by_key(|frame| (frame.0, frame.1));
        for (_, _, to, bytes) in come {
            self.deliver(to, &bytes);
        }
        self.flush();
        true
    }

    fn write(&mut self, end: usize, bytes: &[u8]) -> usize {
        self.ends[end].write(&mut IoSrc::kernel(bytes), false)
    }

    fn read(&mut self, end: usize, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most.min(self.ends[end].waiting())];
        let now = self.now;
        self.ends[end].read(&mut IoDst::kernel(&mut bytes), None, now);
        bytes
    }

    fn run_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now.saturating_add(Duration::from_secs(3600));
        while !done(self) {
            assert!(self.step(), "nothing happens any more, waiting for: {what}");
            assert!(self.now < end, "an hour is over, waiting for: {what}");
        }
    }

    fn connect(&mut self) {
        self.run_until("the connection", |world| {
            let stands = |end: &Machine| end.state() == State::Established;
            world.ends.iter().all(stands)
        });
    }

    fn connected(seed: u64, mood: Mood) -> Self {
        let mut world = Self::new(seed, mood);
        world.connect();
        world
    }

    fn rest(&mut self, time: Duration) {
        let end = self.now.saturating_add(time);
        loop {
            self.flush();
            match self.next() {
                Some(next) if next <= end => {
                    self.step();
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// The next frames of one end that are so are lost.
    fn lose(&mut self, from: usize, count: usize, is: fn(&Header, usize) -> bool) {
        self.doomed.push(Doomed { from, count, is });
    }

    /// Whether all that was to be lost was.
    fn lost_all(&self) -> bool {
        self.doomed.iter().all(|one| one.count == 0)
    }

    /// Time since the beginning.
    fn age(&self) -> Duration {
        self.now.saturating_since(Instant::from_nanos(START))
    }
}

impl Half {
    fn answer(&self, now: Instant) -> Header {
        Header {
            stamps: self.agreed.stamps.map(|stamps| stamps.pair(now)),
            from: self.agreed.local,
            to: self.agreed.remote,
            seq: self.agreed.own,
            ack: self.agreed.other.plus(1),
            bits: Bits::SYN | Bits::ACK,
            window: self.agreed.told,
            mss: Some(1460),
            scale: self.agreed.scale.map(|_| SCALE),
            sack_permitted: self.agreed.ranges,
            ..Header::default()
        }
    }
}

/// Whoever has something to say, and may not yet, has a time to come back.
fn check(end: &Machine) {
    end.flight
        .check(end.una, end.nxt, end.state().is_connected());
    let alarm = end.alarm.map(|(alarm, _)| alarm);
    match end.state() {
        State::SynSent | State::SynReceived => assert_eq!(alarm, Some(Alarm::Syn), "{end:#?}"),
        State::Closed | State::Listen | State::TimeWait => assert_eq!(alarm, None, "{end:#?}"),
        _ => {
            if !end.flight.is_empty() {
                let rings = matches!(alarm, Some(Alarm::Again | Alarm::Tail));
                assert!(rings, "no time to send again: {end:#?}");
            } else if end.unsent() > 0 {
                let waits = alarm == Some(Alarm::Room) || end.cork_until.is_some();
                assert!(waits, "nothing moves what waits: {end:#?}");
            }
            assert!(end.fin_sent || !end.closing || end.unsent() > 0, "{end:#?}");
            assert!(end.answer != Answer::Now, "{end:#?}");
        }
    }
    assert!(!end.syn_due && !end.reset_due && !end.probe_due && end.reply.is_none());
}

fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed | 1);
    (0..length).map(|_| dice.roll() as u8).collect()
}
