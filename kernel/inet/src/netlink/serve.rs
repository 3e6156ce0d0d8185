//! Requests, answered before `send` returns.

use super::message::{self, Builder, ERROR, Header, MIN_TYPE, flag};
use super::options::Switches;
use super::socket::NetlinkSocket;
use super::{Answers, Protocol, Request, diag, route};
use abi::Errno;
use alloc::vec::Vec;
use net::socket::Socket;
use sync::Capability;
use vfs::Caller;
use zerocopy::IntoBytes;

impl NetlinkSocket {
    /// The requests in what was sent, each answered.
    pub(super) fn serve(&self, bytes: &[u8], caller: &dyn Caller, named: bool) {
        // Who is made to write to a socket without knowing what it is lends it no rights.
        let is_admin = (named || self.is_admins) && caller.cred().has(Capability::NET_ADMIN);
        for (header, body) in message::messages(bytes) {
            if header.flags & flag::REQUEST == 0 {
                continue;
            }
            let request = Request {
                header,
                body,
                port: self.port(),
                is_admin,
            };
            let mut answers = Answers::default();
            let result = if header.kind < MIN_TYPE {
                Ok(())
            } else {
                match self.protocol_kind() {
                    Protocol::Route => route::serve(&request, &mut answers),
                    Protocol::SockDiag => diag::serve(&request, &mut answers),
                    Protocol::Uevent => Ok(()),
                }
            };
            // A dump's end is its acknowledgement.
            let asks = self.protocol_kind() != Protocol::Route || route::is_get(header.kind);
            let dumped = result.is_ok() && request.is_dump() && asks;
            // Linux makes a dump while it is read: one that has begun is never too long for the buffer.
            let mut limit = self.options().receive_buffer();
            for answer in answers.finish() {
                if self.take(answer, 0, 0, None, limit) && dumped {
                    limit = usize::MAX;
                }
            }
            if result.is_err() || header.flags & flag::ACK != 0 && !dumped {
                let answer = self.acknowledge(&header, body, result.err());
                self.hear(answer, 0, 0, None);
            }
        }
    }

    fn acknowledge(&self, header: &Header, body: &[u8], error: Option<Errno>) -> Vec<u8> {
        let with_request = error.is_some() && !self.switches().contains(Switches::CAP_ACK);
        let flags = if with_request { 0 } else { flag::CAPPED };
        let mut answer = Builder::new(ERROR, flags, header.sequence, self.port());
        let number = error.map_or(0, |error| -error.number());
        answer.put(&number.to_ne_bytes()).put(header.as_bytes());
        if with_request {
            answer.put(body);
        }
        answer.finish()
    }
}
