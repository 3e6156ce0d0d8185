//! The vDSO's pages: the code wrapped at start, the data page kept true.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::time;
use crate::addr::PAGE_SHIFT;
use crate::frame::{self, UFrame};
use crate::lock::RawLock;
use crate::vdso::{self, CODE_AT, Pages, Symbol};

global_asm!(include_str!("vdso.s"), code_at = const CODE_AT);

unsafe extern "C" {
    static vdso_code: u8;
    static vdso_code_end: u8;
    static vdso_clock_gettime: u8;
    static vdso_clock_gettime_end: u8;
    static vdso_gettimeofday: u8;
    static vdso_gettimeofday_end: u8;
    static vdso_clock_getres: u8;
    static vdso_clock_getres_end: u8;
    static vdso_rt_sigreturn: u8;
}

/// What programs read; the assembly knows the layout.
#[repr(C)]
struct Data {
    /// Odd while it is being written.
    sequence: AtomicU32,
    ns_per_tick: AtomicU64,
    realtime_offset: AtomicU64,
}

static PAGES: spin::Once<Pages> = spin::Once::new();
static WRITER: RawLock<()> = RawLock::new(());

/// Makes the pages. Once, when there is memory.
pub(super) fn init() -> Option<()> {
    let start = &raw const vdso_code;
    let offset = |at: *const u8| at as usize - start as usize;
    // SAFETY: the symbols bound the code, which is constant data of the image.
    let code = unsafe { core::slice::from_raw_parts(start, offset(&raw const vdso_code_end)) };
    let symbol = |name, from, to| Symbol {
        name,
        offset: offset(from),
        size: offset(to) - offset(from),
    };
    let sigreturn = &raw const vdso_rt_sigreturn;
    let symbols = [
        symbol(
            "__kernel_clock_gettime",
            &raw const vdso_clock_gettime,
            &raw const vdso_clock_gettime_end,
        ),
        symbol(
            "__kernel_gettimeofday",
            &raw const vdso_gettimeofday,
            &raw const vdso_gettimeofday_end,
        ),
        symbol(
            "__kernel_clock_getres",
            &raw const vdso_clock_getres,
            &raw const vdso_clock_getres_end,
        ),
        symbol("__kernel_rt_sigreturn", sigreturn, &raw const vdso_code_end),
    ];
    let image = vdso::image(code, &symbols)?;
    let pages = Pages {
        data: UFrame::alloc_zeroed()?,
        code: UFrame::alloc_zeroed()?,
        sigreturn: CODE_AT + offset(sigreturn),
    };
    pages.code.write(0, &image);
    crate::mmu::PageTable::sync_instructions(&pages.code);
    let data = data_of(&pages);
    data.ns_per_tick
        .store(time::ns_per_tick(), Ordering::Relaxed);
    data.realtime_offset
        .store(crate::time::realtime_offset(), Ordering::Relaxed);
    PAGES.call_once(|| pages);
    Some(())
}

fn data_of(pages: &Pages) -> &Data {
    let page = frame::linear((pages.data.phys().0 >> PAGE_SHIFT) as u32);
    // SAFETY: the page lives as long as `pages`; all its fields are atomic.
    unsafe { &*page.cast::<Data>() }
}

/// The pages for a new program.
pub(crate) fn vdso_pages() -> Option<Pages> {
    PAGES.get().cloned()
}

/// Shows programs a new offset of the wall clock.
pub(crate) fn publish_realtime(offset: u64) {
    let Some(pages) = PAGES.get() else { return };
    let data = data_of(pages);
    let _held = WRITER.lock();
    let sequence = data.sequence.load(Ordering::Relaxed);
    data.sequence
        .store(sequence.wrapping_add(1), Ordering::Relaxed);
    fence(Ordering::SeqCst);
    data.realtime_offset.store(offset, Ordering::Relaxed);
    data.sequence
        .store(sequence.wrapping_add(2), Ordering::Release);
}
