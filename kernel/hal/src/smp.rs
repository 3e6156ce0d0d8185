//! Bringing up the other processors.

use crate::machine;

/// Starts every further processor the device tree has, `limit` in all at most (`maxcpus=`); each calls
/// `main` on a stack of its own with interrupts off. Waits until each has counted itself online (or
/// has failed to within 100 ms). Returns how many run. Once, on the boot processor.
pub fn start_secondaries(limit: usize, main: fn() -> !) -> usize {
    machine::start_secondaries(limit, main)
}
