//! What hal calls in the crates above it: plain functions, installed once at start.

use alloc::sync::Arc;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::addr::UserAddr;
use crate::thread::Runnable;
use crate::user::Access;

/// The functions the kernel above gives hal.
#[derive(Clone, Copy)]
pub struct Hooks {
    /// Runs the scheduler: called when the preempt count reaches 0 and a reschedule is due, with
    /// interrupts on (a guard ended) or off (an interrupt ends); leaves them as they were.
    pub reschedule: fn(),
    /// This processor's deadline has passed. Interrupts are off.
    pub timer_expired: fn(),
    /// A copy between kernel and user memory faulted. Resolves it (may sleep) or answers `false`.
    pub page_fault: fn(UserAddr, Access) -> bool,
    /// The thread that ran before, on the new thread's stack, interrupts off.
    pub after_switch: fn(Arc<dyn Runnable>),
    /// Another processor sent `CallFunction`. Interrupts are off.
    pub call_function: fn(),
}

impl core::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hooks")
    }
}

static HOOKS: AtomicPtr<Hooks> = AtomicPtr::new(ptr::null_mut());

/// Installs the functions. Later calls replace them; the last one counts (tests on the host).
pub fn install(hooks: Hooks) {
    let hooks = alloc::boxed::Box::leak(alloc::boxed::Box::new(hooks));
    HOOKS.store(hooks, Ordering::Release);
}

#[inline]
fn installed() -> Option<&'static Hooks> {
    // SAFETY: the pointer is null or a leaked box.
    unsafe { HOOKS.load(Ordering::Acquire).as_ref() }
}

/// Runs the scheduler; `false` when there is none yet.
#[inline]
pub(crate) fn reschedule() -> bool {
    let Some(hooks) = installed() else {
        return false;
    };
    (hooks.reschedule)();
    true
}

#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "the host machine has no interrupts")
)]
pub(crate) fn timer_expired() {
    if let Some(hooks) = installed() {
        (hooks.timer_expired)();
    }
}

#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "the host machine has no interrupts")
)]
pub(crate) fn call_function() {
    if let Some(hooks) = installed() {
        (hooks.call_function)();
    }
}

/// Resolves a user address for the kernel; `false` when nothing is there.
pub fn page_fault(addr: UserAddr, access: Access) -> bool {
    installed().is_some_and(|hooks| (hooks.page_fault)(addr, access))
}

#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "the host machine does not switch")
)]
pub(crate) fn after_switch(prev: Arc<dyn Runnable>) {
    match installed() {
        Some(hooks) => (hooks.after_switch)(prev),
        None => drop(prev),
    }
}
