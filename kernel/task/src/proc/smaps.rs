//! `/proc/<pid>/smaps` and `smaps_rollup`: how much of each mapping is there, and whose it is.

use abi::mman::ProtFlags;
use alloc::sync::Arc;
use core::fmt::Write as _;
use fs::proc::{Content, Text};
use hal::PAGE_SIZE;
use mm::{AddressSpace, VmaFlags, VmaView};

use super::maps::{Maps, line};
use super::subject::Subject;

pub(super) fn content(of: Subject) -> Arc<dyn Content> {
    Arc::new(Maps { of, show })
}

pub(super) fn rollup(of: Subject) -> Arc<dyn Content> {
    Arc::new(Maps {
        of,
        show: show_rollup,
    })
}

fn show(mm: &AddressSpace, out: &mut Text) {
    let mut at = 0;
    while let Some(view) = mm.view_from(at, true) {
        line(&view, out);
        row(out, "Size", view.end - view.start);
        row(out, "KernelPageSize", PAGE_SIZE);
        row(out, "MMUPageSize", PAGE_SIZE);
        sizes(&view, out);
        // Text does not fail before its end.
        let _ = writeln!(out, "{:<16}{:8}", "THPeligible:", 0);
        flags(&view, out);
        at = view.end;
    }
}

/// The sum over all mappings.
fn show_rollup(mm: &AddressSpace, out: &mut Text) {
    let mut sum = VmaView::default();
    let (mut at, mut first) = (0, None);
    while let Some(view) = mm.view_from(at, true) {
        first = first.or(Some(view.start));
        at = view.end;
        sum.resident += view.resident;
        sum.exclusive += view.exclusive;
        sum.anon += view.anon;
        sum.proportional += view.proportional;
        sum.proportional_anon += view.proportional_anon;
    }
    (sum.start, sum.end) = (first.unwrap_or(0), at);
    sum.name = b"[rollup]".to_vec();
    line(&sum, out);
    sizes(&sum, out);
}

fn row(out: &mut Text, name: &str, bytes: usize) {
    let start = out.len();
    let _ = write!(out, "{name}:");
    out.pad_to(start, 16);
    let _ = writeln!(out, "{:8} kB", bytes / 1024);
}

/// What is there. Pages are dirty: files are tmpfs's, whose pages are the only copy of their bytes.
fn sizes(view: &VmaView, out: &mut Text) {
    let bytes = |pages: usize| pages * PAGE_SIZE;
    let locked = view.flags.contains(VmaFlags::LOCKED);
    for (name, bytes) in [
        ("Rss", bytes(view.resident)),
        ("Pss", view.proportional),
        ("Pss_Dirty", view.proportional),
        ("Pss_Anon", view.proportional_anon),
        ("Pss_Shmem", view.proportional - view.proportional_anon),
        ("Shared_Clean", 0),
        ("Shared_Dirty", bytes(view.resident - view.exclusive)),
        ("Private_Clean", 0),
        ("Private_Dirty", bytes(view.exclusive)),
        ("Anonymous", bytes(view.anon)),
        ("AnonHugePages", 0),
        ("Swap", 0),
        ("SwapPss", 0),
        ("Locked", if locked { view.proportional } else { 0 }),
    ] {
        // These two are the sum's alone.
        if matches!(name, "Pss_Anon" | "Pss_Shmem") && view.name != b"[rollup]" {
            continue;
        }
        row(out, name, bytes);
    }
}

fn flags(view: &VmaView, out: &mut Text) {
    out.push(b"VmFlags: ");
    for (flag, name) in [
        (ProtFlags::READ, b"rd "),
        (ProtFlags::WRITE, b"wr "),
        (ProtFlags::EXEC, b"ex "),
    ] {
        if view.prot.contains(flag) {
            out.push(name);
        }
    }
    for (flag, name) in [
        (VmaFlags::SHARED, b"sh "),
        (VmaFlags::MAYREAD, b"mr "),
        (VmaFlags::MAYWRITE, b"mw "),
        (VmaFlags::MAYEXEC, b"me "),
        (VmaFlags::GROWSDOWN, b"gd "),
        (VmaFlags::LOCKED, b"lo "),
        (VmaFlags::SEQUENTIAL, b"sr "),
        (VmaFlags::RANDOM, b"rr "),
        (VmaFlags::DONTFORK, b"dc "),
        (VmaFlags::NORESERVE, b"nr "),
        (VmaFlags::WIPEONFORK, b"wf "),
        (VmaFlags::DONTDUMP, b"dd "),
        (VmaFlags::HUGEPAGE, b"hg "),
        (VmaFlags::NOHUGEPAGE, b"nh "),
        (VmaFlags::MERGEABLE, b"mg "),
        (VmaFlags::SEALED, b"sl "),
    ] {
        if view.flags.contains(flag) {
            out.push(name);
        }
    }
    out.push(b"\n");
}
