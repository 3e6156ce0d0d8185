//! Options every socket has (`SOL_SOCKET`, `man 7 socket`), kept as plain values.

use crate::settings;
use abi::socket::so;
use abi::{Errno, Result};
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed};
use sync::{Capability, Credentials};
use zerocopy::{FromBytes, IntoBytes};

/// The least send buffer (`SOCK_MIN_SNDBUF`).
const SEND_BUFFER_MIN: u32 = 4608;
/// The least receive buffer (`SOCK_MIN_RCVBUF`).
const RECEIVE_BUFFER_MIN: u32 = 2304;
/// Timeouts are told in whole ticks of this length, in microseconds (`CONFIG_HZ=250`).
const TICK_US: u64 = 4000;

bitflags::bitflags! {
    /// Options that are on or off.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// `SO_DEBUG`
        const DEBUG = 1 << 0;
        /// `SO_REUSEADDR`
        const REUSEADDR = 1 << 1;
        /// `SO_DONTROUTE`
        const DONTROUTE = 1 << 2;
        /// `SO_BROADCAST`
        const BROADCAST = 1 << 3;
        /// `SO_KEEPALIVE`
        const KEEPALIVE = 1 << 4;
        /// `SO_OOBINLINE`
        const OOBINLINE = 1 << 5;
        /// `SO_NO_CHECK`
        const NO_CHECK = 1 << 6;
        /// `SO_REUSEPORT`
        const REUSEPORT = 1 << 7;
        /// `SO_PASSCRED`
        const PASSCRED = 1 << 8;
        /// `SO_PASSPIDFD`
        const PASSPIDFD = 1 << 9;
        /// `SO_PASSSEC`: without an LSM no label ever comes.
        const PASSSEC = 1 << 10;
        /// `SO_LINGER` is on.
        const LINGER = 1 << 11;
    }
}

/// The flag an on-off option sets.
fn flag_of(name: i32) -> Option<Flags> {
    Some(match name {
        so::DEBUG => Flags::DEBUG,
        so::REUSEADDR => Flags::REUSEADDR,
        so::DONTROUTE => Flags::DONTROUTE,
        so::BROADCAST => Flags::BROADCAST,
        so::KEEPALIVE => Flags::KEEPALIVE,
        so::OOBINLINE => Flags::OOBINLINE,
        so::NO_CHECK => Flags::NO_CHECK,
        so::REUSEPORT => Flags::REUSEPORT,
        so::PASSCRED => Flags::PASSCRED,
        so::PASSPIDFD => Flags::PASSPIDFD,
        so::PASSSEC => Flags::PASSSEC,
        _ => return None,
    })
}

/// One socket's options.
#[derive(Debug)]
pub struct Options {
    flags: AtomicU32,
    send_buffer: AtomicU32,
    receive_buffer: AtomicU32,
    /// Nanoseconds; 0 is for ever, [`NEVER_WAIT`] not at all.
    receive_timeout: AtomicU64,
    send_timeout: AtomicU64,
    receive_low: AtomicI32,
    priority: AtomicU32,
    mark: AtomicU32,
    linger_seconds: AtomicI32,
    peek_offset: AtomicI32,
    /// Which buffers have a size the program chose.
    chosen: AtomicU32,
}

/// The program chose the size of the send buffer.
const CHOSEN_SEND: u32 = 1;
/// The same of the receive buffer.
const CHOSEN_RECEIVE: u32 = 2;
/// What a stream's buffers grow to when nobody chose.
const STREAM_BUFFER: usize = 256 * 1024;

/// A timeout of no time at all, as a negative number of seconds sets it.
const NEVER_WAIT: u64 = u64::MAX;

impl Default for Options {
    fn default() -> Self {
        Self {
            flags: AtomicU32::new(0),
            send_buffer: AtomicU32::new(settings::SEND_DEFAULT.load(Relaxed)),
            receive_buffer: AtomicU32::new(settings::RECEIVE_DEFAULT.load(Relaxed)),
            receive_timeout: AtomicU64::new(0),
            send_timeout: AtomicU64::new(0),
            receive_low: AtomicI32::new(1),
            priority: AtomicU32::new(0),
            mark: AtomicU32::new(0),
            linger_seconds: AtomicI32::new(0),
            peek_offset: AtomicI32::new(-1),
            chosen: AtomicU32::new(0),
        }
    }
}

