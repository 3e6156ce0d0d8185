//! Descriptors in flight: the files a message carries, their edges in the [`Graph`], the limit a
//! user has, and the collection of what nobody can receive any more.
//!
//! One sleeping lock guards the graph. It is taken under a socket's receive lock (rank), and no
//! file is dropped while it is held. It is not taken at all for messages without descriptors, and
//! files that are no AF_UNIX sockets take it for the user's count alone.

use super::UnixSocket;
use super::graph::{Graph, SocketId};
use super::inbox::Inbox;
use crate::files::Files;
use abi::{Errno, Result};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicUsize};
use sync::{Capability, Credentials, Mutex, SpinLock, rank};
use vfs::OpenFile;

/// What is in flight in the whole system.
struct Flight {
    graph: Graph,
    /// The open file of each socket in flight.
    files: BTreeMap<SocketId, Weak<OpenFile>>,
    /// Descriptors in flight by the sender's uid. What is on its way counts for itself, without this lock.
    users: sync::SortedMap<u32, Arc<AtomicUsize>>,
}

impl Flight {
    /// The count of a user; it is forgotten when another user comes and nothing of his is on its way.
    fn user(&mut self, uid: u32) -> Arc<AtomicUsize> {
        if let Some(count) = self.users.get(&uid) {
            return count.clone();
        }
        self.users.retain(|_, count| Arc::strong_count(count) > 1);
        self.users.get_or_insert_with(uid, Arc::default).clone()
    }
}

static FLIGHT: Mutex<Flight, { rank::SOCKET_TABLE }> = Mutex::new(Flight {
    graph: Graph::new(),
    files: BTreeMap::new(),
    users: sync::SortedMap::new(),
});

/// The files of one message on its way to one socket. Dropping it takes them out of flight and
/// closes them: never under a lock of a socket.
pub struct Rights {
    files: Files,
    holder: SocketId,
    user: Arc<AtomicUsize>,
}

impl Rights {
    /// Puts files into flight towards `holder`.
    ///
    /// # Errors
    /// `ETOOMANYREFS`: the user has more in flight than `RLIMIT_NOFILE` and no privilege.
    pub fn send(files: Files, holder: SocketId, who: &Credentials, limit: u64) -> Result<Self> {
        let mut flight = lock_uncrowded();
        let user = flight.user(who.uid);
        let privileged = || who.has(Capability::SYS_RESOURCE) || who.has(Capability::SYS_ADMIN);
        if user.load(Relaxed) as u64 > limit && !privileged() {
            drop(flight);
            return Err(Errno::ETOOMANYREFS);
        }
        user.fetch_add(files.len(), Relaxed);
        for file in files.iter() {
            if let Some(socket) = UnixSocket::of_file(file) {
                flight.graph.send(socket.id(), holder);
                flight.files.insert(socket.id(), Arc::downgrade(file));
            }
        }
        drop(flight);
        Ok(Self {
            files,
            holder,
            user,
        })
    }

    /// The files, received: out of flight.
    #[must_use]
    pub fn land(mut self) -> Files {
        self.end_flight();
        core::mem::take(&mut self.files)
    }

    /// The files once more, for a peek. They stay in flight, and no collection runs meanwhile: it
    /// must not see a file both unreachable and just handed out.
    #[must_use]
    pub fn peek(&self) -> Files {
        let flight = FLIGHT.lock();
        let files = self.files.clone();
        drop(flight);
        files
    }

    /// The connection they wait at was accepted from `from`.
    pub fn rehome(&mut self, to: SocketId) {
        let mut flight = FLIGHT.lock();
        for file in self.files.iter() {
            if let Some(socket) = UnixSocket::of_file(file) {
                flight.graph.rehome(socket.id(), self.holder, to);
            }
        }
        drop(flight);
        self.holder = to;
    }

    fn end_flight(&self) {
        if self.files.is_empty() {
            return;
        }
        self.user.fetch_sub(self.files.len(), Relaxed);
        if !self.files.iter().any(|file| file.is_socket()) {
            return;
        }
        let mut flight = FLIGHT.lock();
        for file in self.files.iter() {
            if let Some(socket) = UnixSocket::of_file(file) {
                let id = socket.id();
                flight.graph.receive(id, self.holder);
                if flight.graph.in_flight(id) == 0 {
                    flight.files.remove(&id);
                }
            }
        }
    }
}

