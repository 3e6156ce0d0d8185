//! The host machine: an ordinary computer's threads, clock and parking, for tests.
//!
//! Each thread of the test is a flow of its own with a processor number (they repeat after eight).
//! There are no interrupts; there is no switching and no user mode.

use std::boxed::Box;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::cpu::{CpuMask, MAX_CPUS};
use crate::head::Head;
use crate::ipi::Ipi;
use crate::irq::IrqLine;
use crate::thread::OutOfMemory;
use crate::user::{FpState, Registers, Trap};

use core::cell::Cell;

static NEXT_CPU: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static HEAD: Cell<*const Head> = const { Cell::new(core::ptr::null()) };
    static IRQS_ON: Cell<bool> = const { Cell::new(true) };
}

#[cold]
fn first_head() -> *const Head {
    let cpu = NEXT_CPU.fetch_add(1, Ordering::Relaxed) % MAX_CPUS as u32;
    let head: &'static Head = Box::leak(Box::new(Head::new(cpu)));
    crate::cpu::set_online(head.cpu());
    HEAD.set(head);
    head
}

pub(crate) fn head() -> &'static Head {
    let head = HEAD.get();
    let head = if head.is_null() { first_head() } else { head };
    // SAFETY: a leaked box, or a head kept alive by the reference in its `me`.
    unsafe { &*head }
}

/// # Safety
/// The head lives as long as this thread runs.
pub(crate) unsafe fn set_head(head: *const Head) {
    HEAD.set(head);
}

pub(crate) type IrqState = bool;

pub(crate) fn irq_disable() -> IrqState {
    IRQS_ON.replace(false)
}

pub(crate) fn irq_restore(before: IrqState) {
    IRQS_ON.set(before);
}

pub(crate) fn irq_enable() {
    IRQS_ON.set(true);
}

pub(crate) fn irqs_enabled() -> bool {
    IRQS_ON.get()
}

pub(crate) fn wait_for_interrupt() {
    std::thread::sleep(Duration::from_micros(100));
}

pub(crate) fn line_enable(_: IrqLine) {}

pub(crate) fn line_disable(_: IrqLine) {}

pub(crate) fn ipi_send(_: CpuMask, _: Ipi) {}

pub(crate) fn timer_line() -> u32 {
    0
}

pub(crate) fn controller() -> &'static str {
    "none"
}

static START: OnceLock<Instant> = OnceLock::new();

pub(crate) fn now_ns() -> u64 {
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

pub(crate) fn ticks() -> u64 {
    now_ns()
}

pub(crate) fn ticks_to_ns(ticks: u64) -> u64 {
    ticks
}

pub(crate) fn counter_frequency() -> u64 {
    1_000_000_000
}

pub(crate) fn set_deadline(_: Option<u64>) {}

pub(crate) fn publish_realtime(_: u64) {}

/// Threads of the host machine are the host's own: none can be made here.
pub(crate) struct KernelStack;

impl KernelStack {
    /// A context that can be named and kicked, though never switched to.
    pub(crate) fn new(entry: Box<dyn FnOnce() + Send>) -> Result<KernelStack, OutOfMemory> {
        drop(entry);
        Ok(KernelStack)
    }

    pub(crate) fn initial_sp(&self) -> usize {
        0
    }
}

pub(crate) fn switch(_: &Head, _: &Head) {
    unreachable!("the host machine does not switch threads")
}

pub(crate) type OnCall = unsafe extern "C" fn(*mut (), *mut Registers);

/// # Safety
/// None: it does not return.
pub(crate) unsafe fn run_user(_: *mut Registers, _: OnCall, _: *mut ()) -> Trap {
    unreachable!("the host machine has no user mode")
}

pub(crate) fn pointers() -> [u64; 2] {
    [0; 2]
}

pub(crate) fn set_thread_pointer(_: u64) {}

thread_local! {
    static FP: core::cell::RefCell<FpState> = const { core::cell::RefCell::new(FpState::ZERO) };
}

pub(crate) fn fp_with<R>(f: impl FnOnce(&FpState) -> R) -> R {
    f(&FP.with_borrow(Clone::clone))
}

pub(crate) fn fp_load(state: &FpState) {
    head().fp_used.set(true);
    FP.with_borrow_mut(|fp| fp.clone_from(state));
}

pub(crate) fn fp_read() -> FpState {
    FP.with_borrow(FpState::clone)
}

pub(crate) fn fp_forget() {
    head().fp_used.set(false);
    FP.with_borrow_mut(|fp| *fp = FpState::ZERO);
}

pub(crate) fn single_step(_: bool) {}

pub(crate) fn start_secondaries(_: usize, _: fn() -> !) -> usize {
    1
}

pub(crate) fn power_off() -> ! {
    std::process::exit(0)
}

pub(crate) fn power_reset() -> ! {
    std::process::exit(0)
}

pub(crate) fn halt() -> ! {
    std::process::exit(1)
}

pub(crate) fn console_write(bytes: &[u8]) {
    // A closed stderr leaves nowhere to complain.
    let _ = std::io::stderr().write_all(bytes);
}

pub(crate) fn set_panic_action(_: fn() -> !) {}

/// There are no devices here.
pub(crate) fn map_device_range(_base: u64, _size: u64) -> Option<core::ptr::NonNull<u8>> {
    None
}

pub(crate) fn vdso_pages() -> Option<crate::vdso::Pages> {
    None
}

pub(crate) fn model() -> u32 {
    0
}

pub(crate) fn hwcap() -> u64 {
    0
}

pub(crate) fn hwcap2() -> u64 {
    0
}
