//! Leaving one task for another.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hal::cpu::CpuId;
use hal::irq::IrqGuard;
use hal::preempt;
use hal::thread::Runnable;
use sync::{Instant, Task};

use super::queue::{RunQueue, weighted};
use super::{CPUS, Cpu, place};

/// How long a task runs before the others of its processor get a look.
const SLICE_NS: u64 = 3_000_000;

/// Why the processor looks for another task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The current task sleeps or has ended.
    Leaving,
    /// The current task lets others go first.
    Yielding,
    /// A better one may be there.
    Preempted,
}

pub(super) fn switch_away() {
    let irqs = IrqGuard::new();
    let goes_on = sync::with_current(|task| task.may_go_on());
    if !goes_on {
        schedule(Why::Leaving);
    }
    drop(irqs);
}

pub(super) fn yield_now() {
    let irqs = IrqGuard::new();
    if CPUS.here().waiting.load(Relaxed) > 0 {
        schedule(Why::Yielding);
    }
    drop(irqs);
}

/// hal's hook: a reschedule was asked for and nothing forbids it.
pub fn reschedule() {
    let irqs = IrqGuard::new();
    preempt::clear_need_resched();
    schedule(Why::Preempted);
    drop(irqs);
}

/// hal's hook: this processor's compare register has come. Interrupts are off.
pub fn timer_expired() {
    if sync::timer::expired() {
        let here = hal::cpu::current();
        let mut queue = CPUS.on(here).queue.lock();
        queue.ticking = false;
        let waiting = queue.len() > 0;
        drop(queue);
        if waiting {
            preempt::set_need_resched(here);
            place::offer_help(here);
        }
    }
}

/// Finds who runs next and switches there. Interrupts are off.
fn schedule(why: Why) {
    let here = hal::cpu::current();
    let cpu = CPUS.on(here);
    let ticks = hal::time::ticks();
    let now = hal::time::ticks_to_ns(ticks);
    let (vruntime, idling, may_stay) = sync::with_current(|task| {
        let idling = cpu.is_idle_task(task);
        let vruntime = account(task, cpu, ticks, idling);
        let may_stay = why == Why::Preempted && !idling && place::allowed(task).contains(here);
        (vruntime, idling, may_stay)
    });
    let mut queue = cpu.queue.lock();
    let next = if may_stay {
        queue.pop_before(vruntime)
    } else {
        queue.pop()
    };
    let Some(next) = next else {
        if !idling && !may_stay && why != Why::Yielding {
            queue.set_running(None, now);
            cpu.publish(&queue);
            drop(queue);
            if let Some(idle) = cpu.idle.get() {
                count_switch(cpu, why);
                go(idle.clone(), ticks);
            }
        } else if !idling {
            sync::with_current(|task| queue.set_running(Some(task), now));
            wants_tick(here, &mut queue, now);
            cpu.publish(&queue);
        }
        return;
    };
    queue.set_running(Some(&next), now);
    wants_tick(here, &mut queue, now);
    cpu.publish(&queue);
    drop(queue);
    count_switch(cpu, why);
    go(next, ticks);
}

fn go(next: Arc<Task>, now: u64) {
    sync::with_current(|task| task.entity().stops(now));
    next.entity().starts(now);
    hal::thread::switch_to(next);
}

fn count_switch(cpu: &Cpu, why: Why) {
    let switches = &cpu.times.switches;
    switches.store(switches.load(Relaxed).wrapping_add(1), Relaxed);
    sync::with_current(|task| task.entity().count_switch(why != Why::Preempted));
}

/// Books the current task's time up to now; answers its weighted run time.
fn account(task: &Task, cpu: &Cpu, now: u64, idling: bool) -> u64 {
    let entity = task.entity();
    let spent = entity.book(now, task.user_ticks());
    let add = |account: &AtomicU64, ticks: u64| {
        account.store(account.load(Relaxed).wrapping_add(ticks), Relaxed);
    };
    let times = &cpu.times;
    if idling {
        add(&times.idle, spent.system);
        return 0;
    }
    add(&times.user, spent.user);
    add(&times.system, spent.system);
    let spent = hal::time::ticks_to_ns(spent.user + spent.system);
    let vruntime = entity
        .vruntime()
        .saturating_add(weighted(spent, u64::from(entity.weight())));
    entity.set_vruntime(vruntime);
    vruntime
}

/// hal's hook, on the new task's stack with interrupts off.
pub fn after_switch(prev: Arc<dyn Runnable>) {
    let prev: Arc<Task> = hal::thread::downcast(prev);
    let here = hal::cpu::current();
    if let Some(runnable) = Task::switched_out(prev)
        && !CPUS.on(here).is_idle_task(&runnable)
    {
        place::requeue(here, runnable);
    }
    sync::with_current(|task| {
        if let Some(payload) = task.payload() {
            payload.switched_in();
        }
    });
}

/// Sets the slice timer if somebody waits and it is not set. `cpu` may be another processor's: then it
/// answers that it should be, and the processor has to do it itself.
pub(super) fn wants_tick(cpu: CpuId, queue: &mut RunQueue, now: u64) -> bool {
    if queue.ticking || queue.len() == 0 || queue.is_idle() {
        return false;
    }
    if cpu == hal::cpu::current() {
        queue.ticking = true;
        sync::timer::set_slice(Some(Instant::from_nanos(now.saturating_add(SLICE_NS))));
    }
    true
}

/// A weighted run time of processor `from` as one of a processor whose floor is `floor`: a task keeps
/// how far it is ahead of or behind the others.
pub(super) fn translate(vruntime: u64, from: CpuId, floor: u64) -> u64 {
    let before = CPUS.on(from).floor.load(Relaxed);
    if vruntime >= before {
        floor.saturating_add(vruntime - before)
    } else {
        floor.saturating_sub(before - vruntime)
    }
}

/// Ticks that `cpu` has idled since its books were last brought up to date.
pub(super) fn idle_since(cpu: CpuId) -> u64 {
    let cpu = CPUS.on(cpu);
    match cpu.idle.get() {
        Some(idle) if cpu.queue.lock().is_idle() => idle.entity().unbooked(),
        _ => 0,
    }
}
