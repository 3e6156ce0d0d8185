//! A model of the translation caches: an entry, once read, is used until it is flushed. So a test
//! that goes through user copies sees a missing flush, which the emulator hides.

use std::collections::HashMap;
use std::sync::Mutex;

use super::asid::State;
use crate::cpu::MAX_CPUS;

pub(super) const BY_PAGE: usize = 24;

#[derive(Default)]
struct Cpu {
    root: u64,
    asid: u16,
    /// (asid, page) -> page descriptor
    tlb: HashMap<(u16, usize), u64>,
}

static CPUS: Mutex<Option<Vec<Cpu>>> = Mutex::new(None);

fn with<R>(f: impl FnOnce(&mut Vec<Cpu>) -> R) -> R {
    let mut cpus = CPUS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    f(cpus.get_or_insert_with(|| (0..MAX_CPUS).map(|_| Cpu::default()).collect()))
}

pub(super) fn asid_limit() -> u32 {
    1 << 8
}

pub(super) fn publish() {
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}

pub(super) fn full_barrier() {
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}

pub(super) fn flush(s: State, me: usize, va: usize, pages: usize) {
    if s.seen == 0 {
        return;
    }
    let range = va >> 12..(va >> 12) + pages;
    let all = pages > BY_PAGE;
    let local = s.seen == 1 << me;
    with(|cpus| {
        for (c, cpu) in cpus.iter_mut().enumerate() {
            if !local || c == me {
                cpu.tlb
                    .retain(|k, _| k.0 != s.asid || !(all || range.contains(&k.1)));
            }
        }
    });
}

pub(super) fn flush_cpu() {
    let me = crate::cpu::current().index();
    with(|cpus| cpus[me].tlb.clear());
}

pub(super) fn set_base(root: u64, asid: u16) {
    let me = crate::cpu::current().index();
    with(|cpus| (cpus[me].root, cpus[me].asid) = (root, asid));
}

pub(super) fn sync_instructions(_: *const u8) {}

/// The descriptor this CPU uses for the page `va >> 12`: a cached one, or `walk(root)`'s.
pub(super) fn translate(va: usize, walk: impl FnOnce(u64) -> u64) -> u64 {
    let me = crate::cpu::current().index();
    with(|cpus| {
        let cpu = &mut cpus[me];
        let key = (cpu.asid, va >> 12);
        if let Some(&e) = cpu.tlb.get(&key) {
            return e;
        }
        if cpu.root == 0 {
            return 0;
        }
        let e = walk(cpu.root);
        // The architecture never caches an entry that is not valid.
        if e & 1 != 0 {
            cpu.tlb.insert(key, e);
        }
        e
    })
}
