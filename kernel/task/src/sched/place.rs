//! Where a task that becomes runnable goes.

use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;

use hal::cpu::{CpuId, CpuMask};
use hal::preempt;
use sync::Task;
use sync::sched::Wake;

use super::queue::RunQueue;
use super::{ACTIVE, CPUS, IDLE, STARTED, balance, switch};

/// Queues a runnable task and sees to it that its processor notices.
pub(super) fn enqueue(task: Arc<Task>, wake: Wake) {
    // Keeps "this processor" true, and puts the reschedule off until the locks are free.
    let pin = preempt::PreemptGuard::new();
    let here = hal::cpu::current();
    if wake == Wake::New {
        STARTED.fetch_add(1, Relaxed);
    }
    let allowed = allowed(&task);
    if wake == Wake::Sync && allowed.contains(here) && !preempt::in_interrupt() {
        return partner(here, task);
    }
    let cpu = choose(&task, allowed, here, wake);
    queue_on(cpu, task, true);
    drop(pin);
}

/// The time as the scheduler needs it: it loses nothing when the reading is a few instructions early.
fn now_ns() -> u64 {
    hal::time::ticks_to_ns(hal::time::ticks())
}

/// The processors a task may run on now. A mask that none of them is in counts for nothing.
pub(super) fn allowed(task: &Task) -> CpuMask {
    let active = ACTIVE.load();
    let both = task.entity().affinity().and(active);
    if both.is_empty() { active } else { both }
}

fn choose(task: &Task, allowed: CpuMask, here: CpuId, wake: Wake) -> CpuId {
    let last = task.entity().cpu().unwrap_or(here);
    // One processor: no choice.
    if allowed == last.mask() {
        return last;
    }
    let idle = IDLE.load().and(allowed);
    if idle.contains(last) {
        return last;
    }
    if let Some(cpu) = idle.first() {
        // Taken off so that the next task looks elsewhere.
        IDLE.remove(cpu);
        return cpu;
    }
    if wake != Wake::New && allowed.contains(last) {
        return last;
    }
    let waiting = |cpu: &CpuId| CPUS.on(*cpu).waiting.load(Relaxed);
    allowed.iter().min_by_key(waiting).unwrap_or(here)
}

/// Gives a task its place in the queue's time and queues it there.
#[inline]
fn settle(cpu: CpuId, queue: &mut RunQueue, task: &Task, slept: bool, now: u64) -> u64 {
    queue.raise_floor(now);
    let entity = task.entity();
    let mut vruntime = entity.vruntime();
    if let Some(last) = entity.cpu().filter(|last| *last != cpu) {
        vruntime = switch::translate(vruntime, last, queue.floor());
    }
    let vruntime = queue.place(vruntime, slept);
    entity.set_vruntime(vruntime);
    entity.set_cpu(cpu);
    vruntime
}

/// Queues a task on a processor that shall notice. `slept`: it gets a sleeper's place in time.
pub(super) fn queue_on(cpu: CpuId, task: Arc<Task>, slept: bool) {
    let now = now_ns();
    let there = CPUS.on(cpu);
    let mut queue = there.queue.lock();
    let vruntime = settle(cpu, &mut queue, &task, slept, now);
    let urgent = queue.is_urgent(vruntime, now);
    queue.push(task);
    // Only a processor itself can set its timer: another one does when it looks.
    let look = switch::wants_tick(cpu, &mut queue, now) && cpu != hal::cpu::current();
    there.publish(&queue);
    drop(queue);
    if urgent || look {
        preempt::set_need_resched(cpu);
    }
}

/// Queues the partner of a synchronous wake-up to run next here.
fn partner(here: CpuId, task: Arc<Task>) {
    let now = now_ns();
    let cpu = CPUS.on(here);
    let mut queue = cpu.queue.lock();
    settle(here, &mut queue, &task, true, now);
    queue.push_next(task);
    switch::wants_tick(here, &mut queue, now);
    cpu.publish(&queue);
}

/// Puts a task that was switched away from while runnable back on a queue.
pub(super) fn requeue(here: CpuId, task: Arc<Task>) {
    if !allowed(&task).contains(here) {
        return enqueue(task, Wake::Normal);
    }
    // The processor has just chosen another: no second look.
    let now = now_ns();
    let cpu = CPUS.on(here);
    let mut queue = cpu.queue.lock();
    queue.push(task);
    switch::wants_tick(here, &mut queue, now);
    cpu.publish(&queue);
}

/// Moves a task whose mask has changed, if it runs or waits where it may not.
pub(super) fn affinity_changed(task: &Arc<Task>) {
    let Some(cpu) = task.entity().cpu() else {
        return;
    };
    if allowed(task).contains(cpu) {
        return;
    }
    let mut queue = CPUS.on(cpu).queue.lock();
    let queued = queue.take(|other| Arc::ptr_eq(other, task));
    CPUS.on(cpu).publish(&queue);
    drop(queue);
    match queued {
        Some(task) => enqueue(task, Wake::Normal),
        // Running, perhaps: its processor looks. Asleep: it is placed anew when it wakes.
        None => preempt::set_need_resched(cpu),
    }
}

/// A slice has ended and somebody still waits here: an idle processor may help.
pub(super) fn offer_help(here: CpuId) {
    if CPUS.on(here).waiting.load(Relaxed) > 0
        && let Some(idle) = IDLE.load().without(here).first()
    {
        balance::call(idle);
    }
}
