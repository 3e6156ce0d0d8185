//! Kernel threads as the machine sees them: a stack, saved registers, and the switch between two.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::Ordering;

use crate::cpu::CpuId;
use crate::head::Head;
use crate::{head, ipi, machine};

/// Bytes of a kernel stack; unmapped pages stand below it.
pub const STACK_SIZE: usize = 16 * 1024;

/// No memory for a kernel stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

/// A thread's machine side: its stack and what is saved while it does not run.
pub struct Context {
    pub(crate) head: Head,
    stack: Option<machine::KernelStack>,
}

/// Something that has a [`Context`]: the scheduler's task. Made by [`runnable!`](crate::runnable).
///
/// # Safety
/// One type of a program has it, so that whatever runs is of that type.
pub unsafe trait Runnable: Send + Sync + 'static {
    /// Its context, always the same one.
    fn context(&self) -> &Context;
}

/// Makes a type [`Runnable`] by a field that is its context. A second one in the same
/// program does not link.
#[macro_export]
macro_rules! runnable {
    ($type:ty, $field:tt) => {
        const _: () = {
            #[unsafe(export_name = "nacre_the_runnable")]
            static THE_ONE: () = ();

            // SAFETY: the name above is in a program once.
            unsafe impl $crate::thread::Runnable for $type {
                #[inline(always)]
                fn context(&self) -> &$crate::thread::Context {
                    &self.$field
                }
            }
        };
    };
}

/// What runs, as the type it is.
#[inline]
pub fn downcast<T: Runnable>(runnable: Arc<dyn Runnable>) -> Arc<T> {
    // SAFETY: `T` is the only type that has the trait, by its contract.
    unsafe { Arc::from_raw(Arc::into_raw(runnable).cast::<T>()) }
}

impl Context {
    /// A thread that will run `entry` on a stack of its own the first time it is switched to, with
    /// interrupts on and a preempt count of 0. `entry` must not return: a thread ends by a last
    /// switch. Allocates; does not sleep.
    ///
    /// # Errors
    /// [`OutOfMemory`] when there are no frames for the stack.
    pub fn new(entry: Box<dyn FnOnce() + Send>) -> Result<Context, OutOfMemory> {
        let stack = machine::KernelStack::new(entry)?;
        let head = Head::new(0);
        head.sp.set(stack.initial_sp());
        Ok(Context {
            head,
            stack: Some(stack),
        })
    }

    /// A context for the flow that runs on this processor now (start-up, which becomes the idle
    /// thread); install it with [`adopt`].
    pub fn for_this_flow() -> Context {
        Context {
            head: Head::new(0),
            stack: None,
        }
    }

    /// Whether a processor runs this thread or is still leaving its stack.
    #[inline]
    pub fn is_running(&self) -> bool {
        self.head.running.load(Ordering::SeqCst)
    }

    /// The processor it runs on or ran on last.
    #[inline]
    pub fn cpu(&self) -> CpuId {
        self.head.cpu()
    }

    /// Ticks of the counter ([`ticks`](crate::time::ticks)) that the thread has been in user mode, up to now.
    #[inline]
    pub fn user_ticks(&self) -> u64 {
        self.head.user_ticks()
    }

    /// Makes the thread's present or next stay in user mode end soon: `UserContext::run` returns
    /// [`Trap::Interrupt`](crate::Trap). Call it after making a signal pending. Sends an interrupt
    /// when the thread runs on another processor. Never waits.
    pub fn kick(&self) {
        self.head.ask_attention();
        if self.is_running() && !core::ptr::eq(&raw const self.head, head()) {
            ipi::send(self.cpu().mask(), ipi::Ipi::Reschedule);
        }
    }

    /// Whether the thread's stack has been overrun, as far as its lowest word tells. Threads that
    /// adopted their stack answer `false`.
    pub fn has_own_stack(&self) -> bool {
        self.stack.is_some()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("running", &self.is_running())
            .field("cpu", &self.cpu())
            .finish()
    }
}

