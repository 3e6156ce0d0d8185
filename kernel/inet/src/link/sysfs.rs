//! `/sys/class/net`: a directory for each interface.

use super::events::{Cause, Change};
use super::flags::Iff;
use super::interface::Interface;
use super::port::Counters;
use abi::{Errno, Result};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::Write as _;
use core::sync::atomic::AtomicU64;
use fs::sysfs::{self, Attribute};
use sync::SortedMap;
use sync::{Instant, Mutex, rank};

/// The directory each interface is shown in, and its name there.
static SHOWN: Mutex<SortedMap<u32, (String, Arc<str>)>, { rank::INODE - 2 }> =
    Mutex::new(SortedMap::new());

/// Shows what came and what was renamed.
pub(super) fn follow(changes: &[Change], _cause: Cause) {
    for change in changes {
        if let Change::Link(interface, _) = change
            && let Err(error) = show(interface)
        {
            log::warn!("/sys does not show {}: {error}", interface.name);
        }
    }
}

fn place(interface: &Interface) -> String {
    let above = interface.device().and_then(|card| card.place());
    format!(
        "{}/net/{}",
        above.unwrap_or("devices/virtual"),
        interface.name
    )
}

/// Puts an interface up, unless it is there under this name.
///
/// # Errors
/// `ENOMEM`, `ENOTDIR`.
pub(super) fn show(interface: &Interface) -> Result<()> {
    let mut shown = SHOWN.lock();
    if let Some((place, name)) = shown.get(&interface.index) {
        if *name == interface.name {
            return Ok(());
        }
        sysfs::remove(&format!("class/net/{name}"));
        sysfs::remove(place);
    }
    let place = place(interface);
    let index = interface.index;
    for (name, text) in TEXTS {
        let text = *text;
        let show = move |out: &mut String| {
            if let Some(interface) = super::by_index(index) {
                text(&interface, out);
                out.push('\n');
            }
        };
        sysfs::file(&format!("{place}/{name}"), 0o444, Arc::new(show))?;
    }
    for (name, counter) in COUNTERS {
        let counter = *counter;
        let show = move |out: &mut String| {
            if let Some(interface) = super::by_index(index) {
                let value = counter(interface.port.counters());
                let value = value.map_or(0, |of| of.load(core::sync::atomic::Ordering::Relaxed));
                // A string takes everything.
                let _ = writeln!(out, "{value}");
            }
        };
        sysfs::file(&format!("{place}/statistics/{name}"), 0o444, Arc::new(show))?;
    }
    for what in [Setting::Flags, Setting::Mtu, Setting::QueueLen] {
        let setting = Settable { index, what };
        sysfs::file(
            &format!("{place}/{}", what.name()),
            0o644,
            Arc::new(setting),
        )?;
    }
    sysfs::link(&format!("{place}/subsystem"), "class/net")?;
    if let Some(above) = interface.device().and_then(|card| card.place()) {
        sysfs::link(&format!("{place}/device"), above)?;
    }
    sysfs::link(&format!("class/net/{}", interface.name), &place)?;
    shown.insert(index, (place, interface.name.clone()));
    Ok(())
}

type Show = fn(&Interface, &mut String);

/// Files that are read only. Writing to a string does not fail.
const TEXTS: &[(&str, Show)] = &[
    ("address", |one, out| mac(&one.mac, out)),
    ("broadcast", |one, out| mac(&one.link_broadcast(), out)),
    ("addr_len", |_, out| out.push('6')),
    ("addr_assign_type", |_, out| out.push('0')),
    ("dev_id", |_, out| out.push_str("0x0")),
    ("dev_port", |_, out| out.push('0')),
    ("dormant", |_, out| out.push('0')),
    ("ifalias", |_, _| {}),
    ("link_mode", |_, out| out.push('0')),
    ("netdev_group", |_, out| out.push('0')),
    ("ifindex", |one, out| {
        let _ = write!(out, "{}", one.index);
    }),
    ("iflink", |one, out| {
        let _ = write!(out, "{}", one.index);
    }),
    ("type", |one, out| {
        let _ = write!(out, "{}", one.hardware());
    }),
    ("carrier", |one, out| {
        let _ = write!(out, "{}", u8::from(one.port.has_carrier()));
    }),
    ("operstate", |one, out| out.push_str(one.state().name())),
    ("uevent", |one, out| {
        let _ = write!(out, "INTERFACE={}\nIFINDEX={}", one.name, one.index);
    }),
];

