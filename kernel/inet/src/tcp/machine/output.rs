//! What goes: lost segments first, then new ones, then the answer.

use super::segment::{Bits, Header};
use super::sequence::{Seq, Steps};
use super::{Alarm, Answer, Machine, SCALE};
use crate::tcp::state::State;
use core::time::Duration;
use net::bytes::ByteQueue;
use sync::Instant;

/// How long a corked segment waits.
const CORKED: Duration = Duration::from_millis(200);

/// Bytes of the row a segment carries: where they begin, and how many.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    row: &'a ByteQueue,
    skip: usize,
    /// How many.
    pub length: usize,
}

impl Stretch<'_> {
    /// Copies them to the end of `packet`.
    pub fn append(&self, packet: &mut alloc::vec::Vec<u8>) {
        let at = packet.len();
        packet.resize(at + self.length, 0);
        if let Some(room) = packet.get_mut(at..) {
            let mut dst = mm::io::IoDst::kernel(room);
            self.row.peek(&mut dst, self.skip, self.length);
        }
    }
}

/// Who takes segments.
pub type Emit<'a> = dyn FnMut(&Header, Stretch<'_>) + 'a;

impl Machine {
    /// Sends what is to be sent by now.
    pub fn output(&mut self, now: Instant, emit: &mut Emit<'_>) {
        self.on_time(now);
        if let Some(reply) = self.reply.take() {
            self.bare(&reply, emit);
        }
        if core::mem::take(&mut self.reset_due) {
            let mut header = self.header(self.nxt, Bits::RST | Bits::ACK);
            header.stamps = self.stamp(now);
            self.bare(&header, emit);
        }
        if core::mem::take(&mut self.syn_due) {
            self.send_syn(now, emit);
        }
        if self.state.is_connected() && self.state != State::TimeWait {
            self.send_bytes(now, emit);
            if core::mem::take(&mut self.probe_due) {
                // A number that was answered asks for an answer.
                self.send(self.una.minus_one(), 0, false, now, emit);
            }
        }
        if self.answer == Answer::Now && self.state.is_connected() {
            self.quick = self.quick.saturating_sub(1);
            self.send(self.nxt, 0, false, now, emit);
            self.answer = Answer::None;
        }
        self.push = false;
        if self.state == State::Closed || self.state == State::TimeWait {
            self.alarm = None;
        } else {
            self.set_alarm(now);
        }
        self.settle_account();
    }

    fn header(&mut self, seq: Seq, bits: Bits) -> Header {
        Header {
            from: self.local,
            to: self.remote,
            seq,
            ack: self.inbox.next,
            bits,
            ..Header::default()
        }
    }

    fn bare(&mut self, header: &Header, emit: &mut Emit<'_>) {
        self.segments_out = self.segments_out.wrapping_add(1);
        let nothing = Stretch {
            row: &self.out,
            skip: 0,
            length: 0,
        };
        emit(header, nothing);
    }

    fn send_syn(&mut self, now: Instant, emit: &mut Emit<'_>) {
        if self.backoff == 0 {
            self.syn_at = now;
        }
        let answers = self.state == State::SynReceived;
        let mut header = self.header(self.first, Bits::SYN);
        header.window = self.inbox.window(usize::from(self.own_mss), true);
        let asked = self.settings.max_segment.unwrap_or(u16::MAX);
        header.mss = Some(self.own_mss.min(asked));
        header.stamps = self.stamp(now);
        if answers {
            header.bits |= Bits::ACK;
            header.scale = self.scaled.then_some(SCALE);
            header.sack_permitted = self.ranges;
        } else {
            header.ack = Seq(0);
            header.scale = Some(SCALE);
            header.sack_permitted = true;
        }
        self.bare(&header, emit);
    }

    /// Bytes the other end has room for beyond what was sent.
    pub(super) fn room_of_other(&self) -> usize {
        self.una.plus(self.window).since(self.nxt)
    }

