//! What `/sys/class/input` shows of a device.

use abi::input::{EV_ABS, EV_FF, EV_KEY, EV_LED, EV_MSC, EV_REL, EV_SND, EV_SW};
use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::bits::Bits;
use super::device::{Description, InputDevice};
use crate::node;

/// Types of events with their names in `capabilities` and `uevent`.
const KINDS: [(u16, &str, &str); 8] = [
    (EV_KEY, "key", "KEY"),
    (EV_REL, "rel", "REL"),
    (EV_ABS, "abs", "ABS"),
    (EV_MSC, "msc", "MSC"),
    (EV_LED, "led", "LED"),
    (EV_SND, "snd", "SND"),
    (EV_FF, "ff", "FF"),
    (EV_SW, "sw", "SW"),
];

/// The codes of a type, as sysfs shows them.
fn codes(about: &Description, kind: u16) -> String {
    about
        .codes
        .get(&kind)
        .map_or_else(|| "0".into(), Bits::text)
}

/// What udev's rules go by.
fn lines(about: &Description) -> String {
    let id = about.id;
    let mut out = format!(
        "PRODUCT={:x}/{:x}/{:x}/{:x}\nNAME=\"{}\"\nPHYS=\"{}\"\n",
        id.bustype, id.vendor, id.product, id.version, about.name, about.phys
    );
    // A string takes everything.
    let _ = writeln!(
        out,
        "UNIQ=\"{}\"\nPROP={}\nEV={}",
        about.uniq,
        about.props.text(),
        about.kinds.text()
    );
    for (kind, _, name) in KINDS {
        if about.kinds.has(kind.into()) {
            let _ = writeln!(out, "{name}={}", codes(about, kind));
        }
    }
    let _ = writeln!(out, "MODALIAS={}", modalias(about));
    out
}

/// By which drivers and rules are matched: what it is, and all it has.
fn modalias(about: &Description) -> String {
    /// Keys below are on every keyboard.
    const FIRST_KEY: usize = 0x71;
    let id = about.id;
    let mut out = format!(
        "input:b{:04X}v{:04X}p{:04X}e{:04X}-",
        id.bustype, id.vendor, id.product, id.version
    );
    let mut list = |letter: char, bits: Option<&Bits>, first: usize| {
        out.push(letter);
        for code in bits.map(|bits| bits.list(first)).unwrap_or_default() {
            // A string takes everything.
            let _ = write!(out, "{code:X},");
        }
    };
    list('e', Some(&about.kinds), 0);
    for (kind, letter) in [
        (EV_KEY, 'k'),
        (EV_REL, 'r'),
        (EV_ABS, 'a'),
        (EV_MSC, 'm'),
        (EV_LED, 'l'),
        (EV_SND, 's'),
        (EV_FF, 'f'),
        (EV_SW, 'w'),
    ] {
        let first = if kind == EV_KEY { FIRST_KEY } else { 0 };
        list(letter, about.codes.get(&kind), first);
    }
    out
}

/// Shows a device in a directory below `place`; that directory.
pub(super) fn device(device: &InputDevice, place: &str, index: u32) -> String {
    let about = &device.description;
    let above = format!("{place}/input/input{index}");
    let text =
        |name: &str, text: &str| node::text(&format!("{above}/{name}"), &format!("{text}\n"));
    text("name", &about.name);
    text("phys", &about.phys);
    text("uniq", &about.uniq);
    text("properties", &about.props.text());
    text("modalias", &modalias(about));
    for (name, value) in [
        ("bustype", about.id.bustype),
        ("vendor", about.id.vendor),
        ("product", about.id.product),
        ("version", about.id.version),
    ] {
        text(&format!("id/{name}"), &format!("{value:04x}"));
    }
    text("capabilities/ev", &about.kinds.text());
    for (kind, name, _) in KINDS {
        text(&format!("capabilities/{name}"), &codes(about, kind));
    }
    let lines = lines(about);
    node::text(&format!("{above}/uevent"), &lines);
    node::link(&format!("{above}/subsystem"), "class/input");
    node::link(&format!("{above}/device"), place);
    node::link(&format!("class/input/input{index}"), &above);
    node::uevent("add", &above, "input", &lines);
    above
}
