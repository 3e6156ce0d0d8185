//! Who has which port: bindings and their conflicts, ephemeral ports.

use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use net::address::Family;
use sync::{SpinLock, rank};

pub use super::receivers::{Arrival, Receiver, Receivers};

/// The first and the last port the kernel gives out itself (`net.ipv4.ip_local_port_range`).
pub static EPHEMERAL: [AtomicU32; 2] = [AtomicU32::new(32768), AtomicU32::new(60999)];

/// Whose ports need no privilege (`net.ipv4.ip_unprivileged_port_start`).
pub static UNPRIVILEGED: AtomicU32 = AtomicU32::new(1024);

/// Whether TCP sockets with `SO_REUSEADDR` may share a port the kernel chose, when none is free
/// (`net.ipv4.ip_autobind_reuse`).
pub static AUTOBIND_REUSE: AtomicU32 = AtomicU32::new(0);

/// What a socket claims of a port.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The socket's number.
    pub id: u64,
    /// Its address, perhaps any.
    pub addr: IpAddr,
    /// An AF_INET6 socket that leaves IPv4 to others.
    pub v6_only: bool,
    /// The interface it is bound to, or 0.
    pub device: u32,
    /// `SO_REUSEADDR`
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`
    pub reuse_port: bool,
    /// Whose it is.
    pub uid: u32,
    /// It listens: `SO_REUSEADDR` does not help against it.
    pub listening: bool,
    /// The port came with a connection, not by `bind`.
    pub by_connect: bool,
}

impl Claim {
    /// Whether the two cannot stand side by side.
    fn conflicts(&self, other: &Self) -> bool {
        let shared = self.shares_address(other)
            || self.reuse_port && other.reuse_port && self.uid == other.uid;
        !shared && self.meets(other)
    }

    fn shares_address(&self, other: &Self) -> bool {
        self.reuse_addr && other.reuse_addr && !self.listening && !other.listening
    }

    /// Whether the two would be found at one place.
    fn meets(&self, other: &Self) -> bool {
        let apart = self.device != other.device && self.device != 0 && other.device != 0;
        !apart && overlap(self, other)
    }
}

/// Whether something may come to both.
fn overlap(a: &Claim, b: &Claim) -> bool {
    match (a.addr, b.addr) {
        (IpAddr::V4(x), IpAddr::V4(y)) => x.is_unspecified() || y.is_unspecified() || x == y,
        (IpAddr::V6(x), IpAddr::V6(y)) => x.is_unspecified() || y.is_unspecified() || x == y,
        (IpAddr::V4(_), IpAddr::V6(y)) => y.is_unspecified() && !b.v6_only,
        (IpAddr::V6(x), IpAddr::V4(_)) => x.is_unspecified() && !a.v6_only,
    }
}

/// The ports of one protocol.
pub struct Ports {
    claims: SpinLock<BTreeMap<(u16, u64), Claim>, { rank::SOCKET_TABLE }>,
}

impl Default for Ports {
    fn default() -> Self {
        Self::new()
    }
}

impl Ports {
    /// All free.
    pub const fn new() -> Self {
        Self {
            claims: SpinLock::new(BTreeMap::new()),
        }
    }

    /// Claims a port; with port 0 a free one of the ephemeral range. Which.
    ///
    /// # Errors
    /// `EADDRINUSE`: taken, or none free.
    pub fn claim(&self, port: u16, claim: &Claim) -> Result<u16> {
        let free = |port: &u16| self.try_claim(*port, claim, Claim::conflicts);
        if port != 0 {
            return free(&port).then_some(port).ok_or(Errno::EADDRINUSE);
        }
        ephemeral().find(free).ok_or(Errno::EADDRINUSE)
    }

    /// Claims an ephemeral port that is not shared, whatever the socket would share: what is connected from there, or
    /// was a moment ago, would be in the way of the same connection.
    ///
    /// # Errors
    /// `EADDRINUSE`: none free.
    pub fn claim_alone(&self, claim: &Claim) -> Result<u16> {
        let alone = ephemeral().find(|port| self.try_claim(*port, claim, Claim::meets));
        let shared = |mine: &Claim, other: &Claim| !mine.shares_address(other) && mine.meets(other);
        alone
            .or_else(|| {
                let may = claim.reuse_addr && AUTOBIND_REUSE.load(Relaxed) != 0;
                may.then(|| ephemeral().find(|port| self.try_claim(*port, claim, shared)))?
            })
            .ok_or(Errno::EADDRINUSE)
    }

    fn try_claim(
        &self,
        port: u16,
        claim: &Claim,
        conflict: impl Fn(&Claim, &Claim) -> bool,
    ) -> bool {
        let mut claims = self.claims.lock();
        let refused =
            of_port(&claims, port).any(|other| other.id != claim.id && conflict(claim, other));
        if !refused {
            claims.insert((port, claim.id), claim.clone());
        }
        !refused
    }

    /// Claims an ephemeral port for a connection. Connections may share one; `free` says whether this one may have it.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL`: none free.
    pub fn claim_for_connection(
        &self,
        claim: &Claim,
        mut free: impl FnMut(u16) -> bool,
    ) -> Result<u16> {
        for port in ephemeral() {
            let mut claims = self.claims.lock();
            let bound =
                of_port(&claims, port).any(|other| !other.by_connect && overlap(claim, other));
            if bound {
                continue;
            }
            claims.insert((port, claim.id), claim.clone());
            drop(claims);
            if free(port) {
                return Ok(port);
            }
            self.release(port, claim.id);
        }
        Err(Errno::EADDRNOTAVAIL)
    }

    /// A claim beside another that it belongs to: an accepted connection's.
    pub fn join(&self, port: u16, claim: Claim) {
        self.claims.lock().insert((port, claim.id), claim);
    }

    /// Changes a claim that stands.
    ///
    /// # Errors
    /// `EADDRINUSE`: what it becomes conflicts with another's; it is as it was.
    pub fn change(&self, port: u16, id: u64, change: impl FnOnce(&mut Claim)) -> Result<()> {
        let mut claims = self.claims.lock();
        let Some(claim) = claims.get(&(port, id)) else {
            return Ok(());
        };
        let mut changed = claim.clone();
        change(&mut changed);
        if changed.listening
            && of_port(&claims, port)
                .any(|other| other.id != id && other.listening && changed.conflicts(other))
        {
            return Err(Errno::EADDRINUSE);
        }
        claims.insert((port, id), changed);
        Ok(())
    }

    /// Gives a claim up.
    pub fn release(&self, port: u16, id: u64) {
        self.claims.lock().remove(&(port, id));
    }

    /// How many claims stand.
    #[must_use]
    pub fn count(&self) -> usize {
        self.claims.lock().len()
    }
}