    fn send_bytes(&mut self, now: Instant, emit: &mut Emit<'_>) {
        while let Some((start, end)) = self.flight.send_again(self.mss, now) {
            self.resend(start, end, now, emit);
        }
        while let Some((length, fin)) = self.next_segment(now) {
            let seq = self.nxt;
            let whole = length + usize::from(fin);
            self.nxt = seq.plus(whole);
            self.fin_sent |= fin;
            if length < self.mss {
                self.small = Some(self.nxt);
            }
            self.flight.sent(seq, self.nxt, now);
            self.last_sent = now;
            if length > 0 {
                // Who answers is in a talk: his answers carry ours.
                self.quick = 0;
            }
            if matches!(self.alarm, Some((Alarm::Tail | Alarm::Room, _))) {
                self.alarm = None;
            }
            self.tail_due = false;
            self.send(seq, length, fin, now, emit);
        }
        if core::mem::take(&mut self.tail_due)
            && let Some((start, end)) = self.flight.probe(now)
        {
            self.resend(start, end, now, emit);
        }
    }

    fn resend(&mut self, start: Seq, end: Seq, now: Instant, emit: &mut Emit<'_>) {
        let length = self.data_end().min(end).since(start);
        let fin = self.fin_sent && end == self.nxt;
        self.send(start, length, fin, now, emit);
    }

    /// The next segment of new bytes that may go: how many, and whether the end goes with them.
    fn next_segment(&mut self, now: Instant) -> Option<(usize, bool)> {
        self.limited = false;
        if self.fin_sent {
            return None;
        }
        let unsent = self.unsent();
        if unsent == 0 {
            return self.closing.then_some((0, true));
        }
        let length = unsent.min(self.mss).min(self.room_of_other());
        if length == 0 {
            return None;
        }
        let ends = self.closing && length == unsent;
        if length < self.mss && !ends && self.holds(length, unsent, now) {
            return None;
        }
        // A probe of the tail goes beyond what may be on its way.
        if self.flight.bytes() > 0 && self.flight.room() < length && !self.tail_due {
            self.limited = true;
            return None;
        }
        if length == unsent {
            self.cork_until = None;
        }
        Some((length, ends))
    }

    /// Whether a segment that is not full waits for more.
    fn holds(&mut self, length: usize, unsent: usize, now: Instant) -> bool {
        if self.push {
            return false;
        }
        let idle = self.flight.is_empty();
        if length < unsent {
            // The other end's window cuts it: half of what it ever was is enough.
            return length < self.window_most / 2 && !idle;
        }
        if self.settings.corked || self.more {
            if idle {
                self.cork_until.get_or_insert(now.saturating_add(CORKED));
            }
            return true;
        }
        self.settings.nagle && self.small.is_some_and(|end| self.una.before(end))
    }

    /// Sends a stretch of the row, with the answer.
    fn send(&mut self, seq: Seq, length: usize, fin: bool, now: Instant, emit: &mut Emit<'_>) {
        let mut bits = Bits::ACK;
        if fin {
            bits |= Bits::FIN;
        }
        if length > 0 && seq.plus(length) == self.data_end() {
            bits |= Bits::PSH;
        }
        let mut header = self.header(seq, bits);
        header.window = self.inbox.window(self.mss, false);
        header.stamps = self.stamp(now);
        self.answer = Answer::None;
        if self.ranges && self.inbox.has_hole() {
            // Ranges stand where bytes would: beside a full segment's they would make a packet no link carries.
            header.ranges = self.inbox.ranges();
            let fit = header.ranges_in(self.mss.saturating_sub(length));
            if fit < header.ranges.len() {
                // An answer that tells them follows what is sent.
                self.answer = Answer::Now;
            }
            header.ranges.truncate(fit);
        }
        self.unanswered = 0;
        self.segments_out = self.segments_out.wrapping_add(1);
        let stretch = Stretch {
            row: &self.out,
            skip: seq.since(self.data_start()),
            length,
        };
        emit(&header, stretch);
    }
}
