//! Netlink sockets (`man 7 netlink`): routes and interfaces, who is connected, news of devices.
//!
//! A request is answered before `send` returns: the answers wait in the sender's [mailbox](net::mailbox). A dump is
//! made at once, of one state of things, in messages a program's buffer takes.

mod address;
pub mod diag;
pub mod message;
mod options;
pub mod report;
pub mod route;
mod serve;
mod socket;
mod table;
pub mod uevent;

pub use socket::NetlinkSocket;
pub use table::{all, multicast};

use abi::{Errno, Result};
use alloc::vec::Vec;
use message::{Builder, DONE, Header, flag};

/// The protocols there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// `NETLINK_ROUTE`
    Route = 0,
    /// `NETLINK_SOCK_DIAG`
    SockDiag = 4,
    /// `NETLINK_KOBJECT_UEVENT`
    Uevent = 15,
}

impl Protocol {
    /// The protocol with a number.
    ///
    /// # Errors
    /// `EPROTONOSUPPORT`
    pub fn parse(number: i32) -> Result<Self> {
        match number {
            0 => Ok(Self::Route),
            4 => Ok(Self::SockDiag),
            15 => Ok(Self::Uevent),
            _ => Err(Errno::EPROTONOSUPPORT),
        }
    }

    /// Groups one may listen to.
    #[must_use]
    pub fn groups(self) -> u32 {
        match self {
            Self::Route => 36,
            Self::SockDiag | Self::Uevent => 32,
        }
    }
}

/// A request.
pub struct Request<'a> {
    /// Its header.
    pub header: Header,
    /// What is behind.
    pub body: &'a [u8],
    /// The port of the socket it came by.
    pub port: u32,
    /// The sender has `CAP_NET_ADMIN`.
    pub is_admin: bool,
}

impl Request<'_> {
    /// Whether it asks for all.
    #[must_use]
    pub fn is_dump(&self) -> bool {
        self.header.flags & flag::DUMP != 0
    }

    /// Who caused what it changes.
    #[must_use]
    pub fn cause(&self) -> crate::link::events::Cause {
        crate::link::events::Cause {
            port: self.port,
            sequence: self.header.sequence,
        }
    }

    /// Begins an answer.
    #[must_use]
    pub fn answer(&self, kind: u16) -> Builder {
        let flags = if self.is_dump() { flag::MULTI } else { 0 };
        Builder::new(kind, flags, self.header.sequence, self.port)
    }
}

/// Bytes of a dump that go into one message; programs read with buffers of twice that and more.
const CHUNK: usize = 3776;

/// Answers, in messages as a receiver gets them.
#[derive(Debug, Default)]
pub struct Answers {
    done: Vec<Vec<u8>>,
    open: Vec<u8>,
}

impl Answers {
    /// Adds an answer; several of a dump share a message.
    pub fn push(&mut self, builder: Builder) {
        let bytes = builder.finish();
        if !self.open.is_empty() && self.open.len() + bytes.len() > CHUNK {
            self.cut();
        }
        self.open.extend_from_slice(&bytes);
    }

    /// Ends a message.
    pub fn cut(&mut self) {
        if !self.open.is_empty() {
            self.done.push(core::mem::take(&mut self.open));
        }
    }

    /// Ends a dump.
    pub fn end_dump(&mut self, request: &Request<'_>) {
        self.end(request, 0);
    }

    /// Ends a dump that came to nothing.
    pub fn end_dump_with(&mut self, request: &Request<'_>, error: abi::Errno) {
        self.end(request, -error.number());
    }

    fn end(&mut self, request: &Request<'_>, result: i32) {
        let mut last = request.answer(DONE);
        last.put(&result.to_ne_bytes());
        self.push(last);
        self.cut();
    }

    /// All messages.
    #[must_use]
    pub fn finish(mut self) -> Vec<Vec<u8>> {
        self.cut();
        self.done
    }
}
