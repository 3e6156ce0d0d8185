//! virtio devices behind a safe face: found on MMIO slots and on the PCI bus, with queues that own
//! the buffers the device works on.
//!
//! A driver negotiates ([`Device::negotiate`]), takes its queues ([`Device::queue`]), starts the
//! device and from then on submits [`Chain`]s and gets them back. Nothing here waits: completions
//! are announced by the device's interrupt line, whose handler calls [`Device::acknowledge`].

//!
//! A device is believed nothing that would break the kernel: what it gives back it must have been lent, what it says it
//! wrote is at most the room it had. One that breaks the rules is told of ([`on_fault`]) and its queue used no more.

mod dma;
#[cfg(not(target_os = "none"))]
pub mod fake;
mod fault;
mod packets;
#[cfg(target_os = "none")]
mod pci;
mod queue;
mod ring;

pub use fault::{Fault, Wrong, on_fault};
pub use packets::PacketQueue;
pub use queue::{Chain, Queue};

use alloc::string::String;
use alloc::vec::Vec;
use core::ptr::NonNull;

use bitflags::bitflags;
use ring::Ring;
#[cfg(target_os = "none")]
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::device::{DeviceRange, Devices};
use crate::irq::IrqLine;

/// What a device is reached by.
#[cfg(target_os = "none")]
type Wire = virtio_drivers::transport::SomeTransport<'static>;
/// What a device is reached by: on the host a test plays it.
#[cfg(not(target_os = "none"))]
type Wire = fake::Fake;

/// Times a field is read whose device says each time that it changed meanwhile.
const READINGS: usize = 64;

/// What a device is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Network card.
    Network,
    /// Disk.
    Block,
    /// Console and its ports.
    Console,
    /// Source of entropy.
    Entropy,
    /// Display.
    Gpu,
    /// Keyboard, pointer, touch screen.
    Input,
    /// Sockets to the host.
    Socket,
}

impl Kind {
    fn of(kind: DeviceType) -> Option<Self> {
        Some(match kind {
            DeviceType::Network => Self::Network,
            DeviceType::Block => Self::Block,
            DeviceType::Console => Self::Console,
            DeviceType::EntropySource => Self::Entropy,
            DeviceType::GPU => Self::Gpu,
            DeviceType::Input => Self::Input,
            DeviceType::Socket => Self::Socket,
            _ => return None,
        })
    }
}

bitflags! {
    /// Feature bits; each kind of device gives the low ones its own meaning.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Features: u64 {
        /// `VIRTIO_F_VERSION_1`: not a legacy device.
        const VERSION_1 = 1 << 32;
        const _ = !0;
    }
}

/// A device could not be set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unusable;

/// A virtio device.
pub struct Device {
    transport: Wire,
    kind: Kind,
    line: IrqLine,
    place: String,
    /// Queues that were taken: the device's word for it is not enough.
    taken: Vec<u16>,
    /// It was told that the device wants to be reset.
    lost: bool,
}

/// What an interrupt was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Causes {
    /// The device is done with a buffer.
    pub queue: bool,
    /// Its configuration changed.
    pub config: bool,
}

impl Causes {
    /// Whether the interrupt was the device's.
    #[must_use]
    pub fn any(self) -> bool {
        self.queue || self.config
    }
}

