//! What happens after a panic, as `panic=` says.

use core::sync::atomic::{AtomicI64, Ordering};

use task::cmdline::OnPanic;

/// Seconds until the restart; negative: at once; 0: never.
static SECONDS: AtomicI64 = AtomicI64::new(0);

/// Sets what a panic leads to.
pub fn set(on: OnPanic) {
    let seconds = match on {
        OnPanic::Hang => 0,
        OnPanic::RestartNow => -1,
        OnPanic::RestartAfter(seconds) => i64::from(seconds),
    };
    SECONDS.store(seconds, Ordering::Relaxed);
    hal::console::set_panic_action(act);
}

fn act() -> ! {
    let seconds = SECONDS.load(Ordering::Relaxed);
    if seconds == 0 {
        hal::power::halt();
    }
    let until = hal::time::now_ns().saturating_add(seconds.max(0).unsigned_abs() * 1_000_000_000);
    while hal::time::now_ns() < until {
        core::hint::spin_loop();
    }
    hal::power::reset()
}

/// Process 1 has ended.
#[allow(
    clippy::panic,
    reason = "a machine without process 1 has nothing left to do"
)]
pub fn init_ended(status: i32) -> ! {
    panic!("Attempted to kill init! exitcode={status:#010x}")
}
