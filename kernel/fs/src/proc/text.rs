//! The text of a file being made.

use abi::{Errno, Result};
use alloc::vec::Vec;
use core::fmt;

/// Bytes being collected. Writing to it fails for want of memory only, which [`Text::finish`] tells, so
/// that the result of each `write!` needs no look.
#[derive(Default)]
pub struct Text {
    bytes: Vec<u8>,
    failed: bool,
}

impl Text {
    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.bytes.try_reserve(bytes.len()).is_err() {
            self.failed = true;
            return;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds blanks until the text has `column` bytes from `start` on.
    pub fn pad_to(&mut self, start: usize, column: usize) {
        for _ in self.len().saturating_sub(start)..column {
            self.push(b" ");
        }
    }

    /// Adds bytes, those in `special` (and backslashes, if among them) as octal escapes.
    pub fn push_escaped(&mut self, bytes: &[u8], special: &[u8]) {
        for byte in bytes {
            if special.contains(byte) {
                let digit = |shift: u8| b'0' + (byte >> shift & 7);
                self.push(&[b'\\', digit(6), digit(3), digit(0)]);
            } else {
                self.push(core::slice::from_ref(byte));
            }
        }
    }

    /// What was collected.
    ///
    /// # Errors
    /// `ENOMEM` when something was lost.
    pub fn finish(self) -> Result<Vec<u8>> {
        if self.failed {
            return Err(Errno::ENOMEM);
        }
        Ok(self.bytes)
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}
