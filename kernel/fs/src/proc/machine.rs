//! What hal and the layers below know of the machine.

use alloc::string::String;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicBool, Ordering};

use super::text::Text;
use super::{link, show};

static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Hangs in what is known here, at the first mount.
pub(super) fn register_once() {
    if REGISTERED.swap(true, Ordering::Relaxed) {
        return;
    }
    show("meminfo", meminfo);
    show("filesystems", filesystems);
    show("devices", devices);
    // There is no swap: the heading alone.
    show("swaps", |out| {
        writeln!(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority")
    });
    // There are no disks.
    show("partitions", |out| {
        writeln!(out, "major minor  #blocks  name\n")
    });
    show("diskstats", |_| Ok(()));
    show("vmstat", vmstat);
    show("cpuinfo", super::cpuinfo::show);
    show("interrupts", super::interrupts::show);
    show("locks", super::locks::show);
    super::limits::register();
    link("mounts", "self/mounts");
    link("net", "self/net");
}

/// `/proc/meminfo`: the lines whose figures are known. There is no swap; all that is cached is
/// a file's only copy, and so shared memory too.
fn meminfo(out: &mut Text) -> core::fmt::Result {
    let kib = |pages: usize| pages * (hal::PAGE_SIZE / 1024);
    let free = hal::frame::free_count();
    for (name, value) in [
        ("MemTotal:", kib(hal::frame::total())),
        ("MemFree:", kib(free)),
        ("MemAvailable:", kib(free)),
        ("Buffers:", 0),
        ("Cached:", kib(mm::cached_pages())),
        ("SwapCached:", 0),
        ("SwapTotal:", 0),
        ("SwapFree:", 0),
        ("Shmem:", kib(mm::cached_pages())),
        ("Slab:", hal::heap::bytes_in_use() / 1024),
    ] {
        writeln!(out, "{name:<15} {value:>8} kB")?;
    }
    Ok(())
}

/// `/proc/vmstat`: the lines whose figures are known.
fn vmstat(out: &mut Text) -> core::fmt::Result {
    writeln!(out, "nr_free_pages {}", hal::frame::free_count())?;
    writeln!(out, "nr_file_pages {}", mm::cached_pages())?;
    writeln!(out, "nr_shmem {}", mm::cached_pages())?;
    // Nothing is fetched from a disk or put there.
    for name in ["pgpgin", "pgpgout", "pswpin", "pswpout"] {
        writeln!(out, "{name} 0")?;
    }
    Ok(())
}

/// `/proc/filesystems`.
fn filesystems(out: &mut Text) -> core::fmt::Result {
    for kind in vfs::superblock::types() {
        let nodev = if kind.needs_device() { "" } else { "nodev" };
        writeln!(out, "{nodev}\t{}", kind.name())?;
    }
    Ok(())
}

/// `/proc/devices`.
fn devices(out: &mut Text) -> core::fmt::Result {
    let mut text = String::from("Character devices:\n");
    for (major, name) in vfs::special::char_devices() {
        writeln!(text, "{major:3} {name}")?;
    }
    text.push_str("\nBlock devices:\n");
    out.write_str(&text)
}
