//! Options of level TCP (`man 7 tcp`).

use super::TcpSocket;
use super::state::State;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering::Relaxed};
use zerocopy::{FromBytes, IntoBytes};

/// The level of these options.
pub const SOL_TCP: i32 = 6;

#[allow(missing_docs, reason = "the names are those of man 7 tcp")]
mod tcp {
    pub const NODELAY: i32 = 1;
    pub const MAXSEG: i32 = 2;
    pub const CORK: i32 = 3;
    pub const KEEPIDLE: i32 = 4;
    pub const KEEPINTVL: i32 = 5;
    pub const KEEPCNT: i32 = 6;
    pub const SYNCNT: i32 = 7;
    pub const LINGER2: i32 = 8;
    pub const DEFER_ACCEPT: i32 = 9;
    pub const WINDOW_CLAMP: i32 = 10;
    pub const INFO: i32 = 11;
    pub const QUICKACK: i32 = 12;
    pub const CONGESTION: i32 = 13;
    pub const USER_TIMEOUT: i32 = 18;
    pub const FASTOPEN: i32 = 23;
    pub const NOTSENT_LOWAT: i32 = 25;
    pub const FASTOPEN_CONNECT: i32 = 30;
}

/// The one way congestion is met.
const RENO: &[u8; 16] = b"reno\0\0\0\0\0\0\0\0\0\0\0\0";
/// The largest segment a program may ask for (`MAX_TCP_WINDOW`), and the least.
const SEGMENT: core::ops::RangeInclusive<i32> = 88..=32767;
/// Seconds in FIN-WAIT-2 (`net.ipv4.tcp_fin_timeout`).
const LINGER_DEFAULT: i32 = 60;
/// The least window a program can bound (`SOCK_MIN_RCVBUF` / 2).
const CLAMP_MIN: i32 = 1152;
/// The segment size told without a connection.
const SEGMENT_DEFAULT: i32 = 536;

bitflags::bitflags! {
    /// Options that are on or off.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct TcpFlags: u32 {
        /// `TCP_NODELAY`
        const NODELAY = 1;
        /// `TCP_CORK`
        const CORK = 2;
        /// `TCP_QUICKACK`
        const QUICKACK = 4;
        /// `TCP_FASTOPEN_CONNECT`
        const FASTOPEN_CONNECT = 8;
    }
}

/// One socket's.
#[derive(Debug)]
pub struct TcpOptions {
    flags: AtomicU32,
    max_segment: AtomicI32,
    /// Seconds of silence before the first probe.
    pub keep_idle: AtomicI32,
    /// Seconds between probes.
    pub keep_interval: AtomicI32,
    /// Probes without an answer that end a connection.
    pub keep_count: AtomicI32,
    /// SYNs sent again before a connection is given up.
    pub syn_count: AtomicI32,
    linger2: AtomicI32,
    defer_accept: AtomicI32,
    window_clamp: AtomicI32,
    /// Milliseconds data may stay without an answer.
    pub user_timeout: AtomicU32,
    fast_open: AtomicI32,
    not_sent_low: AtomicU32,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            flags: AtomicU32::new(TcpFlags::QUICKACK.bits()),
            max_segment: AtomicI32::new(0),
            keep_idle: AtomicI32::new(7200),
            keep_interval: AtomicI32::new(75),
            keep_count: AtomicI32::new(9),
            syn_count: AtomicI32::new(6),
            linger2: AtomicI32::new(LINGER_DEFAULT),
            defer_accept: AtomicI32::new(0),
            window_clamp: AtomicI32::new(0),
            user_timeout: AtomicU32::new(0),
            fast_open: AtomicI32::new(0),
            not_sent_low: AtomicU32::new(u32::MAX),
        }
    }
}

fn store(kept: &AtomicI32, value: i32, range: core::ops::RangeInclusive<i32>) -> Result<()> {
    if !range.contains(&value) {
        return Err(Errno::EINVAL);
    }
    kept.store(value, Relaxed);
    Ok(())
}

/// A number of seconds as [`deferred`] gives them, as a number of answers.
fn deferral_count(seconds: i32) -> u32 {
    let (mut told, mut next, mut count) = (0, 1, 0);
    while told < seconds {
        told += next;
        next = (next * 2).min(120);
        count += 1;
    }
    count
}

