//! A pair of sockets against the simplest thing that could be one: a queue of bytes, or of messages.
#![no_main]

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use abi::socket::MsgFlags;
use abi::{Errno, Result};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use mm::io::{IoDst, IoSrc};
use net::socket::{How, Outgoing, Received, Socket};
use net::unix::{Kind, UnixSocket};
use sync::Credentials;
use vfs::{Caller, FsContext};

struct Root(Arc<Credentials>);

impl Caller for Root {
    fn cred(&self) -> &Arc<Credentials> {
        &self.0
    }
    fn fs(&self) -> Arc<FsContext> {
        unreachable!("no paths here")
    }
    fn process(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::new(())
    }
    fn pid(&self) -> u32 {
        1
    }
    fn tid(&self) -> u32 {
        1
    }
    fn pgrp(&self) -> u32 {
        1
    }
    fn session(&self) -> u32 {
        1
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

#[derive(Debug, Arbitrary)]
enum Step {
    Send { side: bool, len: u16 },
    Receive { side: bool, room: u16, peek: bool },
    Urgent { side: bool },
    TakeUrgent { side: bool },
    EndSending { side: bool },
}

#[derive(Default)]
struct Model {
    bytes: VecDeque<u8>,
    messages: VecDeque<Vec<u8>>,
    ended: bool,
    /// Urgent bytes make the order of the rest Linux's own matter: only sums are compared then.
    urgent: bool,
}

fuzz_target!(|input: (u8, Vec<Step>)| {
    let (kind, steps) = input;
    let kind = [Kind::Stream, Kind::Datagram, Kind::SeqPacket][usize::from(kind % 3)];
    let who = Root(Arc::new(Credentials::root()));
    let (a, b) = UnixSocket::pair(kind, &who);
    let ends = [a, b];
    let mut models = [Model::default(), Model::default()];
    let mut next = 0u8;
    for step in steps {
        match step {
            Step::Send { side, len } => {
                let len = usize::from(len);
                let bytes: Vec<u8> = (0..len).map(|at| next.wrapping_add(at as u8)).collect();
                let model = &mut models[usize::from(!side)];
                let mut out = Outgoing::plain(&who, MsgFlags::empty());
                let sender = ends[usize::from(side)].clone();
                match Socket::send(sender, &mut IoSrc::kernel(&bytes), &mut out) {
                    Ok(sent) => {
                        assert!(!model.ended || len == 0 && kind == Kind::Stream);
                        assert!(kind == Kind::Stream || sent == len);
                        next = next.wrapping_add(sent as u8);
                        model.bytes.extend(&bytes[..sent]);
                        if kind != Kind::Stream {
                            model.messages.push_back(bytes);
                        }
                    }
                    Err(error) => assert!(matches!(
                        error,
                        Errno::EAGAIN | Errno::EPIPE | Errno::EMSGSIZE
                    )),
                }
            }
            Step::Receive { side, room, peek } => {
                let model = &mut models[usize::from(side)];
                let mut buffer = vec![0; usize::from(room)];
                let flags = if peek {
                    MsgFlags::PEEK
                } else {
                    MsgFlags::empty()
                };
                let mut dst = IoDst::kernel(&mut buffer);
                let mut received = Received::default();
                let end = &ends[usize::from(side)];
                if end.receive(&mut dst, flags, true, &mut received).is_err() {
                    assert_eq!(received.bytes, 0);
                    continue;
                }
                let got = &buffer[..received.bytes];
                if model.urgent {
                    continue;
                }
                if kind == Kind::Stream {
                    assert!(model.bytes.iter().take(got.len()).eq(got));
                    if !peek {
                        model.bytes.drain(..got.len());
                    }
                } else if received.whole > 0 || !model.messages.is_empty() {
                    let whole = model.messages.front().expect("a message from nowhere");
                    assert_eq!(received.whole, whole.len());
                    assert_eq!(got, &whole[..got.len()]);
                    if !peek {
                        model.messages.pop_front();
                    }
                }
            }
            Step::Urgent { side } => {
                let mut out = Outgoing::plain(&who, MsgFlags::OOB);
                let sender = ends[usize::from(side)].clone();
                if Socket::send(sender, &mut IoSrc::kernel(b"!"), &mut out).is_ok() {
                    models[usize::from(!side)].urgent = true;
                }
            }
            Step::TakeUrgent { side } => {
                let mut byte = [0];
                let mut dst = IoDst::kernel(&mut byte);
                let mut received = Received::default();
                let end = &ends[usize::from(side)];
                let taken = end.receive(&mut dst, MsgFlags::OOB, true, &mut received);
                if taken.is_ok() {
                    assert!(models[usize::from(side)].urgent && byte == *b"!");
                }
            }
            Step::EndSending { side } => {
                ends[usize::from(side)]
                    .shutdown(How::Send)
                    .expect("shutdown");
                models[usize::from(!side)].ended = true;
            }
        }
    }
    for end in &ends {
        end.close();
    }
});
