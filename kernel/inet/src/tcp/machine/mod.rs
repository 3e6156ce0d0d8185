//! The state machine of one connection that leaves the machine (RFC 9293): segments and times go in, segments and
//! a state come out. Pure: it knows neither sockets nor addresses nor the clock, so that its tests run whole
//! transfers over a bad link in a moment.
//!
//! An idle connection owns no buffers. Bytes that wait lie in pages ([`net::bytes`]); how many there may be grows
//! with what the connection carries: the receive window with what is read in one round trip, the send buffer with the
//! congestion window. Windows are scaled, what came out of order is told (RFC 2018), what is lost is found by time
//! (RFC 8985, with the probe of the tail), and the window follows Reno (RFC 5681).

mod flight;
mod inbox;
mod input;
pub mod memory;
mod output;
mod report;
mod rest;
mod rtt;
pub mod segment;
pub mod sequence;
mod settings;
pub mod stamps;
#[cfg(test)]
mod tests;
mod times;

use super::state::State;
use core::time::Duration;
use flight::Flight;
use inbox::Inbox;
pub use inbox::SCALE;
use memory::{Account, Supply, supply};
use mm::io::{IoDst, IoSrc};
use net::bytes::ByteQueue;
pub use report::{Clock, Measures};
pub use rest::{Last, Met};
use segment::Header;
use sequence::{Seq, Steps};
pub use settings::{Agreed, KeepAlive, Settings};
use stamps::Stamps;
use sync::Instant;

/// Bytes that may wait to be sent at first and at most (`net.ipv4.tcp_wmem`).
const SEND_FIRST: usize = 87_040;
const SEND_LARGEST: usize = 4_194_304;
const SEND_LEAST: usize = 4096;
/// The segment size of an end that does not tell its own (RFC 9293, 3.7.1), and the least that is believed.
const MSS_DEFAULT: u16 = 536;
const MSS_LEAST: u16 = 48;
/// Segments answered at once at the beginning and after a pause.
const QUICK: u8 = 16;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The other end reset it.
    Reset,
    /// The other end did not answer.
    TimedOut,
}

/// Whether an answer is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    None,
    By(Instant),
    Now,
}

/// What the alarm is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alarm {
    /// The SYN, or its answer, goes again.
    Syn,
    /// What was sent is taken to be lost.
    Again,
    /// Perhaps the last of what was sent is lost.
    Tail,
    /// The other end has no room: is it still so?
    Room,
}

/// See the module's page.
#[derive(Debug)]
pub struct Machine {
    state: State,
    end: Option<End>,
    local: u16,
    remote: u16,
    settings: Settings,
    /// The largest segment to tell, to send now, and that the other end wants.
    own_mss: u16,
    mss: usize,
    path_mss: u16,
    ranges: bool,
    /// Times are told: wanted in the own SYN, agreed on with the other end's.
    stamps: Option<Stamps>,
    // What goes: numbers of the own SYN, of the first not answered, of the first not sent.
    first: Seq,
    una: Seq,
    nxt: Seq,
    out: ByteQueue,
    closing: bool,
    fin_sent: bool,
    window: usize,
    window_seq: Seq,
    window_ack: Seq,
    window_most: usize,
    scale: u8,
    scaled: bool,
    flight: Flight,
    /// The end of the last small segment.
    small: Option<Seq>,
    /// The window of the link, not of the program or the other end, is what stops.
    limited: bool,
    // What comes.
    inbox: Inbox,
    nobody_reads: bool,
    answer: Answer,
    unanswered: usize,
    quick: u8,
    heard: Instant,
    challenged: Option<Instant>,
    // What is to go besides data.
    syn_due: bool,
    reset_due: bool,
    reply: Option<Header>,
    probe_due: bool,
    tail_due: bool,
    push: bool,
    /// More will be written at once (`MSG_MORE`).
    more: bool,
    // Times.
    alarm: Option<(Alarm, Instant)>,
    /// How often the wait was doubled, and how often the first not answered was sent again for want of an answer.
    backoff: u32,
    retransmits: u32,
    /// Answers in a row that did not measure the way.
    unmeasured: u8,
    /// The tail was asked after.
    probed: bool,
    /// Since when nothing is answered.
    since: Option<Instant>,
    no_room_since: Option<Instant>,
    reorder_at: Option<Instant>,
    cork_until: Option<Instant>,
    asked: u32,
    asked_at: Instant,
    syn_at: Instant,
    account: Account,
    // Counts of `TCP_INFO`.
    segments_in: u32,
    segments_out: u32,
    bytes_in: u64,
    /// With SYN and FIN, as Linux counts.
    bytes_answered: u64,
    last_sent: Instant,
    last_came: Instant,
}

