//! Frames as they pass: which ones a socket hears, and the message one becomes.

use super::options;
use super::socket::PacketSocket;
use super::wire::{
    ALL, AuxData, ETHERNET, FOR_USER, SUM_NOT_READY, SUM_VALID, SockAddrLl, type_of,
};
use crate::link::device::Frame;
use crate::link::port::Port;
use crate::link::tap::{Direction, Tap};
use crate::room;
use abi::socket::SOCK_DGRAM;
use abi::socket::family::AF_PACKET;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use net::control::Ancillary;
use net::filter::Beside;
use net::mailbox::Letter;
use net::name::Name;
use sync::Events;
use zerocopy::IntoBytes;

impl Tap for PacketSocket {
    fn frame(&self, port: &Port, direction: Direction, frame: Frame<'_>, origin: u64) {
        let wanted = self.protocol.load(Relaxed);
        let only = self.interface.load(Relaxed);
        let kind = type_of(frame.bytes);
        let outgoing = direction == Direction::Outgoing;
        if only != 0 && only != port.index()
            || wanted != ALL && (wanted != kind || outgoing)
            || outgoing && (origin == self.id || self.ignores_outgoing.load(Relaxed))
        {
            return;
        }
        let link = if self.kind == SOCK_DGRAM { ETHERNET } else { 0 };
        let hardware = if port.device().is_some() {
            crate::link::flags::ETHER
        } else {
            crate::link::flags::LOOPBACK
        };
        let beside = Beside {
            protocol: kind,
            direction: direction as u8,
            interface: port.index(),
            hardware,
            link,
        };
        let Some(bytes) = frame.bytes.get(link..) else {
            return;
        };
        let Some(kept) = self.keeps(frame.bytes, &beside) else {
            return;
        };
        let mut address = [0; 8];
        for (to, from) in address.iter_mut().zip(frame.bytes.iter().skip(6).take(6)) {
            *to = *from;
        }
        let from = SockAddrLl {
            family: AF_PACKET,
            protocol: kind.to_be_bytes(),
            interface: port.index() as i32,
            hardware,
            direction: direction as u8,
            len: 6,
            address,
        };
        let kept = bytes.get(..kept.min(bytes.len())).unwrap_or(bytes);
        let mut control = Vec::new();
        if self.auxdata.load(Relaxed) {
            let status = match (frame.verified, outgoing) {
                (true, true) => FOR_USER | SUM_NOT_READY,
                (true, false) => FOR_USER | SUM_VALID,
                _ => FOR_USER,
            };
            let aux = AuxData {
                status,
                len: bytes.len() as u32,
                kept: kept.len() as u32,
                link: 0,
                network: (ETHERNET - link) as u16,
                tag: 0,
                tag_protocol: 0,
            };
            control.push(Ancillary {
                level: options::LEVEL,
                kind: options::AUXDATA,
                data: aux.as_bytes().to_vec(),
            });
        }
        let Ok(bytes) = room::copy(kept) else {
            self.dropped.fetch_add(1, Relaxed);
            return;
        };
        let letter = Letter {
            bytes,
            // A filter's cut is not told as one.
            whole: kept.len(),
            from: Name::plain(from.as_bytes()),
            control: control.into(),
            sender: None,
        };
        if self.mailbox.push(letter, self.options.receive_buffer()) {
            self.taken.fetch_add(1, Relaxed);
            self.pollee.notify(Events::READABLE);
        } else {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}
