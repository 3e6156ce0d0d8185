//! What a processor without work does: look at the others' queues, then wait for an interrupt.

use core::sync::atomic::Ordering::Relaxed;

use alloc::sync::Arc;

use hal::cpu::{CpuId, CpuMask};
use hal::irq::IrqGuard;
use hal::{ipi, preempt};
use sync::Task;

use super::{ACTIVE, CPUS, IDLE, place};

/// One turn of the idle task.
pub(super) fn idle_once() {
    let here = hal::cpu::current();
    let irqs = IrqGuard::new();
    IDLE.insert(here);
    if let Some(task) = steal(here) {
        IDLE.remove(here);
        place::queue_on(here, task, false);
    } else if CPUS.on(here).waiting.load(Relaxed) > 0 {
        preempt::set_need_resched(here);
    } else if !preempt::need_resched() {
        return hal::irq::wait(irqs);
    }
    // A task runs here next: nobody is to take this processor for idle.
    IDLE.remove(here);
    // Here the reschedule is done.
    drop(irqs);
}

/// Takes a task that waits elsewhere and may run here, from the longest queue.
fn steal(here: CpuId) -> Option<Arc<Task>> {
    let mut others = ACTIVE.load().without(here);
    while let Some(cpu) = longest(others) {
        let there = CPUS.on(cpu);
        let mut queue = there.queue.lock();
        let task = queue.take(|task| task.entity().affinity().contains(here));
        there.publish(&queue);
        drop(queue);
        if task.is_some() {
            return task;
        }
        others.remove(cpu);
    }
    None
}

fn longest(cpus: CpuMask) -> Option<CpuId> {
    let waiting = |cpu: &CpuId| CPUS.on(*cpu).waiting.load(Relaxed);
    cpus.iter()
        .filter(|cpu| waiting(cpu) > 0)
        .max_by_key(waiting)
}

/// Makes an idle processor look round.
pub(super) fn call(idle: CpuId) {
    if IDLE.remove(idle) {
        ipi::send(idle.mask(), ipi::Ipi::Reschedule);
    }
}
