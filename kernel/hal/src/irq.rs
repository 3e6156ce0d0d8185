//! Interrupts: the mask of this processor, device lines and their handlers.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::cpu::{CpuId, MAX_CPUS, Pinned, sealed};
use crate::{head, machine, preempt};

/// Keeps interrupts off while it lives; nests. Dropping the outermost may run the scheduler if a
/// handler or a wake-up asked for it meanwhile. Cost: three instructions each way.
#[derive(Debug)]
pub struct IrqGuard {
    mask: core::mem::ManuallyDrop<IrqMask>,
}

impl IrqGuard {
    /// Turns interrupts off, remembering how they were.
    #[inline]
    #[must_use]
    pub fn new() -> IrqGuard {
        IrqGuard {
            mask: core::mem::ManuallyDrop::new(IrqMask::new()),
        }
    }
}

impl Default for IrqGuard {
    fn default() -> Self {
        IrqGuard::new()
    }
}

impl Drop for IrqGuard {
    #[inline]
    fn drop(&mut self) {
        machine::irq_restore(self.mask.before);
        if head().due() {
            preempt::reschedule_if_allowed();
        }
    }
}

impl sealed::Sealed for IrqGuard {}
impl Pinned for IrqGuard {}

/// The bare mask: as [`IrqGuard`], but never runs the scheduler.
#[derive(Debug)]
pub(crate) struct IrqMask {
    before: machine::IrqState,
    here: PhantomData<*mut ()>,
}

impl IrqMask {
    #[inline]
    pub(crate) fn new() -> IrqMask {
        IrqMask {
            before: machine::irq_disable(),
            here: PhantomData,
        }
    }
}

impl Drop for IrqMask {
    #[inline]
    fn drop(&mut self) {
        machine::irq_restore(self.before);
    }
}

/// Whether interrupts are on for this processor.
#[inline]
pub fn enabled() -> bool {
    machine::irqs_enabled()
}

/// Turns interrupts on whatever they were: for a thread's first moments and the idle loop.
pub fn enable_all() {
    machine::irq_enable();
}

/// Waits for an interrupt and lets it in. Call with a guard under which there was found nothing to do:
/// an interrupt that came after the guard was taken ends the wait at once, so no wake-up is lost.
/// Returns with interrupts on, the scheduler called if it is due.
pub fn wait(guard: IrqGuard) {
    machine::wait_for_interrupt();
    drop(guard);
}

/// How a device signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// Once at each rising edge.
    Edge,
    /// For as long as the line is high: the handler must quieten the device.
    Level,
}

/// A device's interrupt line, as the device tree names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IrqLine {
    /// The interrupt controller's number (INTID): 32 and up for shared devices.
    pub number: u32,
    /// Edge or level.
    pub trigger: Trigger,
}

/// The first number of a shared peripheral's line.
const FIRST_SHARED: u32 = 32;
/// How many shared lines have handlers.
const SHARED_LINES: usize = 256;

/// One handler of a line; several devices may share it, the last of the list is the first registered. Never freed: lines
/// stay for good.
struct Handler {
    line: IrqLine,
    name: &'static str,
    run: Arc<dyn Fn() + Send + Sync>,
    /// How often it ran, on the boot processor, which takes all device lines.
    taken: AtomicU32,
    next: AtomicPtr<Handler>,
}

static HANDLERS: [AtomicPtr<Handler>; SHARED_LINES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; SHARED_LINES];

fn chain(number: u32) -> Option<&'static AtomicPtr<Handler>> {
    HANDLERS.get(number.checked_sub(FIRST_SHARED)? as usize)
}

/// The line is not one a device can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSuchLine;

/// Adds a handler for a device's line; it runs with interrupts off on the processor that takes the
/// interrupt (acknowledge, mark, wake; never sleep). The line stays off until [`enable`]. Several
/// handlers of a shared line all run. `name` is whom it serves, for [`device_counts`]. Allocates.
///
/// # Errors
/// [`NoSuchLine`] when the number is not a shared peripheral's.
pub fn register(
    line: IrqLine,
    name: &'static str,
    handler: Arc<dyn Fn() + Send + Sync>,
) -> Result<(), NoSuchLine> {
    let head = chain(line.number).ok_or(NoSuchLine)?;
    let node = Box::leak(Box::new(Handler {
        line,
        name,
        run: handler,
        taken: AtomicU32::new(0),
        next: AtomicPtr::new(ptr::null_mut()),
    }));
    let mut first = head.load(Ordering::Acquire);
    loop {
        node.next.store(first, Ordering::Relaxed);
        match head.compare_exchange(first, node, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Ok(()),
            Err(now) => first = now,
        }
    }
}

/// Lets the line interrupt; the boot processor takes it.
pub fn enable(line: IrqLine) {
    machine::line_enable(line);
}

/// Stops the line.
pub fn disable(line: IrqLine) {
    machine::line_disable(line);
}

/// Runs the handlers of a device's line; whether it had any.
#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "the host machine has no device lines")
)]
pub(crate) fn dispatch(number: u32) -> bool {
    let Some(head) = chain(number) else {
        return false;
    };
    let mut any = false;
    for node in nodes(head) {
        any = true;
        add_one(&node.taken);
        (node.run)();
    }
    any
}

fn nodes(head: &'static AtomicPtr<Handler>) -> impl Iterator<Item = &'static Handler> {
    let mut next = head.load(Ordering::Acquire);
    core::iter::from_fn(move || {
        // SAFETY: nodes are leaked boxes, published by `register` and never freed or unlinked.
        let node = unsafe { next.as_ref() }?;
        next = node.next.load(Ordering::Acquire);
        Some(node)
    })
}

/// Counts up what only this processor counts, with interrupts off.
#[inline(always)]
fn add_one(count: &AtomicU32) {
    let now = count.load(Ordering::Relaxed).wrapping_add(1);
    count.store(now, Ordering::Relaxed);
}

/// What interrupts each processor for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Private {
    /// Another wants it to run the scheduler.
    Reschedule,
    /// Another wants it to run something.
    CallFunction,
    /// Its timer.
    Timer,
}

static PRIVATE: [[AtomicU32; 4]; MAX_CPUS] = [const { [const { AtomicU32::new(0) }; 4] }; MAX_CPUS];

/// Counts an interrupt of this processor's own.
#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "the host machine has no interrupts")
)]
#[inline(always)]
pub(crate) fn count_private(what: Private) {
    add_one(&PRIVATE[head().cpu().index()][what as usize]);
}

/// How often a processor was interrupted by what is its own.
#[must_use]
pub fn private_count(cpu: CpuId, what: Private) -> u32 {
    PRIVATE[cpu.index()][what as usize].load(Ordering::Relaxed)
}

/// The device lines that have handlers, in order, with whom they serve (one of them, if several share the line) and how
/// often they interrupted. The boot processor takes them all.
pub fn device_counts() -> impl Iterator<Item = (IrqLine, &'static str, u32)> {
    let first = |head| nodes(head).last();
    HANDLERS
        .iter()
        .filter_map(first)
        .map(|node| (node.line, node.name, node.taken.load(Ordering::Relaxed)))
}

/// The number of the line of the processors' own timers.
#[must_use]
pub fn timer_line() -> u32 {
    machine::timer_line()
}

/// The interrupt controller's name.
#[must_use]
pub fn controller() -> &'static str {
    machine::controller()
}
