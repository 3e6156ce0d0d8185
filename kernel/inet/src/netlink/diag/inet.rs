//! Sockets of IP (`struct inet_diag_req_v2` and what answers it).

use super::super::message::attributes;
use super::super::{Answers, Request};
use super::BY_FAMILY;
use crate::dgram::report::{Which, all as datagrams};
use crate::protocol;
use crate::report::Seen;
use crate::tcp;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::net::IpAddr;
use net::address::{Endpoint, Family};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct inet_diag_sockid`; ports and addresses as the wire has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Id {
    ports: [[u8; 2]; 2],
    local: [u8; 16],
    remote: [u8; 16],
    interface: u32,
    cookie: [u32; 2],
}

/// `struct inet_diag_req_v2`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Wanted {
    family: u8,
    protocol: u8,
    show: u8,
    pad: u8,
    states: u32,
    id: Id,
}

/// `struct inet_diag_msg`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Message {
    family: u8,
    state: u8,
    timer: u8,
    retransmits: u8,
    id: Id,
    expires: u32,
    waiting: u32,
    unsent: u32,
    uid: u32,
    ino: u32,
}

const _: () = assert!(size_of::<Wanted>() == 56 && size_of::<Message>() == 72);

/// Attributes of an answer (`INET_DIAG_*`); one that is asked for has the bit of its number less one.
mod tell {
    pub const INFO: u16 = 2;
    pub const CONGESTION: u16 = 4;
    pub const TOS: u16 = 5;
    pub const CLASS: u16 = 6;
    /// Told always.
    pub const SHUTDOWN: u16 = 8;
}

/// A filter, which is a program (`INET_DIAG_REQ_BYTECODE`).
const BYTECODE: u16 = 1;

/// Any socket with these ends (`INET_DIAG_NOCOOKIE`).
const NO_COOKIE: [u32; 2] = [u32::MAX; 2];

/// Answers a request.
///
/// # Errors
/// `EINVAL`: too short. `ENOENT`: another protocol, no such socket, or one of another cookie. `EOPNOTSUPP`: a filter, which
/// Nacre does not run.
pub(super) fn serve(request: &Request<'_>, answers: &mut Answers) -> Result<()> {
    let (wanted, rest) = Wanted::read_from_prefix(request.body).map_err(|_| Errno::EINVAL)?;
    let all = match i32::from(wanted.protocol) {
        protocol::TCP => tcp::report::all(),
        protocol::UDP => datagrams(Which::Udp),
        protocol::UDPLITE => datagrams(Which::UdpLite),
        protocol::RAW => datagrams(Which::Raw),
        _ if request.is_dump() => {
            // A dump that came to nothing says so at its end.
            answers.end_dump_with(request, Errno::ENOENT);
            return Ok(());
        }
        _ => return Err(Errno::ENOENT),
    };
    let family = if u16::from(wanted.family) == Family::V4.number() {
        Family::V4
    } else {
        Family::V6
    };
    let mut all = all.into_iter().filter(|seen| seen.family == family);
    if request.is_dump() {
        if attributes(rest).any(|(kind, _)| kind == BYTECODE) {
            return Err(Errno::EOPNOTSUPP);
        }
        for seen in all {
            if wanted.takes(&seen) {
                answer(request, &wanted, &seen, answers);
            }
        }
        answers.end_dump(request);
        return Ok(());
    }
    let seen = all.find(|seen| {
        let id = Id::of(seen);
        let ends = |id: &Id| (id.ports, id.local, id.remote);
        ends(&id) == ends(&wanted.id)
    });
    let seen = seen.ok_or(Errno::ENOENT)?;
    if wanted.id.cookie != NO_COOKIE && wanted.id.cookie != Id::of(&seen).cookie {
        return Err(Errno::ENOENT);
    }
    answer(request, &wanted, &seen, answers);
    Ok(())
}

impl Wanted {
    /// Whether a dump shows a socket.
    fn takes(&self, seen: &Seen) -> bool {
        let state = self.states & 1u32.checked_shl(seen.state.into()).unwrap_or(0) != 0;
        let port = |wanted: [u8; 2], is: u16| wanted == [0; 2] || wanted == is.to_be_bytes();
        let [local, remote] = self.id.ports;
        state && port(local, seen.local.port) && port(remote, seen.remote.port)
    }

    fn shows(&self, what: u16) -> bool {
        u32::from(self.show) & 1 << (what - 1) != 0
    }
}

/// An address in the room of sixteen bytes, IPv4's in front.
fn room(family: Family, end: &Endpoint) -> [u8; 16] {
    let mut room = [0; 16];
    let bytes: Vec<u8> = match (family, end.addr) {
        (Family::V4, IpAddr::V4(addr)) => addr.octets().to_vec(),
        (_, addr) => net::address::mapped(addr).octets().to_vec(),
    };
    room.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    room
}

impl Id {
    fn of(seen: &Seen) -> Self {
        Self {
            ports: [
                seen.local.port.to_be_bytes(),
                seen.remote.port.to_be_bytes(),
            ],
            local: room(seen.family, &seen.local),
            remote: room(seen.family, &seen.remote),
            interface: seen.device,
            cookie: [seen.id as u32, (seen.id >> 32) as u32],
        }
    }
}

fn answer(request: &Request<'_>, wanted: &Wanted, seen: &Seen, answers: &mut Answers) {
    let mut answer = request.answer(BY_FAMILY);
    let message = Message {
        family: seen.family.number() as u8,
        state: seen.state,
        timer: seen.timer,
        retransmits: 0,
        id: Id::of(seen),
        expires: seen.expires,
        waiting: seen.waiting,
        unsent: seen.unsent,
        uid: seen.uid,
        ino: seen.ino as u32,
    };
    answer.put(message.as_bytes());
    if seen.id != 0 {
        answer.attribute(tell::SHUTDOWN, &[seen.shut]);
        if wanted.shows(tell::TOS) {
            answer.attribute(tell::TOS, &[seen.tos]);
        }
        if seen.family == Family::V6 && wanted.shows(tell::CLASS) {
            answer.attribute(tell::CLASS, &[0]);
        }
    }
    if let Some(info) = &seen.info {
        if wanted.shows(tell::INFO) {
            answer.attribute(tell::INFO, info);
        }
        if wanted.shows(tell::CONGESTION) {
            answer.attribute(tell::CONGESTION, b"reno\0");
        }
    }
    answers.push(answer);
}
