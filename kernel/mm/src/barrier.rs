//! A memory barrier on every other processor: what membarrier(2) stands on.

use core::sync::atomic::{Ordering, fence};

use hal::cpu::{self, AtomicCpuMask, CpuMask};
use hal::ipi::{self, Ipi};
use hal::preempt::PreemptGuard;
use sync::{Mutex, rank};

/// Processors that have not answered yet.
static WAITING: AtomicCpuMask = AtomicCpuMask::new(CpuMask::EMPTY);
/// One round at a time.
static ROUND: Mutex<(), { rank::MM }> = Mutex::new(());

/// Returns when every running processor has passed a full barrier, and has fetched its
/// instructions anew. May sleep, then spins until the others have answered.
pub fn everywhere() {
    let _round = ROUND.lock();
    let _here = PreemptGuard::new();
    fence(Ordering::SeqCst);
    let others = cpu::online().without(cpu::current());
    if !others.is_empty() {
        WAITING.store(others);
        ipi::send(others, Ipi::CallFunction);
        while !WAITING.load().is_empty() {
            core::hint::spin_loop();
        }
    }
    fence(Ordering::SeqCst);
}

/// What a processor does when it is asked (the `call_function` hook): the barrier. Coming back
/// from the interrupt makes it fetch its instructions anew.
pub fn answer() {
    fence(Ordering::SeqCst);
    WAITING.remove(cpu::current());
}
