//! What is not built yet: every entry says so and stops.

use alloc::boxed::Box;

use crate::cpu::CpuMask;
use crate::head::Head;
use crate::ipi::Ipi;
use crate::irq::IrqLine;
use crate::thread::OutOfMemory;
use crate::user::{FpState, Registers, Trap};

fn unbuilt() -> ! {
    panic!("this part of the machine is not built yet")
}

pub(crate) fn line_enable(_: IrqLine) {
    unbuilt()
}
pub(crate) fn line_disable(_: IrqLine) {
    unbuilt()
}
pub(crate) fn ipi_send(_: CpuMask, _: Ipi) {
    unbuilt()
}
pub(crate) fn publish_realtime(_: u64) {
    unbuilt()
}
pub(crate) struct KernelStack;
impl KernelStack {
    pub(crate) fn new(_: Box<dyn FnOnce() + Send>) -> Result<KernelStack, OutOfMemory> {
        Err(OutOfMemory)
    }
    pub(crate) fn initial_sp(&self) -> usize {
        0
    }
}
pub(crate) fn switch(_: &Head, _: &Head) {
    unbuilt()
}
pub(crate) fn run_user(_: &mut Registers) -> Trap {
    unbuilt()
}
pub(crate) fn fp_load(_: &FpState) {
    unbuilt()
}
pub(crate) fn fp_read() -> FpState {
    unbuilt()
}
pub(crate) fn fp_forget() {
    unbuilt()
}
pub(crate) fn single_step(_: bool) {
    unbuilt()
}
pub(crate) fn start_secondaries(_: usize, _: fn() -> !) -> usize {
    1
}
pub(crate) fn power_off() -> ! {
    halt()
}
pub(crate) fn power_reset() -> ! {
    halt()
}
pub(crate) fn halt() -> ! {
    loop {
        crate::machine::wait_for_interrupt();
    }
}
pub(crate) fn console_write(_: &[u8]) {}
pub(crate) fn set_panic_action(_: fn() -> !) {}
