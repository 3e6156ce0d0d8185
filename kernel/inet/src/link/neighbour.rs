//! Who is where on the link: addresses heard in ARP and neighbour discovery, and those set by hand.

use super::device::Mac;
use super::discovery;
use super::events::{self, Cause, Change};
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;
use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv6Packet};
use sync::SortedMap;
use sync::{Instant, SpinLock, rank};

/// Entries kept that nobody set by hand; the oldest goes.
const MOST: usize = 1024;
/// How long what was heard counts as reachable (`base_reachable_time`).
const REACHABLE: Duration = Duration::from_secs(30);

/// `NUD_*`
pub mod state {
    /// Heard lately.
    pub const REACHABLE: u16 = 0x02;
    /// Heard some time ago.
    pub const STALE: u16 = 0x04;
    /// Asked in vain.
    pub const FAILED: u16 = 0x20;
    /// Needs no asking.
    pub const NOARP: u16 = 0x40;
    /// Set by hand.
    pub const PERMANENT: u16 = 0x80;
}

/// A neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The interface's number.
    pub interface: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its card's address.
    pub mac: Mac,
    /// Set by hand: stays.
    pub permanent: bool,
    /// When it was last heard.
    pub heard: Instant,
}

impl Neighbour {
    /// `NUD_*` at a moment.
    #[must_use]
    pub fn state(&self, now: Instant) -> u16 {
        if self.permanent {
            state::PERMANENT
        } else if now.saturating_since(self.heard) < REACHABLE {
            state::REACHABLE
        } else {
            state::STALE
        }
    }
}

type Map = SortedMap<(u32, IpAddr), Neighbour>;

static NEIGHBOURS: SpinLock<Map, { rank::LEAF }> = SpinLock::new(SortedMap::new());

/// All that are known.
#[must_use]
pub fn all() -> Vec<Neighbour> {
    NEIGHBOURS.lock().values().copied().collect()
}

/// The card of an address.
#[must_use]
pub fn find(interface: u32, address: IpAddr) -> Option<Neighbour> {
    NEIGHBOURS.lock().get(&(interface, address)).copied()
}

/// A neighbour was heard. What was set by hand stays as it is.
pub fn heard(interface: u32, address: IpAddr, mac: Mac) {
    let new = Neighbour {
        interface,
        address,
        mac,
        permanent: false,
        heard: Instant::now(),
    };
    let mut map = NEIGHBOURS.lock();
    match map.get_mut(&(interface, address)) {
        Some(old) if old.permanent => {}
        Some(old) => *old = new,
        None => {
            if map.len() >= MOST {
                let oldest = map
                    .values()
                    .filter(|one| !one.permanent)
                    .min_by_key(|one| one.heard)
                    .map(|one| (one.interface, one.address));
                if let Some(oldest) = oldest {
                    map.remove(&oldest);
                }
            }
            map.insert((interface, address), new);
        }
    }
}

/// Sets a neighbour by hand; `permanent` ones stay.
pub fn set(interface: u32, address: IpAddr, mac: Mac, permanent: bool, cause: Cause) {
    let new = Neighbour {
        interface,
        address,
        mac,
        permanent,
        heard: Instant::now(),
    };
    NEIGHBOURS.lock().insert((interface, address), new);
    events::publish(&[Change::Neighbour(new)], cause);
}

/// Forgets a neighbour.
///
/// # Errors
/// `ENOENT`: nobody knows it.
pub fn remove(interface: u32, address: IpAddr, cause: Cause) -> Result<()> {
    let gone = NEIGHBOURS.lock().remove(&(interface, address));
    let gone = gone.ok_or(Errno::ENOENT)?;
    events::publish(&[Change::NeighbourRemoved(gone)], cause);
    Ok(())
}

/// An interface went down: what was heard on it is forgotten, and of what was set only with `all` something goes.
pub fn forget(interface: u32) {
    NEIGHBOURS
        .lock()
        .retain(|(on, _), one| *on != interface || one.permanent);
}

/// Looks for neighbours in a frame that came.
pub(super) fn observe(interface: u32, frame: &[u8]) {
    if let Some((address, mac)) = told_by(frame) {
        heard(interface, address, mac);
    }
}

/// The neighbour an ARP packet, a neighbour solicitation or an advertisement tells of.
#[must_use]
pub fn told_by(frame: &[u8]) -> Option<(IpAddr, Mac)> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Arp => discovery::read_arp(frame.payload())?.neighbour(),
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
            if packet.next_header() != IpProtocol::Icmpv6 || packet.hop_limit() != 255 {
                return None;
            }
            discovery::read_neighbour(packet.src_addr(), packet.payload())?.neighbour()
        }
        _ => None,
    }
}