impl Device {
    fn new(transport: Wire, kind: Kind, line: IrqLine, place: String) -> Self {
        Self {
            transport,
            kind,
            line,
            place,
            taken: Vec::new(),
            lost: false,
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The line it interrupts by; others on the PCI bus may share it.
    #[must_use]
    pub fn line(&self) -> IrqLine {
        self.line
    }

    /// Where it sits, as Linux's sysfs writes it below `/sys`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Resets the device and agrees on those of `wanted` features that it has; `VERSION_1` is always
    /// taken when offered.
    ///
    /// # Errors
    /// The device does not want to work with these.
    pub fn negotiate(&mut self, wanted: Features) -> Result<Features, Unusable> {
        let features = self.transport.begin_init(wanted | Features::VERSION_1);
        let agreed = self.transport.get_status();
        if agreed.contains(DeviceStatus::FEATURES_OK) || !features.contains(Features::VERSION_1) {
            Ok(features)
        } else {
            Err(Unusable)
        }
    }

    /// The ring of a queue, which is taken once.
    fn ring<T, const SIZE: usize>(&mut self, index: u16) -> Result<Ring<T, SIZE>, Unusable> {
        if self.taken.contains(&index) {
            return Err(Unusable);
        }
        let ring = Ring::new(&mut self.transport, index, (self.kind, self.line))?;
        self.taken.push(index);
        Ok(ring)
    }

    /// Takes queue `index` with `SIZE` slots, a power of two.
    ///
    /// # Errors
    /// The device has no such queue, a smaller one, or there is no memory.
    pub fn queue<const SIZE: usize>(&mut self, index: u16) -> Result<Queue<SIZE>, Unusable> {
        Ok(Queue(self.ring(index)?))
    }

    /// Takes queue `index` for requests of one buffer each.
    ///
    /// # Errors
    /// As [`Device::queue`].
    pub fn packet_queue<const SIZE: usize>(
        &mut self,
        index: u16,
    ) -> Result<PacketQueue<SIZE>, Unusable> {
        Ok(PacketQueue(self.ring(index)?))
    }

    /// All queues are set up: the device may work.
    pub fn start(&mut self) {
        self.transport.finish_init();
    }

    /// Tells the device to look at queue `index`. Costs an exit to the machine below.
    pub fn notify(&mut self, index: u16) {
        self.transport.notify(index);
    }

    /// Acknowledges an interrupt; what it was for. Cost: one register, another when the configuration changed.
    pub fn acknowledge(&mut self) -> Causes {
        let status = self.transport.ack_interrupt();
        let causes = Causes {
            queue: status.contains(InterruptStatus::QUEUE_INTERRUPT),
            config: status.contains(InterruptStatus::DEVICE_CONFIGURATION_INTERRUPT),
        };
        if causes.config && !self.lost {
            let status = self.transport.get_status();
            self.lost = status.contains(DeviceStatus::DEVICE_NEEDS_RESET);
            if self.lost {
                fault::tell(self.kind, self.line, Wrong::NeedsReset);
            }
        }
        causes
    }

    /// Reads a field of the device's configuration.
    ///
    /// # Errors
    /// There is no such field, or it changes without end.
    pub fn config<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T, Unusable> {
        for _ in 0..READINGS {
            let before = self.transport.read_config_generation();
            let value = self.transport.read_config_space(offset);
            if self.transport.read_config_generation() == before {
                return value.map_err(|_| Unusable);
            }
        }
        Err(Unusable)
    }

    /// Writes a field of the device's configuration.
    ///
    /// # Errors
    /// There is no such field.
    pub fn set_config<T: IntoBytes + Immutable>(
        &mut self,
        offset: usize,
        value: T,
    ) -> Result<(), Unusable> {
        self.transport
            .write_config_space(offset, value)
            .map_err(|_| Unusable)
    }
}

/// All virtio devices of the machine: MMIO slots in the tree's order, then PCI. Maps registers;
/// call it once, when the heap stands.
#[cfg(target_os = "none")]
#[must_use]
#[inline(never)]
pub fn find(devices: &Devices) -> Vec<Device> {
    let mut found: Vec<Device> = devices.virtio_mmio.iter().filter_map(mmio).collect();
    if let Some(host) = &devices.pci {
        found.extend(pci::find(host));
    }
    for (number, device) in found.iter_mut().enumerate() {
        device.place = alloc::format!("{}/virtio{number}", device.place);
    }
    found
}

/// The host has none; tests make their own.
#[cfg(not(target_os = "none"))]
#[must_use]
pub fn find(_devices: &Devices) -> Vec<Device> {
    Vec::new()
}

#[cfg(target_os = "none")]
fn mmio(slot: &crate::device::SimpleDevice) -> Option<Device> {
    let header = map(slot.registers)?;
    let size = usize::try_from(slot.registers.size).ok()?;
    // SAFETY: the tree says a virtio-mmio slot is there, and mappings of devices are never undone.
    let transport = unsafe { MmioTransport::new(header.cast(), size) }.ok()?;
    let kind = Kind::of(transport.device_type())?;
    let place = alloc::format!("devices/platform/{:x}.virtio_mmio", slot.registers.base);
    Some(Device::new(transport.into(), kind, slot.irq, place))
}

/// Maps registers for ever.
fn map(range: DeviceRange) -> Option<NonNull<u8>> {
    crate::machine::map_device_range(range.base, range.size)
}
