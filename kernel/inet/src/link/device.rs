//! What a network card's driver offers.

use abi::Result;
use alloc::sync::Arc;

/// Bytes of an Ethernet address.
pub const MAC: usize = 6;

/// A link-layer address.
pub type Mac = [u8; MAC];

/// The address all stations hear.
pub const BROADCAST: Mac = [0xff; MAC];

/// Which checksums the card takes off the processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// TCP and UDP checksums of frames going out are filled in by the card, whatever stands there.
    pub transmit: bool,
    /// Frames may arrive with their TCP and UDP checksums known to be right ([`Frame::verified`]).
    pub receive: bool,
}

/// A frame as it came.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// From the destination address on, without the trailing checksum.
    pub bytes: &'a [u8],
    /// The TCP or UDP checksum needs no look: the card looked, or the frame never left the machine.
    pub verified: bool,
}

/// A frame that goes, in two parts that follow each other on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// From the destination address on.
    pub head: &'a [u8],
    /// The rest.
    pub body: &'a [u8],
    /// The card fills in the TCP or UDP checksum, which it said it does ([`Offloads::transmit`]).
    pub unsummed: bool,
    /// Others follow at once, and [`NetDevice::push`] after the last of them.
    pub more: bool,
}

impl<'a> Outgoing<'a> {
    /// One that lies in one place and goes as it is.
    #[must_use]
    pub fn whole(frame: &'a [u8]) -> Self {
        Self {
            head: frame,
            body: &[],
            unsummed: false,
            more: false,
        }
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// What a card has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Frames came, or there is room to send again.
    Packets,
    /// The carrier came or went.
    Carrier,
}

/// Told of news. May be called from an interrupt: it must not sleep.
pub type Waker = Arc<dyn Fn(News) + Send + Sync>;

/// A network card. None of the operations waits.
pub trait NetDevice: Send + Sync {
    /// Its Ethernet address.
    fn mac(&self) -> Mac;
    /// The largest packet, without the Ethernet header.
    fn mtu(&self) -> u32;
    /// Whether a cable is in.
    fn has_carrier(&self) -> bool {
        true
    }
    /// What it computes by itself.
    fn offloads(&self) -> Offloads {
        Offloads::default()
    }
    /// Packets that may wait to be sent.
    fn queue_len(&self) -> u32 {
        1000
    }
    /// The driver's name, and where the device sits (`SIOCETHTOOL`).
    fn driver(&self) -> &'static str;
    /// The device's directory in sysfs, below the root (`devices/…`); `None` for one without hardware.
    fn place(&self) -> Option<&str> {
        None
    }
    /// The interface comes up: the card may take memory to receive into. Called with no lock held.
    fn open(&self) {}
    /// Sends a frame.
    ///
    /// # Errors
    /// `EAGAIN`: the ring is full; the waker tells when there is room. `EMSGSIZE`: longer than the card takes.
    fn transmit(&self, frame: &Outgoing<'_>) -> Result<()>;
    /// Sends on its way what more was to follow.
    fn push(&self) {}
    /// Hands each frame that waits to `each`, `most` at the most; how many there were.
    fn receive(&self, most: usize, each: &mut dyn FnMut(Frame<'_>)) -> usize;
    /// Names who is told of news. Called once.
    fn set_waker(&self, waker: Waker);
}