/// Makes the flow that runs now the thread `me`, whose context is a [`Context::for_this_flow`]. Once a
/// processor, before its first [`switch_to`].
///
/// # Panics
/// If this flow is a thread already, or the context has been used.
pub fn adopt(me: Arc<dyn Runnable>) {
    let _pin = crate::irq::IrqMask::new();
    let old = head();
    let new = &me.context().head;
    assert!(old.me.get().is_none(), "this flow is a thread already");
    assert!(
        !new.running.swap(true, Ordering::Acquire),
        "the context runs elsewhere"
    );
    assert!(
        me.context().stack.is_none(),
        "the context has a stack of its own"
    );
    new.set_cpu(old.cpu());
    new.set_count(old.count());
    new.want_resched(old.wants_resched());
    let new: *const Head = new;
    // SAFETY: the reference put in `me` keeps the head alive as long as the processor runs it.
    unsafe {
        (*new).me.set(Some(Arc::into_raw(me)));
        machine::set_head(new);
    }
}

/// Switches this processor to `next` and returns when somebody switches back. The thread left behind
/// goes to the `after_switch` hook on the new stack. Interrupts must be off. If another processor is
/// still leaving `next`'s stack, waits for it. To the running thread itself: nothing happens. Cost:
/// about 60 instructions, 50 more when floating point is used.
///
/// # Panics
/// If this flow was never adopted, interrupts are on, or `next` stands for a flow that has ended.
pub fn switch_to(next: Arc<dyn Runnable>) {
    assert!(!machine::irqs_enabled(), "switch with interrupts on");
    let prev = head();
    let to: *const Head = &raw const next.context().head;
    if core::ptr::eq(to, prev) {
        return;
    }
    assert!(prev.me.get().is_some(), "switch before adopt");
    // SAFETY: `next` keeps its context alive, and moves into it below.
    let to = unsafe { &*to };
    while to.running.swap(true, Ordering::AcqRel) {
        core::hint::spin_loop();
    }
    to.set_cpu(prev.cpu());
    if prev.wants_resched() {
        prev.want_resched(false);
        to.want_resched(true);
    }
    to.me.set(Some(Arc::into_raw(next)));
    machine::switch(prev, to);
}

/// What each switch does first on the new stack: gives up the old thread.
#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "the host machine does not switch")
)]
pub(crate) fn finish_switch(prev: &Head) {
    let me = prev.me.take();
    // Its registers and stack are saved: others may run it from here on.
    prev.running.store(false, Ordering::Release);
    if let Some(me) = me {
        // SAFETY: the pointer came from `Arc::into_raw` when the thread was switched to or adopted.
        crate::hooks::after_switch(unsafe { Arc::from_raw(me) });
    }
}

/// The running thread. Cost: a few instructions and an atomic increment.
///
/// # Panics
/// If this flow was never adopted.
#[inline]
pub fn current<T: Runnable>() -> Arc<T> {
    let Some(me) = head().me.get() else {
        no_thread()
    };
    let me = me.cast::<T>();
    // SAFETY: `T` is the only type that has the trait; the processor holds a reference, so the object lives;
    // the count covers the new one.
    unsafe {
        Arc::increment_strong_count(me);
        Arc::from_raw(me)
    }
}

/// Runs `f` on the running thread. Cost: two loads.
///
/// # Panics
/// If this flow was never adopted.
#[inline]
pub fn with_current<T: Runnable, R>(f: impl FnOnce(&T) -> R) -> R {
    let Some(me) = head().me.get() else {
        no_thread()
    };
    // SAFETY: `T` is the only type that has the trait; the reference the processor holds on the thread outlives
    // every call the thread makes.
    f(unsafe { &*me.cast::<T>() })
}

/// Whether this flow is a thread: `false` only in early start-up.
#[inline]
pub fn is_thread() -> bool {
    head().me.get().is_some()
}

#[cold]
#[inline(never)]
fn no_thread() -> ! {
    panic!("no thread runs here yet")
}
