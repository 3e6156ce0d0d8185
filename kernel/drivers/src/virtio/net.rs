//! Network cards (virtio 1.2, 5.1): one pair of queues, a buffer a frame.
//!
//! Buffers to receive into are made when the interface comes up, those to send from when they are first needed;
//! from then on they go round. The device interrupts for frames that came. It does not for frames that went, except
//! while somebody waits for room.

use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use hal::virtio::{Device, Features, PacketQueue, Unusable};
use inet::link::device::{Frame, Mac, NetDevice, News, Offloads, Outgoing, Waker};
use sync::{IrqLock, Once, SpinLock, rank};

use super::checksum;

const CSUM: Features = Features::from_bits_retain(1 << 0);
const GUEST_CSUM: Features = Features::from_bits_retain(1 << 1);
const MTU: Features = Features::from_bits_retain(1 << 3);
const MAC: Features = Features::from_bits_retain(1 << 5);
const STATUS: Features = Features::from_bits_retain(1 << 16);

/// Where the configuration has the card's address, the carrier and the largest packet.
const MAC_AT: usize = 0;
const STATUS_AT: usize = 6;
const MTU_AT: usize = 10;
/// The bit of the status that says a cable is in.
const LINK_UP: u16 = 1;

const RECEIVING: u16 = 0;
const SENDING: u16 = 1;
/// Slots of each queue. A ring stands on the stack for a moment before it stands in the heap, so not more.
const SLOTS: usize = 128;

/// The longest header before a frame; devices before version 1 have a shorter one.
const HEADER: usize = 12;
const HEADER_LEGACY: usize = 10;
/// An Ethernet header and a VLAN tag.
const ETHERNET: usize = 18;
const MTU_DEFAULT: u16 = 1500;
/// More than any card here says; longer frames would need several buffers.
const MTU_MOST: u16 = 9000;

/// `VIRTIO_NET_HDR_F_*`: the checksum is partial; it was looked at.
const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;

/// Frames taken from the queue at a time.
const BATCH: usize = 16;

/// The side that sends.
struct Sending {
    queue: PacketQueue<SLOTS>,
    /// Buffers the device has given back.
    spare: Vec<Box<[u8]>>,
    /// Somebody was told to come again.
    waited_for: bool,
}

/// A card.
struct Card {
    device: IrqLock<Device, { rank::LEAF }>,
    receiving: SpinLock<PacketQueue<SLOTS>, { rank::DEVICE }>,
    sending: SpinLock<Sending, { rank::DEVICE }>,
    waker: Once<Waker>,
    carrier: AtomicBool,
    opened: AtomicBool,
    mac: Mac,
    mtu: u16,
    features: Features,
    header: usize,
    place: String,
}

/// Sets a card up and shows it to the network.
///
/// # Errors
/// [`Unusable`] when the device does not work.
#[inline(never)]
pub fn start(device: Device) -> core::result::Result<(), Unusable> {
    let line = device.line();
    let card = connect(device)?;
    let handler = card.clone();
    hal::irq::register(line, "virtio-net", Arc::new(move || handler.interrupt()))
        .map_err(|_| Unusable)?;
    hal::irq::enable(line);
    let interface = inet::link::install(card).map_err(|_| Unusable)?;
    let mut text = String::new();
    inet::link::sysfs::mac(&interface.mac, &mut text);
    log::info!("{}: virtio-net {text}", interface.name);
    Ok(())
}

/// Takes the device's queues and lets it work.
#[inline(never)]
fn connect(mut device: Device) -> core::result::Result<Arc<Card>, Unusable> {
    let features = device.negotiate(CSUM | GUEST_CSUM | MTU | MAC | STATUS)?;
    let receiving = device.packet_queue(RECEIVING)?;
    let mut queue: PacketQueue<SLOTS> = device.packet_queue(SENDING)?;
    queue.set_interrupts(false);
    let mac = if features.contains(MAC) {
        device.config::<Mac>(MAC_AT)?
    } else {
        random_mac()
    };
    let mtu = if features.contains(MTU) {
        device.config::<u16>(MTU_AT)?.clamp(68, MTU_MOST)
    } else {
        MTU_DEFAULT
    };
    let place = String::from(device.place());
    let header = if features.contains(Features::VERSION_1) {
        HEADER
    } else {
        HEADER_LEGACY
    };
    device.start();
    let card = Arc::new(Card {
        device: IrqLock::new(device),
        receiving: SpinLock::new(receiving),
        sending: SpinLock::new(Sending {
            queue,
            spare: Vec::new(),
            waited_for: false,
        }),
        waker: Once::new(),
        carrier: AtomicBool::new(true),
        opened: AtomicBool::new(false),
        mac,
        mtu,
        features,
        header,
        place,
    });
    card.look_at_carrier();
    Ok(card)
}

/// A locally administered address; the device has none.
fn random_mac() -> Mac {
    let [a, b, c, d, e, ..] = sync::Instant::now().as_nanos().to_le_bytes();
    [0x52, a, b, c, d, e]
}

impl Card {
    fn interrupt(&self) {
        let causes = self.device.lock().acknowledge();
        let Some(waker) = self.waker.get() else {
            return;
        };
        if causes.config && self.look_at_carrier() {
            waker(News::Carrier);
        }
        if causes.queue {
            waker(News::Packets);
        }
    }

    /// Reads the carrier; whether it changed.
    fn look_at_carrier(&self) -> bool {
        if !self.features.contains(STATUS) {
            return false;
        }
        let status = self.device.lock().config::<u16>(STATUS_AT);
        let carrier = status.is_ok_and(|status| status & LINK_UP != 0);
        self.carrier.swap(carrier, Ordering::Relaxed) != carrier
    }