impl Machine {
    fn new(state: State, local: u16, remote: u16, own: Seq, own_mss: u16, now: Instant) -> Self {
        Self {
            state,
            end: None,
            local,
            remote,
            settings: Settings::default(),
            own_mss,
            mss: usize::from(MSS_DEFAULT),
            path_mss: own_mss,
            ranges: false,
            stamps: None,
            first: own,
            una: own,
            nxt: own.plus(1),
            out: ByteQueue::new(),
            closing: false,
            fin_sent: false,
            window: 0,
            window_seq: Seq(0),
            window_ack: Seq(0),
            window_most: 0,
            scale: 0,
            scaled: false,
            flight: Flight::new(usize::from(MSS_DEFAULT)),
            small: None,
            limited: false,
            inbox: Inbox::new(Seq(0), SCALE, now),
            nobody_reads: false,
            answer: Answer::None,
            unanswered: 0,
            quick: QUICK,
            heard: now,
            challenged: None,
            syn_due: false,
            reset_due: false,
            reply: None,
            probe_due: false,
            tail_due: false,
            push: false,
            more: false,
            alarm: None,
            backoff: 0,
            retransmits: 0,
            unmeasured: 0,
            probed: false,
            since: None,
            no_room_since: None,
            reorder_at: None,
            cork_until: None,
            asked: 0,
            asked_at: now,
            syn_at: now,
            account: Account::default(),
            segments_in: 0,
            segments_out: 0,
            bytes_in: 0,
            bytes_answered: 0,
            last_sent: now,
            last_came: now,
        }
    }

    /// A connection that is asked for. `own`: the number of its SYN; `own_mss`: bytes of a segment the link carries.
    #[must_use]
    pub fn connecting(local: u16, remote: u16, own: Seq, own_mss: u16, now: Instant) -> Self {
        let mut machine = Self::new(State::SynSent, local, remote, own, own_mss, now);
        machine.syn_due = true;
        machine
    }

    /// Tells times, if the other end does.
    #[must_use]
    pub fn telling_times(mut self, offset: Option<u32>, now: Instant) -> Self {
        self.stamps = offset.map(|offset| Stamps::new(offset, now));
        self
    }

    /// A connection whose last step just came. `since`: when the answer to the SYN went, if only once.
    #[must_use]
    pub fn accepted(agreed: &Agreed, own_mss: u16, since: Option<Instant>, now: Instant) -> Self {
        let mut machine = Self::new(
            State::Established,
            agreed.local,
            agreed.remote,
            agreed.own,
            own_mss,
            now,
        );
        machine.una = agreed.own.plus(1);
        machine.bytes_answered = 1;
        machine.stamps = agreed.stamps;
        machine.agree(agreed.mss, agreed.scale, agreed.ranges);
        let scale = if machine.scaled { SCALE } else { 0 };
        machine.inbox = Inbox::new(agreed.other.plus(1), scale, now);
        machine.inbox.tell(usize::from(agreed.told));
        machine.window_seq = agreed.other;
        machine.window_ack = agreed.own;
        if let Some(since) = since {
            machine.flight.rtt.measured(now.saturating_since(since));
        }
        machine
    }

    /// What the other end's SYN says.
    fn agree(&mut self, mss: u16, scale: Option<u8>, ranges: bool) {
        self.path_mss = mss.max(MSS_LEAST).min(self.own_mss);
        self.ranges = ranges;
        self.scaled = scale.is_some();
        self.scale = scale.unwrap_or(0);
        self.set_mss();
        let rtt = self.flight.rtt;
        self.flight = Flight::new(self.mss);
        self.flight.rtt = rtt;
    }

    fn set_mss(&mut self) {
        let asked = self.settings.max_segment.unwrap_or(u16::MAX);
        let told = self.stamps.map_or(0, |_| stamps::LENGTH);
        self.mss = usize::from(self.path_mss.min(asked))
            .saturating_sub(told)
            .max(1);
    }

    /// The way carries no more than segments of `mss` bytes.
    pub fn shrink(&mut self, mss: u16) {
        if mss < self.path_mss && self.state.is_connected() {
            self.path_mss = mss.max(MSS_LEAST);
            self.set_mss();
            self.flight.shrink(self.mss);
        }
    }

    /// The options as they are now.
    pub fn set(&mut self, settings: &Settings) {
        // What TCP_NODELAY finds waiting goes, corked or not.
        self.push |= self.settings.nagle && !settings.nagle;
        if self.settings.receive_buffer != settings.receive_buffer {
            self.inbox.choose(settings.receive_buffer);
        }
        if self.settings.keep_alive.is_none() && settings.keep_alive.is_some() {
            self.asked = 0;
        }
        self.settings = *settings;
        self.set_mss();
    }

