//! The boot console: a PL011, polled.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::lock::RawLock;

static BASE: AtomicUsize = AtomicUsize::new(0);
static LOCK: RawLock<()> = RawLock::new(());

const DATA: usize = 0x00;
const FLAGS: usize = 0x18;
/// The transmit queue is full.
const FULL: u32 = 1 << 5;

/// Uses the port whose registers are mapped at `base` from now on.
pub(super) fn init(base: usize) {
    BASE.store(base, Ordering::Release);
}

pub(crate) fn console_write(bytes: &[u8]) {
    let base = BASE.load(Ordering::Acquire);
    if base == 0 {
        return;
    }
    let _irq = crate::irq::IrqMask::new();
    // A dying processor must not wait for one that was stopped while it printed.
    let mut held = LOCK.try_lock();
    for _ in 0..1_000_000 {
        if held.is_some() {
            break;
        }
        core::hint::spin_loop();
        held = LOCK.try_lock();
    }
    for &byte in bytes {
        // SAFETY: mapped PL011 registers.
        unsafe {
            while ((base + FLAGS) as *const u32).read_volatile() & FULL != 0 {
                core::hint::spin_loop();
            }
            ((base + DATA) as *mut u32).write_volatile(u32::from(byte));
        }
    }
}
