//! The head of a thread: the few words that hal and its assembly reach through one register.

use core::cell::Cell;
#[cfg(target_os = "none")]
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::cpu::CpuId;
use crate::thread::Runnable;

/// What the processor's thread register points to. The counters are written by the running thread and
/// the interrupts on top of it only, so plain loads and stores do; `attention` and `running` are
/// everybody's. The assembly knows the offsets of the first five fields, and reads the two wishes as one word.
#[repr(C)]
pub(crate) struct Head {
    /// Preemption guards, and interrupt levels in the upper half.
    count: AtomicU32,
    /// The processor it runs on, or ran on last.
    cpu: AtomicU32,
    /// Not 0 when a reschedule is wanted.
    resched: AtomicU32,
    /// Not 0 when the thread shall not enter (or stay in) user mode without a look at its signals.
    attention: AtomicU32,
    /// Ticks of the counter that it has been in user mode; while it is there, less the counter's reading when it
    /// went there, which makes it negative.
    user_ticks: AtomicU64,
    /// The stack pointer while it does not run.
    pub(crate) sp: Cell<usize>,
    /// The program's stack and thread pointers while the thread does not run.
    pub(crate) user_pointers: Cell<[u64; 2]>,
    /// The reference the processor holds on the thread.
    pub(crate) me: Cell<Option<*const dyn Runnable>>,
    /// A processor runs on its stack.
    pub(crate) running: AtomicBool,
    /// It has used floating point since exec.
    pub(crate) fp_used: Cell<bool>,
    /// Its floating point state is in the registers, which it may use.
    pub(crate) fp_live: Cell<bool>,
    /// How many times it still gets that state when it comes to a processor, without using it.
    pub(crate) fp_unasked: Cell<u8>,
    /// The processor whose registers held its floating point state last.
    pub(crate) fp_cpu: Cell<u32>,
    /// That state while the thread does not run.
    #[cfg(target_os = "none")]
    pub(crate) fp: UnsafeCell<crate::user::FpState>,
}

const _: () = assert!(core::mem::offset_of!(Head, cpu) == 4);
const _: () = assert!(core::mem::offset_of!(Head, resched) == 8);
const _: () = assert!(core::mem::offset_of!(Head, user_ticks) == 16);

// SAFETY: the cells are touched only by the processor that runs the thread, or, before it ever runs
// and while it is switched out, by the one that switches to it (`running` orders the two).
unsafe impl Sync for Head {}
// SAFETY: nothing in it belongs to the thread that made it; the reference is to a `Send` object.
unsafe impl Send for Head {}

impl Head {
    pub(crate) const fn new(cpu: u32) -> Head {
        Head {
            count: AtomicU32::new(0),
            cpu: AtomicU32::new(cpu),
            resched: AtomicU32::new(0),
            attention: AtomicU32::new(0),
            user_ticks: AtomicU64::new(0),
            sp: Cell::new(0),
            user_pointers: Cell::new([0; 2]),
            me: Cell::new(None),
            running: AtomicBool::new(false),
            fp_used: Cell::new(false),
            fp_live: Cell::new(false),
            fp_unasked: Cell::new(0),
            fp_cpu: Cell::new(u32::MAX),
            #[cfg(target_os = "none")]
            fp: UnsafeCell::new(crate::user::FpState::ZERO),
        }
    }

    #[inline(always)]
    pub(crate) fn cpu(&self) -> CpuId {
        // Always written from a `CpuId`.
        CpuId::new(self.cpu.load(Ordering::Relaxed) as usize).unwrap_or(CpuId::BOOT)
    }

    #[inline(always)]
    pub(crate) fn set_cpu(&self, cpu: CpuId) {
        self.cpu.store(cpu.index() as u32, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set_count(&self, count: u32) {
        self.count.store(count, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn enter(&self, n: u32) {
        self.count.store(
            self.count.load(Ordering::Relaxed).wrapping_add(n),
            Ordering::Relaxed,
        );
    }

    /// Lowers the count; whether that makes a reschedule due.
    #[inline(always)]
    pub(crate) fn leave(&self, n: u32) -> bool {
        let left = self.count.load(Ordering::Relaxed).wrapping_sub(n);
        self.count.store(left, Ordering::Relaxed);
        left == 0 && self.wants_resched()
    }

    /// Whether a reschedule is wanted and no guard forbids it.
    #[inline(always)]
    pub(crate) fn due(&self) -> bool {
        self.wants_resched() && self.count() == 0
    }

    #[inline(always)]
    pub(crate) fn wants_resched(&self) -> bool {
        self.resched.load(Ordering::Relaxed) != 0
    }

    #[inline(always)]
    pub(crate) fn want_resched(&self, wanted: bool) {
        self.resched.store(u32::from(wanted), Ordering::Relaxed);
    }

    #[cfg_attr(
        not(target_os = "none"),
        allow(dead_code, reason = "the host machine has no user mode")
    )]
    /// Whether a look at the thread's signals is due; the asking ends with this answer.
    #[inline(always)]
    pub(crate) fn take_attention(&self) -> bool {
        self.attention.load(Ordering::Relaxed) != 0
            && self.attention.swap(0, Ordering::Acquire) != 0
    }

    /// The ticks it has been in user mode, up to now.
    #[inline]
    pub(crate) fn user_ticks(&self) -> u64 {
        let ticks = self.user_ticks.load(Ordering::Relaxed);
        if ticks.cast_signed() < 0 {
            ticks.wrapping_add(crate::machine::ticks())
        } else {
            ticks
        }
    }

    pub(crate) fn ask_attention(&self) {
        // SeqCst: the asker then reads `running`, the runner sets `running` and then reads this.
        self.attention.store(1, Ordering::SeqCst);
    }
}