    /// Bytes of a segment it sends.
    #[must_use]
    pub fn segment(&self) -> usize {
        self.mss
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Why it is over, when the other end is why.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Bytes that wait to be read.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inbox.queue.len()
    }

    /// Bytes that were written and are not answered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.out.len()
    }

    /// Bytes that were written and not sent once.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.data_end().since(self.nxt)
    }

    /// Whether all that was written, and the end, is answered.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.out.is_empty()
            && !matches!(
                self.state,
                State::FinWait1 | State::Closing | State::LastAck
            )
    }

    /// Whether a step would send something or let go of the machine.
    #[must_use]
    pub fn wants_step(&self) -> bool {
        self.answer == Answer::Now || !self.state.is_connected() || self.state == State::TimeWait
    }

    /// Whether a number is of a segment on its way.
    #[must_use]
    pub fn is_on_its_way(&self, seq: Seq) -> bool {
        !seq.before(self.una) && seq.before(self.nxt)
    }

    fn send_limit(&self) -> usize {
        if let Some(chosen) = self.settings.send_buffer {
            return chosen;
        }
        let wanted = (2 * self.flight.window).clamp(SEND_FIRST, SEND_LARGEST);
        match supply() {
            Supply::Plenty => wanted,
            Supply::Short => wanted.min(SEND_FIRST),
            Supply::None => SEND_LEAST,
        }
    }

    /// Whether there is room worth telling of.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.out.len() <= self.send_limit() / 3 * 2 && self.unsent() < self.settings.not_sent_low
    }

    /// Takes bytes to be sent; how many. `more`: more will follow at once (`MSG_MORE`).
    pub fn write(&mut self, src: &mut IoSrc<'_>, more: bool) -> usize {
        if self.closing || !self.state.may_send() {
            return 0;
        }
        let most = self.send_limit().saturating_sub(self.out.len());
        self.more = more;
        self.out.push(src, most)
    }

    /// Gives out what waits; how many bytes. `peek`: from `skip` on, and it stays.
    pub fn read(&mut self, dst: &mut IoDst<'_>, peek: Option<usize>, now: Instant) -> usize {
        let wanted = dst.remaining();
        if let Some(skip) = peek {
            return self.inbox.queue.peek(dst, skip, wanted);
        }
        let bytes = self.inbox.queue.pop(dst, wanted);
        self.was_read(bytes, now);
        bytes
    }

    /// Drops what waits; how many bytes.
    pub fn skip(&mut self, most: usize, now: Instant) -> usize {
        let bytes = most.min(self.inbox.queue.len());
        self.inbox.queue.discard(bytes);
        self.was_read(bytes, now);
        bytes
    }

    fn was_read(&mut self, bytes: usize, now: Instant) {
        let way = self.flight.rtt.smooth().unwrap_or(Duration::from_millis(1));
        let tells = self.inbox.was_read(bytes, self.mss, way, now);
        let receives = matches!(
            self.state,
            State::Established | State::FinWait1 | State::FinWait2
        );
        if tells && receives {
            self.answer = Answer::Now;
        }
    }

    /// The own end of the stream: after what was written.
    pub fn close(&mut self) {
        match self.state {
            State::SynSent => self.state = State::Closed,
            State::SynReceived | State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            _ => return,
        }
        self.closing = true;
    }

    /// Over at once; the other end is told.
    pub fn abort(&mut self) {
        let known = !matches!(
            self.state,
            State::Closed | State::Listen | State::SynSent | State::TimeWait
        );
        self.reset_due |= known;
        self.stop();
    }

    /// Over at once, and nobody is told.
    pub fn forget(&mut self) {
        self.stop();
    }

    /// Nobody holds it any more: what waits is of no use, and what comes is refused.
    pub fn forsake(&mut self) {
        self.nobody_reads = true;
        self.inbox.discard();
    }

    fn stop(&mut self) {
        self.state = State::Closed;
        self.out = ByteQueue::new();
        self.syn_due = false;
        self.alarm = None;
        self.reorder_at = None;
        self.cork_until = None;
        self.answer = Answer::None;
    }

    fn finish(&mut self, end: End) {
        self.end = Some(end);
        self.stop();
    }

    /// The number after the last byte that was written.
    fn data_end(&self) -> Seq {
        self.data_start().plus(self.out.len())
    }

    /// The number of the first byte in the row.
    fn data_start(&self) -> Seq {
        self.una.max(self.first.plus(1))
    }

    fn settle_account(&mut self) {
        let bytes = self.out.len() + self.inbox.memory();
        self.account.set(bytes);
    }
}
