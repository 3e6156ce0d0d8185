//! The AArch64 machine.

mod boot;
mod fp;
mod gic;
mod idregs;
mod interrupt;
mod irq;
mod kmap;
mod local;
mod panic;
mod psci;
mod smp;
mod symbols;
mod thread;
mod time;
mod trap;
mod uart;
mod user;
mod vdso;

pub(crate) use fp::{fp_forget, fp_load, fp_read, fp_with};
pub(crate) use gic::{controller, ipi_send, line_disable, line_enable, timer_line};
pub(crate) use irq::{
    IrqState, irq_disable, irq_enable, irq_restore, irqs_enabled, wait_for_interrupt,
};
pub(crate) use kmap::map_device_range;
pub(crate) use local::{head, set_head};
pub(crate) use panic::{halt, set_panic_action};
pub(crate) use psci::{power_off, power_reset};
pub(crate) use smp::start_secondaries;
pub(crate) use thread::{KernelStack, switch};
pub(crate) use time::{counter_frequency, now_ns, set_deadline, ticks, ticks_to_ns};
pub(crate) use uart::console_write;
pub(crate) use user::{pointers, run_user, set_thread_pointer, single_step};

pub(crate) use idregs::{hwcap, hwcap2, model};
pub(crate) use vdso::{publish_realtime, vdso_pages};
