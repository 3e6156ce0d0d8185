//! Start-up, from hal's first call to the first process.

use alloc::boxed::Box;

use hal::boot::BootInfo;
use hal::hooks::Hooks;
use sync::{Task, TaskName};
use task::cmdline::CommandLine;
use task::sched::hooks::{after_switch, reschedule, timer_expired};
use task::{klog, machine, random, sched};

use crate::{first, panic_action, terminals, user};

/// Threads there may be for each MiB of memory: their stacks take an eighth of it.
const THREADS_PER_MIB: usize = 8;

/// The kernel's first function, on the boot processor, interrupts off.
pub fn start(info: BootInfo) -> ! {
    klog::install();
    let line = CommandLine::parse(&info.command_line);
    klog::set_console_level(line.loglevel);
    panic_action::set(line.panic);
    let memory: u64 = info.memory.iter().map(|(_, length)| length).sum();
    log::info!(
        "Nacre {} on {} of {} processors, {} MiB",
        env!("CARGO_PKG_VERSION"),
        line.max_cpus.unwrap_or(info.cpus).min(info.cpus),
        info.cpus,
        memory >> 20,
    );
    log::info!("Kernel command line: {}", info.command_line);
    random::stir(&info.seed, true);
    vfs::name_hash::set_key(random::word());
    vfs::owner::set_signal(task::sigio::tell);
    machine::set_randomizes(line.randomize);
    machine::set_traced(line.trace.clone());
    machine::set_max_threads((memory >> 20) as usize * THREADS_PER_MIB);
    machine::install(machine::Hooks {
        init_ended: panic_action::init_ended,
        session_ended: terminals::session_ended,
    });
    task::futex::start();
    mm::pressure::install(task::oom::relieve);
    if let Some(pages) = hal::vdso::pages() {
        task::vdso::install(pages);
    }
    hal::hooks::install(Hooks {
        reschedule,
        timer_expired,
        page_fault: user::page_fault,
        after_switch,
        call_function: mm::barrier::answer,
    });
    sched::init_cpu();
    if let Err(error) = sync::start_reaper() {
        log::error!("no memory for the reaper: {error}");
    }
    let cpus = line.max_cpus.unwrap_or(usize::MAX);
    let running = hal::smp::start_secondaries(cpus, secondary);
    if running > 1 {
        log::info!("{running} processors run");
    }
    match Task::new(
        TaskName::new(b"init"),
        Box::new(move || first::run(line, info)),
    ) {
        Ok(task) => task.start(),
        Err(error) => log::error!("no memory for the first process: {error}"),
    }
    hal::irq::enable_all();
    sched::idle()
}

/// A further processor's first function, interrupts off.
fn secondary() -> ! {
    sched::init_cpu();
    hal::irq::enable_all();
    sched::idle()
}