/// The bytes of an option as `getsockopt` tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// An `int`.
    Int(i32),
    /// `struct linger`, `struct timeval` and others of two words.
    Pair([i32; 2]),
    /// A `struct timeval`.
    Time([i64; 2]),
}

impl Value {
    /// The bytes in memory.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Int(value) => value.as_bytes(),
            Self::Pair(value) => value.as_bytes(),
            Self::Time(value) => value.as_bytes(),
        }
    }
}

impl Options {
    /// What is on.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags::from_bits_truncate(self.flags.load(Relaxed))
    }

    /// Bytes on their way that stop a sender (`SO_SNDBUF` as told, twice what was set).
    #[must_use]
    pub fn send_buffer(&self) -> usize {
        self.send_buffer.load(Relaxed) as usize
    }

    /// Bytes that may wait to be received.
    #[must_use]
    pub fn receive_buffer(&self) -> usize {
        self.receive_buffer.load(Relaxed) as usize
    }

    /// How long a receive waits, in nanoseconds; `None` for ever.
    #[must_use]
    pub fn receive_timeout(&self) -> Option<u64> {
        timeout(&self.receive_timeout)
    }

    /// How long a send waits, in nanoseconds; `None` for ever.
    #[must_use]
    pub fn send_timeout(&self) -> Option<u64> {
        timeout(&self.send_timeout)
    }

    /// The fewest bytes a stream's receive waits for.
    #[must_use]
    pub fn receive_low(&self) -> usize {
        self.receive_low.load(Relaxed).max(1) as usize
    }

    /// Where the next peek starts; `None` while `SO_PEEK_OFF` is negative.
    #[must_use]
    pub fn peek_offset(&self) -> Option<usize> {
        usize::try_from(self.peek_offset.load(Relaxed)).ok()
    }

    /// A peek went on by `bytes`, or (`forward` false) a read took them from the front.
    pub fn move_peek_offset(&self, bytes: usize, forward: bool) {
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
        // `Err` is of a socket without one.
        let _ = self.peek_offset.fetch_update(Relaxed, Relaxed, |old| {
            (old >= 0).then(|| match forward {
                true => old.saturating_add(bytes),
                false => (old - bytes).max(0),
            })
        });
    }

    /// With buffers of other sizes than those of all families.
    #[must_use]
    pub fn with_buffers(send: u32, receive: u32) -> Self {
        Self {
            send_buffer: AtomicU32::new(send),
            receive_buffer: AtomicU32::new(receive),
            ..Self::default()
        }
    }

    /// Bytes a stream may have on its way: what the program chose, else as much as Linux lets it grow to.
    #[must_use]
    pub fn stream_send_buffer(&self) -> usize {
        if self.chosen.load(Relaxed) & CHOSEN_SEND != 0 {
            self.send_buffer()
        } else {
            STREAM_BUFFER
        }
    }

    /// The same of what waits to be read.
    #[must_use]
    pub fn stream_receive_buffer(&self) -> usize {
        if self.chosen.load(Relaxed) & CHOSEN_RECEIVE != 0 {
            self.receive_buffer()
        } else {
            STREAM_BUFFER
        }
    }

    /// The size the program chose for the send buffer.
    #[must_use]
    pub fn chosen_send_buffer(&self) -> Option<usize> {
        let chosen = self.chosen.load(Relaxed) & CHOSEN_SEND != 0;
        chosen.then(|| self.send_buffer())
    }

    /// The same of what waits to be read.
    #[must_use]
    pub fn chosen_receive_buffer(&self) -> Option<usize> {
        let chosen = self.chosen.load(Relaxed) & CHOSEN_RECEIVE != 0;
        chosen.then(|| self.receive_buffer())
    }

    /// Seconds a close waits (`SO_LINGER`), whether it is on or not.
    #[must_use]
    pub fn linger(&self) -> i32 {
        self.linger_seconds.load(Relaxed)
    }

    /// How long a close waits; `None` when it does not.
    #[must_use]
    pub fn linger_time(&self) -> Option<core::time::Duration> {
        let seconds = u64::try_from(self.linger()).ok().filter(|time| *time > 0)?;
        let on = self.flags().contains(Flags::LINGER);
        on.then(|| core::time::Duration::from_secs(seconds))
    }

    /// What an accepted socket of IP takes over from its listener: everything.
    pub fn inherit_all(&self, from: &Self) {
        self.inherit(from);
        for (own, other) in [
            (&self.send_buffer, &from.send_buffer),
            (&self.receive_buffer, &from.receive_buffer),
            (&self.priority, &from.priority),
            (&self.mark, &from.mark),
            (&self.chosen, &from.chosen),
        ] {
            own.store(other.load(Relaxed), Relaxed);
        }
        for (own, other) in [
            (&self.receive_timeout, &from.receive_timeout),
            (&self.send_timeout, &from.send_timeout),
        ] {
            own.store(other.load(Relaxed), Relaxed);
        }
        for (own, other) in [
            (&self.receive_low, &from.receive_low),
            (&self.linger_seconds, &from.linger_seconds),
        ] {
            own.store(other.load(Relaxed), Relaxed);
        }
    }

    /// What an accepted socket of AF_UNIX takes over: what it passes on of its senders.
    pub fn inherit_passing(&self, from: &Self) {
        let passing = Flags::PASSCRED | Flags::PASSPIDFD | Flags::PASSSEC;
        let on = from.flags() & passing;
        self.flags.fetch_or(on.bits(), Relaxed);
    }

    /// What an accepted socket takes over from its listener.
    pub fn inherit(&self, from: &Self) {
        self.flags.store(from.flags.load(Relaxed), Relaxed);
    }

    /// The value of an option, or `None` for one that is not kept here.
    #[must_use]
    pub fn get(&self, name: i32) -> Option<Value> {
        if let Some(flag) = flag_of(name) {
            return Some(Value::Int(i32::from(self.flags().contains(flag))));
        }
        Some(match name {
            so::SNDBUF => Value::Int(self.send_buffer.load(Relaxed) as i32),
            so::RCVBUF => Value::Int(self.receive_buffer.load(Relaxed) as i32),
            so::RCVLOWAT => Value::Int(self.receive_low.load(Relaxed)),
            so::SNDLOWAT => Value::Int(1),
            so::PRIORITY => Value::Int(self.priority.load(Relaxed) as i32),
            so::MARK => Value::Int(self.mark.load(Relaxed) as i32),
            so::PEEK_OFF => Value::Int(self.peek_offset.load(Relaxed)),
            so::BUF_LOCK => Value::Int(self.chosen.load(Relaxed) as i32),
            so::LINGER => Value::Pair([
                i32::from(self.flags().contains(Flags::LINGER)),
                self.linger_seconds.load(Relaxed),
            ]),
            so::RCVTIMEO | so::RCVTIMEO_NEW => time(&self.receive_timeout),
            so::SNDTIMEO | so::SNDTIMEO_NEW => time(&self.send_timeout),
            _ => return None,
        })
    }

    /// Sets an option from the bytes a program gave.
    ///
    /// # Errors
    /// `EINVAL`: too few bytes. `EPERM`, `EACCES`: a privileged value. `EDOM`: microseconds past
    /// a second. `ENOPROTOOPT`: not an option that is kept here, or not one to set.
    pub fn set(&self, name: i32, bytes: &[u8], who: &Credentials) -> Result<()> {
        let value = i32::read_from_prefix(bytes).map_err(|_| Errno::EINVAL)?.0;
        let admin = who.has(Capability::NET_ADMIN);
        match name {
            so::SNDBUFFORCE | so::RCVBUFFORCE if !admin => return Err(Errno::EPERM),
            so::SNDBUF | so::SNDBUFFORCE => {
                self.chosen.fetch_or(CHOSEN_SEND, Relaxed);
            }
            so::RCVBUF | so::RCVBUFFORCE => {
                self.chosen.fetch_or(CHOSEN_RECEIVE, Relaxed);
            }
            _ => {}
        }
        match name {
            so::DEBUG if value != 0 && !admin => return Err(Errno::EACCES),
            so::SNDBUF => self.send_buffer.store(
                doubled(value, &settings::SEND_MAX, SEND_BUFFER_MIN),
                Relaxed,
            ),
            so::RCVBUF => self.receive_buffer.store(
                doubled(value, &settings::RECEIVE_MAX, RECEIVE_BUFFER_MIN),
                Relaxed,
            ),
            so::SNDBUFFORCE => self
                .send_buffer
                .store(forced(value, SEND_BUFFER_MIN), Relaxed),
            so::RCVBUFFORCE => self
                .receive_buffer
                .store(forced(value, RECEIVE_BUFFER_MIN), Relaxed),
            so::RCVLOWAT => {
                let low = if value < 0 { i32::MAX } else { value.max(1) };
                self.receive_low.store(low, Relaxed);
            }
            so::PRIORITY => {
                if !(0..=6).contains(&value) && !admin && !who.has(Capability::NET_RAW) {
                    return Err(Errno::EPERM);
                }
                self.priority.store(value as u32, Relaxed);
            }
            so::MARK => {
                if !admin && !who.has(Capability::NET_RAW) {
                    return Err(Errno::EPERM);
                }
                self.mark.store(value as u32, Relaxed);
            }
            so::PEEK_OFF => self.peek_offset.store(value, Relaxed),
            so::BUF_LOCK => match u32::try_from(value) {
                Ok(lock) if lock & !(CHOSEN_SEND | CHOSEN_RECEIVE) == 0 => {
                    self.chosen.store(lock, Relaxed);
                }
                _ => return Err(Errno::EINVAL),
            },
            so::LINGER => {
                let [on, seconds] = <[i32; 2]>::read_from_prefix(bytes)
                    .map_err(|_| Errno::EINVAL)?
                    .0;
                if on != 0 {
                    self.linger_seconds.store(seconds, Relaxed);
                }
                self.put_flag(Flags::LINGER, on != 0);
            }
            so::RCVTIMEO | so::RCVTIMEO_NEW => {
                self.receive_timeout.store(parse_time(bytes)?, Relaxed)
            }
            so::SNDTIMEO | so::SNDTIMEO_NEW => self.send_timeout.store(parse_time(bytes)?, Relaxed),
            _ => self.put_flag(flag_of(name).ok_or(Errno::ENOPROTOOPT)?, value != 0),
        }
        Ok(())
    }

    fn put_flag(&self, flag: Flags, on: bool) {
        if on {
            self.flags.fetch_or(flag.bits(), Relaxed);
        } else {
            self.flags.fetch_and(!flag.bits(), Relaxed);
        }
    }
}