fn of_port(claims: &BTreeMap<(u16, u64), Claim>, port: u16) -> impl Iterator<Item = &Claim> {
    claims
        .range((port, 0)..=(port, u64::MAX))
        .map(|(_, claim)| claim)
}

/// All ephemeral ports, from one chosen at random on.
fn ephemeral() -> impl Iterator<Item = u16> {
    let [low, high] = EPHEMERAL
        .each_ref()
        .map(|bound| bound.load(Relaxed).clamp(1, 65535));
    let count = high.saturating_sub(low) + 1;
    let start = super::random_u32() % count;
    (0..count).map(move |step| (low + (start + step) % count) as u16)
}

/// The claim of a family's socket to any address.
#[must_use]
pub fn any_claim(family: Family, id: u64) -> Claim {
    Claim {
        id,
        addr: family.any(),
        v6_only: false,
        device: 0,
        reuse_addr: false,
        reuse_port: false,
        uid: 0,
        listening: false,
        by_connect: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    fn v4(id: u64) -> Claim {
        any_claim(Family::V4, id)
    }

    fn v6(id: u64) -> Claim {
        any_claim(Family::V6, id)
    }

    #[test]
    fn one_port_one_owner() {
        let ports = Ports::new();
        assert_eq!(ports.claim(80, &v4(1)), Ok(80));
        assert_eq!(ports.claim(80, &v4(2)), Err(Errno::EADDRINUSE));
        ports.release(80, 1);
        assert_eq!(ports.claim(80, &v4(2)), Ok(80));
        assert_eq!(ports.count(), 1);
    }

    #[test]
    fn addresses_that_differ_do_not_conflict_and_any_conflicts_with_each() {
        let ports = Ports::new();
        let at = |id, last| Claim {
            addr: IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)),
            ..v4(id)
        };
        assert!(ports.claim(80, &at(1, 1)).is_ok());
        assert!(ports.claim(80, &at(2, 2)).is_ok());
        assert!(ports.claim(80, &at(3, 2)).is_err());
        assert!(ports.claim(80, &v4(4)).is_err());
    }

    #[test]
    fn an_ipv6_any_takes_ipv4_too_unless_it_says_not() {
        let ports = Ports::new();
        assert!(ports.claim(80, &v6(1)).is_ok());
        assert!(ports.claim(80, &v4(2)).is_err());
        ports.release(80, 1);
        let only = Claim {
            v6_only: true,
            ..v6(1)
        };
        assert!(ports.claim(80, &only).is_ok());
        assert!(ports.claim(80, &v4(2)).is_ok());
        let one = Claim {
            addr: IpAddr::V6(Ipv6Addr::LOCALHOST),
            ..v6(3)
        };
        assert!(ports.claim(80, &one).is_err());
    }

    #[test]
    fn reuse_wants_both_and_no_listener() {
        let ports = Ports::new();
        let reuse = |id| Claim {
            reuse_addr: true,
            ..v4(id)
        };
        assert!(ports.claim(80, &reuse(1)).is_ok());
        assert!(ports.claim(80, &v4(2)).is_err());
        assert!(ports.claim(80, &reuse(2)).is_ok());
        assert!(ports.change(80, 1, |claim| claim.listening = true).is_ok());
        assert!(ports.change(80, 2, |claim| claim.listening = true).is_err());
        assert!(ports.claim(80, &reuse(3)).is_err());
    }

    #[test]
    fn ports_are_shared_by_one_user() {
        let ports = Ports::new();
        let share = |id, uid| Claim {
            reuse_port: true,
            uid,
            ..v4(id)
        };
        assert!(ports.claim(80, &share(1, 7)).is_ok());
        assert!(ports.claim(80, &share(2, 7)).is_ok());
        assert!(ports.claim(80, &share(3, 8)).is_err());
    }

    #[test]
    fn ephemeral_ports_are_of_the_range_and_differ() {
        let ports = Ports::new();
        let mut seen = alloc::collections::BTreeSet::new();
        for id in 0..100 {
            let port = ports.claim(0, &v4(id)).unwrap();
            assert!((32768..=60999).contains(&port) && seen.insert(port));
        }
    }

    #[test]
    fn a_port_chosen_for_a_stream_is_shared_only_where_that_is_set_and_none_is_free() {
        let ports = Ports::new();
        let reuse = |id| Claim {
            reuse_addr: true,
            ..v4(id)
        };
        let mut seen = alloc::collections::BTreeSet::new();
        for id in 0..300 {
            assert!(seen.insert(ports.claim_alone(&reuse(id)).unwrap()));
        }
        for port in 32768..=60999 {
            let _ = ports.claim(port, &reuse(u64::from(port)));
        }
        assert_eq!(ports.claim_alone(&reuse(1 << 20)), Err(Errno::EADDRINUSE));
        AUTOBIND_REUSE.store(1, Relaxed);
        assert!(ports.claim_alone(&reuse(1 << 20)).is_ok());
        assert_eq!(ports.claim_alone(&v4(2 << 20)), Err(Errno::EADDRINUSE));
        AUTOBIND_REUSE.store(0, Relaxed);
    }

    #[test]
    fn connections_share_ports_that_bound_sockets_have_not() {
        let ports = Ports::new();
        let by = |id| Claim {
            by_connect: true,
            ..v4(id)
        };
        let first = ports.claim_for_connection(&by(1), |_| true).unwrap();
        let second = ports.claim_for_connection(&by(2), |port| port == first);
        assert_eq!(second, Ok(first));
        assert_eq!(ports.claim(first, &v4(3)), Err(Errno::EADDRINUSE));
        assert_eq!(
            ports.claim_for_connection(&by(4), |_| false),
            Err(Errno::EADDRNOTAVAIL)
        );
    }
}
