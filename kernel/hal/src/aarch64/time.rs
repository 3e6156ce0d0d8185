//! The architected timer: the virtual counter and this processor's compare register.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use aarch64_cpu::registers::{
    CNTFRQ_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable, Writeable,
};

use crate::time::NANOS_PER_SEC;

/// Nanoseconds a tick, and ticks a nanosecond, as 32.32 fixed point.
static NS_PER_TICK: AtomicU64 = AtomicU64::new(0);
static TICKS_PER_NS: AtomicU64 = AtomicU64::new(0);

/// Learns the counter's frequency; before that the time is 0.
pub(crate) fn init() {
    let hz = counter_frequency().max(1);
    NS_PER_TICK.store(((NANOS_PER_SEC << 32) + hz / 2) / hz, Ordering::Relaxed);
    TICKS_PER_NS.store((hz << 32).div_ceil(NANOS_PER_SEC), Ordering::Relaxed);
}

/// Nanoseconds a tick as 32.32 fixed point, for the vDSO.
pub(crate) fn ns_per_tick() -> u64 {
    NS_PER_TICK.load(Ordering::Relaxed)
}

#[inline(always)]
fn scale(value: u64, factor: u64) -> u64 {
    ((u128::from(value) * u128::from(factor)) >> 32) as u64
}

#[inline(always)]
pub(crate) fn now_ns() -> u64 {
    let ticks: u64;
    // SAFETY: reads the counter; the barrier keeps the read from being done early.
    unsafe {
        asm!("isb", "mrs {0}, cntvct_el0", out(reg) ticks, options(nostack, preserves_flags))
    };
    scale(ticks, NS_PER_TICK.load(Ordering::Relaxed))
}

#[inline(always)]
pub(crate) fn ticks() -> u64 {
    CNTVCT_EL0.get()
}

#[inline]
pub(crate) fn ticks_to_ns(ticks: u64) -> u64 {
    scale(ticks, NS_PER_TICK.load(Ordering::Relaxed))
}

pub(crate) fn counter_frequency() -> u64 {
    CNTFRQ_EL0.get()
}

pub(crate) fn set_deadline(at: Option<u64>) {
    match at {
        Some(ns) => {
            let ticks = scale(ns, TICKS_PER_NS.load(Ordering::Relaxed)).saturating_add(1);
            CNTV_CVAL_EL0.set(ticks);
            CNTV_CTL_EL0.set(1);
        }
        None => CNTV_CTL_EL0.set(0),
    }
}
