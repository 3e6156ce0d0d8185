//! The one pool of frames: the buddy allocator behind, a magazine of single frames a CPU in front.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use super::buddy::{Buddy, FrameMap};
use crate::cpu::MAX_CPUS;
use crate::local::{Padded, PerCpuCell};
use crate::lock::RawLock;

static POOL: RawLock<Buddy> = RawLock::new(Buddy::new(FrameMap::EMPTY));
static MAGAZINES: PerCpuCell<Magazine> =
    PerCpuCell::new([const { Padded::new(Magazine::EMPTY) }; MAX_CPUS]);

/// A copy of the pool's map that is read without the lock; written once, by `init`.
struct MapCell(UnsafeCell<FrameMap>);
// SAFETY: written once at boot before anybody reads it.
unsafe impl Sync for MapCell {}
static MAP: MapCell = MapCell(UnsafeCell::new(FrameMap::EMPTY));

static TOTAL: AtomicUsize = AtomicUsize::new(0);
/// Programs get no frame when the buddy allocator has fewer than this left: the kernel's own
/// small objects draw on what remains.
static RESERVE: AtomicUsize = AtomicUsize::new(0);
/// How many frames a magazine holds at most.
static CAPACITY: AtomicU32 = AtomicU32::new(0);

const MAGAZINE: usize = 128;

/// Single free frames at one CPU's hand; the last freed, still warm, goes out first.
#[derive(Clone, Copy)]
struct Magazine {
    count: u32,
    frames: [u32; MAGAZINE],
}

impl Magazine {
    const EMPTY: Magazine = Magazine {
        count: 0,
        frames: [0; MAGAZINE],
    };
}

#[inline(always)]
pub(crate) fn map() -> &'static FrameMap {
    #[cfg(not(target_os = "none"))]
    super::arena::ensure();
    // SAFETY: written once before the first frame is handed out.
    unsafe { &*MAP.0.get() }
}

/// The word of frame `pfn`, a frame in circulation.
#[inline(always)]
pub(crate) fn word(pfn: u32) -> &'static AtomicU32 {
    map().word(pfn)
}

/// The virtual address of frame `pfn` in the linear map.
#[inline(always)]
pub(crate) fn linear(pfn: u32) -> *mut u8 {
    #[cfg(target_os = "none")]
    {
        (crate::addr::LINEAR_BASE + ((pfn as usize) << crate::addr::PAGE_SHIFT)) as *mut u8
    }
    #[cfg(not(target_os = "none"))]
    map().bytes(pfn)
}

/// Opens the pool with `free` (frame number ranges, frame 0 excluded) and `words`, the zeroed
/// metadata of the frames `first..end`. `ram` is the number of frames the machine has.
///
/// # Safety
/// Once, before other CPUs run; the ranges are RAM nobody uses, mapped in the linear map.
pub(crate) unsafe fn init(map: FrameMap, free: &[(u32, u32)], ram: usize) {
    // SAFETY: nobody reads the map before this returns.
    unsafe { *MAP.0.get() = map };
    TOTAL.store(ram, Ordering::Relaxed);
    RESERVE.store((ram / 64).clamp(32, 1024), Ordering::Relaxed);
    CAPACITY.store((ram / 256).clamp(16, MAGAZINE) as u32, Ordering::Relaxed);
    let mut pool = POOL.lock();
    *pool = Buddy::new(map);
    for &(start, end) in free {
        pool.add(start, end);
    }
}

/// The frame number of an address in the linear map.
#[inline(always)]
pub(crate) fn frame_of(at: *const u8) -> u32 {
    #[cfg(target_os = "none")]
    let offset = at as usize - crate::addr::LINEAR_BASE;
    #[cfg(not(target_os = "none"))]
    let offset = at as usize - map().bytes(0) as usize;
    (offset >> crate::addr::PAGE_SHIFT) as u32
}

/// Whether the pool is open.
#[cfg(target_os = "none")]
#[inline(always)]
pub(crate) fn is_open() -> bool {
    TOTAL.load(Ordering::Relaxed) != 0
}

/// Frames of RAM the machine has, the kernel's image included.
#[must_use]
pub fn total() -> usize {
    #[cfg(not(target_os = "none"))]
    super::arena::ensure();
    TOTAL.load(Ordering::Relaxed)
}

/// Frames nobody uses.
#[must_use]
pub fn free_count() -> usize {
    #[cfg(not(target_os = "none"))]
    super::arena::ensure();
    let mut n = POOL.lock().free_frames();
    MAGAZINES.peek(|m| {
        // SAFETY: a plain word that only its own CPU writes; a stale count is a count of a moment ago.
        n += unsafe { core::ptr::read_volatile(&raw const (*m).count) } as usize;
    });
    n
}

