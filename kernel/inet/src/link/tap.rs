//! Who listens to frames as they pass: packet sockets.

use super::device::{BROADCAST, Frame, Mac};
use super::port::Port;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use sync::{SpinLock, rank};

/// Which way a frame goes and whom it is for (`PACKET_*` of `sll_pkttype`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To this machine.
    Host = 0,
    /// To all.
    Broadcast = 1,
    /// To a group.
    Multicast = 2,
    /// To another machine.
    OtherHost = 3,
    /// From this machine.
    Outgoing = 4,
}

impl Direction {
    /// Of a frame that came to the card with address `mac`.
    #[must_use]
    pub fn of(frame: &[u8], mac: &Mac) -> Self {
        match frame.first_chunk::<6>() {
            Some(&BROADCAST) => Self::Broadcast,
            Some([first, ..]) if first & 1 != 0 => Self::Multicast,
            Some(to) if to == mac => Self::Host,
            _ => Self::OtherHost,
        }
    }
}

/// Hears of frames. Called by whoever sends or receives them; must not sleep.
pub trait Tap: Send + Sync {
    /// A frame passes; `origin` is who sent it, as [`Port::transmit_as`] was told, or 0.
    fn frame(&self, port: &Port, direction: Direction, frame: Frame<'_>, origin: u64);
}

static TAPS: SpinLock<Vec<Arc<dyn Tap>>, { rank::LEAF }> = SpinLock::new(Vec::new());
/// Spares the lock while nobody listens.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// One more listens.
pub fn add(tap: Arc<dyn Tap>) {
    let mut taps = TAPS.lock();
    taps.push(tap);
    COUNT.store(taps.len(), Relaxed);
}

/// One listens no more.
pub fn remove(tap: &Arc<dyn Tap>) {
    let mut taps = TAPS.lock();
    let at = taps.iter().position(|other| Arc::ptr_eq(other, tap));
    let gone = at.map(|at| taps.swap_remove(at));
    COUNT.store(taps.len(), Relaxed);
    drop(taps);
    drop(gone);
}

/// Whether anybody listens.
pub(super) fn is_heard() -> bool {
    COUNT.load(Relaxed) != 0
}

/// A frame passes.
pub(super) fn show(port: &Port, direction: Direction, frame: Frame<'_>, origin: u64) {
    if !is_heard() {
        return;
    }
    let taps: Vec<Arc<dyn Tap>> = TAPS.lock().clone();
    for tap in &taps {
        tap.frame(port, direction, frame, origin);
    }
}
