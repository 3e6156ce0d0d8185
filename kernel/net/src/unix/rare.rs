//! Options of `SOL_SOCKET` beyond those every family gives a meaning: timestamps of messages, and
//! values that Linux keeps for any socket though AF_UNIX never looks at them. Most sockets have none.

use super::{Kind, UnixSocket};
use crate::bytes::ByteQueue;
use crate::control::Ancillary;
use crate::filter::{Beside, EXTENSIONS, Slot};
use crate::interfaces;
use crate::socket::{NAMESPACE, Socket};
use abi::socket::{SOL_SOCKET, so};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use mm::io::IoDst;
use sync::SortedMap;
use sync::{Capability, Once, Registration, SpinLock, rank};
use vfs::Caller;
use zerocopy::{FromBytes, IntoBytes};

/// Flags of `SO_TIMESTAMPING` that exist.
const TIMESTAMPING_MASK: i64 = (1 << 18) - 1;
/// Bytes of an interface's name, its NUL included.
const IFNAMSIZ: usize = 16;

/// What one socket was told. An idle socket is small: most were told nothing.
#[derive(Default)]
pub struct Rare {
    kept: Once<Box<Kept>>,
}

#[derive(Default)]
struct Kept {
    values: SpinLock<SortedMap<i32, i64>, { rank::LEAF }>,
    /// The option that asked for timestamps; 0: none did.
    stamps: AtomicU32,
    /// Signals the owner of urgent bytes.
    urgent: SpinLock<Option<Registration>, { rank::LEAF }>,
    /// What messages it takes.
    filter: Slot,
}

impl Rare {
    fn kept(&self) -> &Kept {
        self.kept.get_or_init(Box::default)
    }

    #[inline]
    fn stamps(&self) -> i32 {
        self.kept
            .get()
            .map_or(0, |kept| kept.stamps.load(Relaxed) as i32)
    }

    /// Keeps the observer that signals the owner of urgent bytes, in place of the one before.
    pub fn keep_urgent(&self, observer: Registration) {
        let old = self.kept().urgent.lock().replace(observer);
        drop(old);
    }

    /// How much of a message to this socket its filter keeps; `None` drops it.
    #[inline]
    pub fn kept_of(&self, bytes: &ByteQueue) -> Option<usize> {
        match self.kept.get() {
            None => Some(bytes.len()),
            Some(kept) => kept.filtered(bytes),
        }
    }

    /// It is not told: as Linux says of one that it has not kept as it was given.
    fn has_filter(&self) -> bool {
        let kept = self.kept.get();
        kept.is_some_and(|kept| kept.filter.get().is_some())
    }

    fn value(&self, name: i32) -> i64 {
        let told = self
            .kept
            .get()
            .and_then(|kept| kept.values.lock().get(&name).copied());
        told.unwrap_or(match name {
            so::INCOMING_CPU | so::MAX_PACING_RATE => -1,
            _ => 0,
        })
    }

    fn keep(&self, name: i32, value: i64) {
        self.kept().values.lock().insert(name, value);
    }

    /// Whether messages to this socket are to be stamped.
    #[inline]
    pub fn wants_stamps(&self) -> bool {
        self.stamps() != 0
    }

    /// The control message of a timestamp in nanoseconds; a message sent before anybody asked for
    /// one has the time it is received at.
    #[inline]
    pub fn stamp(&self, sent: Option<u64>) -> Option<Ancillary> {
        match self.stamps() {
            0 => None,
            name => Some(stamp(name, sent)),
        }
    }
}

/// A timestamp as the option `name` tells it.
#[cold]
fn stamp(name: i32, sent: Option<u64>) -> Ancillary {
    let ns = sent.unwrap_or_else(sync::clock::realtime_ns);
    let unit = match name {
        so::TIMESTAMPNS | so::TIMESTAMPNS_NEW => 1,
        _ => 1000,
    };
    let words = [ns / 1_000_000_000, ns % 1_000_000_000 / unit];
    Ancillary {
        level: SOL_SOCKET,
        kind: name,
        data: words.as_bytes().to_vec(),
    }
}

