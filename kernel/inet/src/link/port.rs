//! What frames go through: a card or the loopback, with its counters.

use super::device::{Frame, Mac, NetDevice, Outgoing};
use super::tap::{self, Direction};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Counts of an interface (`struct rtnl_link_stats64`).
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames received.
    pub rx_packets: AtomicU64,
    /// Their bytes.
    pub rx_bytes: AtomicU64,
    /// Frames with an error.
    pub rx_errors: AtomicU64,
    /// Frames received and dropped.
    pub rx_dropped: AtomicU64,
    /// Frames to groups.
    pub multicast: AtomicU64,
    /// Frames sent.
    pub tx_packets: AtomicU64,
    /// Their bytes.
    pub tx_bytes: AtomicU64,
    /// Frames that could not be sent.
    pub tx_errors: AtomicU64,
    /// Frames dropped before they were sent.
    pub tx_dropped: AtomicU64,
}

impl Counters {
    /// A frame of `bytes` came.
    pub fn received(&self, bytes: usize) {
        self.rx_packets.fetch_add(1, Relaxed);
        self.rx_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// A frame of `bytes` went.
    pub fn sent(&self, bytes: usize) {
        self.tx_packets.fetch_add(1, Relaxed);
        self.tx_bytes.fetch_add(bytes as u64, Relaxed);
    }
}

/// One interface's way in and out.
pub struct Port {
    index: u32,
    device: Option<Arc<dyn NetDevice>>,
    counters: Counters,
    up: AtomicBool,
    /// Those who asked to receive everything.
    promiscuous: AtomicU32,
}

impl Port {
    pub(super) fn new(index: u32, device: Option<Arc<dyn NetDevice>>) -> Arc<Self> {
        Arc::new(Self {
            index,
            device,
            counters: Counters::default(),
            up: AtomicBool::new(false),
            promiscuous: AtomicU32::new(0),
        })
    }

    /// The interface's number.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The card; `None` for the loopback.
    #[must_use]
    pub fn device(&self) -> Option<&Arc<dyn NetDevice>> {
        self.device.as_ref()
    }

    /// Its counts.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether a cable is in.
    #[must_use]
    pub fn has_carrier(&self) -> bool {
        self.device.as_ref().is_none_or(|card| card.has_carrier())
    }

    pub(super) fn set_up(&self, up: bool) {
        if up && let Some(card) = &self.device {
            card.open();
        }
        self.up.store(up, Relaxed);
    }

    /// Whether anybody asked to receive everything.
    #[must_use]
    pub fn is_promiscuous(&self) -> bool {
        self.promiscuous.load(Relaxed) > 0
    }

    /// One more, or one less, wants to receive everything.
    pub fn want_everything(&self, more: bool) {
        if more {
            self.promiscuous.fetch_add(1, Relaxed);
        } else {
            self.promiscuous.fetch_sub(1, Relaxed);
        }
    }

    /// Sends an Ethernet frame, shown to those who listen to what goes out.
    ///
    /// # Errors
    /// `ENETDOWN`: the interface is down. `EAGAIN`: the ring is full, the devices' pollee tells when there is
    /// room. `EMSGSIZE`: too long.
    pub fn transmit(&self, frame: &[u8]) -> Result<()> {
        self.transmit_as(frame, 0)
    }

    /// As [`Port::transmit`], by a socket with a number, which does not hear it itself.
    ///
    /// # Errors
    /// As [`Port::transmit`].
    pub fn transmit_as(&self, frame: &[u8], origin: u64) -> Result<()> {
        self.send(&Outgoing::whole(frame), origin)
    }

    /// As [`Port::transmit_as`], a frame in two parts.
    ///
    /// # Errors
    /// As [`Port::transmit`].
    pub fn send(&self, frame: &Outgoing<'_>, origin: u64) -> Result<()> {
        if !self.up.load(Relaxed) {
            return Err(Errno::ENETDOWN);
        }
        let Some(card) = &self.device else {
            return self.loop_back(&[frame.head, frame.body].concat(), origin);
        };
        match card.transmit(frame) {
            Ok(()) => {
                self.counters.sent(frame.length());
                if tap::is_heard() {
                    let whole = [frame.head, frame.body].concat();
                    let shown = Frame {
                        bytes: &whole,
                        verified: true,
                    };
                    tap::show(self, Direction::Outgoing, shown, origin);
                }
                Ok(())
            }
            Err(Errno::EAGAIN) => Err(Errno::EAGAIN),
            Err(error) => {
                self.counters.tx_errors.fetch_add(1, Relaxed);
                Err(error)
            }
        }
    }

    /// What was sent with more to follow goes now.
    pub fn push(&self) {
        if let Some(card) = &self.device {
            card.push();
        }
    }

    /// Whether the card fills in checksums. Who listens sees frames as they go, so not while somebody does.
    #[must_use]
    pub fn sums(&self) -> bool {
        let card = self.device.as_ref();
        !tap::is_heard() && card.is_some_and(|card| card.offloads().transmit)
    }

    /// What is sent on the loopback comes back at once; only packet sockets send frames there, sockets of one
    /// machine speak to each other without.
    fn loop_back(&self, frame: &[u8], origin: u64) -> Result<()> {
        let shown = Frame {
            bytes: frame,
            verified: true,
        };
        self.counters.sent(frame.len());
        tap::show(self, Direction::Outgoing, shown, origin);
        self.counters.received(frame.len());
        tap::show(self, Direction::Host, shown, 0);
        Ok(())
    }

    /// Takes up to `most` frames that wait, shows them to those who listen and hands them to `each`; how many
    /// there were. Frames that come while the interface is down are dropped.
    pub fn receive(&self, most: usize, each: &mut dyn FnMut(Frame<'_>)) -> usize {
        let Some(card) = &self.device else {
            return 0;
        };
        let mac = card.mac();
        card.receive(most, &mut |frame| {
            if !self.up.load(Relaxed) {
                return;
            }
            self.counters.received(frame.bytes.len());
            let direction = Direction::of(frame.bytes, &mac);
            if direction == Direction::Multicast {
                self.counters.multicast.fetch_add(1, Relaxed);
            }
            super::neighbour::observe(self.index, frame.bytes);
            tap::show(self, direction, frame, 0);
            if direction != Direction::OtherHost {
                each(frame);
            }
        })
    }

    /// The card's own address.
    #[must_use]
    pub fn mac(&self) -> Mac {
        self.device.as_ref().map_or([0; 6], |card| card.mac())
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Port({})", self.index)
    }
}