    fn buffer(&self) -> Box<[u8]> {
        vec![0; HEADER + ETHERNET + usize::from(self.mtu)].into()
    }

    fn notify(&self, queue: u16) {
        self.device.lock().notify(queue);
    }

    /// What the header of a frame that came says of its checksum.
    fn is_verified(header: &[u8]) -> bool {
        header
            .first()
            .is_some_and(|flags| flags & (NEEDS_CSUM | DATA_VALID) != 0)
    }
}

impl Sending {
    fn reclaim(&mut self) {
        while let Some(buffer) = self.queue.take_outgoing() {
            self.spare.push(buffer);
        }
    }
}

impl NetDevice for Card {
    fn mac(&self) -> Mac {
        self.mac
    }

    fn mtu(&self) -> u32 {
        self.mtu.into()
    }

    fn has_carrier(&self) -> bool {
        self.carrier.load(Ordering::Relaxed)
    }

    fn offloads(&self) -> Offloads {
        Offloads {
            transmit: self.features.contains(CSUM),
            receive: self.features.contains(GUEST_CSUM),
        }
    }

    fn driver(&self) -> &'static str {
        "virtio_net"
    }

    fn place(&self) -> Option<&str> {
        Some(&self.place)
    }

    fn open(&self) {
        if self.opened.swap(true, Ordering::Relaxed) {
            return;
        }
        for _ in 0..SLOTS {
            let buffer = self.buffer();
            if self.receiving.lock().lend_incoming(buffer).is_err() {
                break;
            }
        }
        self.notify(RECEIVING);
    }

    fn transmit(&self, frame: &Outgoing<'_>) -> Result<()> {
        if frame.length() > ETHERNET + usize::from(self.mtu) {
            return Err(Errno::EMSGSIZE);
        }
        let mut sending = self.sending.lock();
        if sending.spare.is_empty() {
            sending.reclaim();
        }
        if sending.queue.is_broken() {
            return Err(Errno::EIO);
        }
        if sending.queue.free() == 0 {
            // The device tells when it is done with one; it may be by now.
            sending.queue.set_interrupts(true);
            sending.waited_for = true;
            sending.reclaim();
            if sending.queue.free() == 0 {
                let error = if sending.queue.is_broken() {
                    Errno::EIO
                } else {
                    Errno::EAGAIN
                };
                let notify = sending.queue.should_notify();
                drop(sending);
                // What was to be pushed later is what fills it.
                if notify {
                    self.notify(SENDING);
                }
                return Err(error);
            }
        }
        if sending.waited_for {
            sending.waited_for = false;
            sending.queue.set_interrupts(false);
        }
        let mut buffer = sending.spare.pop().unwrap_or_else(|| self.buffer());
        let len = self.header + frame.length();
        let Some((header, room)) = buffer.split_at_mut_checked(self.header) else {
            return Err(Errno::EIO);
        };
        header.fill(0);
        if let Some(room) = room.get_mut(..frame.length())
            && let Some((head, body)) = room.split_at_mut_checked(frame.head.len())
        {
            head.copy_from_slice(frame.head);
            body.copy_from_slice(frame.body);
            if frame.unsummed
                && let Some((start, offset)) = checksum::prepare(room)
                && let [flags, _, _, _, _, _, from, from_high, at, at_high, ..] = header
            {
                *flags = NEEDS_CSUM;
                [*from, *from_high] = start.to_le_bytes();
                [*at, *at_high] = offset.to_le_bytes();
            }
        }
        let lent = sending.queue.lend_outgoing(buffer, len);
        // A long burst is told of before it fills the ring.
        let due = !frame.more || sending.queue.free() <= SLOTS / 2;
        let notify = due && sending.queue.should_notify();
        drop(sending);
        match lent {
            Ok(()) => {
                if notify {
                    self.notify(SENDING);
                }
                Ok(())
            }
            Err(_) => Err(Errno::EIO),
        }
    }

    fn push(&self) {
        if self.sending.lock().queue.should_notify() {
            self.notify(SENDING);
        }
    }

    fn receive(&self, most: usize, each: &mut dyn FnMut(Frame<'_>)) -> usize {
        let mut got = 0;
        while got < most {
            let mut batch: [Option<(Box<[u8]>, usize)>; BATCH] = [const { None }; BATCH];
            let mut queue = self.receiving.lock();
            let mut taken = 0;
            for slot in batch.iter_mut().take(most - got) {
                *slot = queue.take_incoming();
                if slot.is_none() {
                    break;
                }
                taken += 1;
            }
            drop(queue);
            if taken == 0 {
                break;
            }
            for (buffer, written) in batch.iter().flatten() {
                let bytes = buffer.get(self.header..*written).unwrap_or_default();
                if !bytes.is_empty() {
                    each(Frame {
                        bytes,
                        verified: Self::is_verified(buffer),
                    });
                }
            }
            let mut queue = self.receiving.lock();
            for (buffer, _) in batch.into_iter().flatten() {
                // There is room: it came from there.
                let _ = queue.lend_incoming(buffer);
            }
            let notify = queue.should_notify();
            drop(queue);
            if notify {
                self.notify(RECEIVING);
            }
            got += taken;
        }
        got
    }

    fn set_waker(&self, waker: Waker) {
        // Called once.
        let _ = self.waker.set(waker);
    }
}

#[cfg(test)]
mod tests;
