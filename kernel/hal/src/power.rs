//! Ending: power off, restart, halt. None returns, none sleeps.

use crate::machine;

/// Switches the machine off; halts where the firmware cannot.
pub fn off() -> ! {
    machine::power_off()
}

/// Restarts the machine; halts where the firmware cannot.
pub fn reset() -> ! {
    machine::power_reset()
}

/// Stops every processor for good, interrupts off.
pub fn halt() -> ! {
    machine::halt()
}
