//! Options of the level `SOL_NETLINK`.

use super::NetlinkSocket;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;

/// `SOL_NETLINK`
pub const LEVEL: i32 = 270;

const ADD_MEMBERSHIP: i32 = 1;
const DROP_MEMBERSHIP: i32 = 2;
/// Also the kind of the control message.
pub const PKTINFO: i32 = 3;
const BROADCAST_ERROR: i32 = 4;
const NO_ENOBUFS: i32 = 5;
const LIST_MEMBERSHIPS: i32 = 9;
const CAP_ACK: i32 = 10;
const EXT_ACK: i32 = 11;
const STRICT: i32 = 12;

bitflags::bitflags! {
    /// What is on.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Switches: u32 {
        /// Tell the group of each message.
        const PKTINFO = 1 << 0;
        /// A lost message to others is the sender's error.
        const BROADCAST_ERROR = 1 << 1;
        /// A lost message is not told.
        const NO_ENOBUFS = 1 << 2;
        /// Errors come without the request.
        const CAP_ACK = 1 << 3;
        /// Errors come with words.
        const EXT_ACK = 1 << 4;
        /// Requests are checked in full.
        const STRICT = 1 << 5;
    }
}

fn switch_of(name: i32) -> Option<Switches> {
    Some(match name {
        PKTINFO => Switches::PKTINFO,
        BROADCAST_ERROR => Switches::BROADCAST_ERROR,
        NO_ENOBUFS => Switches::NO_ENOBUFS,
        CAP_ACK => Switches::CAP_ACK,
        EXT_ACK => Switches::EXT_ACK,
        STRICT => Switches::STRICT,
        _ => return None,
    })
}

impl NetlinkSocket {
    pub(super) fn set(&self, level: i32, name: i32, value: &[u8]) -> Result<()> {
        if level != LEVEL {
            return Err(Errno::ENOPROTOOPT);
        }
        // A shorter value counts as 0.
        let value = value.first_chunk().map_or(0, |b| u32::from_ne_bytes(*b));
        match name {
            ADD_MEMBERSHIP | DROP_MEMBERSHIP => {
                if value == 0 || value > self.protocol_kind().groups() {
                    return Err(Errno::EINVAL);
                }
                let bit = 1u64 << (value - 1);
                if name == ADD_MEMBERSHIP {
                    self.groups.fetch_or(bit, Relaxed);
                } else {
                    self.groups.fetch_and(!bit, Relaxed);
                }
                Ok(())
            }
            _ => {
                let switch = switch_of(name).ok_or(Errno::ENOPROTOOPT)?;
                if value == 0 {
                    self.switches.fetch_and(!switch.bits(), Relaxed);
                } else {
                    self.switches.fetch_or(switch.bits(), Relaxed);
                }
                Ok(())
            }
        }
    }

    pub(super) fn get(&self, level: i32, name: i32, room: usize) -> Result<Vec<u8>> {
        if level != LEVEL {
            return Err(Errno::ENOPROTOOPT);
        }
        if name == LIST_MEMBERSHIPS {
            let words = self.protocol_kind().groups().div_ceil(32) as usize;
            let groups = self.groups.load(Relaxed).to_ne_bytes();
            return Ok(groups.get(..words * 4).unwrap_or_default().to_vec());
        }
        let switch = switch_of(name).ok_or(Errno::ENOPROTOOPT)?;
        if room < size_of::<i32>() {
            return Err(Errno::EINVAL);
        }
        let on = i32::from(self.switches().contains(switch));
        Ok(on.to_ne_bytes().to_vec())
    }

    pub(super) fn switches(&self) -> Switches {
        Switches::from_bits_truncate(self.switches.load(Relaxed))
    }
}