impl Kept {
    #[cold]
    fn filtered(&self, bytes: &ByteQueue) -> Option<usize> {
        let all = bytes.len();
        let Some(filter) = self.filter.get() else {
            return Some(all);
        };
        let mut copy = Vec::new();
        // Without memory to look at it, it is dropped as it would be when it came over a wire.
        copy.try_reserve_exact(all).ok()?;
        copy.resize(all, 0);
        bytes.peek(&mut IoDst::kernel(&mut copy), 0, all);
        match filter.run(&copy, &Beside::default()) {
            0 => None,
            most => Some(all.min(most as usize)),
        }
    }
}

impl UnixSocket {
    pub(super) fn set_rare(
        &self,
        name: i32,
        bytes: &[u8],
        caller: &dyn Caller,
    ) -> Option<Result<()>> {
        if name == so::BINDTODEVICE {
            return Some(self.bind_to_name(bytes, caller));
        }
        let value = i32::read_from_prefix(bytes).ok()?.0;
        if matches!(
            name,
            so::ATTACH_FILTER | so::DETACH_FILTER | so::LOCK_FILTER
        ) {
            return self.rare.kept().filter.set_option(name, bytes);
        }
        let admin = caller.cred().has(Capability::NET_ADMIN);
        let kept = match name {
            so::TIMESTAMP | so::TIMESTAMPNS | so::TIMESTAMP_NEW | so::TIMESTAMPNS_NEW => {
                let on = if value != 0 { name as u32 } else { 0 };
                self.rare.kept().stamps.store(on, Relaxed);
                return Some(Ok(()));
            }
            so::TIMESTAMPING | so::TIMESTAMPING_NEW => {
                if i64::from(value) & !TIMESTAMPING_MASK != 0 {
                    return Some(Err(Errno::EINVAL));
                }
                self.rare.keep(so::TIMESTAMPING, value.into());
                return Some(Ok(()));
            }
            so::RXQ_OVFL | so::WIFI_STATUS | so::NOFCS | so::SELECT_ERR_QUEUE | so::RCVMARK => {
                i64::from(value != 0)
            }
            so::BSDCOMPAT | so::CNX_ADVICE => return Some(Ok(())),
            so::BUSY_POLL if value < 0 => return Some(Err(Errno::EINVAL)),
            so::PREFER_BUSY_POLL if value != 0 && !admin => return Some(Err(Errno::EPERM)),
            so::PREFER_BUSY_POLL => i64::from(value != 0),
            so::BUSY_POLL_BUDGET => {
                if i64::from(value) > self.rare.value(name) && !admin {
                    return Some(Err(Errno::EPERM));
                }
                if u16::try_from(value).is_err() {
                    return Some(Err(Errno::EINVAL));
                }
                value.into()
            }
            so::BUSY_POLL | so::INCOMING_CPU => value.into(),
            so::TXREHASH => match value {
                // As the system's setting is.
                -1 => 1,
                0 | 1 => value.into(),
                _ => return Some(Err(Errno::EINVAL)),
            },
            so::RESERVE_MEM if value < 0 => return Some(Err(Errno::EINVAL)),
            so::RESERVE_MEM => return Some(Err(Errno::EOPNOTSUPP)),
            so::MAX_PACING_RATE => match i64::read_from_prefix(bytes) {
                Ok((rate, _)) => rate,
                Err(_) if value == -1 => -1,
                Err(_) => i64::from(value as u32),
            },
            so::BINDTOIFINDEX => return Some(self.bind_to_index(value, caller)),
            _ => return None,
        };
        self.rare.keep(name, kept);
        Some(Ok(()))
    }