/// Twice the wish, within the machine's limit and the least that works.
fn doubled(value: i32, max: &AtomicU32, least: u32) -> u32 {
    // A negative number is a huge one to Linux, and cut to the limit.
    ((value as u32).min(max.load(Relaxed)) * 2).max(least)
}

/// Twice the wish without the limit.
fn forced(value: i32, least: u32) -> u32 {
    ((value.max(0) as u32).min(i32::MAX as u32 / 2) * 2).max(least)
}

fn timeout(kept: &AtomicU64) -> Option<u64> {
    match kept.load(Relaxed) {
        0 => None,
        NEVER_WAIT => Some(0),
        nanoseconds => Some(nanoseconds),
    }
}

/// A timeout as it is told: in whole ticks.
fn time(kept: &AtomicU64) -> Value {
    let micros = match kept.load(Relaxed) {
        NEVER_WAIT => 0,
        nanoseconds => (nanoseconds / 1000)
            .div_ceil(TICK_US)
            .saturating_mul(TICK_US),
    };
    Value::Time([(micros / 1_000_000) as i64, (micros % 1_000_000) as i64])
}

fn parse_time(bytes: &[u8]) -> Result<u64> {
    let [seconds, micros] = <[i64; 2]>::read_from_prefix(bytes)
        .map_err(|_| Errno::EINVAL)?
        .0;
    if !(0..1_000_000).contains(&micros) {
        return Err(Errno::EDOM);
    }
    if seconds < 0 {
        return Ok(NEVER_WAIT);
    }
    // Longer than the clock runs is for ever.
    let nanoseconds = (seconds as u64)
        .checked_mul(1_000_000_000)
        .and_then(|whole| whole.checked_add(micros as u64 * 1000));
    Ok(nanoseconds.unwrap_or(0))
}
