//! Start-up in Rust: from the device tree to the kernel's first function.

use alloc::boxed::Box;
use core::arch::global_asm;
use core::ops::Range;
use core::sync::atomic::Ordering;

use arrayvec::ArrayVec;
use dtoolkit::fdt::Fdt;

use super::{gic, kmap, local, psci, smp, thread, time, trap, uart, vdso};
use crate::addr::{LINEAR_BASE, PAGE_SIZE, PhysAddr};
use crate::boot::BootInfo;
use crate::device::tree::{self, Layout};
use crate::frame::{self, Reserved};
use crate::time::NANOS_PER_SEC;

/// 48 bits each half, 4 KiB, inner shareable write-back walks, user top byte ignored; the size of
/// physical addresses and address space numbers is added at run time.
const TCR: u64 =
    16 | 1 << 8 | 1 << 10 | 3 << 12 | 16 << 16 | 1 << 24 | 1 << 26 | 3 << 28 | 2 << 30 | 1 << 37;

/// MMU, caches, stack alignment checks, no EL0 traps of `dc zva`, CTR_EL0, cache maintenance, wfe and wfi;
/// and the bits that read as one (SPAN, bit 23, goes where the processor has PAN).
const SCTLR: u64 = 1
    | 1 << 2
    | 1 << 3
    | 1 << 4
    | 1 << 7
    | 1 << 8
    | 1 << 11
    | 1 << 12
    | 1 << 14
    | 1 << 15
    | 1 << 16
    | 1 << 18
    | 1 << 20
    | 1 << 22
    | 1 << 23
    | 1 << 26
    | 1 << 28
    | 1 << 29;

global_asm!(include_str!("head.s"), tcr = const TCR, sctlr = const SCTLR, start = sym start, secondary = sym smp::secondary_start);
global_asm!(
    include_str!("vectors.s"),
    sync = sym trap::el1_sync,
    irq = sym trap::el1_irq,
    fatal = sym trap::el1_fatal,
    emergency = sym smp::EMERGENCY,
    thread = sym thread::thread_main
);

unsafe extern "Rust" {
    fn nacre_kernel_main(info: BootInfo) -> !;
}

unsafe extern "C" {
    static __boot_stack_top: u8;
}

/// The most a device tree may be.
const LARGEST_TREE: u64 = 2 << 20;

/// The first Rust: MMU on, on the boot stack, interrupts masked.
extern "C" fn start(tree_at: u64, image_at: u64) -> ! {
    // SAFETY: the static head of the boot processor.
    unsafe { local::set_head(smp::boot_head(0)) };
    smp::EMERGENCY[0].store(&raw const __boot_stack_top as usize, Ordering::Relaxed);
    crate::cpu::set_online(crate::cpu::CpuId::BOOT);
    time::init();
    crate::ucopy::init();
    // Nobody can be told of a failure here: there is no console yet.
    if kmap::init(image_at).is_err() {
        crate::power::halt()
    }
    let Some(blob) = map_tree(tree_at) else {
        crate::power::halt()
    };
    let Ok(fdt) = Fdt::new(blob) else {
        crate::power::halt()
    };
    let layout = tree::layout(fdt);
    let mut early = EarlyPages::new(&layout, tree_at..tree_at + blob.len() as u64);
    if let Some(port) = layout.console
        && let Ok(base) = kmap::map_device(port.base, port.size, &mut || early.page())
    {
        uart::init(base);
    }
    open_memory(&layout, early, tree_at..tree_at + blob.len() as u64);
    into_kernel(fdt, &layout)
}

/// Maps the device tree, and a mebibyte more than its size at most, at its place in the linear map.
fn map_tree(at: u64) -> Option<&'static [u8]> {
    if at == 0 || !at.is_multiple_of(8) {
        return None;
    }
    let block = 1u64 << 21;
    let (from, to) = (
        at & !(block - 1),
        (at + LARGEST_TREE).next_multiple_of(block),
    );
    // SAFETY: the boot protocol puts the tree in RAM.
    unsafe { kmap::map_ram(from, to - from, &mut kmap::first_table).ok()? };
    kmap::publish();
    let start = (LINEAR_BASE + at as usize) as *const u8;
    // SAFETY: mapped just now; nobody writes to it.
    let header = unsafe { core::slice::from_raw_parts(start, 8) };
    let word = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let size = u64::from(word(4));
    if word(0) != 0xd00d_feed || !(40..=LARGEST_TREE).contains(&size) {
        return None;
    }
    // SAFETY: as above; the size is within what was mapped.
    Some(unsafe { core::slice::from_raw_parts(start, size as usize) })
}