/// Who asks for frames, and how far down the pool goes for him.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A program's page: refused when only the reserve is left.
    User,
    /// The kernel's own.
    Kernel,
}

/// One frame, its word zero, its bytes as the last owner left them.
#[inline]
pub(crate) fn take(purpose: Purpose) -> Option<u32> {
    #[cfg(not(target_os = "none"))]
    super::arena::ensure();
    MAGAZINES.with(|m| {
        if m.count == 0 {
            refill(m, purpose)?;
        }
        m.count -= 1;
        Some(m.frames[m.count as usize & (MAGAZINE - 1)])
    })
}

#[cold]
#[inline(never)]
fn refill(m: &mut Magazine, purpose: Purpose) -> Option<()> {
    let mut pool = POOL.lock();
    let scarce = pool.free_frames() <= RESERVE.load(Ordering::Relaxed);
    if purpose == Purpose::User && scarce {
        return None;
    }
    // What is taken out of the reserve is not left lying where a program's page finds it.
    let want = if scarce {
        1
    } else {
        (CAPACITY.load(Ordering::Relaxed) / 2) as usize
    };
    notice(&pool);
    let order = want.ilog2() as usize;
    if let Some(pfn) = pool.alloc(order) {
        // The lowest number goes out first, so that a program's pages lie in a row.
        for i in 0..1u32 << order {
            m.frames[i as usize] = pfn + (1 << order) - 1 - i;
        }
        m.count = 1 << order;
        return Some(());
    }
    while (m.count as usize) < want {
        let Some(pfn) = pool.alloc(0) else { break };
        m.frames[m.count as usize] = pfn;
        m.count += 1;
    }
    (m.count > 0).then_some(())
}

/// Gives back one frame whose word is zero.
#[inline]
pub(crate) fn give(pfn: u32) {
    MAGAZINES.with(|m| {
        if m.count >= CAPACITY.load(Ordering::Relaxed) {
            flush(m);
        }
        m.frames[m.count as usize & (MAGAZINE - 1)] = pfn;
        m.count += 1;
    });
}

/// The older half of a full magazine goes back to the buddy allocator.
#[cold]
#[inline(never)]
fn flush(m: &mut Magazine) {
    let half = m.count as usize / 2;
    let mut pool = POOL.lock();
    for &pfn in &m.frames[..half] {
        pool.free(pfn, 0);
    }
    m.frames.copy_within(half..m.count as usize, 0);
    m.count -= half as u32;
}

/// Gives this CPU's magazine back, when memory is short or whole blocks are wanted.
pub(crate) fn drain() {
    MAGAZINES.with(|m| {
        let mut pool = POOL.lock();
        for &pfn in &m.frames[..m.count as usize] {
            pool.free(pfn, 0);
        }
        m.count = 0;
    });
}

/// `count` frames in a row, aligned to the next power of two of `count`.
pub(crate) fn take_run(count: usize) -> Option<u32> {
    #[cfg(not(target_os = "none"))]
    super::arena::ensure();
    let first = take_run_from(&mut POOL.lock(), count);
    if first.is_none() {
        drain();
        return take_run_from(&mut POOL.lock(), count);
    }
    first
}

fn take_run_from(pool: &mut Buddy, count: usize) -> Option<u32> {
    // Small objects cannot be refused: large ones are before nothing is left for them.
    let kept = RESERVE.load(Ordering::Relaxed) / 4;
    if count > SMALL_RUN && pool.free_frames() < count + kept {
        return None;
    }
    notice(pool);
    pool.alloc_run(count)
}

/// Frames of a stack.
const SMALL_RUN: usize = 4;

/// Frames that programs do not get.
pub(crate) fn reserve() -> usize {
    RESERVE.load(Ordering::Relaxed)
}

/// Half of the reserve is gone: a thread that goes on as it did may leave nothing.
static SHORT: AtomicBool = AtomicBool::new(false);

fn used_up(pool: &Buddy) -> bool {
    pool.free_frames() < RESERVE.load(Ordering::Relaxed) / 2
}

/// Frames are taken: where few are left, the thread that took them is to make room when its call is over.
fn notice(pool: &Buddy) {
    if used_up(pool) {
        SHORT.store(true, Ordering::Relaxed);
        crate::head().ask_attention();
    }
}

/// Whether the kernel's own objects have used up half of what is kept for them.
#[inline]
#[must_use]
pub fn is_short() -> bool {
    SHORT.load(Ordering::Relaxed) && is_short_still()
}

#[cold]
fn is_short_still() -> bool {
    let short = used_up(&POOL.lock());
    SHORT.store(short, Ordering::Relaxed);
    short
}

/// Gives back `count` frames in a row whose words are zero.
pub(crate) fn give_run(pfn: u32, count: usize) {
    POOL.lock().add(pfn, pfn + count as u32);
}