    fn bind_to_name(&self, bytes: &[u8], caller: &dyn Caller) -> Result<()> {
        let bytes = bytes.get(..bytes.len().min(IFNAMSIZ - 1)).unwrap_or(bytes);
        let name = bytes.split(|byte| *byte == 0).next().unwrap_or(bytes);
        let index = if name.is_empty() {
            0
        } else {
            let name = core::str::from_utf8(name).map_err(|_| Errno::ENODEV)?;
            let index = interfaces::index(name).ok_or(Errno::ENODEV)?;
            i32::try_from(index).map_err(|_| Errno::ENODEV)?
        };
        self.bind_to_index(index, caller)
    }

    /// Who is bound already needs a privilege to change it.
    fn bind_to_index(&self, index: i32, caller: &dyn Caller) -> Result<()> {
        if index < 0 {
            return Err(Errno::EINVAL);
        }
        let bound = self.rare.value(so::BINDTOIFINDEX) != 0;
        if bound && !caller.cred().has(Capability::NET_RAW) {
            return Err(Errno::EPERM);
        }
        self.rare.keep(so::BINDTOIFINDEX, index.into());
        Ok(())
    }

    pub(super) fn get_rare(&self, name: i32) -> Option<Result<Vec<u8>>> {
        let int = |value: i64| (value as i32).as_bytes().to_vec();
        Some(Ok(match name {
            so::TIMESTAMP | so::TIMESTAMPNS | so::TIMESTAMP_NEW | so::TIMESTAMPNS_NEW => {
                int(i64::from(self.rare.stamps() == name))
            }
            so::TIMESTAMPING | so::TIMESTAMPING_NEW => {
                let flags = self.rare.value(so::TIMESTAMPING) as i32;
                [flags, 0].as_bytes().to_vec()
            }
            so::RXQ_OVFL
            | so::WIFI_STATUS
            | so::NOFCS
            | so::SELECT_ERR_QUEUE
            | so::RCVMARK
            | so::BUSY_POLL
            | so::PREFER_BUSY_POLL
            | so::INCOMING_CPU
            | so::TXREHASH
            | so::BINDTOIFINDEX => int(self.rare.value(name)),
            so::BSDCOMPAT | so::ZEROCOPY | so::RESERVE_MEM | so::INCOMING_NAPI_ID => int(0),
            so::BPF_EXTENSIONS => int(EXTENSIONS.into()),
            so::MAX_PACING_RATE => self.rare.value(name).as_bytes().to_vec(),
            so::NETNS_COOKIE => NAMESPACE.as_bytes().to_vec(),
            so::LOCK_FILTER => {
                let kept = self.rare.kept.get();
                int(kept.is_some_and(|kept| kept.filter.is_locked()).into())
            }
            so::ATTACH_FILTER if self.rare.has_filter() => return Some(Err(Errno::EACCES)),
            // No filter: nothing to tell.
            so::ATTACH_FILTER => Vec::new(),
            so::TXTIME => [0i32; 2].as_bytes().to_vec(),
            so::BINDTODEVICE => return Some(self.device_name()),
            so::MEMINFO => self.memory(),
            _ => return None,
        }))
    }

    fn device_name(&self) -> Result<Vec<u8>> {
        let index = self.rare.value(so::BINDTOIFINDEX);
        let Some(index) = u32::try_from(index).ok().filter(|index| *index != 0) else {
            return Ok(Vec::new());
        };
        let mut name = interfaces::name(index).ok_or(Errno::ENODEV)?.into_bytes();
        name.push(0);
        Ok(name)
    }

    /// `SK_MEMINFO_*`: what waits here counts with its senders.
    fn memory(&self) -> Vec<u8> {
        let word = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let receive = word(self.options().receive_buffer());
        let send = word(self.options().send_buffer());
        let sent = word(self.charged());
        [0, receive, sent, send, 0, 0, 0, 0, 0].as_bytes().to_vec()
    }

    /// When a message to this socket is sent, if it wants to know.
    #[inline(always)]
    pub(super) fn stamp_for(&self) -> Option<u64> {
        (self.kind != Kind::Stream && self.rare.wants_stamps()).then(sync::clock::realtime_ns)
    }
}