/// Free pages before there is a frame allocator: from the end of the image up, and only where the
/// linear map reaches already.
struct EarlyPages {
    next: u64,
    end: u64,
    start: u64,
}

impl EarlyPages {
    fn new(layout: &Layout, tree: Range<u64>) -> EarlyPages {
        let (_, image_end) = kmap::image();
        let start = image_end.next_multiple_of(PAGE_SIZE as u64);
        // The image's last 2 MiB block is mapped page by page up to its end: map the rest too.
        let block_end = start.next_multiple_of(1 << 21);
        let mut end = layout
            .ram
            .iter()
            .find(|bank| bank.contains(&start))
            .map_or(start, |bank| bank.end.min(block_end));
        for taken in layout.reserved.iter().chain(&layout.initrd).chain([&tree]) {
            if taken.start < end && taken.end > start {
                end = taken.start.max(start);
            }
        }
        // SAFETY: RAM, and the image's own tables reach this block.
        let mapped = unsafe { kmap::map_ram(start, end - start, &mut kmap::first_table) };
        kmap::publish();
        EarlyPages {
            next: start,
            end: if mapped.is_ok() { end } else { start },
            start,
        }
    }

    /// A zeroed page.
    fn page(&mut self) -> Option<u64> {
        if self.next + PAGE_SIZE as u64 > self.end {
            return kmap::first_table();
        }
        let page = self.next;
        self.next += PAGE_SIZE as u64;
        // SAFETY: free RAM in the linear map.
        unsafe { ((LINEAR_BASE + page as usize) as *mut u8).write_bytes(0, PAGE_SIZE) };
        Some(page)
    }
}

/// Maps all RAM and opens the frame pool over what is free.
fn open_memory(layout: &Layout, mut early: EarlyPages, tree: Range<u64>) {
    for bank in &layout.ram {
        // SAFETY: RAM by the device tree.
        let mapped =
            unsafe { kmap::map_ram(bank.start, bank.end - bank.start, &mut || early.page()) };
        assert!(mapped.is_ok(), "no memory for the linear map");
    }
    kmap::publish();
    kmap::note_ram(&layout.ram);
    let (image_start, _) = kmap::image();
    let mut taken: ArrayVec<Range<u64>, 40> = layout.reserved.iter().cloned().collect();
    taken.extend(layout.initrd.clone());
    taken.push(tree);
    taken.push(image_start..early.next);
    debug_assert!(early.start <= early.next);
    // SAFETY: the first and only time; all RAM is mapped, and what is in use is listed.
    let opened = unsafe { frame::open(&layout.ram, &taken) };
    assert!(opened, "no memory for the frame table");
}

/// With memory and heap: the rest of the tree, the devices hal drives itself, and on to the kernel's
/// first function on a stack with a guard.
fn into_kernel(fdt: Fdt<'_>, layout: &Layout) -> ! {
    let described = tree::describe(fdt);
    psci::init(described.conduit);
    let mut page = kmap::pool_table;
    match &described.controller {
        Some(controller) => {
            assert!(
                gic::init(controller, described.timer, &mut page),
                "no memory for device mappings"
            );
            assert!(
                gic::init_processor(),
                "the boot processor has no redistributor"
            );
        }
        None => panic!("no interrupt controller in the device tree"),
    }
    if let Some(rtc) = described.devices.rtc
        && let Ok(base) = kmap::map_device(rtc.base, rtc.size, &mut page)
    {
        // SAFETY: the PL031's data register: seconds since 1970.
        let seconds = u64::from(unsafe { (base as *const u32).read_volatile() });
        let offset = (seconds * NANOS_PER_SEC).saturating_sub(time::now_ns());
        crate::time::set_realtime_offset(offset);
    }
    assert!(vdso::init().is_some(), "no memory for the vDSO");
    smp::note_processors(&described.cpus);
    let initrd = layout.initrd.clone().map(|range| {
        // SAFETY: RAM in the linear map, reserved above, given to this owner alone.
        unsafe { Reserved::new(PhysAddr(range.start), PhysAddr(range.end)) }
    });
    let info = BootInfo {
        command_line: described.command_line,
        device_tree: fdt.data().to_vec(),
        memory: layout
            .ram
            .iter()
            .map(|bank| (bank.start, bank.end - bank.start))
            .collect(),
        initrd,
        seed: described.seed,
        cpus: described.cpus.len().max(1),
        devices: described.devices,
    };
    let Ok(stack) = thread::bare_stack() else {
        panic!("no memory for the first stack")
    };
    // SAFETY: the function `entry!` named; it is entered once.
    let enter = Box::new(move || unsafe { nacre_kernel_main(info) });
    smp::run_on(stack, enter)
}
