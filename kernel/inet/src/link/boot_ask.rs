//! Asking for an address while the machine boots (`ip=dhcp`): the frames, and the times Linux's `ipconfig.c` has.

use super::device::Frame;
use super::dhcp::{Client, Lease};
use super::events::Cause;
use super::flags::Iff;
use super::port::Port;
use super::tap::{self, Direction, Tap};
use super::{Interface, change};
use crate::{checksum, input, output, protocol, random_u32, udp};
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;
use sync::{Events, Instant, Pollee, SpinLock, rank};

/// Ports of servers and clients.
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// How often is asked, how long the first answer may take, and the longest time for one.
const TRIES: u32 = 6;
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);
/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;

struct Asker {
    clients: SpinLock<Vec<(Arc<Interface>, Client)>, { rank::SOCKET_TABLE }>,
    news: Pollee,
}

impl Tap for Asker {
    fn frame(&self, port: &Port, direction: Direction, frame: Frame<'_>, _origin: u64) {
        if matches!(direction, Direction::Outgoing | Direction::OtherHost) {
            return;
        }
        let Some(message) = message_in(&frame, port.index()) else {
            return;
        };
        let heard = {
            let mut clients = self.clients.lock();
            let one = clients.iter_mut().find(|(on, _)| on.index == port.index());
            one.is_some_and(|(_, client)| client.hear(message))
        };
        if heard {
            self.news.notify(Events::READABLE);
        }
    }
}

/// The message of a server in a frame.
fn message_in<'a>(frame: &Frame<'a>, index: u32) -> Option<&'a [u8]> {
    let body = frame.bytes.get(ETHERNET..)?;
    if frame.bytes.get(ETHERNET - 2..ETHERNET) != Some(&[8, 0]) {
        return None;
    }
    let packet = input::parse(body, index).filter(|packet| packet.from.is_ipv4())?;
    if i32::from(packet.protocol) != protocol::UDP
        || packet.piece.is_some()
        || checksum::of(packet.header) != 0
    {
        return None;
    }
    let header = udp::parse(packet.payload)?;
    let whole = packet.payload.get(..header.length)?;
    let right = !header.summed
        || frame.verified
        || checksum::of_protocol(packet.from, packet.to, packet.protocol, whole) == 0;
    if !right || (header.from, header.to) != (SERVER, CLIENT) {
        return None;
    }
    whole.get(udp::HEADER..)
}

/// Asks on all of these interfaces, which come up for it; the first that gets an answer, and what it is. `None` when
/// nobody answers in time.
///
/// # Errors
/// `ENODEV`: an interface went as it came.
pub(super) fn ask(interfaces: &[Arc<Interface>]) -> Result<Option<(Arc<Interface>, Lease)>> {
    let now = Instant::now();
    change(Cause::default(), |table| {
        for one in interfaces {
            table.set_flags(one.index, Iff::UP, Iff::UP, now)?;
        }
        Ok(())
    })?;
    let client = |one: &Arc<Interface>| (one.clone(), Client::new(random_u32(), one.mac));
    let asker = Arc::new(Asker {
        clients: SpinLock::new(interfaces.iter().map(client).collect()),
        news: Pollee::new(),
    });
    let listener: Arc<dyn Tap> = asker.clone();
    tap::add(listener.clone());
    let found = asker.talk(now);
    tap::remove(&listener);
    let chosen = found.as_ref().map(|(one, _)| one.index);
    change(Cause::default(), |table| {
        for one in interfaces.iter().filter(|one| Some(one.index) != chosen) {
            table.set_flags(one.index, Iff::empty(), Iff::UP, Instant::now())?;
        }
        Ok(())
    })?;
    Ok(found)
}

impl Asker {
    fn talk(&self, start: Instant) -> Option<(Arc<Interface>, Lease)> {
        let mut patience = FIRST;
        for _ in 0..TRIES {
            let luck = Duration::from_millis(u64::from(random_u32() % 1000));
            let end = Instant::now().saturating_add(patience + luck);
            patience = (patience * 7 / 4).min(LONGEST);
            self.send(start);
            let on = [(&self.news, Events::READABLE)];
            let mut before = self.clients.lock().clone();
            loop {
                let changed =
                    |now: &(Arc<Interface>, Client)| !before.iter().any(|old| old.1 == now.1);
                let moved = sync::wait_until(&on, Some(end), || {
                    let clients = self.clients.lock().clone();
                    clients.iter().any(changed).then_some(clients)
                });
                let Some(clients) = moved else { break };
                let mut clients = clients.iter();
                if let Some((one, lease)) =
                    clients.find_map(|(one, client)| Some((one, client.lease()?)))
                {
                    return Some((one.clone(), lease.clone()));
                }
                // An offer: it is asked for at once.
                before = self.clients.lock().clone();
                self.send(start);
            }
        }
        None
    }

    /// Says on each interface what is to be said.
    fn send(&self, start: Instant) {
        let seconds = Instant::now().saturating_since(start).as_secs();
        let seconds = u16::try_from(seconds).unwrap_or(u16::MAX);
        let clients = self.clients.lock().clone();
        for (interface, client) in &clients {
            let (nobody, all) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
            let number = protocol::UDP as u8;
            let packet = output::Packet::plain(nobody.into(), all.into(), number, 0);
            let message = client.message(seconds);
            let ends = udp::Ends {
                from: CLIENT,
                to: SERVER,
                coverage: None,
            };
            let Ok(message) = udp::message(&packet, &ends, &message) else {
                continue;
            };
            let mut frame = super::device::BROADCAST.to_vec();
            frame.extend_from_slice(&interface.mac);
            frame.extend_from_slice(&[8, 0]);
            frame.extend_from_slice(&output::header(&packet, message.len(), None));
            frame.extend_from_slice(&message);
            // One that is lost is sent again.
            let _ = interface.port.transmit(&frame);
        }
    }
}