impl UnixSocket {
    /// With the inbox locked: descriptors about to wait here do so with the present holder, though it was
    /// another when they went into flight.
    pub(super) fn adopt(&self, rights: &mut Option<Rights>) {
        if let Some(rights) = rights
            && rights.holder != self.holder()
        {
            rights.rehome(self.holder());
        }
    }
}

impl core::fmt::Debug for Rights {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Rights({})", self.files.len())
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        self.end_flight();
    }
}

/// Drops what waited at a socket that closed: all of it before the outermost close returns, but sockets in sockets in
/// sockets one after the other, not by recursion.
pub fn let_go(inbox: Inbox) {
    /// What threads have still to drop, each its own.
    static LEFT: SpinLock<Vec<(usize, Vec<Inbox>)>, { rank::LEAF }> = SpinLock::new(Vec::new());
    let me = sync::with_current(|task| core::ptr::from_ref(task).addr());
    let mut left = LEFT.lock();
    if let Some((_, mine)) = left.iter_mut().find(|(who, _)| *who == me) {
        mine.push(inbox);
        return;
    }
    left.push((me, Vec::new()));
    drop(left);
    let mut next = Some(inbox);
    while let Some(inbox) = next {
        drop(inbox);
        let mut left = LEFT.lock();
        let at = left.iter().position(|(who, _)| *who == me);
        next = at
            .and_then(|at| left.get_mut(at))
            .and_then(|(_, mine)| mine.pop());
        let done = at.filter(|_| next.is_none()).map(|at| left.swap_remove(at));
        drop(left);
        drop(done);
    }
}

/// Looks for sockets nobody can reach and empties their queues; what is in them closes. Called
/// when a socket was closed. May sleep; takes no lock of a socket while it holds the graph's.
///
/// One thread looks at a time. Who comes while it does, because of a file this very thread closes
/// or on another processor, leaves the work to it: a chain of sockets is no chain of stack frames.
pub fn collect() {
    static WANTED: AtomicU32 = AtomicU32::new(0);
    if WANTED.fetch_add(1, AcqRel) != 0 {
        return;
    }
    let mut served = 1;
    loop {
        while sweep() {}
        match WANTED.compare_exchange(served, 0, AcqRel, Acquire) {
            Ok(_) => return,
            Err(more) => served = more,
        }
    }
}

/// A program that only makes cycles ends no socket: a sender looks for them when twice as many
/// sockets are in flight as were left the last time. Before its own files are: they are in no
/// queue yet.
fn lock_uncrowded() -> sync::MutexGuard<'static, Flight, { rank::SOCKET_TABLE }> {
    const LEAST: usize = 2048;
    static CROWD: AtomicUsize = AtomicUsize::new(LEAST);
    let flight = FLIGHT.lock();
    if flight.graph.len() < CROWD.load(Acquire) {
        return flight;
    }
    drop(flight);
    collect();
    let flight = FLIGHT.lock();
    CROWD.store(LEAST.max(flight.graph.len() * 2), Release);
    flight
}

/// One look. Answers whether it closed anything.
fn sweep() -> bool {
    let mut flight = FLIGHT.lock();
    if !flight.graph.may_have_cycle() {
        return false;
    }
    let Flight { graph, files, .. } = &mut *flight;
    let dead = graph.collect(|id| files.get(&id).map_or(usize::MAX, Weak::strong_count));
    // Held from here on: the queues are emptied one after the other, and the last of a
    // component must not go before it is looked at.
    let held: Vec<Arc<OpenFile>> = dead
        .iter()
        .flatten()
        .filter_map(|id| files.get(id).and_then(Weak::upgrade))
        .collect();
    drop(flight);
    for file in &held {
        if let Some(socket) = UnixSocket::of_file(file) {
            drop(socket.drain());
        }
    }
    !held.is_empty()
}
