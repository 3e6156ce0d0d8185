//! What is left of a connection that ended here first, and what segments that still come mean to it (RFC 9293, 3.10.7.4,
//! TIME-WAIT; RFC 6191).

use super::Machine;
use super::segment::{Bits, Header};
use super::sequence::{Seq, Steps};
use super::stamps::Stamps;
use core::time::Duration;
use sync::Instant;

/// How far beyond the last number of a connection the next one's begin (`tcp_timewait_state_process`).
const BEYOND: usize = 65_537;

/// Between two answers to segments without data at least (`net.ipv4.tcp_invalid_ratelimit`).
const PAUSE: Duration = Duration::from_millis(500);

/// How a connection stood at its end.
#[derive(Clone, Copy, Debug)]
pub struct Last {
    /// The number after the own FIN, and after the other end's.
    next: Seq,
    wanted: Seq,
    window: u16,
    /// The times the ends told.
    pub stamps: Option<Stamps>,
    /// When something without data was answered last.
    answered: Option<Instant>,
}

/// What a segment that came afterwards means.
#[derive(Clone, Debug)]
pub enum Met {
    /// Nothing.
    Nothing,
    /// The other end knows nothing any more: nothing is left.
    Over,
    /// It has an answer.
    Answer(Header),
    /// A new connection begins.
    Begins {
        /// The number of the own SYN.
        number: Seq,
        /// The answer when nobody listens.
        reply: Header,
    },
}

impl Last {
    /// What a segment that takes `span` numbers means, and whether the time of remembering begins anew.
    pub fn meet(&mut self, header: &Header, span: usize, now: Instant) -> (Met, bool) {
        let told = self.stamps.zip(header.stamps.map(|(value, _)| value));
        let old = told.is_some_and(|(stamps, value)| stamps.is_old(value, now));
        let later = told.is_some_and(|(stamps, value)| stamps.is_later(value));
        let resets = header.bits.contains(Bits::RST);
        if !old && header.seq == self.wanted && (span == 0 || resets) {
            if resets {
                return (Met::Over, false);
            }
            self.stamps = told
                .map(|(stamps, value)| stamps.with(value, self.wanted, now))
                .or(self.stamps);
            return (Met::Nothing, true);
        }
        if resets {
            return (Met::Nothing, false);
        }
        let reply = self.answer(header, now);
        let begins = header.bits & (Bits::SYN | Bits::ACK) == Bits::SYN;
        if begins && !old && (header.seq.after(self.wanted) || later) {
            let number = self.beyond();
            return (Met::Begins { number, reply }, false);
        }
        let renews = old || header.bits.contains(Bits::ACK);
        // Two ends that both only remember do not answer each other for ever.
        if span == 0 || header.bits.contains(Bits::SYN) {
            let soon = |before: &Instant| now.saturating_since(*before) < PAUSE;
            if self.answered.as_ref().is_some_and(soon) {
                return (Met::Nothing, renews);
            }
            self.answered = Some(now);
        }
        (Met::Answer(reply), renews)
    }

    /// The number to begin a new connection between the same ends with.
    #[must_use]
    pub fn beyond(&self) -> Seq {
        self.next.plus(BEYOND)
    }

    fn answer(&self, header: &Header, now: Instant) -> Header {
        Header {
            from: header.to,
            to: header.from,
            seq: self.next,
            ack: self.wanted,
            bits: Bits::ACK,
            window: self.window,
            stamps: self.stamps.map(|stamps| stamps.pair(now)),
            ..Header::default()
        }
    }
}

impl Machine {
    /// What is to be remembered of it.
    #[must_use]
    pub fn last(&self) -> Last {
        Last {
            next: self.nxt,
            wanted: self.inbox.next,
            window: u16::try_from(self.inbox.told() >> self.inbox.scale).unwrap_or(u16::MAX),
            stamps: self.stamps,
            answered: None,
        }
    }
}