type Counter = fn(&Counters) -> Option<&AtomicU64>;

/// What is counted, in Linux's names; the others never happen here.
const COUNTERS: &[(&str, Counter)] = &[
    ("collisions", |_| None),
    ("multicast", |of| Some(&of.multicast)),
    ("rx_bytes", |of| Some(&of.rx_bytes)),
    ("rx_compressed", |_| None),
    ("rx_crc_errors", |_| None),
    ("rx_dropped", |of| Some(&of.rx_dropped)),
    ("rx_errors", |of| Some(&of.rx_errors)),
    ("rx_fifo_errors", |_| None),
    ("rx_frame_errors", |_| None),
    ("rx_length_errors", |_| None),
    ("rx_missed_errors", |_| None),
    ("rx_nohandler", |_| None),
    ("rx_over_errors", |_| None),
    ("rx_packets", |of| Some(&of.rx_packets)),
    ("tx_aborted_errors", |_| None),
    ("tx_bytes", |of| Some(&of.tx_bytes)),
    ("tx_carrier_errors", |_| None),
    ("tx_compressed", |_| None),
    ("tx_dropped", |of| Some(&of.tx_dropped)),
    ("tx_errors", |of| Some(&of.tx_errors)),
    ("tx_fifo_errors", |_| None),
    ("tx_heartbeat_errors", |_| None),
    ("tx_packets", |of| Some(&of.tx_packets)),
    ("tx_window_errors", |_| None),
];

/// A link-layer address as text.
pub fn mac(bytes: &[u8; 6], out: &mut String) {
    for (at, byte) in bytes.iter().enumerate() {
        let colon = if at == 0 { "" } else { ":" };
        let _ = write!(out, "{colon}{byte:02x}");
    }
}

#[derive(Clone, Copy)]
enum Setting {
    Flags,
    Mtu,
    QueueLen,
}

impl Setting {
    fn name(self) -> &'static str {
        match self {
            Self::Flags => "flags",
            Self::Mtu => "mtu",
            Self::QueueLen => "tx_queue_len",
        }
    }
}

/// A file that sets something.
struct Settable {
    index: u32,
    what: Setting,
}

impl Attribute for Settable {
    fn show(&self, out: &mut String) {
        let Some(interface) = super::by_index(self.index) else {
            return;
        };
        let _ = match self.what {
            // Carrier and what follows from it are told elsewhere.
            Setting::Flags => writeln!(
                out,
                "{:#x}",
                (interface.flags() - (Iff::RUNNING | Iff::LOWER_UP)).bits()
            ),
            Setting::Mtu => writeln!(out, "{}", interface.mtu),
            Setting::QueueLen => writeln!(out, "{}", interface.queue_len),
        };
    }

    fn store(&self, text: &[u8]) -> Result<()> {
        let value = number(text).ok_or(Errno::EINVAL)?;
        super::change(Cause::default(), |table| match self.what {
            Setting::Flags => {
                let flags = Iff::from_bits_retain(value);
                table.set_flags(self.index, flags, Iff::all(), Instant::now())
            }
            Setting::Mtu => table.set_mtu(self.index, value),
            Setting::QueueLen => table.set_queue_len(self.index, value),
        })
    }
}

/// A number as `kstrtoul` reads it: decimal, octal or hexadecimal, one newline behind.
fn number(text: &[u8]) -> Option<u32> {
    let text = core::str::from_utf8(text).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    if let Some(hex) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        return u32::from_str_radix(hex, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}
