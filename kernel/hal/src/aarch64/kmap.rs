//! The kernel's half of the address space: the image, all RAM, device registers, kernel stacks.
//!
//! | from | what |
//! |---|---|
//! | `0xffff_0000_0000_0000` | RAM by physical address, written, never executed |
//! | `0xffff_8000_0000_0000` | device registers by physical address |
//! | `0xffff_c000_0000_0000` | kernel stacks, each with a guard below |
//! | `0xffff_ffff_8000_0000` | the image: text RX, constants R, data RW |
//!
//! The level 0 table is the image's own; other tables are never freed. Nothing here sleeps.

use core::arch::asm;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::addr::{LINEAR_BASE, PAGE_SIZE};
use crate::device::tree::Ranges;
use crate::frame::FrameRun;
use crate::lock::RawLock;

/// Where device registers are mapped, by physical address.
pub(crate) const DEVICE_BASE: usize = 0xffff_8000_0000_0000;
/// Where kernel stacks stand.
pub(crate) const STACK_BASE: usize = 0xffff_c000_0000_0000;
/// Where the image is linked.
pub(crate) const IMAGE_BASE: usize = 0xffff_ffff_8000_0000;

const VALID: u64 = 1;
const TABLE: u64 = 3;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;
const ACCESSED: u64 = 1 << 10;
const INNER_SHAREABLE: u64 = 3 << 8;
const READ_ONLY: u64 = 1 << 7;
const NO_EXEC: u64 = (1 << 54) | (1 << 53);

/// Attributes of ordinary memory: index 0 of MAIR.
pub(crate) const RAM: u64 = NO_EXEC | ACCESSED | INNER_SHAREABLE;
/// Attributes of memory that is not written through this mapping.
pub(crate) const RAM_READ_ONLY: u64 = RAM | READ_ONLY;
/// Attributes of device registers: index 3 of MAIR, nGnRE.
pub(crate) const DEVICE: u64 = NO_EXEC | ACCESSED | (3 << 2);

static IMAGE_PHYS: AtomicU64 = AtomicU64::new(0);
static LOCK: RawLock<()> = RawLock::new(());

unsafe extern "C" {
    static _start: u8;
    static _erodata: u8;
    static _end: u8;
    static _boot_guard: u8;
    static __kernel_l0: u8;
}

/// The bounds of the image in physical memory.
pub(crate) fn image() -> (u64, u64) {
    let start = IMAGE_PHYS.load(Ordering::Relaxed);
    (
        start,
        start + (&raw const _end as usize - IMAGE_BASE) as u64,
    )
}

/// The physical address of something in the image.
pub(crate) fn image_to_phys(address: usize) -> u64 {
    IMAGE_PHYS.load(Ordering::Relaxed) + (address - IMAGE_BASE) as u64
}

/// Where RAM at `phys` is reached: tables of the image before the linear map stands, too.
fn table_at(phys: u64) -> *mut u64 {
    let (start, end) = image();
    if (start..end).contains(&phys) {
        (IMAGE_BASE + (phys - start) as usize) as *mut u64
    } else {
        (LINEAR_BASE + phys as usize) as *mut u64
    }
}

/// No memory for a table.
#[derive(Debug)]
pub(crate) struct NoTable;

/// Maps `len` bytes at `va` to `phys`, by the largest blocks that fit; what is mapped already stays.
/// `page` gives physical addresses of fresh zeroed pages for tables. Fences are the caller's
/// ([`publish`]).
///
/// # Safety
/// `va` belongs to the caller, and the attributes suit what is there.
pub(crate) unsafe fn map(
    va: usize,
    phys: u64,
    len: u64,
    attributes: u64,
    page: &mut dyn FnMut() -> Option<u64>,
) -> Result<(), NoTable> {
    let _held = LOCK.lock();
    let root = image_to_phys(&raw const __kernel_l0 as usize);
    // SAFETY: by the contract; the lock keeps others off the tables.
    unsafe {
        map_level(
            root,
            0,
            va & 0x0000_ffff_ffff_ffff,
            phys,
            len,
            attributes,
            page,
        )
    }
}

/// # Safety
/// As [`map`]; `table` is a table of `level`.
unsafe fn map_level(
    table: u64,
    level: u32,
    mut va: usize,
    mut phys: u64,
    len: u64,
    attributes: u64,
    page: &mut dyn FnMut() -> Option<u64>,
) -> Result<(), NoTable> {
    let shift = 39 - 9 * level;
    let size = 1u64 << shift;
    let entries = table_at(table);
    let mut left = len;
    while left > 0 {
        let offset = va as u64 & (size - 1);
        let part = (size - offset).min(left);
        // SAFETY: the index is below 512 and the table a page of entries.
        let entry = unsafe { entries.add((va >> shift) & 511) };
        // SAFETY: as above.
        let mut now = unsafe { entry.read_volatile() };
        let whole = part == size && (phys & (size - 1)) == 0 && level > 0;
        if now & VALID == 0 && whole {
            let kind = if level == 3 { TABLE } else { VALID };
            // SAFETY: the entry was invalid, so nobody has it cached.
            unsafe { entry.write_volatile(phys | attributes | kind) };
        } else if level < 3 {
            if now & VALID == 0 {
                now = page().ok_or(NoTable)? | TABLE;
                // The page's zeros must be seen before the page is.
                // SAFETY: the entry was invalid.
                unsafe {
                    asm!("dmb ishst", options(nostack));
                    entry.write_volatile(now);
                }
            }
            if now & TABLE == TABLE {
                // SAFETY: a table of the next level.
                unsafe { map_level(now & ADDRESS, level + 1, va, phys, part, attributes, page)? };
            }
        }
        va += part as usize;
        phys += part;
        left -= part;
    }
    Ok(())
}

