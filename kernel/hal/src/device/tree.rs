//! The device tree as plain values: pure code, tested on the host.
//!
//! [`layout`] needs no memory and runs before there is any; [`describe`] makes vectors. A node that
//! says less than it should is skipped: a machine description with a hole still boots.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use arrayvec::ArrayVec;
use dtoolkit::fdt::{Fdt, FdtNode};
use dtoolkit::{Node, Property};

use super::{DeviceRange, Devices, PciHost, PciWindow, SimpleDevice};
use crate::cpu::MAX_CPUS;
use crate::irq::{IrqLine, Trigger};

/// Ranges of physical addresses.
pub type Ranges = ArrayVec<Range<u64>, 32>;

/// Where memory is, and what of it is taken.
#[derive(Debug, Default)]
pub struct Layout {
    /// RAM.
    pub ram: Ranges,
    /// What the firmware keeps (`/reserved-memory`, the reservation block).
    pub reserved: Ranges,
    /// The initial ramdisk.
    pub initrd: Option<Range<u64>>,
    /// The registers of the console `stdout-path` names, or of the first PL011.
    pub console: Option<DeviceRange>,
}

/// How the firmware is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conduit {
    /// `hvc #0`
    Hvc,
    /// `smc #0`
    Smc,
}

/// The interrupt controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Controller {
    /// GICv2.
    V2 {
        /// Distributor registers.
        distributor: DeviceRange,
        /// Processor interface registers.
        interface: DeviceRange,
    },
    /// GICv3.
    V3 {
        /// Distributor registers.
        distributor: DeviceRange,
        /// Regions of redistributors.
        redistributors: Vec<DeviceRange>,
    },
}

/// Everything else the kernel asks the tree for.
#[derive(Debug, Default)]
pub struct Description {
    /// `/chosen/bootargs`.
    pub command_line: String,
    /// `rng-seed` and `kaslr-seed`.
    pub seed: Vec<u8>,
    /// Affinities of the processors, the tree's order, at most [`MAX_CPUS`].
    pub cpus: Vec<u64>,
    /// How the firmware is called, if there is one.
    pub conduit: Option<Conduit>,
    /// The interrupt controller.
    pub controller: Option<Controller>,
    /// The virtual timer's interrupt number.
    pub timer: Option<u32>,
    /// Devices.
    pub devices: Devices,
}

fn cell(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?))
}

fn property<'a>(node: &FdtNode<'a>, name: &str) -> Option<&'a [u8]> {
    node.properties()
        .find(|property| property.name() == name)?
        .value_as()
        .ok()
}

fn property_u32(node: &FdtNode<'_>, name: &str) -> Option<u32> {
    cell(property(node, name)?)
}

/// A value of one or two cells, as `linux,initrd-start` comes.
fn property_address(node: &FdtNode<'_>, name: &str) -> Option<u64> {
    let bytes = property(node, name)?;
    number(bytes, bytes.len() / 4)
}

fn property_str<'a>(node: &FdtNode<'a>, name: &str) -> Option<&'a str> {
    let bytes = property(node, name)?;
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    core::str::from_utf8(bytes.get(..end)?).ok()
}

/// A number of `cells` cells, the last 64 bits of it.
fn number(bytes: &[u8], cells: usize) -> Option<u64> {
    if cells == 0 {
        return Some(0);
    }
    bytes
        .get(..4 * cells)?
        .chunks_exact(4)
        .try_fold(0u64, |value, bytes| {
            Some((value << 32) | u64::from(cell(bytes)?))
        })
}

/// How many cells addresses and sizes below a node take.
#[derive(Clone, Copy)]
struct Cells {
    address: usize,
    size: usize,
}

impl Cells {
    fn of(node: &FdtNode<'_>) -> Cells {
        let cells = |name, default| property_u32(node, name).unwrap_or(default).min(4) as usize;
        Cells {
            address: cells("#address-cells", 2),
            size: cells("#size-cells", 1),
        }
    }
}

fn registers<'a>(node: &FdtNode<'a>, cells: Cells) -> impl Iterator<Item = DeviceRange> + use<'a> {
    let bytes = property(node, "reg").unwrap_or(&[]);
    let step = 4 * (cells.address + cells.size);
    bytes.chunks_exact(step.max(4)).filter_map(move |entry| {
        let base = number(entry, cells.address)?;
        let size = number(entry.get(4 * cells.address..)?, cells.size)?;
        base.checked_add(size)?;
        Some(DeviceRange { base, size })
    })
}

fn is_compatible(node: &FdtNode<'_>, with: &[&str]) -> bool {
    let Some(list) = property(node, "compatible") else {
        return false;
    };
    list.split(|&byte| byte == 0)
        .any(|name| with.iter().any(|want| want.as_bytes() == name))
}

