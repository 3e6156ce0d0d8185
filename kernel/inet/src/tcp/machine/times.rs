//! What time brings: what is sent again, asked after, answered late, given up.

use super::{Alarm, Answer, End, Machine, rtt};
use crate::tcp::state::State;
use core::time::Duration;
use sync::Instant;

/// Probes of an end without room that stay without an answer (`net.ipv4.tcp_retries2`).
const ROOM_PROBES: u32 = 15;
/// The last doubling of the wait.
const BACKOFF: u32 = 10;

impl Machine {
    pub(super) fn wait(&self) -> Duration {
        let first = self.flight.rtt.wait();
        (first * (1 << self.backoff.min(BACKOFF))).min(rtt::LONGEST)
    }

    /// When there is something to do though nothing comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let answer = match self.answer {
            Answer::By(at) => Some(at),
            _ => None,
        };
        [
            self.alarm.map(|(_, at)| at),
            self.reorder_at,
            self.cork_until,
            answer,
            self.ask_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When a silent end is asked whether it is there.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        let keep = self.settings.keep_alive?;
        let quiet = self.flight.is_empty() && self.out.is_empty();
        if !quiet || !self.state.is_connected() || self.state == State::TimeWait {
            return None;
        }
        Some(if self.asked == 0 {
            self.heard.saturating_add(keep.idle)
        } else {
            self.asked_at.saturating_add(keep.interval)
        })
    }

    /// Does what is due.
    pub(super) fn on_time(&mut self, now: Instant) {
        if let Some((alarm, at)) = self.alarm
            && at <= now
        {
            self.alarm = None;
            self.ring(alarm, now);
        }
        if self.reorder_at.is_some_and(|at| at <= now) {
            self.reorder_at = self.flight.find_lost(now);
            let brought = super::flight::Brought::default();
            self.flight
                .adapt(self.una, &brought, self.nxt, self.mss, false);
        }
        if matches!(self.answer, Answer::By(at) if at <= now) {
            self.answer = Answer::Now;
        }
        if self.cork_until.is_some_and(|at| at <= now) {
            self.cork_until = None;
            self.push = true;
        }
        if self.ask_at().is_some_and(|at| at <= now) {
            self.ask(now);
        }
    }

    fn ask(&mut self, now: Instant) {
        let Some(keep) = self.settings.keep_alive else {
            return;
        };
        let silent = now.saturating_since(self.heard);
        let up = match self.settings.user_timeout {
            Some(most) => self.asked > 0 && silent >= most,
            None => self.asked >= keep.count,
        };
        if up {
            self.reset_due = true;
            self.finish(End::TimedOut);
            return;
        }
        self.asked += 1;
        self.asked_at = now;
        self.probe_due = true;
    }

    fn ring(&mut self, alarm: Alarm, now: Instant) {
        match alarm {
            Alarm::Syn => {
                let up = match self.settings.user_timeout {
                    Some(most) => now.saturating_since(self.syn_at) >= most,
                    None => self.backoff >= self.settings.syn_count,
                };
                if up {
                    self.finish(End::TimedOut);
                } else {
                    self.backoff += 1;
                    self.syn_due = true;
                }
            }
            Alarm::Again => {
                let since = self.since.unwrap_or(now);
                let most = self.settings.user_timeout.unwrap_or(self.settings.give_up);
                if now.saturating_since(since) >= most {
                    self.finish(End::TimedOut);
                    return;
                }
                let first = self.retransmits == 0;
                self.flight.lose_all(self.nxt, self.mss, first);
                self.retransmits += 1;
                self.backoff += 1;
            }
            Alarm::Tail => {
                self.probed = true;
                self.tail_due = true;
            }
            Alarm::Room => {
                let since = *self.no_room_since.get_or_insert(now);
                let silent = now.saturating_since(since);
                // Bytes that nobody holds any more are not kept for an end that answers and never has room.
                let up = match self.settings.user_timeout {
                    Some(most) => silent >= most,
                    None if self.nobody_reads && silent >= self.settings.give_up => true,
                    None => self.asked >= ROOM_PROBES,
                };
                if up {
                    self.finish(End::TimedOut);
                    return;
                }
                self.asked += 1;
                self.backoff += 1;
                self.probe_due = true;
                self.push = true;
            }
        }
    }

    /// Sets the alarm for what is on its way, or for who has no room.
    pub(super) fn set_alarm(&mut self, now: Instant) {
        if matches!(self.state, State::SynSent | State::SynReceived) {
            if self.alarm.is_none() {
                self.alarm = Some((Alarm::Syn, now.saturating_add(self.wait())));
            }
            return;
        }
        if self.flight.is_empty() {
            self.since = None;
            let stuck = self.unsent() > 0 && self.room_of_other() == 0;
            if !stuck {
                self.no_room_since = None;
                self.alarm = None;
                return;
            }
            self.no_room_since.get_or_insert(now);
            if !matches!(self.alarm, Some((Alarm::Room, _))) {
                self.alarm = Some((Alarm::Room, self.bounded(now, self.no_room_since)));
            }
            return;
        }
        self.no_room_since = None;
        self.since.get_or_insert(now);
        match self.alarm {
            Some((Alarm::Again | Alarm::Tail, _)) => {}
            _ => self.alarm = Some(self.next_alarm(now)),
        }
    }

    /// Now and the wait, or when the program's patience ends.
    fn bounded(&self, now: Instant, since: Option<Instant>) -> Instant {
        let at = now.saturating_add(self.wait());
        match (self.settings.user_timeout, since) {
            (Some(most), Some(since)) => at.min(since.saturating_add(most)).max(now),
            _ => at,
        }
    }

    fn next_alarm(&self, now: Instant) -> (Alarm, Instant) {
        let again = self.bounded(now, self.since);
        let plain = self.backoff == 0
            && !self.probed
            && !self.flight.recovers()
            && self.flight.in_order()
            && self.ranges;
        let Some(way) = self.flight.rtt.smooth().filter(|_| plain) else {
            return (Alarm::Again, again);
        };
        // One segment alone may be answered late.
        let late = if self.flight.counts().0 == 1 {
            rtt::LEAST
        } else {
            Duration::from_millis(2)
        };
        let tail = now.saturating_add(way * 2 + late);
        if tail < again {
            (Alarm::Tail, tail)
        } else {
            (Alarm::Again, again)
        }
    }
}
