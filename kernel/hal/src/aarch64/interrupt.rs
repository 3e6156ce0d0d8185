//! Serving an interrupt: the controller's number to whom it concerns.

use core::arch::asm;

use super::{gic, panic};
use crate::ipi::Ipi;
use crate::preempt::HARD_IRQ;
use crate::{head, hooks, irq};

/// The virtual timer's private line, unless the device tree says otherwise.
pub(super) const TIMER_LINE: u32 = 27;

/// Serves what is pending. Interrupts are off and stay off; nothing is rescheduled here.
#[inline]
pub(super) fn serve() {
    let head = head();
    head.enter(HARD_IRQ);
    while let Some(number) = gic::acknowledge() {
        let line = number & 0x3ff;
        match line {
            0..=15 => {
                // The sender may be asking for what we are about to look at: end first.
                gic::end(number);
                inter_processor(line);
                continue;
            }
            _ if line == gic::timer_line() => {
                // Quiet until the next deadline is set.
                // SAFETY: masks this processor's timer.
                unsafe { asm!("msr cntv_ctl_el0, {0}", "isb", in(reg) 3u64, options(nostack)) };
                irq::count_private(irq::Private::Timer);
                hooks::timer_expired();
            }
            _ => {
                if !irq::dispatch(line) {
                    gic::disable(line);
                }
            }
        }
        gic::end(number);
    }
    head.leave(HARD_IRQ);
}

fn inter_processor(line: u32) {
    if line == Ipi::Reschedule as u32 {
        irq::count_private(irq::Private::Reschedule);
        head().want_resched(true);
    } else if line == Ipi::CallFunction as u32 {
        irq::count_private(irq::Private::CallFunction);
        hooks::call_function();
    } else {
        panic::stop_here()
    }
}
