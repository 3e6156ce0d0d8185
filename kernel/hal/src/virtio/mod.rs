//! virtio devices behind a safe face: found on MMIO slots and on the PCI bus, with queues that own
//! the buffers the device works on.
//!
//! A driver negotiates ([`Device::negotiate`]), takes its queues ([`Device::queue`]), starts the
//! device and from then on submits [`Chain`]s and gets them back. Nothing here waits: completions
//! are announced by the device's interrupt line, whose handler calls [`Device::acknowledge`].

mod dma;
mod packets;
mod pci;
mod queue;

pub use packets::PacketQueue;
pub use queue::{Chain, Queue};

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ptr::NonNull;

use bitflags::bitflags;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::transport::{DeviceType, InterruptStatus, SomeTransport, Transport};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::device::{DeviceRange, Devices, SimpleDevice};
use crate::irq::IrqLine;

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

/// What an interrupt told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct News {
    /// The device is done with buffers.
    pub queues: bool,
    /// The device's configuration is another.
    pub configuration: bool,
}

/// A device could not be set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unusable;

/// A virtio device.
pub struct Device {
    transport: SomeTransport<'static>,
    kind: Kind,
    line: IrqLine,
    place: String,
}

/// What an interrupt was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Causes {
    /// The device is done with a buffer.
    pub queue: bool,
    /// Its configuration changed.
    pub config: bool,
}

impl Device {
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
    pub fn negotiate(&mut self, wanted: Features) -> Features {
        self.transport.begin_init(wanted | Features::VERSION_1)
    }

    /// Takes queue `index` with `SIZE` slots, a power of two.
    ///
    /// # Errors
    /// The device has no such queue, a smaller one, or there is no memory.
    pub fn queue<const SIZE: usize>(&mut self, index: u16) -> Result<Queue<SIZE>, Unusable> {
        Queue::new(&mut self.transport, index)
    }

    /// Takes queue `index` for requests of one buffer each.
    ///
    /// # Errors
    /// As [`Device::queue`].
    pub fn packet_queue<const SIZE: usize>(
        &mut self,
        index: u16,
    ) -> Result<PacketQueue<SIZE>, Unusable> {
        PacketQueue::new(&mut self.transport, index)
    }

    /// All queues are set up: the device may work.
    pub fn start(&mut self) {
        self.transport.finish_init();
    }

    /// Tells the device to look at queue `index`. Costs an exit to the machine below.
    pub fn notify(&mut self, index: u16) {
        self.transport.notify(index);
    }

    /// Acknowledges an interrupt; what it told of.
    pub fn acknowledge_news(&mut self) -> News {
        let status = self.transport.ack_interrupt();
        News {
            queues: status.contains(InterruptStatus::QUEUE_INTERRUPT),
            configuration: status.contains(InterruptStatus::DEVICE_CONFIGURATION_INTERRUPT),
        }
    }

    /// Acknowledges an interrupt; whether it was this device's.
    pub fn acknowledge(&mut self) -> bool {
        !self.transport.ack_interrupt().is_empty()
    }

    /// Acknowledges an interrupt; what it was for.
    pub fn acknowledge_causes(&mut self) -> Causes {
        let status = self.transport.ack_interrupt();
        Causes {
            queue: status.contains(InterruptStatus::QUEUE_INTERRUPT),
            config: status.contains(InterruptStatus::DEVICE_CONFIGURATION_INTERRUPT),
        }
    }

    /// Reads a field of the device's configuration.
    ///
    /// # Errors
    /// There is no such field.
    pub fn config<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T, Unusable> {
        self.transport
            .read_consistent(|| self.transport.read_config_space(offset))
            .map_err(|_| Unusable)
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
#[must_use]
#[inline(never)]
pub fn find(devices: &Devices) -> Vec<Device> {
    let mut found: Vec<Device> = devices.virtio_mmio.iter().filter_map(mmio).collect();
    if let Some(host) = &devices.pci {
        found.extend(pci::find(host));
    }
    for (number, device) in found.iter_mut().enumerate() {
        device.place = format!("{}/virtio{number}", device.place);
    }
    found
}

fn mmio(slot: &SimpleDevice) -> Option<Device> {
    let header = map(slot.registers)?;
    let size = usize::try_from(slot.registers.size).ok()?;
    // SAFETY: the tree says a virtio-mmio slot is there, and mappings of devices are never undone.
    let transport = unsafe { MmioTransport::new(header.cast(), size) }.ok()?;
    let kind = Kind::of(transport.device_type())?;
    Some(Device {
        transport: transport.into(),
        kind,
        line: slot.irq,
        place: format!("devices/platform/{:x}.virtio_mmio", slot.registers.base),
    })
}

/// Maps registers for ever.
fn map(range: DeviceRange) -> Option<NonNull<u8>> {
    crate::machine::map_device_range(range.base, range.size)
}
