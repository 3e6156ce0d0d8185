//! Neighbours: `RTM_NEWNEIGH`, `RTM_DELNEIGH`, `RTM_GETNEIGH`.

use super::super::message::Builder;
use super::super::{Answers, Request};
use super::{address_of, bytes_of, covers, family_of, of, parse, rtm};
use crate::link::neighbour::{self, Neighbour, state};
use crate::link::{self};
use abi::{Errno, Result};
use core::net::IpAddr;
use sync::Instant;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct ndmsg`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct NdMsg {
    family: u8,
    pad: [u8; 3],
    index: i32,
    state: u16,
    flags: u8,
    kind: u8,
}

const FIXED: usize = size_of::<NdMsg>();

/// Attributes (`NDA_*`).
mod nda {
    pub const DST: u16 = 1;
    pub const LLADDR: u16 = 2;
    pub const CACHEINFO: u16 = 3;
    pub const PROBES: u16 = 4;
    /// One past the last that is read.
    pub const END: usize = 16;
}

/// `NTF_PROXY`
const PROXY: u8 = 8;

pub fn message(one: &Neighbour, mut builder: Builder) -> Builder {
    let now = Instant::now();
    let fixed = NdMsg {
        family: family_of(one.address),
        pad: [0; 3],
        index: one.interface as i32,
        state: one.state(now),
        flags: 0,
        kind: 1,
    };
    let age = (now.saturating_since(one.heard).as_millis() / 10) as u32;
    builder
        .put(fixed.as_bytes())
        .attribute(nda::DST, &bytes_of(one.address))
        .attribute(nda::LLADDR, &one.mac)
        .number(nda::PROBES, 0)
        .attribute(nda::CACHEINFO, [age, age, age, 0].as_bytes());
    builder
}

pub fn dump(request: &Request<'_>, wanted: u16, answers: &mut Answers) {
    let fixed = NdMsg::read_from_prefix(request.body)
        .ok()
        .map(|(fixed, _)| fixed);
    if fixed.is_some_and(|fixed| fixed.flags & PROXY != 0) {
        return;
    }
    let index = fixed.map_or(0, |fixed| fixed.index);
    for one in neighbour::all() {
        let on = index == 0 || one.interface as i32 == index;
        if on && covers(wanted, family_of(one.address)) {
            answers.push(message(&one, request.answer(rtm::NEWNEIGH)));
        }
    }
}

/// The interface, the address and the rest.
fn read<'a>(request: &Request<'a>) -> Result<(NdMsg, u32, IpAddr, Option<&'a [u8]>)> {
    let (fixed, _) = NdMsg::read_from_prefix(request.body).map_err(|_| Errno::EINVAL)?;
    let found: [_; nda::END] = parse(request.body, FIXED)?;
    let address = of(&found, nda::DST).ok_or(Errno::EINVAL)?;
    let interface = link::by_index(fixed.index.cast_unsigned()).ok_or(Errno::ENODEV)?;
    if fixed.flags & PROXY != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let address = address_of(u16::from(fixed.family), address)?;
    Ok((fixed, interface.index, address, of(&found, nda::LLADDR)))
}

pub fn add(request: &Request<'_>) -> Result<()> {
    use super::super::message::flag;
    let (fixed, index, address, mac) = read(request)?;
    let old = neighbour::find(index, address);
    match &old {
        None if request.header.flags & flag::CREATE == 0 => return Err(Errno::ENOENT),
        Some(_) if request.header.flags & flag::EXCL != 0 => return Err(Errno::EEXIST),
        _ => {}
    }
    let mac = match mac {
        Some(mac) => *mac.first_chunk().ok_or(Errno::EINVAL)?,
        None => old.ok_or(Errno::EINVAL)?.mac,
    };
    let permanent = fixed.state & (state::PERMANENT | state::NOARP) != 0;
    neighbour::set(index, address, mac, permanent, request.cause());
    Ok(())
}

pub fn remove(request: &Request<'_>) -> Result<()> {
    let (_, index, address, _) = read(request)?;
    neighbour::remove(index, address, request.cause())
}

pub fn get(request: &Request<'_>, answers: &mut Answers) -> Result<()> {
    let (_, index, address, _) = read(request)?;
    let one = neighbour::find(index, address).ok_or(Errno::ENOENT)?;
    answers.push(message(&one, request.answer(rtm::NEWNEIGH)));
    Ok(())
}
