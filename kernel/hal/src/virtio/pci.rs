//! virtio devices on the PCI bus. Under a direct kernel start nobody has assigned addresses: this
//! does, from the host's window of 32-bit addresses.

use alloc::format;
use alloc::vec::Vec;

use virtio_drivers::transport::pci::bus::{
    BarInfo, Cam, Command, DeviceFunction, MemoryBarType, MmioCam, PciRoot,
};
use virtio_drivers::transport::pci::{PciTransport, virtio_device_type};

use super::dma::Dma;
use super::{Device, Kind};
use crate::device::{DeviceRange, PciHost};

/// The register that names the interrupt pin, and its byte in it.
const INTERRUPT: u8 = 0x3c;
/// Bytes of configuration space a bus takes.
const BUS_SIZE: u64 = 1 << 20;
/// Base address registers of a device.
const BARS: u8 = 6;

/// Free addresses of the window.
struct Window {
    next: u64,
    end: u64,
}

impl Window {
    /// `size` bytes at a multiple of `size`, a power of two.
    fn take(&mut self, size: u64) -> Option<u64> {
        let start = self.next.checked_next_multiple_of(size.max(1))?;
        let end = start.checked_add(size).filter(|end| *end <= self.end)?;
        self.next = end;
        Some(start)
    }
}

/// The virtio devices on the host's first bus.
pub(super) fn find(host: &PciHost) -> Vec<Device> {
    let bus = *host.buses.start();
    let config = DeviceRange {
        base: host.config.base,
        size: BUS_SIZE.min(host.config.size),
    };
    let window = host
        .windows
        .iter()
        .find(|w| !w.is_64bit && w.bus == w.registers.base);
    let (Some(config), Some(window)) = (super::map(config), window) else {
        return Vec::new();
    };
    let mut window = Window {
        next: window.registers.base,
        end: window.registers.base + window.registers.size,
    };
    // SAFETY: this is the host's configuration space, mapped for ever, at least the first bus.
    let access = unsafe { MmioCam::new(config.as_ptr(), Cam::Ecam) };
    let mut root = PciRoot::new(access);
    let candidates: Vec<_> = root
        .enumerate_bus(bus)
        .filter_map(|(at, info)| Some((at, Kind::of(virtio_device_type(&info)?)?)))
        .collect();
    candidates
        .into_iter()
        .filter_map(|(at, kind)| {
            assign(&mut root, at, &mut window)?;
            let pin = interrupt_pin(config.as_ptr(), at);
            let line = host.line(at.device, pin)?;
            let transport = PciTransport::new::<Dma, _>(&mut root, at).ok()?;
            let place = format!(
                "devices/platform/{:x}.pcie/pci0000:00/0000:{:02x}:{:02x}.{}",
                host.config.base, at.bus, at.device, at.function
            );
            Some(Device::new(transport.into(), kind, line, place))
        })
        .collect()
}

/// Gives a device's memory registers addresses and lets it answer and work.
fn assign(
    root: &mut PciRoot<MmioCam<'static>>,
    at: DeviceFunction,
    window: &mut Window,
) -> Option<()> {
    let mut bar = 0;
    while bar < BARS {
        let info = root.bar_info(at, bar).ok()?;
        if let Some(BarInfo::Memory {
            address_type, size, ..
        }) = &info
            && *size > 0
        {
            let address = window.take(*size)?;
            match address_type {
                MemoryBarType::Width64 => root.set_bar_64(at, bar, address),
                _ => root.set_bar_32(at, bar, u32::try_from(address).ok()?),
            }
        }
        bar += if info.is_some_and(|info| info.takes_two_entries()) {
            2
        } else {
            1
        };
    }
    root.set_command(at, Command::MEMORY_SPACE | Command::BUS_MASTER);
    Some(())
}

/// The pin (1 to 4) a device interrupts by.
fn interrupt_pin(config: *const u8, at: DeviceFunction) -> u8 {
    let offset = Cam::Ecam.cam_offset(DeviceFunction { bus: 0, ..at }, INTERRUPT);
    // SAFETY: an aligned register within the first bus's configuration space, mapped for ever.
    let word = unsafe { config.add(offset as usize).cast::<u32>().read_volatile() };
    (word >> 8) as u8
}
