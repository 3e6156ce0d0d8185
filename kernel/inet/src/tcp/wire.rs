//! A connection that leaves the machine: its state machine, and the packets its segments go in.

use super::machine::segment::{Bits, Header};
use super::machine::sequence::Seq;
use super::machine::{Agreed, End, Machine};
use super::secret::{first_number, stamps_wanted};
use super::state::State;
use crate::counts::{Count, count};
use crate::link;
use crate::output::{self, Packet};
use crate::resolve::Ready;
use crate::{checksum, protocol, resolve, route};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use net::address::Endpoint;
use sync::Instant;

/// Where a link's sum stands in a segment.
const SUM: core::ops::Range<usize> = 16..18;

/// How a connection stands after a step.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// Bytes that wait to be read.
    pub waiting: usize,
    /// Whether there is room to send.
    pub room: bool,
    /// When it wants another step.
    pub again: Option<Instant>,
    /// Why it is over, when it did not end itself.
    pub end: Option<End>,
    /// Everything that was written is answered.
    pub done: bool,
}

/// The state machine of one connection, and where its segments go.
#[derive(Debug)]
pub struct Wire {
    /// The state machine.
    pub machine: Machine,
    /// Where its segments go.
    pub way: Way,
    /// The key it stands under in the table of timers.
    pub timer: Option<Instant>,
}

/// Between whom segments go, and how.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// The own address.
    pub from: IpAddr,
    /// The other end's.
    pub to: IpAddr,
    /// The interface they leave by, or 0.
    pub device: u32,
    /// Their hop limit.
    pub hop_limit: u8,
    /// Nobody has chosen that one: IPv6 takes the way's.
    pub any_hops: bool,
    /// Their type of service.
    pub tos: u8,
}

impl Way {
    /// An ordinary one.
    #[must_use]
    pub fn plain(from: IpAddr, to: IpAddr, device: u32) -> Self {
        Self {
            from,
            to,
            device,
            hop_limit: 64,
            any_hops: true,
            tos: 0,
        }
    }

    /// Bytes of a segment that a packet of the link carries.
    #[must_use]
    pub fn segment(&self) -> u16 {
        let mtu = link::route::lookup(self.to, self.device).map_or(1500, |way| way.mtu);
        self.segment_of(mtu)
    }

    /// Bytes of a segment that a packet of `mtu` bytes carries.
    #[must_use]
    pub fn segment_of(&self, mtu: u32) -> u16 {
        let head = if self.from.is_ipv4() { 40 } else { 60 };
        mtu.clamp(296, 65_535).saturating_sub(head) as u16
    }
}

/// Puts segments of one step into packets. The way is looked up for the first.
pub struct Post {
    way: Way,
    next: Option<Option<(Arc<link::Interface>, IpAddr)>>,
}

impl Post {
    /// For segments that go this way.
    #[must_use]
    pub fn new(way: Way) -> Self {
        Self { way, next: None }
    }

    fn next(&mut self) -> Option<(Arc<link::Interface>, IpAddr)> {
        let way = &mut self.way;
        self.next
            .get_or_insert_with(|| {
                let found = link::route::lookup(way.to, way.device).ok()?;
                if way.any_hops && way.to.is_ipv6() && found.hop_limit != 0 {
                    way.hop_limit = found.hop_limit;
                }
                Some((found.interface, found.gateway.unwrap_or(way.to)))
            })
            .clone()
    }

    /// Sends a segment; `fill` appends the bytes it carries, `length` of them.
    pub fn send(&mut self, header: &Header, length: usize, fill: impl FnOnce(&mut Vec<u8>)) {
        let Some((interface, next)) = self.next() else {
            return;
        };
        if header.bits.contains(Bits::RST) {
            count(Count::TcpOutRsts);
        }
        let whole = header.length() + length;
        let packet = Packet {
            hop_limit: self.way.hop_limit,
            tos: self.way.tos,
            never_fragment: true,
            ..Packet::plain(
                self.way.from,
                self.way.to,
                protocol::TCP as u8,
                self.way.device,
            )
        };
        let mut bytes = output::header(&packet, whole, None);
        let start = bytes.len();
        header.write(&mut bytes);
        fill(&mut bytes);
        let unsummed = interface.port.sums();
        if !unsummed {
            let segment = bytes.get_mut(start..).unwrap_or_default();
            let sum = checksum::of_protocol(self.way.from, self.way.to, packet.protocol, segment);
            if let Some(place) = segment.get_mut(SUM) {
                place.copy_from_slice(&sum.to_be_bytes());
            }
        }
        let ready = Ready {
            bytes,
            unsummed,
            more: true,
        };
        // Lost like any other on the way.
        let _ = resolve::post(&interface, next, ready);
    }
}

impl Drop for Post {
    /// The card hears of them together.
    fn drop(&mut self) {
        if let Some(Some((interface, _))) = &self.next {
            interface.port.push();
        }
    }
}

impl Wire {
    /// A connection that is asked for. `number`: its first, if any is not as good.
    #[must_use]
    pub fn connecting(
        local: &Endpoint,
        remote: &Endpoint,
        device: u32,
        number: Option<Seq>,
    ) -> Self {
        let way = Way::plain(local.addr, remote.addr, device);
        let own = number.unwrap_or_else(|| first_number(local, remote));
        let now = Instant::now();
        let stamps = stamps_wanted(local.addr, remote.addr);
        Self {
            machine: Machine::connecting(local.port, remote.port, own, way.segment(), now)
                .telling_times(stamps, now),
            way,
            timer: None,
        }
    }

    /// A connection whose last step came. `since`: when the answer to the SYN went, if only once.
    #[must_use]
    pub fn accepted(way: Way, agreed: &Agreed, since: Option<Instant>) -> Self {
        Self {
            machine: Machine::accepted(agreed, way.segment(), since, Instant::now()),
            way,
            timer: None,
        }
    }

    /// A packet of `mtu` bytes is the largest that came through.
    pub fn shrink(&mut self, mtu: u32) {
        self.machine.shrink(self.way.segment_of(mtu));
    }

    /// Takes a segment.
    pub fn input(&mut self, header: &Header, payload: &[u8]) {
        self.machine.input(header, payload, Instant::now());
    }

    /// Sends what is to be sent, and says how the connection stands.
    pub fn flush(&mut self) -> Standing {
        let mut post = Post::new(self.way);
        self.machine.output(Instant::now(), &mut |header, stretch| {
            post.send(header, stretch.length, |packet| stretch.append(packet));
        });
        let machine = &self.machine;
        Standing {
            state: machine.state(),
            waiting: machine.waiting(),
            room: machine.has_room(),
            again: machine.deadline(),
            end: machine.end(),
            done: machine.is_done(),
        }
    }
}

/// Whether connections to an address leave the machine.
#[must_use]
pub fn leaves(to: IpAddr) -> bool {
    !route::is_local(to)
}
