//! Firmware calls: power, and starting processors (PSCI).

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::device::tree::Conduit;

static CONDUIT: AtomicU32 = AtomicU32::new(0);

const SYSTEM_OFF: u64 = 0x8400_0008;
const SYSTEM_RESET: u64 = 0x8400_0009;
const CPU_ON: u64 = 0xc400_0003;

/// Notes how the firmware is called.
pub(super) fn init(conduit: Option<Conduit>) {
    let value = match conduit {
        None => 0,
        Some(Conduit::Hvc) => 1,
        Some(Conduit::Smc) => 2,
    };
    CONDUIT.store(value, Ordering::Relaxed);
}

/// Calls the firmware; `NOT_SUPPORTED` (-1) when there is none.
fn call(function: u64, a: u64, b: u64, c: u64) -> i64 {
    let result: i64;
    match CONDUIT.load(Ordering::Relaxed) {
        // SAFETY: the SMC calling convention: x0 to x17 may be lost, memory is not touched behind us.
        1 => unsafe {
            asm!("hvc #0", inlateout("x0") function => result, inlateout("x1") a => _, inlateout("x2") b => _,
                inlateout("x3") c => _, clobber_abi("C"), options(nostack));
        },
        // SAFETY: as above.
        2 => unsafe {
            asm!("smc #0", inlateout("x0") function => result, inlateout("x1") a => _, inlateout("x2") b => _,
                inlateout("x3") c => _, clobber_abi("C"), options(nostack));
        },
        _ => result = -1,
    }
    result
}

/// Starts the processor with this affinity at a physical address; `context` comes in x0.
pub(super) fn cpu_on(affinity: u64, entry: u64, context: u64) -> bool {
    call(CPU_ON, affinity, entry, context) == 0
}

pub(crate) fn power_off() -> ! {
    call(SYSTEM_OFF, 0, 0, 0);
    super::panic::halt()
}

pub(crate) fn power_reset() -> ! {
    call(SYSTEM_RESET, 0, 0, 0);
    super::panic::halt()
}
