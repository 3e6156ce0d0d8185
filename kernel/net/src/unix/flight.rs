//! Descriptors in flight: the files a message carries, their edges in the [`Graph`], the limit a
//! user has, and the collection of what nobody can receive any more.
//!
//! One sleeping lock guards the graph. It is taken under a socket's receive lock (rank), and no
//! file is dropped while it is held. Sending messages without sockets does not take it.
//!
//! Who sends brings the memory that collecting and closing will need, or is told `ENOMEM`: what is
//! to give memory back asks for none.

use super::UnixSocket;
use super::graph::{Graph, SocketId};
use super::inbox::Inbox;
use crate::files::Files;
use abi::{Errno, Result};
use alloc::boxed::Box;
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
    /// Room for as many files as are in flight: a collection holds those it found in it.
    spare: Vec<Arc<OpenFile>>,
}

/// Descriptors in flight by the sender's uid.
static USERS: SpinLock<sync::SortedMap<u32, Arc<AtomicUsize>>, { rank::LEAF }> =
    SpinLock::new(sync::SortedMap::new());

/// The count of a user, which what is on its way keeps without the lock; it is forgotten when another user comes and
/// nothing of his is on its way.
fn count_of(uid: u32) -> Arc<AtomicUsize> {
    let mut users = USERS.lock();
    if let Some(count) = users.get(&uid) {
        return count.clone();
    }
    users.retain(|_, count| Arc::strong_count(count) > 1);
    users.get_or_insert_with(uid, Arc::default).clone()
}

impl Flight {
    /// A file goes into flight.
    fn enter(&mut self, file: &Arc<OpenFile>, holder: SocketId) -> Result<()> {
        let Some(socket) = UnixSocket::of_file(file) else {
            return Ok(());
        };
        let room = self.spare.try_reserve(self.graph.len() + 1);
        room.and_then(|()| self.graph.send(socket.id(), holder))
            .map_err(|_| Errno::ENOMEM)?;
        self.files.insert(socket.id(), Arc::downgrade(file));
        Ok(())
    }

    /// A file is no longer in flight towards `holder`.
    fn leave(&mut self, file: &OpenFile, holder: SocketId) {
        if let Some(socket) = UnixSocket::of_file(file) {
            let id = socket.id();
            self.graph.receive(id, holder);
            if self.graph.in_flight(id) == 0 {
                self.files.remove(&id);
            }
        }
    }
}

static FLIGHT: Mutex<Flight, { rank::SOCKET_TABLE }> = Mutex::new(Flight {
    graph: Graph::new(),
    files: BTreeMap::new(),
    spare: Vec::new(),
});

/// The files of one message on its way to one socket. Dropping it takes them out of flight and
/// closes them: never under a lock of a socket.
pub struct Rights {
    files: Files,
    holder: SocketId,
    user: Arc<AtomicUsize>,
    /// Where the queue they wait in is kept when it has to be closed later; sockets have one.
    later: Option<Box<Later>>,
}

impl Rights {
    /// Puts files into flight towards `holder`.
    ///
    /// # Errors
    /// `ETOOMANYREFS`: the user has more in flight than `RLIMIT_NOFILE` and no privilege. `ENOMEM`.
    pub fn send(files: Files, holder: SocketId, who: &Credentials, limit: u64) -> Result<Self> {
        let nests = files.iter().any(|file| file.is_socket());
        let flight = nests.then(lock_uncrowded);
        let user = count_of(who.uid);
        let privileged = || who.has(Capability::SYS_RESOURCE) || who.has(Capability::SYS_ADMIN);
        if user.load(Relaxed) as u64 > limit && !privileged() {
            drop(flight);
            return Err(Errno::ETOOMANYREFS);
        }
        if let Some(mut flight) = flight {
            for (done, file) in files.iter().enumerate() {
                if let Err(error) = flight.enter(file, holder) {
                    files
                        .iter()
                        .take(done)
                        .for_each(|file| flight.leave(file, holder));
                    drop(flight);
                    return Err(error);
                }
            }
        }
        user.fetch_add(files.len(), Relaxed);
        Ok(Self {
            files,
            holder,
            user,
            later: nests.then(Box::default),
        })
    }

