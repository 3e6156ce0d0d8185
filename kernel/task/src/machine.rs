//! What the whole system agrees on: limits on threads, layout at random, and what the binary
//! decides when process 1 ends.

use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sync::Once;

use crate::jobs::Terminal;

/// What the binary decides.
pub struct Hooks {
    /// Process 1 has ended with this wait status.
    pub init_ended: fn(i32) -> !,
    /// The leader of a session with this terminal has ended.
    pub session_ended: fn(&Terminal, u32),
}

static HOOKS: Once<Hooks> = Once::new();
static TRACED: Once<Vec<String>> = Once::new();
static RANDOMIZES: AtomicBool = AtomicBool::new(true);
static MAX_THREADS: AtomicUsize = AtomicUsize::new(1000);

/// Installs what the binary decides. Once.
pub fn install(hooks: Hooks) {
    let _ = HOOKS.set(hooks);
}

pub(crate) fn hooks() -> Option<&'static Hooks> {
    HOOKS.get()
}

/// Whether programs are laid out at random.
pub fn randomizes() -> bool {
    RANDOMIZES.load(Ordering::Relaxed)
}

/// Sets whether programs are laid out at random (`norandmaps`,
/// `/proc/sys/kernel/randomize_va_space`).
pub fn set_randomizes(on: bool) {
    RANDOMIZES.store(on, Ordering::Relaxed);
}

/// Threads there may be at once (`/proc/sys/kernel/threads-max`).
pub fn max_threads() -> usize {
    MAX_THREADS.load(Ordering::Relaxed)
}

/// Sets how many threads there may be.
pub fn set_max_threads(count: usize) {
    MAX_THREADS.store(count, Ordering::Relaxed);
}

/// Names the programs whose calls are traced from their start (`trace=` on the command line). Once.
pub fn set_traced(names: Vec<String>) {
    let _ = TRACED.set(names);
}

/// Whether a program that is started under this file name is traced.
pub(crate) fn is_traced(name: &[u8]) -> bool {
    let named = |names: &Vec<String>| names.iter().any(|traced| traced.as_bytes() == name);
    TRACED.get().is_some_and(named)
}
