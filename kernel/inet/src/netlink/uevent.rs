//! News of devices (`NETLINK_KOBJECT_UEVENT`), as udev and its kin hear them.

use super::{Protocol, multicast, table};
use alloc::format;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The group the kernel speaks to.
const KERNEL: u32 = 1;

static SEQUENCE: AtomicU64 = AtomicU64::new(0);

/// The number of the last one (`/sys/kernel/uevent_seqnum`).
#[must_use]
pub fn last() -> u64 {
    SEQUENCE.load(Relaxed)
}

/// Tells that something happened to a device: `add`, `remove`, `change`. `place` is its directory below `/sys`, `more`
/// has further lines, each with its end.
pub fn send(action: &str, place: &str, subsystem: &str, more: &str) {
    let sequence = SEQUENCE.fetch_add(1, Relaxed) + 1;
    if !table::has_listeners(Protocol::Uevent, KERNEL) {
        return;
    }
    let mut text = format!(
        "{action}@/{place}\nACTION={action}\nDEVPATH=/{place}\nSUBSYSTEM={subsystem}\n{more}SEQNUM={sequence}\n"
    )
    .into_bytes();
    for byte in &mut text {
        if *byte == b'\n' {
            *byte = 0;
        }
    }
    multicast(Protocol::Uevent, KERNEL, &text);
}
