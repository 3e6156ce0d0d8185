//! A segment comes (RFC 9293, 3.10.7; RFC 5961).

use super::inbox::Inbox;
use super::segment::{Bits, Header};
use super::sequence::Steps;
use super::{Answer, End, Machine, QUICK, SCALE};
use crate::tcp::state::State;
use core::time::Duration;
use sync::Instant;

/// How late an answer may be.
const LATE: Duration = Duration::from_millis(40);
/// Between two answers to segments that have no place here (`net.ipv4.tcp_invalid_ratelimit`).
const CHALLENGE: Duration = Duration::from_millis(500);
/// Answers after which a wait that was doubled stays so until the way is measured.
const UNMEASURED: u8 = 8;

impl Machine {
    /// Takes a segment.
    pub fn input(&mut self, header: &Header, payload: &[u8], now: Instant) {
        self.segments_in = self.segments_in.wrapping_add(1);
        match self.state {
            State::Closed | State::Listen | State::TimeWait => {}
            State::SynSent => self.answer_to_syn(header, payload.len(), now),
            _ => self.in_connection(header, payload, now),
        }
        self.settle_account();
    }

    fn answer_to_syn(&mut self, header: &Header, length: usize, now: Instant) {
        let answers = header.bits.contains(Bits::ACK);
        if answers && header.ack != self.nxt {
            self.reply = header.refusal(length);
            return;
        }
        if header.bits.contains(Bits::RST) {
            if answers {
                self.finish(End::Reset);
            }
            return;
        }
        if !header.bits.contains(Bits::SYN) {
            return;
        }
        if answers && self.echoes_nothing(header, now) {
            self.reply = header.refusal(length);
            return;
        }
        self.stamps = match (self.stamps, header.stamps) {
            (Some(own), Some((value, _))) => Some(own.with(value, header.seq.plus(1), now)),
            _ => None,
        };
        let chosen = self.inbox.chosen;
        self.agree(
            header.mss.unwrap_or(super::MSS_DEFAULT),
            header.scale,
            header.sack_permitted,
        );
        let scale = if self.scaled { SCALE } else { 0 };
        let told = self.inbox.told();
        self.inbox = Inbox::new(header.seq.plus(1), scale, now);
        self.inbox.choose(chosen);
        self.inbox.tell(told);
        self.window = usize::from(header.window);
        self.window_most = self.window;
        self.window_seq = header.seq;
        self.window_ack = header.ack;
        self.heard = now;
        self.last_came = now;
        self.alarm = None;
        if answers {
            if self.backoff == 0 {
                self.flight.rtt.measured(now.saturating_since(self.syn_at));
            }
            self.una = header.ack;
            self.bytes_answered = 1;
            self.backoff = 0;
            self.state = State::Established;
            self.answer = Answer::Now;
        } else {
            // Both asked at once.
            self.state = State::SynReceived;
            self.syn_due = true;
        }
    }

    fn in_connection(&mut self, header: &Header, payload: &[u8], now: Instant) {
        let span = header.span(payload.len());
        if self.is_of_old(header, now) {
            if header.bits.contains(Bits::SYN) || span == 0 {
                self.challenge(now);
            } else {
                self.answer = Answer::Now;
            }
            return;
        }
        if !self.inbox.accepts(header.seq, span) {
            let again = self.state == State::SynReceived
                && header.bits.contains(Bits::SYN)
                && header.seq.plus(1) == self.inbox.next;
            if again && !header.bits.contains(Bits::ACK) {
                self.syn_due = true;
            } else if header.bits.contains(Bits::RST) {
                if self.resets_late(header) {
                    self.finish(End::Reset);
                }
            } else {
                // Bytes sent again are answered each time; what has no place is not.
                if span > 0 && (again || !header.bits.contains(Bits::SYN)) {
                    self.answer = Answer::Now;
                } else {
                    self.challenge(now);
                }
                // The answer that met a SYN of both.
                if again {
                    self.take_answer(header, payload.len(), now);
                }
            }
            return;
        }
        if header.bits.contains(Bits::RST) {
            // Whoever saw what is told to be here knows its end (`tcp_validate_incoming`).
            if header.seq == self.inbox.next || self.ranges && self.inbox.last() == Some(header.seq)
            {
                self.finish(End::Reset);
            } else {
                self.challenge(now);
            }
            return;
        }
        if header.bits.contains(Bits::SYN) {
            self.challenge(now);
            return;
        }
        if !header.bits.contains(Bits::ACK) {
            return;
        }
        if header.ack.after(self.nxt) {
            if self.state == State::SynReceived {
                self.reply = header.refusal(payload.len());
            } else if self.state != State::Established {
                // An established connection does not answer it (`tcp_rcv_established`).
                self.challenge(now);
            }
            return;
        }
        if self.state == State::SynReceived && !header.ack.after(self.first) {
            self.reply = header.refusal(payload.len());
            return;
        }
        // Nor was this ever on its way: who guesses the numbers of a stream to put bytes into it has to guess this one,
        // too (RFC 5961, 5.2).
        if self.una.since(header.ack) as u64 > self.bytes_answered.min(self.window_most as u64) {
            self.challenge(now);
            return;
        }
        self.heard = now;
        self.asked = 0;
        self.note_stamp(header, now);
        self.take_answer(header, payload.len(), now);
        self.take_bytes(header, payload, now);
    }

