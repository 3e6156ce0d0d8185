//! Who receives what comes to a port.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::IpAddr;
use sync::{SpinLock, rank};

/// A socket that takes what comes to a port.
pub struct Receiver<S> {
    /// The socket.
    pub socket: Weak<S>,
    /// Its address, perhaps any.
    pub addr: IpAddr,
    /// Only from there.
    pub remote: Option<(IpAddr, u16)>,
    /// An AF_INET6 socket that leaves IPv4 to others.
    pub v6_only: bool,
    /// Its interface, or 0.
    pub device: u32,
    /// `SO_REUSEPORT`: what is equally good is chosen by a hash.
    pub reuse_port: bool,
}

/// Something that came, as a receiver is chosen for it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Where it comes from.
    pub from: (IpAddr, u16),
    /// Where it goes.
    pub to: (IpAddr, u16),
    /// The interface it came by.
    pub device: u32,
}

impl<S> Receiver<S> {
    /// How good a receiver it is; `None` for none at all.
    fn score(&self, arrival: &Arrival) -> Option<u32> {
        let mut score = match (self.addr, arrival.to.0) {
            (own, to) if own == to => 4,
            (IpAddr::V4(own), IpAddr::V4(_)) if own.is_unspecified() => 1,
            (IpAddr::V6(own), IpAddr::V6(_)) if own.is_unspecified() => 0,
            (IpAddr::V6(own), IpAddr::V4(_)) if own.is_unspecified() && !self.v6_only => 0,
            _ => return None,
        };
        match self.remote {
            Some(remote) if remote == arrival.from => score += 8,
            Some(_) => return None,
            None => {}
        }
        match self.device {
            0 => {}
            device if device == arrival.device => score += 4,
            _ => return None,
        }
        Some(score)
    }
}

/// The receivers of one protocol, by port.
pub struct Receivers<S> {
    table: SpinLock<BTreeMap<(u16, u64), Receiver<S>>, { rank::SOCKET_TABLE + 1 }>,
}

impl<S> Default for Receivers<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Receivers<S> {
    /// None.
    pub const fn new() -> Self {
        Self {
            table: SpinLock::new(BTreeMap::new()),
        }
    }

    /// Enters a socket, or what it is now.
    pub fn enter(&self, port: u16, id: u64, receiver: Receiver<S>) {
        let old = self.table.lock().insert((port, id), receiver);
        drop(old);
    }

    /// Takes a socket out.
    pub fn leave(&self, port: u16, id: u64) {
        let old = self.table.lock().remove(&(port, id));
        drop(old);
    }

    /// The one who takes it.
    #[must_use]
    pub fn find(&self, arrival: &Arrival) -> Option<Arc<S>> {
        let table = self.table.lock();
        let mut best: Option<(u32, &Receiver<S>)> = None;
        let mut equals = 0;
        for receiver in of_receivers(&table, arrival.to.1) {
            let Some(score) = receiver.score(arrival) else {
                continue;
            };
            match best {
                Some((found, _)) if found > score => {}
                Some((found, first)) if found == score => {
                    // The last to come gets it, unless they share: then each its part.
                    if first.reuse_port && receiver.reuse_port {
                        equals += 1;
                        if hash(arrival).is_multiple_of(equals + 1) {
                            best = Some((score, receiver));
                        }
                    } else {
                        best = Some((score, receiver));
                    }
                }
                _ => {
                    equals = 0;
                    best = Some((score, receiver));
                }
            }
        }
        best.and_then(|(_, receiver)| receiver.socket.upgrade())
    }

    /// Every socket there is.
    #[must_use]
    pub fn everyone(&self) -> Vec<Arc<S>> {
        let table = self.table.lock();
        table
            .values()
            .filter_map(|receiver| receiver.socket.upgrade())
            .collect()
    }

    /// All who take it: what goes to a group or to everybody.
    #[must_use]
    pub fn find_all(
        &self,
        arrival: &Arrival,
        mut takes: impl FnMut(&Receiver<S>) -> bool,
    ) -> Vec<Arc<S>> {
        let table = self.table.lock();
        of_receivers(&table, arrival.to.1)
            .filter(|receiver| takes(receiver))
            .filter_map(|receiver| receiver.socket.upgrade())
            .collect()
    }
}

fn of_receivers<S>(
    table: &BTreeMap<(u16, u64), Receiver<S>>,
    port: u16,
) -> impl Iterator<Item = &Receiver<S>> {
    table
        .range((port, 0)..=(port, u64::MAX))
        .map(|(_, receiver)| receiver)
}

fn hash(arrival: &Arrival) -> u32 {
    let (addr, port) = arrival.from;
    let sum = net::address::mapped(addr)
        .octets()
        .iter()
        .fold(u32::from(port), |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
        });
    sum.wrapping_mul(0x9e37_79b1) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;
    use net::address::Family;

    #[test]
    fn the_receiver_that_says_most_gets_it() {
        let table = Receivers::<u32>::new();
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let sockets = [Arc::new(0), Arc::new(1), Arc::new(2), Arc::new(3)];
        let receiver = |index: usize, addr, remote| Receiver {
            socket: Arc::downgrade(&sockets[index]),
            addr,
            remote,
            v6_only: false,
            device: 0,
            reuse_port: false,
        };
        let arrival = Arrival {
            from: (local, 9),
            to: (local, 80),
            device: 1,
        };
        assert!(table.find(&arrival).is_none());
        table.enter(80, 0, receiver(0, Family::V6.any(), None));
        assert_eq!(table.find(&arrival), Some(sockets[0].clone()));
        table.enter(80, 1, receiver(1, Family::V4.any(), None));
        assert_eq!(table.find(&arrival), Some(sockets[1].clone()));
        table.enter(80, 2, receiver(2, local, None));
        assert_eq!(table.find(&arrival), Some(sockets[2].clone()));
        table.enter(80, 3, receiver(3, Family::V4.any(), Some((local, 9))));
        assert_eq!(table.find(&arrival), Some(sockets[3].clone()));
        table.enter(80, 3, receiver(3, Family::V4.any(), Some((local, 8))));
        assert_eq!(table.find(&arrival), Some(sockets[2].clone()));
    }
}
