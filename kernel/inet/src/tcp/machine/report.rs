//! What a connection tells of itself (`TCP_INFO`, `/proc/net/tcp`).

use super::{Alarm, Machine};
use crate::tcp::state::State;
use core::time::Duration;
use sync::Instant;

/// What the alarm of a connection is for, as `/proc/net/tcp` numbers it, how far it is, and how often it rang.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// 0: none, 1: sending again, 2: keep-alive, 4: asking for room.
    pub kind: u8,
    /// Time until it rings.
    pub left: Duration,
    /// Times something was sent again without an answer.
    pub retransmits: u32,
    /// Questions without an answer.
    pub probes: u32,
}

/// Figures of `struct tcp_info`, by their names there.
#[allow(missing_docs, reason = "the names are those of linux/tcp.h")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Measures {
    pub ca_state: u8,
    pub backoff: u8,
    pub probes: u8,
    pub sack: bool,
    pub stamps: bool,
    pub wscale: Option<(u8, u8)>,
    pub rto: Duration,
    pub snd_mss: u32,
    pub unacked: u32,
    pub sacked: u32,
    pub lost: u32,
    pub last_data_sent: Duration,
    pub last_data_recv: Duration,
    pub last_ack_recv: Duration,
    pub advmss: u32,
    /// The longest packet less the header of IP.
    pub packet: u32,
    pub rtt: Duration,
    pub rttvar: Duration,
    pub min_rtt: Duration,
    pub snd_ssthresh: u32,
    pub snd_cwnd: u32,
    pub rcv_space: u32,
    pub total_retrans: u32,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub segs_out: u32,
    pub segs_in: u32,
    pub notsent: u32,
    pub snd_wnd: u32,
    pub rcv_wnd: u32,
}

/// Linux's words for how congestion is met: open, disorder, recovery, loss.
const OPEN: u8 = 0;
const DISORDER: u8 = 1;
const RECOVERY: u8 = 3;
const LOSS: u8 = 4;

impl Machine {
    /// See [`Clock`].
    #[must_use]
    pub fn clock(&self, now: Instant) -> Clock {
        let (kind, at) = match (self.alarm, self.ask_at()) {
            (Some((Alarm::Room, at)), _) => (4, Some(at)),
            (Some((_, at)), _) => (1, Some(at)),
            (None, Some(at)) => (2, Some(at)),
            (None, None) => (0, None),
        };
        Clock {
            kind,
            left: at.map_or(Duration::ZERO, |at| at.saturating_since(now)),
            retransmits: if self.state.is_connected() {
                self.retransmits
            } else {
                self.backoff
            },
            probes: self.asked,
        }
    }

    /// See [`Measures`].
    #[must_use]
    pub fn measures(&self, now: Instant) -> Measures {
        let (unacked, sacked, lost) = self.flight.counts();
        // Before the answer to a SYN they are only wished for.
        let stamps = self.stamps.filter(|_| self.state != State::SynSent);
        let threshold = match self.flight.threshold {
            // Linux's word for none.
            usize::MAX => 0x7fff_ffff,
            bytes => (bytes / self.mss).max(2) as u32,
        };
        Measures {
            ca_state: match (self.flight.recovers(), self.retransmits) {
                (true, 1..) => LOSS,
                (true, 0) => RECOVERY,
                (false, _) if !self.flight.in_order() => DISORDER,
                _ => OPEN,
            },
            backoff: self.backoff as u8,
            probes: self.asked as u8,
            sack: self.ranges,
            stamps: stamps.is_some(),
            wscale: self.scaled.then_some((self.scale, self.inbox.scale)),
            rto: self.wait(),
            snd_mss: self.mss as u32,
            unacked: unacked as u32,
            sacked: sacked as u32,
            lost: lost as u32,
            last_data_sent: now.saturating_since(self.last_sent),
            last_data_recv: now.saturating_since(self.last_came),
            last_ack_recv: now.saturating_since(self.heard),
            packet: u32::from(self.own_mss) + 20,
            advmss: u32::from(self.own_mss) - stamps.map_or(0, |_| super::stamps::LENGTH as u32),
            rtt: self.flight.rtt.smooth().unwrap_or_default(),
            rttvar: self.flight.rtt.deviation(),
            min_rtt: self.flight.rtt.least().unwrap_or_default(),
            snd_ssthresh: threshold,
            snd_cwnd: (self.flight.window / self.mss).max(1) as u32,
            rcv_space: self.inbox.limit as u32,
            total_retrans: self.flight.resent,
            bytes_acked: self.bytes_answered,
            bytes_received: self.bytes_in,
            segs_out: self.segments_out,
            segs_in: self.segments_in,
            notsent: self.unsent() as u32,
            snd_wnd: self.window as u32,
            rcv_wnd: self.inbox.told() as u32,
        }
    }
}
