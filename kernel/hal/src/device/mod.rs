//! Devices: what the device tree names, as plain values, and safe ways to reach them.

use alloc::vec::Vec;

use crate::irq::IrqLine;

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

/// The devices the kernel knows how to drive, in the order of the tree.
#[derive(Clone, Default, Debug)]
pub struct Devices {
    /// PL011 serial ports; the first one is `stdout-path`'s if it names one.
    pub serial: Vec<SimpleDevice>,
    /// PL031 clock chip.
    pub rtc: Option<DeviceRange>,
    /// virtio-mmio slots, empty ones too.
    pub virtio_mmio: Vec<SimpleDevice>,
}
