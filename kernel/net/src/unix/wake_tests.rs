//! Interleavings of AF_UNIX: nobody sleeps through a change, no byte, message, connection or descriptor is lost or comes
//! twice. Over `std` threads, and over shuttle's schedules.

use super::*;
use abi::fcntl::OFlags;
use sync::{Sleep, wait_on};

#[cfg(feature = "shuttle")]
use shuttle::{check_random, thread};
#[cfg(not(feature = "shuttle"))]
use std::thread;

#[cfg(feature = "shuttle")]
const TRIES: usize = 800;
#[cfg(not(feature = "shuttle"))]
const TRIES: usize = 100;

#[cfg(not(feature = "shuttle"))]
fn check_random(body: impl Fn() + Send + Sync + 'static, tries: usize) {
    (0..tries).for_each(|_| body());
}

/// Tries many schedules, one model at a time: the tables of all sockets belong to one world.
fn check(body: impl Fn() + Send + Sync + 'static) {
    static WORLD: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let alone = WORLD.lock();
    check_random(body, TRIES);
    drop(alone);
}

/// Waits without an end, as a call does: a lost wake-up hangs here.
fn wait<T>(
    socket: &UnixSocket,
    events: Events,
    idle: bool,
    try_it: impl FnMut() -> Result<T>,
) -> Result<T> {
    let sleep = Sleep {
        deadline: None,
        exclusive: false,
        idle,
        interrupted: &|| false,
    };
    match wait_on(&sleep, &[(&socket.pollee, events)], try_it) {
        Ok(answer) => answer,
        Err(_) => panic!("nothing stops this wait"),
    }
}

fn take(socket: &UnixSocket, most: usize, flags: MsgFlags) -> Result<(Vec<u8>, usize)> {
    let mut bytes = alloc::vec![0; most];
    let mut received = Received::default();
    let idle = Socket::seems_idle(socket);
    wait(socket, Events::READABLE | Events::RDHUP, idle, || {
        let mut dst = IoDst::kernel(&mut bytes);
        Socket::receive(socket, &mut dst, flags, false, &mut received)
    })?;
    bytes.truncate(received.bytes);
    Ok((bytes, received.rights.len()))
}

fn read(socket: &UnixSocket, most: usize) -> Result<Vec<u8>> {
    take(socket, most, MsgFlags::empty()).map(|(bytes, _)| bytes)
}

fn write(socket: &Arc<UnixSocket>, bytes: &[u8]) -> Result<usize> {
    let caller = root();
    let mut out = Outgoing::plain(&caller, MsgFlags::empty());
    wait(socket, Events::WRITABLE, false, || {
        let sent = socket.clone().send(&mut IoSrc::kernel(bytes), &mut out);
        out.waited |= sent == Err(Errno::EAGAIN);
        sent
    })
}

fn write_all(socket: &Arc<UnixSocket>, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let sent = write(socket, bytes)?;
        bytes = &bytes[sent..];
    }
    Ok(())
}

fn small_buffer(socket: &UnixSocket) {
    let least = 1i32.to_ne_bytes();
    let set = socket
        .options
        .set(abi::socket::so::SNDBUF, &least, root().cred());
    assert_eq!(set, Ok(()));
}