fn is_enabled(node: &FdtNode<'_>) -> bool {
    matches!(property_str(node, "status"), None | Some("okay" | "ok"))
}

fn add(ranges: &mut Ranges, range: DeviceRange) {
    if range.size > 0 {
        // A range too many: RAM we do not use. A reservation too many cannot be dropped so lightly,
        // but no machine has thirty.
        let _ = ranges.try_push(range.base..range.base + range.size);
    }
}

/// Where memory is. Needs no memory itself.
pub fn layout(tree: Fdt<'_>) -> Layout {
    let mut layout = Layout::default();
    let root = tree.root();
    let cells = Cells::of(&root);
    for reservation in tree.memory_reservations() {
        add(
            &mut layout.reserved,
            DeviceRange {
                base: reservation.address(),
                size: reservation.size(),
            },
        );
    }
    let mut first_port = None;
    let mut chosen_port = None;
    for node in root.children() {
        let name = node.name();
        if property_str(&node, "device_type") == Some("memory") && is_enabled(&node) {
            registers(&node, cells).for_each(|range| add(&mut layout.ram, range));
        } else if name == "reserved-memory" {
            let cells = Cells::of(&node);
            for part in node.children().filter(is_enabled) {
                registers(&part, cells).for_each(|range| add(&mut layout.reserved, range));
            }
        } else if name == "chosen" {
            let start = property_address(&node, "linux,initrd-start");
            let end = property_address(&node, "linux,initrd-end");
            if let (Some(start), Some(end)) = (start, end)
                && start < end
            {
                layout.initrd = Some(start..end);
            }
            chosen_port = property_str(&node, "stdout-path");
        } else if is_compatible(&node, &["arm,pl011"]) && is_enabled(&node) && first_port.is_none()
        {
            first_port = registers(&node, cells).next();
        }
    }
    layout.console = chosen_port
        .and_then(|path| port_at(tree, path))
        .or(first_port);
    layout
}

/// The node `path` names (options behind a colon, or an alias) if it is a PL011.
fn port_at(tree: Fdt<'_>, path: &str) -> Option<DeviceRange> {
    let path = path.split(':').next()?;
    let root = tree.root();
    let path = if path.starts_with('/') {
        path
    } else {
        let aliases = root.children().find(|node| node.name() == "aliases")?;
        property_str(&aliases, path)?
    };
    // Ports stand at the root on every machine we know.
    let name = path.strip_prefix('/')?;
    let node = root.children().find(|node| node.name() == name)?;
    is_compatible(&node, &["arm,pl011"]).then(|| registers(&node, Cells::of(&root)).next())?
}

/// The interrupt of three cells at the head of `bytes`: kind, number, flags.
fn interrupt(bytes: &[u8]) -> Option<IrqLine> {
    let (kind, number, flags) = (cell(bytes)?, cell(bytes.get(4..)?)?, cell(bytes.get(8..)?)?);
    let number = match kind {
        0 => number.checked_add(32)?,
        1 => number.checked_add(16)?,
        _ => return None,
    };
    let trigger = if flags & 3 != 0 {
        Trigger::Edge
    } else {
        Trigger::Level
    };
    (number < 1020).then_some(IrqLine { number, trigger })
}

fn simple_device(node: &FdtNode<'_>, cells: Cells) -> Option<SimpleDevice> {
    let registers = registers(node, cells).next()?;
    let irq = interrupt(property(node, "interrupts")?)?;
    Some(SimpleDevice { registers, irq })
}

/// What the kernel wants to know besides memory.
pub fn describe(tree: Fdt<'_>) -> Description {
    let mut found = Description::default();
    let root = tree.root();
    let cells = Cells::of(&root);
    for node in root.children().filter(is_enabled) {
        match node.name() {
            "chosen" => chosen(&node, &mut found),
            "cpus" => processors(&node, &mut found.cpus),
            _ => device(&node, cells, &mut found, 0),
        }
    }
    // Slots count from the lowest address, and Linux probes them in the tree's order, which on QEMU is
    // from the highest: keep the tree's.
    let console = layout(tree).console;
    let serial = &mut found.devices.serial;
    let first = serial
        .iter()
        .position(|port| Some(port.registers) == console);
    if let Some(upto) = first.and_then(|first| serial.get_mut(..=first)) {
        upto.rotate_right(1);
    }
    found
}

fn chosen(node: &FdtNode<'_>, found: &mut Description) {
    if let Some(line) = property_str(node, "bootargs") {
        found.command_line = String::from(line);
    }
    for name in ["rng-seed", "kaslr-seed"] {
        found
            .seed
            .extend_from_slice(property(node, name).unwrap_or(&[]));
    }
}

fn processors(node: &FdtNode<'_>, cpus: &mut Vec<u64>) {
    let cells = Cells {
        size: 0,
        ..Cells::of(node)
    };
    for cpu in node.children().filter(is_enabled) {
        if property_str(&cpu, "device_type") == Some("cpu")
            && let Some(affinity) = registers(&cpu, cells).next()
            && cpus.len() < MAX_CPUS
        {
            cpus.push(affinity.base);
        }
    }
}