/// Seconds of waiting for data as Linux keeps them: a number of SYN-ACKs sent again, each after twice the time.
fn deferred(seconds: i32) -> i32 {
    let (mut told, mut next) = (0, 1);
    while told < seconds {
        told += next;
        next = (next * 2).min(120);
    }
    told
}

impl TcpOptions {
    /// What is on.
    pub fn flags(&self) -> TcpFlags {
        TcpFlags::from_bits_truncate(self.flags.load(Relaxed))
    }

    /// Whether setting this option just now lets go what waited.
    pub fn pushes(&self, name: i32) -> bool {
        match name {
            tcp::CORK => !self.flags().contains(TcpFlags::CORK),
            tcp::NODELAY => self.flags().contains(TcpFlags::NODELAY),
            _ => false,
        }
    }

    /// Bytes not sent yet above which there is no room.
    pub fn not_sent_low(&self) -> usize {
        match self.not_sent_low.load(Relaxed) {
            0 => usize::MAX,
            bytes => bytes as usize,
        }
    }

    /// Seconds a listener waits for data (`TCP_DEFER_ACCEPT`).
    pub fn defer_seconds(&self) -> u64 {
        u64::try_from(self.defer_accept.load(Relaxed)).unwrap_or(0)
    }

    /// Seconds an end that nobody holds waits for the other's (`TCP_LINGER2`).
    pub fn fin_seconds(&self) -> u64 {
        u64::try_from(self.linger2.load(Relaxed)).unwrap_or(0)
    }

    fn put_flag(&self, flag: TcpFlags, on: bool) {
        if on {
            self.flags.fetch_or(flag.bits(), Relaxed);
        } else {
            self.flags.fetch_and(!flag.bits(), Relaxed);
        }
    }

    /// What an accepted socket takes over.
    pub fn inherit(&self, from: &Self) {
        self.flags.store(from.flags.load(Relaxed), Relaxed);
        for (own, other) in [
            (&self.max_segment, &from.max_segment),
            (&self.keep_idle, &from.keep_idle),
            (&self.keep_interval, &from.keep_interval),
            (&self.keep_count, &from.keep_count),
            (&self.linger2, &from.linger2),
            (&self.window_clamp, &from.window_clamp),
        ] {
            own.store(other.load(Relaxed), Relaxed);
        }
        self.user_timeout
            .store(from.user_timeout.load(Relaxed), Relaxed);
    }
}

