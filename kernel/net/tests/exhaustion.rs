//! AF_UNIX when memory is refused: for every request that may fail, the one that does is told by Linux's errno, the
//! call can be made again, and nothing is left behind when the sockets are gone. Ending and collecting ask for nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use std::any::Any;
use std::sync::Arc;

use abi::fcntl::OFlags;
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use hal::shortage::{Shortage, with_refusal};
use mm::io::{IoDst, IoSrc};
use net::files::Files;
use net::socket::{Outgoing, Received, Socket};
use net::unix::{Kind, UnixSocket};
use sync::{CapSet, Credentials};
use vfs::{Caller, FsContext, OpenFile};

#[global_allocator]
static MEMORY: Shortage = Shortage::new();

struct User(Arc<Credentials>);

impl Caller for User {
    fn cred(&self) -> &Arc<Credentials> {
        &self.0
    }
    fn fs(&self) -> Arc<FsContext> {
        panic!("no paths here")
    }
    fn process(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::new(())
    }
    fn pid(&self) -> u32 {
        7
    }
    fn tid(&self) -> u32 {
        7
    }
    fn pgrp(&self) -> u32 {
        7
    }
    fn session(&self) -> u32 {
        7
    }
    fn controlling_tty(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
    fn set_controlling_tty(&self, _: Option<Arc<dyn Any + Send + Sync>>) -> Result<()> {
        Err(Errno::EPERM)
    }
    fn install(&self, _: Arc<OpenFile>, _: bool) -> Result<usize> {
        Err(Errno::EMFILE)
    }
}

/// One without privilege: what he has in flight is limited.
fn user() -> User {
    let mut cred = Credentials::root();
    cred.effective = CapSet::EMPTY;
    User(Arc::new(cred))
}

/// Enough of anything for its row to outgrow a slab's objects.
const MANY: usize = 300;
/// The same for rows of large entries.
const SOME: usize = 40;

/// Makes a call again until it is not refused; one refusal is all there is.
fn insist<T>(refusal: Errno, mut call: impl FnMut() -> Result<T>) -> Result<T> {
    match call() {
        Err(error) if error == refusal => {
            let again = call();
            assert_ne!(again.as_ref().err(), Some(&refusal));
            again
        }
        result => result,
    }
}

fn send(socket: &Arc<UnixSocket>, bytes: &[u8], files: &[Arc<OpenFile>]) -> Result<usize> {
    let who = user();
    let mut out = Outgoing::plain(&who, MsgFlags::empty());
    out.descriptor_limit = u64::MAX;
    for file in files {
        out.files.push(file.clone())?;
    }
    Socket::send(socket.clone(), &mut IoSrc::kernel(bytes), &mut out)
}

fn receive(socket: &UnixSocket, room: &mut [u8]) -> Result<(usize, Files)> {
    let mut received = Received::default();
    let mut dst = IoDst::kernel(room);
    socket.receive(&mut dst, MsgFlags::empty(), true, &mut received)?;
    Ok((received.bytes, received.rights))
}

fn open(socket: &Arc<UnixSocket>) -> Arc<OpenFile> {
    net::file::open(socket.clone(), OFlags::empty(), &user())
}

fn pair(kind: Kind) -> (Arc<UnixSocket>, Arc<UnixSocket>) {
    UnixSocket::pair(kind, &user())
}

/// What there is in the world.
fn inventory() -> (isize, usize, usize) {
    let sockets = net::unix::report();
    let sockets = sockets.split(|byte| *byte == b'\n').count();
    (MEMORY.bytes(), hal::frame::free_count(), sockets)
}

/// Nothing of this user's is in flight: with a limit of none, one more may go.
fn nothing_in_flight() {
    let who = user();
    let (a, b) = pair(Kind::Stream);
    let file = open(&a);
    let mut out = Outgoing::plain(&who, MsgFlags::empty());
    out.files.push(open(&b)).unwrap();
    assert_eq!(
        Socket::send(a.clone(), &mut IoSrc::kernel(b"x"), &mut out),
        Ok(1)
    );
    drop(file);
}

/// Runs `work` with its first request refused, its second, and so on until none was.
fn each_refusal(what: &str, work: fn()) {
    // What is made once and kept is made now.
    work();
    work();
    nothing_in_flight();
    let mut refused = 0;
    loop {
        let before = inventory();
        let ((), hit) = with_refusal(refused + 1, work);
        nothing_in_flight();
        assert_eq!(inventory(), before, "{what}: request {}", refused + 1);
        if !hit {
            break;
        }
        refused += 1;
    }
    assert!(refused > 0, "{what} asks for nothing");
    println!("{what}: {refused} requests, each refused once");
}

fn stream() {
    let (a, b) = pair(Kind::Stream);
    let block: [u8; 40_000] = core::array::from_fn(|at| (at % 251) as u8);
    let mut room = [0; 40_000];
    let (mut sent, mut got) = (0, 0);
    loop {
        let from = sent % block.len();
        match insist(Errno::ENOBUFS, || send(&a, &block[from..], &[])) {
            Ok(more) => sent += more,
            Err(error) => {
                assert_eq!(error, Errno::EAGAIN);
                break;
            }
        }
    }
    assert!(sent >= 200_000);
    while let Ok((more, _)) = receive(&b, &mut room) {
        let mut left = &room[..more];
        while !left.is_empty() {
            let from = got % block.len();
            let (now, later) = left.split_at(left.len().min(block.len() - from));
            assert!(now == &block[from..from + now.len()]);
            (left, got) = (later, got + now.len());
        }
    }
    assert_eq!((sent, Socket::unsent(&*a)), (got, Ok(0)));
}

fn messages(kind: Kind) {
    let (a, b) = pair(kind);
    for number in 0..SOME {
        let bytes = (number as u32).to_ne_bytes();
        let sent = insist(Errno::ENOBUFS, || send(&a, &bytes, &[]));
        assert_eq!(sent, Ok(4));
    }
    for number in 0..SOME {
        let mut bytes = [0; 8];
        assert_eq!(receive(&b, &mut bytes).unwrap().0, 4);
        assert_eq!(bytes[..4], (number as u32).to_ne_bytes());
    }
    assert_eq!(Socket::unsent(&*a), Ok(0));
}

/// Descriptors of many sockets go along, one a write; half of them are received.
fn rights(kind: Kind, many: usize) {
    let (a, b) = pair(kind);
    for _ in 0..many {
        let passed = open(&UnixSocket::new(Kind::Stream));
        let sent = insist(Errno::ENOMEM, || {
            insist(Errno::ENOBUFS, || {
                send(&a, b"x", core::slice::from_ref(&passed))
            })
        });
        assert_eq!(sent, Ok(1));
        // In the message, and here.
        assert_eq!(Arc::strong_count(&passed), 2);
    }
    for _ in 0..many / 2 {
        assert_eq!(receive(&b, &mut [0]).unwrap().1.len(), 1);
    }
}

/// One socket's descriptor goes many times, in rows.
fn the_same_often() {
    let (a, b) = pair(Kind::Datagram);
    let passed = open(&UnixSocket::new(Kind::Stream));
    let row: [Arc<OpenFile>; 100] = core::array::from_fn(|_| passed.clone());
    for _ in 0..4 {
        let sent = insist(Errno::ENOMEM, || {
            insist(Errno::ENOBUFS, || send(&a, b"x", &row))
        });
        assert_eq!(sent, Ok(1));
    }
    assert_eq!(Arc::strong_count(&passed), 1 + 100 + 400);
    assert_eq!(receive(&b, &mut [0]).unwrap().1.len(), 100);
    drop(row);
    assert_eq!(Arc::strong_count(&passed), 1 + 300);
}

fn connections() {
    let name = [1, 0, 0, b'e'];
    let listener = UnixSocket::new(Kind::Stream);
    assert_eq!(listener.clone().bind(&user(), &name), Ok(()));
    assert_eq!(listener.listen(&user(), 4096), Ok(()));
    for accepted in 0..MANY {
        let client = UnixSocket::new(Kind::Stream);
        let joined = insist(Errno::ENOMEM, || {
            client.clone().connect(&user(), &name, false)
        });
        assert_eq!(joined, Ok(()));
        if accepted % 10 == 0 {
            assert!(listener.accept(true).is_ok());
        }
    }
    Socket::close(&*listener);
}

/// Those a full receiver turns away: to be told later, or refused.
fn turned_away() {
    let name = [1, 0, 0, b't'];
    let receiver = UnixSocket::new(Kind::Datagram);
    assert_eq!(receiver.clone().bind(&user(), &name), Ok(()));
    let connected = || {
        let sender = UnixSocket::new(Kind::Datagram);
        assert_eq!(sender.clone().connect(&user(), &name, false), Ok(()));
        sender
    };
    let first = connected();
    let fill = || insist(Errno::ENOBUFS, || send(&first, b"", &[]));
    while fill() == Ok(0) {}
    let senders: [_; MANY / 2] = core::array::from_fn(|_| connected());
    for sender in &senders {
        let told = insist(Errno::ENOMEM, || send(sender, b"", &[]));
        assert_eq!(told, Err(Errno::EAGAIN));
        // Looking asks to be told too, and may be told that there is room instead.
        let _ = sender.ready();
    }
    while receive(&receiver, &mut [0]).is_ok() {}
    let sent = insist(Errno::ENOBUFS, || send(&senders[0], b"", &[]));
    assert_eq!(sent, Ok(0));
}

/// Rings of sockets in each other's queues, a tree of sockets in sockets, and their end.
fn ends() -> usize {
    let mut ring = Vec::with_capacity(MANY);
    for _ in 0..MANY {
        let (a, b) = pair(Kind::Stream);
        ring.push((open(&a), a, open(&b)));
    }
    for at in 0..MANY {
        // The next one's end lies in this one's queue.
        let next = &ring[(at + 1) % MANY].2;
        assert_eq!(send(&ring[at].1, b"x", core::slice::from_ref(next)), Ok(1));
    }
    let mut tree = open(&UnixSocket::new(Kind::Stream));
    for _ in 0..4 {
        let (a, b) = pair(Kind::Datagram);
        let (a_file, b_file) = (open(&a), open(&b));
        for _ in 0..5 {
            assert_eq!(send(&a, b"x", core::slice::from_ref(&tree)), Ok(1));
        }
        drop(a_file);
        tree = b_file;
    }
    let weak: Vec<_> = ring
        .iter()
        .map(|(_, a, b)| (Arc::downgrade(a), Arc::downgrade(b)))
        .collect();
    let before = MEMORY.requests();
    drop(ring);
    drop(tree);
    let asked = MEMORY.requests() - before;
    for (a, b) in weak {
        assert_eq!((a.strong_count(), b.strong_count()), (0, 0));
    }
    asked
}

/// One test, so that nobody else counts into the same world.
#[test]
fn every_refusal_is_told_and_nothing_is_left() {
    each_refusal("a stream", stream);
    each_refusal("datagrams", || messages(Kind::Datagram));
    each_refusal("a sequence", || messages(Kind::SeqPacket));
    each_refusal("descriptors with a stream", || rights(Kind::Stream, MANY));
    each_refusal("descriptors with datagrams", || {
        rights(Kind::Datagram, SOME)
    });
    each_refusal("one descriptor often", the_same_often);
    each_refusal("connections", connections);
    each_refusal("senders turned away", turned_away);
    ends();
    let before = inventory();
    assert_eq!(ends(), 0, "closing and collecting asked for memory");
    nothing_in_flight();
    assert_eq!(inventory(), before);
}