/// Lets the table walkers see new entries.
pub(crate) fn publish() {
    // SAFETY: barriers.
    unsafe { asm!("dsb ishst", "isb", options(nostack)) };
}

/// Takes away `pages` 4 KiB pages at `va`, giving their physical addresses to `gone` after the flush.
///
/// # Safety
/// Mapped by [`map`] page by page; nobody uses them.
pub(crate) unsafe fn unmap(va: usize, pages: usize, mut gone: impl FnMut(u64)) {
    for index in 0..pages {
        let at = va + index * PAGE_SIZE;
        let held = LOCK.lock();
        let mut table = image_to_phys(&raw const __kernel_l0 as usize);
        for level in 0..3 {
            // SAFETY: the page is mapped, so each level has a table.
            let entry = unsafe {
                table_at(table)
                    .add((at >> (39 - 9 * level)) & 511)
                    .read_volatile()
            };
            table = entry & ADDRESS;
        }
        // SAFETY: the level 3 entry of the page; then the flush that all processors see.
        let entry = unsafe {
            let slot = table_at(table).add((at >> 12) & 511);
            let entry = slot.read_volatile();
            slot.write_volatile(0);
            asm!("dsb ishst", "tlbi vaale1is, {0}", "dsb ish", "isb", in(reg) at >> 12 & 0xfff_ffff_ffff, options(nostack));
            entry
        };
        drop(held);
        gone(entry & ADDRESS);
    }
}

/// Pages for the first tables, before any RAM can be reached.
#[repr(align(4096))]
struct FirstTables(core::cell::UnsafeCell<[[u8; PAGE_SIZE]; FIRST_TABLES]>);
// SAFETY: handed out one page at a time by `first_table`.
unsafe impl Sync for FirstTables {}
/// Level 1, level 2 and two level 3 for the image's alias, level 2 for the device tree's gigabyte.
const FIRST_TABLES: usize = 6;
static FIRST: FirstTables =
    FirstTables(core::cell::UnsafeCell::new([[0; PAGE_SIZE]; FIRST_TABLES]));
static FIRST_USED: AtomicUsize = AtomicUsize::new(0);

/// One of the image's own pages for tables.
pub(crate) fn first_table() -> Option<u64> {
    let index = FIRST_USED.fetch_add(1, Ordering::Relaxed);
    (index < FIRST_TABLES).then(|| image_to_phys(FIRST.0.get() as usize + index * PAGE_SIZE))
}

/// Notes where the image is, and maps it in the linear map: what is constant may not be written there
/// either.
pub(crate) fn init(image_phys: u64) -> Result<(), NoTable> {
    IMAGE_PHYS.store(image_phys, Ordering::Relaxed);
    let (start, end) = image();
    let constants = (&raw const _erodata as usize - IMAGE_BASE) as u64;
    let (data, linear) = (start + constants, LINEAR_BASE + start as usize);
    // SAFETY: the linear map is made here; the image is RAM.
    unsafe {
        map(linear, start, constants, RAM_READ_ONLY, &mut first_table)?;
        map(
            linear + constants as usize,
            data,
            end - data,
            RAM,
            &mut first_table,
        )?;
    }
    publish();
    Ok(())
}

/// Maps RAM at its place in the linear map.
///
/// # Safety
/// The range is RAM (or read-only to us), and `page` as in [`map`].
pub(crate) unsafe fn map_ram(
    start: u64,
    len: u64,
    page: &mut dyn FnMut() -> Option<u64>,
) -> Result<(), NoTable> {
    // SAFETY: the linear map belongs here; the range is RAM.
    unsafe { map(LINEAR_BASE + start as usize, start, len, RAM, page) }
}

/// Maps device registers at their place in the device window and returns it. Idempotent.
pub(crate) fn map_device(
    start: u64,
    len: u64,
    page: &mut dyn FnMut() -> Option<u64>,
) -> Result<usize, NoTable> {
    let from = start & !(PAGE_SIZE as u64 - 1);
    let to = (start + len).next_multiple_of(PAGE_SIZE as u64);
    // SAFETY: the device window belongs here; what is not RAM is device memory.
    unsafe { map(DEVICE_BASE + from as usize, from, to - from, DEVICE, page)? };
    publish();
    Ok(DEVICE_BASE + start as usize)
}

/// The page below the boot stack.
pub(crate) fn boot_guard() -> usize {
    &raw const _boot_guard as usize
}

/// The image's text and constants, for backtraces.
pub(crate) fn image_bounds() -> (usize, usize) {
    (&raw const _start as usize, &raw const _end as usize)
}

/// A page for tables from the frame pool.
pub(super) fn pool_table() -> Option<u64> {
    let table = FrameRun::alloc(1)?;
    let phys = table.phys().0;
    table.into_raw();
    Some(phys)
}

/// The RAM of the machine: never mapped as a device.
static RAM_BANKS: spin::Once<Ranges> = spin::Once::new();

/// Notes where RAM is.
pub(super) fn note_ram(banks: &Ranges) {
    RAM_BANKS.call_once(|| banks.clone());
}

/// Maps device registers for good; `None` when there is no memory for tables, or when there is RAM.
pub(crate) fn map_device_range(start: u64, len: u64) -> Option<NonNull<u8>> {
    let end = start.checked_add(len)?;
    let banks = RAM_BANKS.get()?;
    if len == 0
        || banks
            .iter()
            .any(|bank| bank.start < end && start < bank.end)
    {
        return None;
    }
    NonNull::new(map_device(start, len, &mut pool_table).ok()? as *mut u8)
}