impl TcpSocket {
    pub(super) fn set_tcp(&self, name: i32, bytes: &[u8]) -> Result<()> {
        if name == tcp::CONGESTION {
            return set_congestion(bytes);
        }
        let value = i32::read_from_prefix(bytes).map_err(|_| Errno::EINVAL)?.0;
        let kept = &self.tcp;
        match name {
            tcp::NODELAY => kept.put_flag(TcpFlags::NODELAY, value != 0),
            tcp::CORK => kept.put_flag(TcpFlags::CORK, value != 0),
            tcp::QUICKACK => kept.put_flag(TcpFlags::QUICKACK, value != 0),
            tcp::FASTOPEN_CONNECT => {
                if !(0..=1).contains(&value) {
                    return Err(Errno::EINVAL);
                }
                if self.link.lock().state != State::Closed {
                    return Err(Errno::EINVAL);
                }
                kept.put_flag(TcpFlags::FASTOPEN_CONNECT, value != 0);
            }
            tcp::MAXSEG if value == 0 => kept.max_segment.store(0, Relaxed),
            tcp::MAXSEG => store(&kept.max_segment, value, SEGMENT)?,
            tcp::KEEPIDLE => store(&kept.keep_idle, value, 1..=32767)?,
            tcp::KEEPINTVL => store(&kept.keep_interval, value, 1..=32767)?,
            tcp::KEEPCNT => store(&kept.keep_count, value, 1..=127)?,
            tcp::SYNCNT => store(&kept.syn_count, value, 1..=127)?,
            tcp::LINGER2 => {
                let seconds = match value {
                    ..0 => -1,
                    0 => LINGER_DEFAULT,
                    _ => value.min(120),
                };
                kept.linger2.store(seconds, Relaxed);
            }
            tcp::DEFER_ACCEPT => kept.defer_accept.store(deferred(value), Relaxed),
            tcp::WINDOW_CLAMP => {
                if value == 0 && self.link.lock().state != State::Closed {
                    return Err(Errno::EINVAL);
                }
                let least = if value == 0 { 0 } else { CLAMP_MIN };
                kept.window_clamp.store(value.max(least), Relaxed);
            }
            tcp::USER_TIMEOUT if value < 0 => return Err(Errno::EINVAL),
            tcp::USER_TIMEOUT => kept.user_timeout.store(value as u32, Relaxed),
            tcp::FASTOPEN => {
                if value < 0 || !matches!(self.link.lock().state, State::Closed | State::Listen) {
                    return Err(Errno::EINVAL);
                }
                kept.fast_open.store(value, Relaxed);
            }
            tcp::NOTSENT_LOWAT => kept.not_sent_low.store(value as u32, Relaxed),
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    pub(super) fn get_tcp(&self, name: i32, room: usize) -> Result<Vec<u8>> {
        let kept = &self.tcp;
        let flag = |flag| i32::from(kept.flags().contains(flag));
        let value = match name {
            tcp::NODELAY => flag(TcpFlags::NODELAY),
            tcp::CORK => flag(TcpFlags::CORK),
            tcp::QUICKACK => flag(TcpFlags::QUICKACK),
            tcp::FASTOPEN_CONNECT => flag(TcpFlags::FASTOPEN_CONNECT),
            tcp::MAXSEG => self.segment(),
            tcp::KEEPIDLE => kept.keep_idle.load(Relaxed),
            tcp::KEEPINTVL => kept.keep_interval.load(Relaxed),
            tcp::KEEPCNT => kept.keep_count.load(Relaxed),
            tcp::SYNCNT => kept.syn_count.load(Relaxed),
            tcp::LINGER2 => kept.linger2.load(Relaxed),
            tcp::DEFER_ACCEPT => kept.defer_accept.load(Relaxed),
            tcp::WINDOW_CLAMP => kept.window_clamp.load(Relaxed),
            tcp::USER_TIMEOUT => kept.user_timeout.load(Relaxed) as i32,
            tcp::FASTOPEN => kept.fast_open.load(Relaxed),
            tcp::NOTSENT_LOWAT => kept.not_sent_low.load(Relaxed) as i32,
            tcp::CONGESTION => return Ok(RENO.to_vec()),
            tcp::INFO => {
                let mut info = self.info();
                info.truncate(room);
                return Ok(info);
            }
            _ => return Err(Errno::ENOPROTOOPT),
        };
        Ok(value.as_bytes().to_vec())
    }

    /// The largest segment the program asked for.
    pub(super) fn asked_segment(&self) -> Option<u16> {
        let asked = self.tcp.max_segment.load(Relaxed);
        u16::try_from(asked).ok().filter(|asked| *asked > 0)
    }

    /// The largest window the program chose, by the size of the buffer or by `TCP_WINDOW_CLAMP`: half of a buffer
    /// is for what surrounds the bytes.
    pub(super) fn chosen_window(&self) -> Option<usize> {
        let buffer = self.core.options.chosen_receive_buffer();
        let clamp = usize::try_from(self.tcp.window_clamp.load(Relaxed)).unwrap_or(0);
        match (buffer.map(|bytes| bytes / 2), clamp) {
            (window, 0) => window,
            (window, clamp) => Some(window.unwrap_or(usize::MAX).min(clamp)),
        }
    }

    /// The window told with the answer to a SYN.
    pub(super) fn first_window(&self) -> u16 {
        let window = self.chosen_window().unwrap_or(usize::MAX);
        u16::try_from(window).unwrap_or(u16::MAX)
    }

    /// Times the answer to a SYN goes again while data is waited for (`TCP_DEFER_ACCEPT`).
    pub(super) fn deferrals(&self) -> u32 {
        deferral_count(self.tcp.defer_accept.load(Relaxed))
    }

    /// The largest segment: of the connection, or what the program asked for.
    pub(super) fn segment(&self) -> i32 {
        let state = self.link.lock().state;
        let asked = self.tcp.max_segment.load(Relaxed);
        let wire = self.wire.lock().as_ref().map(|wire| wire.machine.segment());
        if let Some(segment) = wire {
            segment as i32
        } else if state.is_connected() {
            let path = 65_483;
            if asked == 0 { path } else { asked.min(path) }
        } else if asked != 0 {
            asked
        } else {
            SEGMENT_DEFAULT
        }
    }
}

fn set_congestion(bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        return Err(Errno::EINVAL);
    }
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    if bytes.get(..end.min(RENO.len() - 1)) == Some(b"reno") {
        Ok(())
    } else {
        Err(Errno::ENOENT)
    }
}
