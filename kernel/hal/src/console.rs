//! The early console: polled output for the log and for panics.

use core::fmt;

use crate::machine;

/// Writes bytes to the boot console, waiting for each to fit. Usable anywhere, also in interrupt
/// handlers and panics; where the machine has no console the bytes are dropped.
pub fn early_write(bytes: &[u8]) {
    machine::console_write(bytes);
}

/// The early console as a formatter; line feeds get a carriage return.
#[derive(Debug, Clone, Copy)]
pub struct EarlyConsole;

impl fmt::Write for EarlyConsole {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                early_write(b"\r\n");
            }
            early_write(line.as_bytes());
        }
        Ok(())
    }
}

/// Registers the function a panic or kernel fault calls once everything has been printed, to act as
/// `panic=` says. Without one the machine halts.
pub fn set_panic_action(action: fn() -> !) {
    machine::set_panic_action(action);
}
