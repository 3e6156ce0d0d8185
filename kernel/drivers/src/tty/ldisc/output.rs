//! Output processing (OPOST) and where the cursor stands.

use abi::termios::{OutputFlags, Termios2};
use alloc::vec::Vec;

/// The cursor's column, and the column the line being typed began at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub column: u32,
    pub line_start: u32,
}

/// Most bytes one byte of output becomes (a tab of eight spaces).
pub const EXPANSION: usize = 8;

impl Cursor {
    /// Writes one byte as `c_oflag` says; `utf8` is IUTF8, under which continuation bytes take no column.
    pub fn put(&mut self, byte: u8, termios: &Termios2, utf8: bool, out: &mut Vec<u8>) {
        let flags = termios.oflag;
        if !flags.contains(OutputFlags::OPOST) {
            out.push(byte);
            return;
        }
        match byte {
            b'\n' => {
                if flags.contains(OutputFlags::ONLRET) {
                    self.column = 0;
                }
                if flags.contains(OutputFlags::ONLCR) {
                    self.column = 0;
                    out.push(b'\r');
                }
                self.line_start = self.column;
                out.push(b'\n');
            }
            b'\r' => {
                if flags.contains(OutputFlags::ONOCR) && self.column == 0 {
                    return;
                }
                if flags.contains(OutputFlags::OCRNL) {
                    if flags.contains(OutputFlags::ONLRET) {
                        *self = Self::default();
                    }
                    out.push(b'\n');
                    return;
                }
                *self = Self::default();
                out.push(b'\r');
            }
            b'\t' => {
                let spaces = 8 - (self.column & 7);
                self.column = self.column.wrapping_add(spaces);
                if flags.contains(OutputFlags::TABDLY) {
                    out.extend((0..spaces).map(|_| b' '));
                } else {
                    out.push(b'\t');
                }
            }
            8 => {
                self.column = self.column.saturating_sub(1);
                out.push(8);
            }
            _ => {
                let mut byte = byte;
                if !is_control(byte) {
                    if flags.contains(OutputFlags::OLCUC) {
                        byte = byte.to_ascii_uppercase();
                    }
                    if !(utf8 && is_continuation(byte)) {
                        self.column = self.column.wrapping_add(1);
                    }
                }
                out.push(byte);
            }
        }
    }
}

/// What C's `iscntrl` says in the C locale.
pub fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

/// A byte inside a UTF-8 character, not its first.
pub fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