    /// The files, received: out of flight.
    #[must_use]
    pub fn land(mut self) -> Files {
        self.end_flight();
        // Without files there is nothing left to end.
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

    #[inline]
    fn end_flight(&self) {
        if !matches!(self.files, Files::None) {
            self.end_some();
        }
    }

    fn end_some(&self) {
        self.user.fetch_sub(self.files.len(), Relaxed);
        if !self.files.iter().any(|file| file.is_socket()) {
            return;
        }
        let mut flight = FLIGHT.lock();
        for file in self.files.iter() {
            flight.leave(file, self.holder);
        }
        // Room that many needed is not kept for none.
        let spare = if flight.graph.is_empty() && flight.spare.capacity() > KEPT {
            core::mem::take(&mut flight.spare)
        } else {
            Vec::new()
        };
        drop(flight);
        drop(spare);
    }

    /// Gives away where its queue can be kept.
    pub(super) fn take_later(&mut self) -> Option<Box<Later>> {
        self.later.take()
    }
}

/// Room for files that is kept while none is in flight.
const KEPT: usize = 1024;

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

/// A queue that a thread has still to drop, in the row of all.
#[derive(Default)]
pub(super) struct Later {
    /// The thread.
    owner: usize,
    /// The queue; without one it says that the thread is at it.
    inbox: Option<Inbox>,
    next: Option<Box<Later>>,
}

/// What threads have still to drop, the newest first.
static LATER: SpinLock<Option<Box<Later>>, { rank::LEAF }> = SpinLock::new(None);

impl Later {
    /// The first of a thread's in a row; `None` where the row ends.
    fn find(mut row: &mut Option<Box<Self>>, owner: usize) -> &mut Option<Box<Self>> {
        while row.as_ref().is_some_and(|here| here.owner != owner) {
            match row {
                Some(here) => row = &mut here.next,
                None => break,
            }
        }
        row
    }

    fn put(row: &mut Option<Box<Self>>, mut this: Box<Self>) {
        this.next = row.take();
        *row = Some(this);
    }

    fn take(row: &mut Option<Box<Self>>) -> Option<Box<Self>> {
        let mut this = row.take()?;
        *row = this.next.take();
        Some(this)
    }
}

/// Drops what waited at a socket that closed: all of it before the outermost close returns, but sockets in sockets in
/// sockets one after the other, not by recursion. Takes no memory: each message brought some.
pub fn let_go(mut inbox: Inbox) {
    let Some(mut later) = inbox.take_later() else {
        // No sockets.
        return;
    };
    let me = sync::with_current(|task| core::ptr::from_ref(task).addr());
    later.owner = me;
    let mut row = LATER.lock();
    if Later::find(&mut row, me).is_some() {
        later.inbox = Some(inbox);
        Later::put(&mut row, later);
        return;
    }
    Later::put(&mut row, later);
    drop(row);
    let mut next = Some(inbox);
    while let Some(inbox) = next {
        drop(inbox);
        let mut row = LATER.lock();
        // The own entry without a queue is the oldest, and comes last.
        let mine = Later::take(Later::find(&mut row, me));
        drop(row);
        next = mine.and_then(|mut mine| mine.inbox.take());
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
    // Held from here on: the queues are emptied one after the other, and the last of a
    // component must not go before it is looked at. Who sent them made room here.
    let mut held = core::mem::take(&mut flight.spare);
    let Flight { graph, files, .. } = &mut *flight;
    let dead = graph.collect(|id| files.get(&id).map_or(usize::MAX, Weak::strong_count));
    held.extend(dead.filter_map(|id| files.get(&id).and_then(Weak::upgrade)));
    drop(flight);
    for file in &held {
        if let Some(socket) = UnixSocket::of_file(file) {
            drop(socket.drain());
        }
    }
    let found = !held.is_empty();
    held.clear();
    let mut flight = FLIGHT.lock();
    // Room that many needed is not kept for none.
    let needed = !flight.graph.is_empty() || held.capacity() <= KEPT;
    if needed && flight.spare.capacity() < held.capacity() {
        core::mem::swap(&mut flight.spare, &mut held);
    }
    drop(flight);
    drop(held);
    found
}
