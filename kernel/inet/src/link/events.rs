//! Telling others what changed.

use super::address::Address;
use super::interface::Interface;
use super::neighbour::Neighbour;
use super::route::Route;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use sync::{Pollee, SpinLock, rank};

/// Something that changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// An interface came, or something of it is different. The flags that changed.
    Link(Arc<Interface>, u32),
    /// An interface got an address.
    AddressAdded(u32, Address),
    /// An interface lost an address.
    AddressRemoved(u32, Address),
    /// A route came.
    RouteAdded(Arc<Route>),
    /// A route took another's place.
    RouteReplaced(Arc<Route>),
    /// A route went.
    RouteRemoved(Arc<Route>),
    /// A neighbour came or changed.
    Neighbour(Neighbour),
    /// A neighbour went.
    NeighbourRemoved(Neighbour),
}

/// Who caused a change, for those who tell programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The port of the netlink socket that asked.
    pub port: u32,
    /// The number of its request.
    pub sequence: u32,
}

/// Hears of changes, outside all locks of this module. May sleep.
pub type Listener = fn(&[Change], Cause);

static LISTENERS: SpinLock<Vec<Listener>, { rank::LEAF }> = SpinLock::new(Vec::new());
static GENERATION: AtomicU64 = AtomicU64::new(1);
static NEWS: Pollee = Pollee::new();

/// Adds a listener.
pub fn subscribe(listener: Listener) {
    LISTENERS.lock().push(listener);
}

/// A number that grows with every change of interfaces, addresses, routes and neighbours set by hand.
#[must_use]
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Told `READABLE` by every card when frames came or the carrier changed, and `WRITABLE` when there is room to send
/// again; the thread that moves packets waits here.
#[must_use]
pub fn news() -> &'static Pollee {
    &NEWS
}

pub(super) fn publish(changes: &[Change], cause: Cause) {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    let listeners = match changes {
        // Something changed that nobody is told of, but the thread that minds lifetimes looks at.
        [] => Vec::new(),
        _ => LISTENERS.lock().clone(),
    };
    for listener in listeners {
        listener(changes, cause);
    }
    NEWS.notify(sync::Events::READABLE);
}