    /// Whether a reset has the number of the FIN that came, as some systems send it (`tcp_reset_check`).
    fn resets_late(&self, header: &Header) -> bool {
        let ended = matches!(
            self.state,
            State::CloseWait | State::LastAck | State::Closing
        );
        ended && header.seq == self.inbox.next.minus_one()
    }

    /// An answer that says how things are here, but not too often.
    fn challenge(&mut self, now: Instant) {
        let quiet = self
            .challenged
            .is_none_or(|at| now.saturating_since(at) >= CHALLENGE);
        if quiet {
            self.challenged = Some(now);
            self.answer = Answer::Now;
        }
    }

    /// What the answer's number, window and ranges say.
    fn take_answer(&mut self, header: &Header, length: usize, now: Instant) {
        if header.ack.before(self.una) {
            return;
        }
        if self.state == State::SynReceived {
            self.state = State::Established;
            self.alarm = None;
            self.backoff = 0;
        }
        // The window of a SYN is not scaled.
        let scale = if header.bits.contains(Bits::SYN) {
            0
        } else {
            self.scale
        };
        let window = usize::from(header.window) << scale;
        let same = header.ack == self.una && length == 0 && window == self.window;
        if header.ack.after(self.una) {
            let start = self.data_start();
            let count = header.ack.since(start).min(self.out.len());
            self.out.discard(count);
            self.bytes_answered += header.ack.since(self.una) as u64;
            self.una = header.ack;
            self.retransmits = 0;
            self.probed = false;
            self.alarm = None;
            self.since = None;
        }
        let newer = self.window_seq.before(header.seq)
            || self.window_seq == header.seq && !header.ack.before(self.window_ack);
        if newer {
            self.window = window;
            self.window_most = self.window_most.max(window);
            self.window_seq = header.seq;
            self.window_ack = header.ack;
            if window > 0 && self.flight.is_empty() {
                self.backoff = 0;
                self.alarm = None;
            }
        }
        let ranges: &[_] = if self.ranges { &header.ranges } else { &[] };
        let mut brought = self.flight.answered(header.ack, ranges, self.nxt, now);
        if brought.progress
            && !brought.measured
            && let Some(took) = self.echoed(header, now)
        {
            self.flight.rtt.measured(took);
            brought.measured = true;
        }
        if brought.measured {
            self.unmeasured = 0;
            self.backoff = 0;
        } else if brought.progress && self.unmeasured < UNMEASURED {
            // Without a measure for long the way may have become longer than the wait (Karn).
            self.unmeasured += 1;
            self.backoff = 0;
        }
        if !self.ranges {
            if same && !self.flight.is_empty() {
                self.flight.same_answer();
            } else if brought.progress && self.flight.recovers() {
                self.flight.lose_first();
            }
        }
        // Without ranges nothing tells which came: what came behind a hole seems to have taken as long as the hole.
        if self.ranges {
            self.reorder_at = self.flight.find_lost(now);
        }
        self.flight
            .adapt(self.una, &brought, self.nxt, self.mss, self.limited);
        if self.fin_sent && self.una == self.nxt {
            self.end_is_answered();
        }
    }

    fn end_is_answered(&mut self) {
        match self.state {
            State::FinWait1 => self.state = State::FinWait2,
            State::Closing => self.state = State::TimeWait,
            State::LastAck => self.stop(),
            _ => {}
        }
    }

    fn take_bytes(&mut self, header: &Header, payload: &[u8], now: Instant) {
        let receives = matches!(
            self.state,
            State::Established | State::FinWait1 | State::FinWait2
        );
        if !receives {
            return;
        }
        let end = header.seq.plus(payload.len());
        if self.nobody_reads && !payload.is_empty() && end.after(self.inbox.next) {
            // It would be lost: the other end is to know.
            self.reset_due = true;
            self.finish(End::Reset);
            return;
        }
        if !payload.is_empty() {
            self.bytes_in += payload.len() as u64;
            let hole = self.inbox.has_hole();
            let ordered = self.inbox.take(header.seq, payload);
            self.unanswered += payload.len();
            if now.saturating_since(self.last_came) > self.flight.rtt.wait() {
                self.quick = QUICK;
            }
            self.last_came = now;
            let at_once = hole || !ordered || self.quick > 0 || self.unanswered >= 2 * self.mss;
            self.answer = match self.answer {
                _ if at_once => Answer::Now,
                Answer::None => Answer::By(now.saturating_add(LATE)),
                other => other,
            };
        }
        if header.bits.contains(Bits::FIN) {
            self.inbox.ends_at(end);
            self.answer = Answer::Now;
        }
        if self.inbox.take_end() {
            self.answer = Answer::Now;
            self.state = match self.state {
                State::Established => State::CloseWait,
                State::FinWait1 => State::Closing,
                _ => State::TimeWait,
            };
        }
    }
}
