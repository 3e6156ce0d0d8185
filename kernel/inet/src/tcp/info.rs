//! `TCP_INFO`.

use super::TcpSocket;
use super::machine::Measures;
use super::state::State;
use alloc::vec::Vec;
use core::time::Duration;
use sync::Instant;

/// Bytes of Linux 6.12's `struct tcp_info`.
const LENGTH: usize = 248;
/// Bits of `tcpi_options`.
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const WSCALE: u8 = 4;
/// The wait of a connection without a measure, and of an answer that is late, in microseconds.
const RTO: u32 = 200_000;
const ATO: u32 = 40_000;

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// The structure in the making: values at their places.
struct Info(Vec<u8>);

impl Info {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.0.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn word(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_ne_bytes());
    }

    fn words(&mut self, at: usize, values: &[u32]) {
        for (index, value) in values.iter().enumerate() {
            self.word(at + 4 * index, *value);
        }
    }

    fn long(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_ne_bytes());
    }

    /// `header`: the length of IP's.
    fn fill(&mut self, of: &Measures, header: u32) {
        let stamps = if of.stamps { TIMESTAMPS } else { 0 };
        let sack = if of.sack { SACK } else { 0 };
        let (scaled, scales) = match of.wscale {
            Some((send, receive)) => (WSCALE, send & 0xf | receive << 4),
            None => (0, 0),
        };
        self.put(
            1,
            &[
                of.ca_state,
                of.backoff,
                of.probes,
                of.backoff,
                stamps | sack | scaled,
                scales,
            ],
        );
        self.words(8, &[micros(of.rto), ATO, of.snd_mss, of.advmss]);
        self.words(24, &[of.unacked, of.sacked, of.lost]);
        self.word(44, millis(of.last_data_sent));
        self.word(52, millis(of.last_data_recv));
        self.word(56, millis(of.last_ack_recv));
        self.words(
            60,
            &[
                of.packet + header,
                of.rcv_space,
                micros(of.rtt),
                micros(of.rttvar),
                of.snd_ssthresh,
                of.snd_cwnd,
                of.advmss,
                3,
                0,
                of.rcv_space,
                of.total_retrans,
            ],
        );
        self.long(120, of.bytes_acked);
        self.long(128, of.bytes_received);
        self.words(
            136,
            &[of.segs_out, of.segs_in, of.notsent, micros(of.min_rtt)],
        );
        self.words(228, &[of.snd_wnd, of.rcv_wnd]);
    }
}

impl TcpSocket {
    /// The bytes of `struct tcp_info`; what is not measured is 0.
    pub(super) fn info(&self) -> Vec<u8> {
        let mut info = Info(alloc::vec![0; LENGTH]);
        let (state, queue, header) = {
            let link = self.link.lock();
            let listener = link.listener.as_ref();
            let queue = listener.map(|queue| (queue.queue.len() as u32, queue.backlog));
            let header = if link.remote.addr.is_ipv6() { 40 } else { 20 };
            (link.state, queue, header)
        };
        info.put(0, &[state as u8]);
        if let Some((waiting, backlog)) = queue {
            info.words(24, &[waiting, backlog]);
            return info.0;
        }
        let measures = {
            let guard = self.wire.lock();
            guard
                .as_ref()
                .map(|wire| wire.machine.measures(Instant::now()))
        };
        match measures {
            Some(measures) => info.fill(&measures, header),
            None => {
                let segment = self.segment() as u32;
                info.words(8, &[RTO, ATO, segment, segment]);
                if state != State::Closed {
                    info.put(5, &[SACK | WSCALE, 0x77]);
                }
                info.words(64, &[65_535, 0, 0, 0x7fff_ffff, 10, segment, 3]);
            }
        }
        info.0
    }
}