#[test]
fn a_stream_longer_than_its_buffer_comes_whole() {
    check(|| {
        let (a, b) = pair(Kind::Stream);
        small_buffer(&a);
        let bytes: Vec<u8> = (0..20_000).map(|at| (at % 251) as u8).collect();
        let sent = bytes.clone();
        let writer = thread::spawn(move || {
            let done = write_all(&a, &sent);
            Socket::close(&*a);
            done
        });
        let mut got = Vec::new();
        loop {
            match read(&b, 7000) {
                Ok(more) if more.is_empty() => break,
                Ok(more) => got.extend(more),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(got == bytes);
        assert_eq!(writer.join().unwrap(), Ok(()));
    });
}

#[test]
fn two_readers_get_a_byte_each() {
    check(|| {
        let (a, b) = pair(Kind::Stream);
        let other = thread::spawn({
            let b = b.clone();
            move || read(&b, 1).unwrap()
        });
        let writer = thread::spawn(move || {
            write_all(&a, b"x").unwrap();
            write_all(&a, b"y").unwrap();
            a
        });
        let mut got = read(&b, 1).unwrap();
        got.extend(other.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, b"xy");
        drop(writer.join().unwrap());
    });
}

#[test]
fn an_end_wakes_reader_and_writer() {
    check(|| {
        let (a, b) = pair(Kind::Stream);
        small_buffer(&b);
        while send(&b, &[1; 4096]).is_ok() {}
        let reader = thread::spawn({
            let b = b.clone();
            move || read(&b, 1)
        });
        let writer = thread::spawn({
            let b = b.clone();
            move || write(&b, b"x")
        });
        // There was something to read: the end is a reset, told to one of the two.
        Socket::close(&*a);
        let (read, write) = (reader.join().unwrap(), writer.join().unwrap());
        assert!(matches!(read, Err(Errno::ECONNRESET) | Ok(_)), "{read:?}");
        assert!(
            matches!(write, Err(Errno::EPIPE | Errno::ECONNRESET)),
            "{write:?}"
        );
        let told = [read.err(), write.err()];
        let resets = told.iter().filter(|told| **told == Some(Errno::ECONNRESET));
        assert_eq!(resets.count(), 1);
    });
}

#[test]
fn a_shutdown_is_an_end_behind_the_bytes() {
    for kind in [Kind::Stream, Kind::SeqPacket] {
        check(move || {
            let (a, b) = pair(kind);
            let writer = thread::spawn(move || {
                write(&a, b"last").unwrap();
                Socket::shutdown(&*a, How::Send).unwrap();
                a
            });
            assert_eq!(read(&b, 4), Ok(b"last".to_vec()));
            assert_eq!(read(&b, 4), Ok(Vec::new()));
            drop(writer.join().unwrap());
        });
    }
}

/// A name of this test's own.
fn name(letter: u8) -> [u8; 5] {
    [1, 0, 0, b'w', letter]
}

/// A stranger fills the queue: who is turned away has nothing in it whose reception would tell him. How many messages.
fn fill(name: &[u8]) -> usize {
    let stranger = UnixSocket::new(Kind::Datagram);
    stranger.clone().connect(&root(), name, false).unwrap();
    (0..)
        .take_while(|_| send(&stranger, &[200]).is_ok())
        .count()
}

#[test]
fn those_a_full_queue_turned_away_are_told() {
    check(|| {
        let receiver = UnixSocket::new(Kind::Datagram);
        receiver.clone().bind(&root(), &name(b'd')).unwrap();
        let strange = fill(&name(b'd'));
        let sender = |first: u8| {
            let socket = UnixSocket::new(Kind::Datagram);
            socket.clone().connect(&root(), &name(b'd'), false).unwrap();
            thread::spawn(move || {
                for number in 0..9 {
                    assert_eq!(write(&socket, &[first + number]), Ok(1));
                }
                socket
            })
        };
        let senders = [sender(0), sender(100)];
        let (mut low, mut high) = (Vec::new(), Vec::new());
        for _ in 0..strange {
            assert_eq!(read(&receiver, 1), Ok(alloc::vec![200]));
        }
        for _ in 0..18 {
            let message = read(&receiver, 1).unwrap();
            if message[0] < 100 {
                &mut low
            } else {
                &mut high
            }
            .extend(message);
        }
        assert!(low.iter().copied().eq(0..9));
        assert!(high.iter().copied().eq(100..109));
        for sender in senders {
            assert_eq!(sender.join().unwrap().charged(), 0);
        }
        Socket::close(&*receiver);
    });
}

#[test]
fn a_receiver_that_goes_is_told_to_who_waits_for_room() {
    check(|| {
        let receiver = UnixSocket::new(Kind::Datagram);
        receiver.clone().bind(&root(), &name(b'g')).unwrap();
        let socket = UnixSocket::new(Kind::Datagram);
        socket.clone().connect(&root(), &name(b'g'), false).unwrap();
        assert!(fill(&name(b'g')) > 0);
        let sender = thread::spawn(move || write(&socket, b"y"));
        Socket::close(&*receiver);
        drop(receiver);
        let told = sender.join().unwrap();
        assert_eq!(told, Err(Errno::ECONNREFUSED));
    });
}

fn connect(socket: &Arc<UnixSocket>, to: &[u8]) -> Result<()> {
    wait(socket, Events::WRITABLE, false, || {
        socket.clone().connect(&root(), to, false)
    })
}

fn listener(letter: u8, backlog: u32) -> Arc<UnixSocket> {
    let listener = UnixSocket::new(Kind::Stream);
    listener.clone().bind(&root(), &name(letter)).unwrap();
    listener.listen(&root(), backlog).unwrap();
    listener
}

#[test]
fn every_connection_is_accepted_once() {
    check(|| {
        let listener = listener(b'a', 0);
        let client = |letter: u8| {
            thread::spawn(move || {
                let socket = UnixSocket::new(Kind::Stream);
                connect(&socket, &name(b'a')).unwrap();
                write_all(&socket, &[letter]).unwrap();
                socket
            })
        };
        let clients = [client(1), client(2), client(3)];
        let mut seen: Vec<u8> = Vec::new();
        for _ in 0..3 {
            let connection = wait(&listener, Events::READABLE, false, || {
                listener.next_connection(false)
            });
            seen.extend(read(&connection.unwrap(), 1).unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3]);
        for client in clients {
            drop(client.join().unwrap());
        }
        Socket::close(&*listener);
    });
}

#[test]
fn who_connects_to_a_listener_that_goes_is_told() {
    check(|| {
        let listener = listener(b'l', 0);
        let client = || {
            thread::spawn(|| {
                let socket = UnixSocket::new(Kind::Stream);
                match connect(&socket, &name(b'l')) {
                    Ok(()) => read(&socket, 1).unwrap_err(),
                    Err(error) => error,
                }
            })
        };
        let clients = [client(), client()];
        Socket::close(&*listener);
        for client in clients {
            let told = client.join().unwrap();
            assert!(
                matches!(told, Errno::ECONNREFUSED | Errno::ECONNRESET),
                "{told:?}"
            );
        }
    });
}

#[test]
fn two_who_peek_by_an_offset_see_each_byte_once() {
    check(|| {
        let (a, b) = pair(Kind::Stream);
        let from = 0i32.to_ne_bytes();
        let set = b
            .options
            .set(abi::socket::so::PEEK_OFF, &from, root().cred());
        assert_eq!(set, Ok(()));
        let other = thread::spawn({
            let b = b.clone();
            move || take(&b, 1, MsgFlags::PEEK).unwrap().0
        });
        let writer = thread::spawn(move || {
            write_all(&a, b"x").unwrap();
            write_all(&a, b"y").unwrap();
            a
        });
        let mut got = take(&b, 1, MsgFlags::PEEK).unwrap().0;
        got.extend(other.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, b"xy");
        assert_eq!(read(&b, 2), Ok(b"xy".to_vec()));
        drop(writer.join().unwrap());
    });
}

fn file(socket: &Arc<UnixSocket>) -> Arc<OpenFile> {
    crate::file::open(socket.clone(), OFlags::empty(), &root())
}

fn pass(socket: &Arc<UnixSocket>, file: Arc<OpenFile>) -> Result<usize> {
    let who = root();
    let mut out = Outgoing::plain(&who, MsgFlags::empty());
    out.files.push(file)?;
    Socket::send(socket.clone(), &mut IoSrc::kernel(b"f"), &mut out)
}

#[test]
fn a_descriptor_comes_once_or_is_closed_with_the_receiver() {
    check(|| {
        let (a, b) = pair(Kind::Stream);
        let passed = file(&UnixSocket::new(Kind::Stream));
        let weak = Arc::downgrade(&passed);
        let sender = thread::spawn(move || pass(&a, passed));
        let mut received = Received::default();
        let mut byte = [0];
        let mut dst = IoDst::kernel(&mut byte);
        let got = Socket::receive(&*b, &mut dst, MsgFlags::empty(), true, &mut received);
        assert_eq!(received.rights.len(), usize::from(got.is_ok()));
        Socket::close(&*b);
        let sent = sender.join().unwrap();
        assert!(matches!(sent, Ok(1) | Err(Errno::EPIPE)), "{sent:?}");
        assert!(got.is_err() || sent.is_ok());
        drop(received);
        assert!(weak.upgrade().is_none(), "it is open still");
    });
}

#[test]
fn a_ring_that_two_close_at_once_is_collected() {
    check(|| {
        let ((a, b), (c, d)) = (pair(Kind::Stream), pair(Kind::Stream));
        let files = [&a, &b, &c, &d].map(file);
        // Each end's descriptor lies in the other pair's queue.
        assert_eq!(pass(&a, files[3].clone()), Ok(1));
        assert_eq!(pass(&c, files[1].clone()), Ok(1));
        let weak = files.each_ref().map(Arc::downgrade);
        let [a, b, c, d] = files;
        // What a queue still holds is not closed by who lets go of it: the ends that nobody else holds go last.
        let one = thread::spawn(move || drop((b, a)));
        let two = thread::spawn(move || drop((d, c)));
        one.join().unwrap();
        two.join().unwrap();
        for file in weak {
            assert!(file.upgrade().is_none(), "it is open still");
        }
    });
}
