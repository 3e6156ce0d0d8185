//! The processors' first stacks and heads, and starting the others.

use alloc::boxed::Box;
use core::arch::asm;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::thread::{self, KernelStack};
use super::{gic, kmap, psci, time};
use crate::cpu::{self, CpuId, MAX_CPUS};
use crate::head::Head;

/// Where each processor's stack for stack overflows begins (its top).
pub(super) static EMERGENCY: [AtomicUsize; MAX_CPUS] = [const { AtomicUsize::new(0) }; MAX_CPUS];

/// The flows that run before there are threads.
static BOOT_HEADS: [Head; MAX_CPUS] = [
    Head::new(0),
    Head::new(1),
    Head::new(2),
    Head::new(3),
    Head::new(4),
    Head::new(5),
    Head::new(6),
    Head::new(7),
];

static AFFINITY: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(u64::MAX) }; MAX_CPUS];

pub(super) fn boot_head(cpu: usize) -> &'static Head {
    &BOOT_HEADS[cpu]
}

/// Notes the affinities of the processors; this one becomes number 0.
pub(super) fn note_processors(affinities: &[u64]) {
    let me = gic::affinity();
    AFFINITY[0].store(me, Ordering::Relaxed);
    let others = affinities.iter().filter(|&&affinity| affinity != me);
    for (slot, affinity) in AFFINITY[1..].iter().zip(others) {
        slot.store(*affinity, Ordering::Relaxed);
    }
}

/// Goes on with `flow` on another stack, for good.
pub(super) fn run_on(stack: KernelStack, flow: Box<dyn FnOnce()>) -> ! {
    let top = stack.top();
    core::mem::forget(stack);
    let flow = Box::into_raw(Box::new(flow));
    // SAFETY: the stack is mapped and ours for good; `run_flow` takes the box back.
    unsafe {
        asm!("mov sp, {0}", "mov x29, xzr", "mov x30, xzr", "b {1}", in(reg) top, sym run_flow, in("x0") flow, options(noreturn));
    }
}

extern "C" fn run_flow(flow: *mut Box<dyn FnOnce()>) -> ! {
    // SAFETY: made by `run_on` for this one use.
    unsafe { Box::from_raw(flow)() };
    panic!("start-up returned")
}

/// What a starting processor finds; its assembly reads the first two words.
#[repr(C)]
pub(super) struct Start {
    stack: usize,
    head: *const Head,
    main: fn() -> !,
}

unsafe extern "C" {
    fn secondary_entry();
}

/// How long a processor may take to come up.
const PATIENCE_NS: u64 = 100_000_000;

pub(crate) fn start_secondaries(limit: usize, main: fn() -> !) -> usize {
    for (index, affinity) in AFFINITY.iter().enumerate().take(limit).skip(1) {
        let affinity = affinity.load(Ordering::Relaxed);
        let (Some(cpu), true) = (CpuId::new(index), affinity != u64::MAX) else {
            break;
        };
        let (Ok(stack), Ok(emergency)) = (thread::bare_stack(), thread::bare_stack()) else {
            break;
        };
        EMERGENCY[index].store(emergency.top(), Ordering::Relaxed);
        core::mem::forget(emergency);
        let start = Box::leak(Box::new(Start {
            stack: stack.top(),
            head: boot_head(index),
            main,
        }));
        core::mem::forget(stack);
        let entry = kmap::image_to_phys(secondary_entry as *const () as usize);
        if !psci::cpu_on(affinity, entry, core::ptr::from_ref(start) as u64) {
            continue;
        }
        let until = time::now_ns() + PATIENCE_NS;
        while !cpu::online().contains(cpu) && time::now_ns() < until {
            core::hint::spin_loop();
        }
    }
    cpu::online().count()
}

/// Another processor's first Rust: MMU on, on its stack, its head set.
pub(super) extern "C" fn secondary_start(start: *const Start) -> ! {
    // SAFETY: leaked by `start_secondaries` for this processor.
    let start = unsafe { &*start };
    crate::ucopy::init();
    if !gic::init_processor() {
        super::panic::stop_here()
    }
    cpu::set_online(cpu::current());
    (start.main)()
}
