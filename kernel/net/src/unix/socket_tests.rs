use super::*;
use crate::socket::{Outgoing, Received};
use alloc::vec;
use core::any::Any;
use sync::Credentials;
use vfs::FsContext;

#[path = "wake_tests.rs"]
mod wake;

struct Root(Arc<Credentials>);

impl Caller for Root {
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
    fn install(&self, _: Arc<vfs::OpenFile>, _: bool) -> Result<usize> {
        Err(Errno::EMFILE)
    }
}

fn root() -> Root {
    Root(Arc::new(Credentials::root()))
}

fn send(socket: &Arc<UnixSocket>, bytes: &[u8]) -> Result<usize> {
    let who = root();
    let mut out = Outgoing::plain(&who, MsgFlags::empty());
    Socket::send(socket.clone(), &mut IoSrc::kernel(bytes), &mut out)
}

fn receive(socket: &UnixSocket, room: usize, flags: MsgFlags) -> Result<Vec<u8>> {
    let mut bytes = vec![0; room];
    let mut received = Received::default();
    let mut dst = IoDst::kernel(&mut bytes);
    Socket::receive(socket, &mut dst, flags, true, &mut received)?;
    bytes.truncate(received.bytes);
    Ok(bytes)
}

fn pair(kind: Kind) -> (Arc<UnixSocket>, Arc<UnixSocket>) {
    UnixSocket::pair(kind, &root())
}

#[test]
fn a_stream_joins_what_was_written() {
    let (a, b) = pair(Kind::Stream);
    assert_eq!(send(&a, b"abc"), Ok(3));
    assert_eq!(send(&a, b"defg"), Ok(4));
    assert_eq!(receive(&b, 5, MsgFlags::empty()), Ok(b"abcde".to_vec()));
    assert_eq!(receive(&b, 5, MsgFlags::PEEK), Ok(b"fg".to_vec()));
    assert_eq!(receive(&b, 5, MsgFlags::empty()), Ok(b"fg".to_vec()));
    assert_eq!(receive(&b, 5, MsgFlags::empty()), Err(Errno::EAGAIN));
}

#[test]
fn a_full_stream_takes_what_linux_takes_and_wakes_at_a_quarter() {
    let (a, b) = pair(Kind::Stream);
    let block = vec![7; 65536];
    let mut total = 0;
    while let Ok(sent) = send(&a, &block) {
        total += sent;
    }
    assert!(total >= 212_992, "{total}");
    assert!(!a.readiness().intersects(Events::OUT));
    while total > 212_992 / 4 {
        assert!(!a.readiness().intersects(Events::OUT));
        total -= receive(&b, 4096.min(total), MsgFlags::empty())
            .unwrap()
            .len();
    }
    assert!(a.readiness().contains(Events::OUT));
    while total > 0 {
        total -= receive(&b, 65536, MsgFlags::empty()).unwrap().len();
    }
    assert_eq!(a.charged(), 0);
}

#[test]
fn unread_data_resets_the_peer() {
    let (a, b) = pair(Kind::Stream);
    assert_eq!(send(&a, b"x"), Ok(1));
    Socket::close(&*b);
    assert!(
        a.readiness()
            .contains(Events::ERR | Events::HUP | Events::RDHUP)
    );
    assert_eq!(receive(&a, 1, MsgFlags::empty()), Err(Errno::ECONNRESET));
    assert_eq!(receive(&a, 1, MsgFlags::empty()), Ok(Vec::new()));
    assert_eq!(send(&a, b"x"), Err(Errno::EPIPE));
}

#[test]
fn messages_keep_their_borders() {
    for kind in [Kind::Datagram, Kind::SeqPacket] {
        let (a, b) = pair(kind);
        assert_eq!(send(&a, b"abcdef"), Ok(6));
        assert_eq!(send(&a, b""), Ok(0));
        assert_eq!(receive(&b, 3, MsgFlags::empty()), Ok(b"abc".to_vec()));
        assert_eq!(receive(&b, 3, MsgFlags::empty()), Ok(Vec::new()));
        assert_eq!(receive(&b, 3, MsgFlags::empty()), Err(Errno::EAGAIN));
        assert_eq!(a.charged(), 0);
    }
}

#[test]
fn a_datagram_peer_that_is_gone_refuses_once() {
    let (a, b) = pair(Kind::Datagram);
    Socket::close(&*b);
    drop(b);
    assert_eq!(send(&a, b"x"), Err(Errno::ECONNREFUSED));
    assert_eq!(send(&a, b"x"), Err(Errno::ENOTCONN));
}

#[test]
fn abstract_names_are_free_again_when_the_socket_ends() {
    let name = [1, 0, 0, b'q', 0, b'r'];
    let first = UnixSocket::new(Kind::Datagram);
    assert_eq!(first.clone().bind(&root(), &name), Ok(()));
    let second = UnixSocket::new(Kind::Datagram);
    assert_eq!(second.clone().bind(&root(), &name), Err(Errno::EADDRINUSE));
    Socket::close(&*first);
    assert_eq!(second.clone().bind(&root(), &name), Ok(()));
    assert_eq!(second.name(), name);
}

#[test]
fn a_backlog_holds_one_more_than_it_says() {
    let name = [1, 0, 0, b'b'];
    let listener = UnixSocket::new(Kind::Stream);
    assert_eq!(listener.clone().bind(&root(), &name), Ok(()));
    assert_eq!(listener.listen(&root(), 1), Ok(()));
    let connect = || UnixSocket::new(Kind::Stream).connect(&root(), &name, false);
    assert_eq!(connect(), Ok(()));
    assert_eq!(connect(), Ok(()));
    assert_eq!(connect(), Err(Errno::EAGAIN));
    assert!(listener.accept(true).is_ok());
    assert_eq!(connect(), Ok(()));
}