fn device(node: &FdtNode<'_>, cells: Cells, found: &mut Description, depth: usize) {
    if is_compatible(node, &["arm,psci-1.0", "arm,psci-0.2"]) {
        found.conduit = match property_str(node, "method") {
            Some("hvc") => Some(Conduit::Hvc),
            Some("smc") => Some(Conduit::Smc),
            _ => None,
        };
    } else if is_compatible(node, &["arm,armv8-timer"]) {
        // Secure, non-secure, virtual, hypervisor: the third.
        found.timer = property(node, "interrupts")
            .and_then(|lines| interrupt(lines.get(24..)?))
            .map(|line| line.number);
    } else if is_compatible(
        node,
        &["arm,cortex-a15-gic", "arm,gic-400", "arm,cortex-a9-gic"],
    ) {
        let mut parts = registers(node, cells);
        if let (Some(distributor), Some(interface)) = (parts.next(), parts.next()) {
            found.controller = Some(Controller::V2 {
                distributor,
                interface,
            });
        }
    } else if is_compatible(node, &["arm,gic-v3"]) {
        let count = property_u32(node, "#redistributor-regions").unwrap_or(1) as usize;
        let mut parts = registers(node, cells);
        if let Some(distributor) = parts.next() {
            let redistributors = parts.take(count).collect();
            found.controller = Some(Controller::V3 {
                distributor,
                redistributors,
            });
        }
    } else if is_compatible(node, &["arm,pl011"]) {
        found.devices.serial.extend(simple_device(node, cells));
    } else if is_compatible(node, &["arm,pl031"]) {
        found.devices.rtc = registers(node, cells).next();
    } else if is_compatible(node, &["virtio,mmio"]) {
        found.devices.virtio_mmio.extend(simple_device(node, cells));
    } else if is_compatible(node, &["pci-host-ecam-generic"]) {
        found.devices.pci = pci_host(node, cells);
    } else if depth < 4
        && is_compatible(node, &["simple-bus"])
        && property(node, "ranges") == Some(&[])
    {
        // A bus with its parent's addresses.
        let cells = Cells::of(node);
        node.children()
            .filter(is_enabled)
            .for_each(|child| device(&child, cells, found, depth + 1));
    }
}

/// A generic ECAM host: three address cells, two size cells below it.
fn pci_host(node: &FdtNode<'_>, cells: Cells) -> Option<PciHost> {
    let config = registers(node, cells).next()?;
    let mut windows = Vec::new();
    let entry = 4 * (3 + cells.address + 2);
    for bytes in property(node, "ranges")?.chunks_exact(entry) {
        let space = cell(bytes)? >> 24 & 3;
        let bus = number(bytes.get(4..)?, 2)?;
        let base = number(bytes.get(12..)?, cells.address)?;
        let size = number(bytes.get(12 + 4 * cells.address..)?, 2)?;
        if space >= 2 {
            windows.push(PciWindow {
                bus,
                registers: DeviceRange { base, size },
                is_64bit: space == 3,
            });
        }
    }
    let buses = property(node, "bus-range")
        .and_then(|bytes| Some(cell(bytes)? as u8..=cell(bytes.get(4..)?)? as u8));
    let mut host = PciHost {
        config,
        buses: buses.unwrap_or(0..=0),
        windows,
        lines: Vec::new(),
        mask: (0, 0),
    };
    // Each entry: device address (3 cells), pin (1), controller (1), its unit address and interrupt.
    if let (Some(mask), Some(map)) = (
        property(node, "interrupt-map-mask"),
        property(node, "interrupt-map"),
    ) {
        host.mask = (cell(mask)?, cell(mask.get(12..)?)?);
        // The controller's own address cells stand before the interrupt; QEMU's have as many as the
        // device tree's root says for the controller node: found from the length of a whole map.
        let unit = unit_cells(map)?;
        for bytes in map.chunks_exact(4 * (5 + unit + 3)) {
            if let Some(line) = interrupt(bytes.get(4 * (5 + unit)..)?) {
                host.lines
                    .push((cell(bytes)?, cell(bytes.get(12..)?)?, line));
            }
        }
    }
    Some(host)
}

/// How many address cells the interrupt controller has in an interrupt map: the number for which every
/// entry names the same controller.
fn unit_cells(map: &[u8]) -> Option<usize> {
    let controller = map.get(16..20)?;
    (0..=2).rev().find(|unit| {
        let step = 4 * (5 + unit + 3);
        map.len().is_multiple_of(step)
            && map
                .chunks_exact(step)
                .all(|entry| entry.get(16..20) == Some(controller))
    })
}

#[cfg(test)]
mod tests;
