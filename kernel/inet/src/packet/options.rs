//! Options of the level `SOL_PACKET`.

use super::PacketSocket;
use crate::link;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;

/// `SOL_PACKET`
pub const LEVEL: i32 = 263;

const ADD_MEMBERSHIP: i32 = 1;
const DROP_MEMBERSHIP: i32 = 2;
const STATISTICS: i32 = 6;
/// Also the kind of the control message.
pub const AUXDATA: i32 = 8;
const ORIGDEV: i32 = 9;
const IGNORE_OUTGOING: i32 = 23;

/// Kinds of membership.
const MULTICAST: u16 = 0;
const PROMISCUOUS: u16 = 1;
const ALL_MULTICAST: u16 = 2;
const UNICAST: u16 = 3;

/// What a socket asked an interface to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    pub interface: u32,
    pub kind: u16,
    pub address: [u8; 8],
}

impl Membership {
    /// Reads a `struct packet_mreq`.
    fn read(value: &[u8]) -> Result<Self> {
        let word = |at: usize| value.get(at..).and_then(|rest| rest.first_chunk::<2>());
        let interface = value.first_chunk().ok_or(Errno::EINVAL)?;
        let address = value.get(8..).and_then(|rest| rest.first_chunk());
        Ok(Self {
            interface: u32::from_ne_bytes(*interface),
            kind: word(4)
                .map(|b| u16::from_ne_bytes(*b))
                .ok_or(Errno::EINVAL)?,
            address: *address.ok_or(Errno::EINVAL)?,
        })
    }

    /// Begins or ends it. Cards here hear all groups.
    pub fn apply(&self, begins: bool) {
        if self.kind == PROMISCUOUS
            && let Some(interface) = link::by_index(self.interface)
        {
            interface.port.want_everything(begins);
        }
    }
}

impl PacketSocket {
    pub(super) fn set(&self, level: i32, name: i32, value: &[u8]) -> Result<()> {
        if level != LEVEL {
            return Err(Errno::ENOPROTOOPT);
        }
        let int = || {
            value
                .first_chunk()
                .map(|b| i32::from_ne_bytes(*b))
                .ok_or(Errno::EINVAL)
        };
        match name {
            ADD_MEMBERSHIP | DROP_MEMBERSHIP => {
                let wanted = Membership::read(value)?;
                if name == ADD_MEMBERSHIP {
                    link::by_index(wanted.interface).ok_or(Errno::ENODEV)?;
                    if !matches!(
                        wanted.kind,
                        MULTICAST | PROMISCUOUS | ALL_MULTICAST | UNICAST
                    ) {
                        return Err(Errno::EINVAL);
                    }
                    self.join(wanted);
                    Ok(())
                } else {
                    self.part(&wanted)
                }
            }
            AUXDATA => {
                self.auxdata.store(int()? != 0, Relaxed);
                Ok(())
            }
            ORIGDEV => {
                self.origdev.store(int()? != 0, Relaxed);
                Ok(())
            }
            IGNORE_OUTGOING => match int()? {
                on @ 0..=1 => {
                    self.ignores_outgoing.store(on != 0, Relaxed);
                    Ok(())
                }
                _ => Err(Errno::EINVAL),
            },
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    pub(super) fn get(&self, level: i32, name: i32) -> Result<Vec<u8>> {
        if level != LEVEL {
            return Err(Errno::ENOPROTOOPT);
        }
        let on = |value: bool| i32::from(value).to_ne_bytes().to_vec();
        Ok(match name {
            STATISTICS => {
                let drops = self.dropped.swap(0, Relaxed);
                let packets = self.taken.swap(0, Relaxed).wrapping_add(drops);
                [packets.to_ne_bytes(), drops.to_ne_bytes()].concat()
            }
            AUXDATA => on(self.auxdata.load(Relaxed)),
            ORIGDEV => on(self.origdev.load(Relaxed)),
            IGNORE_OUTGOING => on(self.ignores_outgoing.load(Relaxed)),
            _ => return Err(Errno::ENOPROTOOPT),
        })
    }
}
