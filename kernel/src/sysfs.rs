//! What `/sys` shows of the machine: processors, and a directory for each device node.

use abi::Result;
use abi::stat::{major, minor};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::Write;

use drivers::node::Node;
use fs::sysfs::{directory, file, link, remove, text};
use hal::cpu::{CpuMask, MAX_CPUS};

/// Directory of the processors.
const CPUS: &str = "devices/system/cpu";

/// Permission bits that are not worth a word in `uevent`.
const PLAIN: u32 = 0o600;

/// A node's name in sysfs: `input/event0` is shown as `event0`.
fn short(node: &Node) -> &str {
    node.name.rsplit('/').next().unwrap_or(&node.name)
}

fn place(node: &Node) -> String {
    if node.above.is_empty() {
        format!("devices/virtual/{}/{}", node.class, short(node))
    } else {
        format!("{}/{}", node.above, short(node))
    }
}

fn by_number(node: &Node) -> String {
    format!("dev/char/{}:{}", major(node.device), minor(node.device))
}

fn by_class(node: &Node) -> String {
    format!("class/{}/{}", node.class, short(node))
}

/// The lines of a node's `uevent`.
fn lines(node: &Node) -> String {
    let (major, minor) = (major(node.device), minor(node.device));
    let mut lines = format!("MAJOR={major}\nMINOR={minor}\nDEVNAME={}\n", node.name);
    // A string takes everything.
    if node.mode != PLAIN {
        let _ = writeln!(lines, "DEVMODE=0{:o}", node.mode);
    }
    if !node.kind.is_empty() {
        let _ = writeln!(lines, "DEVTYPE={}", node.kind);
    }
    lines
}

/// Place below `/sys`, class and lines of a node, as its uevents have them.
pub fn event(node: &Node) -> (String, &'static str, String) {
    (place(node), node.class, lines(node))
}

/// Shows a node, or what has changed of it.
///
/// # Errors
/// `ENOMEM`, `ENOTDIR`.
pub fn add(node: &Node) -> Result<()> {
    let place = place(node);
    let (major, minor) = (major(node.device), minor(node.device));
    let event = lines(node);
    text(&format!("{place}/dev"), &format!("{major}:{minor}\n"))?;
    text(&format!("{place}/uevent"), &event)?;
    for (name, value) in &node.attributes {
        text(&format!("{place}/{name}"), value)?;
    }
    link(
        &format!("{place}/subsystem"),
        &format!("class/{}", node.class),
    )?;
    if !node.parent.is_empty() {
        link(&format!("{place}/device"), &node.parent)?;
    }
    link(&by_class(node), &place)?;
    link(&by_number(node), &place)
}

/// Takes a node away.
pub fn withdraw(node: &Node) {
    remove(&by_number(node));
    remove(&by_class(node));
    remove(&place(node));
}

/// The processors of a mask as `0-3,5`.
fn list(mask: CpuMask) -> String {
    let mut out = String::new();
    let mut run: Option<(usize, usize)> = None;
    let mut close = |run: Option<(usize, usize)>| {
        let Some((first, last)) = run else { return };
        if !out.is_empty() {
            out.push(',');
        }
        // A string takes everything.
        let _ = if first == last {
            write!(out, "{first}")
        } else {
            write!(out, "{first}-{last}")
        };
    };
    for cpu in mask.iter() {
        let number = cpu.index();
        match &mut run {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => {
                close(run);
                run = Some((number, number));
            }
        }
    }
    close(run);
    out.push('\n');
    out
}

/// Puts up what is there from the start; called once, with all processors running. The machine has `present` of them.
///
/// # Errors
/// `ENOMEM`.
pub fn install(present: usize) -> Result<()> {
    let online = |out: &mut String| out.push_str(&list(hal::cpu::online()));
    file(&format!("{CPUS}/online"), 0o444, Arc::new(online))?;
    let present = CpuMask::from_bits((1 << present.min(MAX_CPUS)) - 1);
    for name in ["possible", "present"] {
        text(&format!("{CPUS}/{name}"), &list(present))?;
    }
    let offline = move |out: &mut String| {
        out.push_str(&list(CpuMask::from_bits(
            present.bits() & !hal::cpu::online().bits(),
        )));
    };
    file(&format!("{CPUS}/offline"), 0o444, Arc::new(offline))?;
    text(
        &format!("{CPUS}/kernel_max"),
        &format!("{}\n", MAX_CPUS - 1),
    )?;
    for cpu in present.iter() {
        directory(&format!("{CPUS}/cpu{}", cpu.index()))?;
    }
    text("kernel/address_bits", "64\n")?;
    text("kernel/cpu_byteorder", "little\n")
}
