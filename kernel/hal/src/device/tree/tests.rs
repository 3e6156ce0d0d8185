//! Trees in the shapes machines hand over, and broken ones.

use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use proptest::prelude::*;

use super::*;

fn cells(name: &str, values: &[u32]) -> DeviceTreeProperty {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect();
    DeviceTreeProperty::new(name, bytes.as_slice()).unwrap()
}

fn text(name: &str, value: &str) -> DeviceTreeProperty {
    let mut bytes = value.as_bytes().to_vec();
    bytes.push(0);
    DeviceTreeProperty::new(name, bytes.as_slice()).unwrap()
}

fn node(name: &str, properties: Vec<DeviceTreeProperty>) -> DeviceTreeNode {
    let mut node = DeviceTreeNode::new(name).unwrap();
    properties
        .into_iter()
        .for_each(|property| node.add_property(property));
    node
}

/// A machine like QEMU's `virt`, with initrd addresses of `wide` cells.
fn machine(wide: bool) -> Vec<u8> {
    let mut tree = DeviceTree::new();
    let root = &mut tree.root;
    root.add_property(cells("#address-cells", &[2]));
    root.add_property(cells("#size-cells", &[2]));
    root.add_child(node(
        "memory@40000000",
        vec![
            text("device_type", "memory"),
            cells("reg", &[0, 0x4000_0000, 0, 0x800_0000]),
        ],
    ));
    let address = |name, at: u32| {
        if wide {
            cells(name, &[0, at])
        } else {
            cells(name, &[at])
        }
    };
    root.add_child(node(
        "chosen",
        vec![
            text("bootargs", "console=ttyAMA0 quiet"),
            text("stdout-path", "/pl011@9000000:115200"),
            address("linux,initrd-start", 0x4800_0000),
            address("linux,initrd-end", 0x4810_0000),
            cells("rng-seed", &[1, 2]),
        ],
    ));
    let mut reserved = node(
        "reserved-memory",
        vec![cells("#address-cells", &[2]), cells("#size-cells", &[2])],
    );
    reserved.add_child(node(
        "fw@47000000",
        vec![cells("reg", &[0, 0x4700_0000, 0, 0x1000])],
    ));
    root.add_child(reserved);
    let mut cpus = node(
        "cpus",
        vec![cells("#address-cells", &[1]), cells("#size-cells", &[0])],
    );
    for n in 0..2 {
        cpus.add_child(node(
            &format!("cpu@{n}"),
            vec![text("device_type", "cpu"), cells("reg", &[n])],
        ));
    }
    root.add_child(cpus);
    root.add_child(node(
        "psci",
        vec![
            text("compatible", "arm,psci-1.0\0arm,psci-0.2"),
            text("method", "hvc"),
        ],
    ));
    root.add_child(node(
        "timer",
        vec![
            text("compatible", "arm,armv8-timer\0arm,armv7-timer"),
            cells("interrupts", &[1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4]),
        ],
    ));
    root.add_child(node(
        "intc@8000000",
        vec![
            text("compatible", "arm,gic-v3"),
            cells(
                "reg",
                &[0, 0x800_0000, 0, 0x1_0000, 0, 0x80a_0000, 0, 0xf6_0000],
            ),
        ],
    ));
    root.add_child(node(
        "pl011@9000000",
        vec![
            text("compatible", "arm,pl011\0arm,primecell"),
            cells("reg", &[0, 0x900_0000, 0, 0x1000]),
            cells("interrupts", &[0, 1, 4]),
        ],
    ));
    root.add_child(node(
        "virtio_mmio@a000000",
        vec![
            text("compatible", "virtio,mmio"),
            cells("reg", &[0, 0xa00_0000, 0, 0x200]),
            cells("interrupts", &[0, 16, 1]),
        ],
    ));
    root.add_child(node(
        "pcie@10000000",
        vec![
            text("compatible", "pci-host-ecam-generic"),
            cells("reg", &[0x40, 0x1000_0000, 0, 0x1000_0000]),
            cells("bus-range", &[0, 255]),
            cells(
                "ranges",
                &[
                    0x100_0000,
                    0,
                    0,
                    0,
                    0x3eff_0000,
                    0,
                    0x1_0000, //
                    0x200_0000,
                    0,
                    0x1000_0000,
                    0,
                    0x1000_0000,
                    0,
                    0x2eff_0000,
                ],
            ),
            cells("interrupt-map-mask", &[0x1800, 0, 0, 7]),
            cells(
                "interrupt-map",
                &[
                    0, 0, 0, 1, 0x8001, 0, 0, 0, 3, 4, //
                    0x800, 0, 0, 1, 0x8001, 0, 0, 0, 4, 4,
                ],
            ),
        ],
    ));
    tree.to_dtb()
}

#[test]
fn memory_and_the_ramdisk_are_found() {
    for wide in [false, true] {
        let blob = machine(wide);
        let layout = layout(Fdt::new(&blob).unwrap());
        let (ram, reserved) = (0x4000_0000..0x4800_0000, 0x4700_0000..0x4700_1000);
        assert_eq!(layout.ram.as_slice(), &[ram]);
        assert_eq!(layout.reserved.as_slice(), &[reserved]);
        assert_eq!(layout.initrd, Some(0x4800_0000..0x4810_0000));
        assert_eq!(layout.console.map(|port| port.base), Some(0x900_0000));
    }
}

#[test]
fn devices_become_values() {
    let blob = machine(true);
    let found = describe(Fdt::new(&blob).unwrap());
    assert_eq!(found.command_line, "console=ttyAMA0 quiet");
    assert_eq!(found.seed, [0, 0, 0, 1, 0, 0, 0, 2]);
    assert_eq!(found.cpus, [0, 1]);
    assert_eq!(found.conduit, Some(Conduit::Hvc));
    assert_eq!(found.timer, Some(27));
    let Some(Controller::V3 { redistributors, .. }) = found.controller else {
        panic!("no controller")
    };
    assert_eq!(
        redistributors,
        [DeviceRange {
            base: 0x80a_0000,
            size: 0xf6_0000
        }]
    );
    let serial = found.devices.serial[0];
    assert_eq!(
        serial.irq,
        IrqLine {
            number: 33,
            trigger: Trigger::Level
        }
    );
    let slot = found.devices.virtio_mmio[0];
    assert_eq!(
        slot.irq,
        IrqLine {
            number: 48,
            trigger: Trigger::Edge
        }
    );
    let host = found.devices.pci.unwrap();
    assert_eq!(host.windows.len(), 1);
    assert_eq!(host.line(0, 1).map(|line| line.number), Some(35));
    assert_eq!(host.line(1, 1).map(|line| line.number), Some(36));
    assert_eq!(
        host.line(5, 1).map(|line| line.number),
        Some(36),
        "the mask drops high bits"
    );
    assert_eq!(host.line(2, 1), None);
}

#[test]
fn an_empty_tree_has_nothing() {
    let blob = DeviceTree::new().to_dtb();
    let fdt = Fdt::new(&blob).unwrap();
    assert!(layout(fdt).ram.is_empty());
    assert!(describe(fdt).controller.is_none());
}

proptest! {
    /// A damaged blob is refused or read; nothing panics.
    #[test]
    fn damage_is_survived(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut blob = machine(true);
        for (at, byte) in changes {
            let at = at.index(blob.len());
            blob[at] = byte;
        }
        if let Ok(fdt) = Fdt::new(&blob) {
            layout(fdt);
            describe(fdt);
        }
    }
}
