//! The AArch64 machine.

mod irq;
mod local;
mod time;
mod unbuilt;

pub(crate) use irq::{
    IrqState, irq_disable, irq_enable, irq_restore, irqs_enabled, wait_for_interrupt,
};
pub(crate) use local::{head, set_head};
pub(crate) use time::{counter_frequency, now_ns, set_deadline};
pub(crate) use unbuilt::*;
