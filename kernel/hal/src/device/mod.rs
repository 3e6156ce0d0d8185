//! Devices: what the device tree names, as plain values, and safe ways to reach them.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::irq::IrqLine;

#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "the host machine has no device tree")
)]
pub(crate) mod tree;

mod registers;
pub use registers::Registers;

/// A range of device registers: not a mapping, only where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceRange {
    /// First physical address.
    pub base: u64,
    /// Bytes.
    pub size: u64,
}

/// A device with one range of registers and one interrupt line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SimpleDevice {
    /// Its registers.
    pub registers: DeviceRange,
    /// Its line.
    pub irq: IrqLine,
}

/// A window of a PCI host through which devices' registers are reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PciWindow {
    /// Where it is on the bus.
    pub bus: u64,
    /// Where it is for the processor.
    pub registers: DeviceRange,
    /// Whether it is for 64-bit addresses.
    pub is_64bit: bool,
}

/// A PCI Express host with memory-mapped configuration space (ECAM).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PciHost {
    /// Configuration space.
    pub config: DeviceRange,
    /// The buses behind it.
    pub buses: RangeInclusive<u8>,
    /// Memory windows.
    pub windows: Vec<PciWindow>,
    /// Interrupt pins: device address and pin (both under `mask`), and the line.
    pub lines: Vec<(u32, u32, IrqLine)>,
    /// What of the device address and the pin counts.
    pub mask: (u32, u32),
}

impl PciHost {
    /// The line of a pin (1 to 4) of the device numbered `device` on the first bus.
    pub fn line(&self, device: u8, pin: u8) -> Option<IrqLine> {
        let address = (u32::from(device) << 11) & self.mask.0;
        let pin = u32::from(pin) & self.mask.1;
        self.lines
            .iter()
            .find(|(at, of, _)| (*at, *of) == (address, pin))
            .map(|(_, _, line)| *line)
    }
}

/// The devices the kernel knows how to drive, in the order of the tree.
#[derive(Clone, Default, Debug)]
pub struct Devices {
    /// PL011 serial ports; the first one is `stdout-path`'s if it names one.
    pub serial: Vec<SimpleDevice>,
    /// PL031 clock chip.
    pub rtc: Option<DeviceRange>,
    /// virtio-mmio slots, empty ones too.
    pub virtio_mmio: Vec<SimpleDevice>,
    /// The PCI host.
    pub pci: Option<PciHost>,
}
