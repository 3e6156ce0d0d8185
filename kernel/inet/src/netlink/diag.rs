//! `NETLINK_SOCK_DIAG` (`man 7 sock_diag`): sockets of AF_UNIX here, of IP in [`inet`], for `ss` and its kin.

mod inet;

use super::message::flag;
use super::{Answers, Request};
use abi::socket::family::{AF_INET, AF_INET6, AF_UNIX};
use abi::{Errno, Result};
use net::unix::diag::{Seen, all};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;

/// One past the last family (`AF_MAX`).
const FAMILIES: u16 = 46;

/// `struct unix_diag_req`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct UnixRequest {
    family: u8,
    protocol: u8,
    pad: u16,
    states: u32,
    ino: u32,
    show: u32,
    cookie: [u32; 2],
}

/// `struct unix_diag_msg`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct UnixMessage {
    family: u8,
    kind: u8,
    state: u8,
    pad: u8,
    ino: u32,
    cookie: [u32; 2],
}

/// What to show (`UDIAG_SHOW_*`), and the attribute it comes in.
mod show {
    pub const NAME: (u32, u16) = (1, 0);
    pub const PEER: (u32, u16) = (4, 2);
    pub const RQLEN: (u32, u16) = (16, 4);
    /// Told always.
    pub const SHUTDOWN: u16 = 6;
}

/// Answers a request.
///
/// # Errors
/// `EINVAL`: not a request. `ENOENT`: a family nobody tells of, or no such socket. `ESTALE`: another cookie.
pub(super) fn serve(request: &Request<'_>, answers: &mut Answers) -> Result<()> {
    if request.header.kind != BY_FAMILY {
        return Err(Errno::EINVAL);
    }
    let family = *request.body.first().ok_or(Errno::EINVAL)?;
    if request.body.len() < 2 {
        return Err(Errno::EINVAL);
    }
    match u16::from(family) {
        AF_UNIX => {}
        AF_INET | AF_INET6 => return inet::serve(request, answers),
        FAMILIES.. => return Err(Errno::EINVAL),
        _ => return Err(Errno::ENOENT),
    }
    let (wanted, _) = UnixRequest::read_from_prefix(request.body).map_err(|_| Errno::EINVAL)?;
    if request.is_dump() {
        for seen in all() {
            if wanted.states & 1u32.checked_shl(seen.state.into()).unwrap_or(0) != 0 {
                answer(request, &wanted, &seen, answers);
            }
        }
        answers.end_dump(request);
        return Ok(());
    }
    if wanted.ino == 0 {
        return Err(Errno::EINVAL);
    }
    let seen = all().into_iter().find(|seen| seen.ino as u32 == wanted.ino);
    let seen = seen.ok_or(Errno::ENOENT)?;
    if wanted.cookie != [u32::MAX; 2] && wanted.cookie != cookie(&seen) {
        return Err(Errno::ESTALE);
    }
    answer(request, &wanted, &seen, answers);
    Ok(())
}

fn cookie(seen: &Seen) -> [u32; 2] {
    [seen.cookie as u32, (seen.cookie >> 32) as u32]
}

fn answer(request: &Request<'_>, wanted: &UnixRequest, seen: &Seen, answers: &mut Answers) {
    let mut answer = request.answer(BY_FAMILY);
    let message = UnixMessage {
        family: AF_UNIX as u8,
        kind: seen.kind,
        state: seen.state,
        pad: 0,
        ino: seen.ino as u32,
        cookie: cookie(seen),
    };
    answer.put(message.as_bytes());
    if wanted.show & show::NAME.0 != 0
        && let Some(name) = &seen.name
    {
        answer.attribute(show::NAME.1, name);
    }
    if wanted.show & show::PEER.0 != 0
        && let Some(peer) = seen.peer
    {
        answer.number(show::PEER.1, peer as u32);
    }
    if wanted.show & show::RQLEN.0 != 0 {
        answer.attribute(show::RQLEN.1, [seen.waiting, seen.limit].as_bytes());
    }
    answer.attribute(show::SHUTDOWN, &[seen.shut]);
    answers.push(answer);
}

const _: () = assert!(flag::DUMP == flag::ROOT | flag::MATCH);
