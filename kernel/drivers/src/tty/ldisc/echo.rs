//! Echoing and erasing: what the person at the terminal sees of the editing.

use super::{
    LineDiscipline,
    output::{is_continuation, is_control},
};
use abi::termios::{InputFlags, LocalFlags, cc};

/// Echo that output flow control holds back at most; older Linux keeps as much.
const HELD_MAX: usize = 4096;

/// Which character started an erasure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Erasure {
    Character,
    Word,
    Line,
}

impl LineDiscipline {
    /// Echoes a byte as ECHOCTL says: control characters but TAB as `^X`.
    pub(super) fn echo_char(&mut self, byte: u8) {
        if self.local(LocalFlags::ECHOCTL) && is_control(byte) && byte != b'\t' {
            self.echo_byte(b'^');
            self.echo_byte(byte ^ 0o100);
            self.cursor.column = self.cursor.column.wrapping_add(2);
        } else {
            self.echo_processed(byte);
        }
    }

    /// Echoes a byte through output processing alone.
    pub(super) fn echo_processed(&mut self, byte: u8) {
        if self.echo.len() < HELD_MAX {
            let utf8 = self.utf8();
            self.cursor.put(byte, &self.termios, utf8, &mut self.echo);
        }
    }

    /// Echoes a byte as it is.
    pub(super) fn echo_byte(&mut self, byte: u8) {
        if self.echo.len() < HELD_MAX {
            self.echo.push(byte);
        }
    }

    /// Marks where the line begins on the screen when its first byte is about to be echoed.
    pub(super) fn echo_line_start(&mut self) {
        if self.ring.unfinished() == 0 {
            self.cursor.line_start = self.cursor.column;
        }
    }

    /// Closes the `\…/` of ECHOPRT.
    pub(super) fn finish_erasing(&mut self) {
        if self.erasing {
            self.echo_processed(b'/');
            self.erasing = false;
        }
    }

    /// Handles VERASE, VWERASE and VKILL.
    pub(super) fn erase(&mut self, byte: u8) {
        if self.ring.unfinished() == 0 {
            return;
        }
        let kind = if byte == self.cc(cc::VERASE) {
            Erasure::Character
        } else if byte == self.cc(cc::VWERASE) {
            Erasure::Word
        } else {
            if !self.local(LocalFlags::ECHO) {
                self.ring.kill_line();
                return;
            }
            let wipes = LocalFlags::ECHOK | LocalFlags::ECHOKE | LocalFlags::ECHOE;
            if !self.local(wipes) {
                self.ring.kill_line();
                self.finish_erasing();
                self.echo_char(self.cc(cc::VKILL));
                if self.local(LocalFlags::ECHOK) {
                    self.echo_processed(b'\n');
                }
                return;
            }
            Erasure::Line
        };
        self.erase_back(kind);
        if self.ring.unfinished() == 0 && self.local(LocalFlags::ECHO) {
            self.finish_erasing();
        }
    }

    fn erase_back(&mut self, kind: Erasure) {
        let mut in_word = false;
        while let Some((first, length)) = self.last_character() {
            if kind == Erasure::Word {
                if first.is_ascii_alphanumeric() || first == b'_' {
                    in_word = true;
                } else if in_word {
                    break;
                }
            }
            let mut rest = [0u8; 4];
            for i in (0..length).rev() {
                let popped = self.ring.pop_unfinished().unwrap_or(0);
                if let Some(slot) = rest.get_mut(i) {
                    *slot = popped;
                }
            }
            if self.local(LocalFlags::ECHO) {
                self.echo_erased(kind, first, rest.get(1..length).unwrap_or(&[]));
            }
            if kind == Erasure::Character {
                break;
            }
        }
    }

    /// The last character of the unfinished line: its first byte and its length. `None` when the line is empty or
    /// begins inside a character, which is then left alone.
    fn last_character(&self) -> Option<(u8, usize)> {
        let mut length = 0;
        for byte in self.ring.unfinished_line().rev() {
            length += 1;
            if !(self.utf8() && is_continuation(byte)) || length == 4 {
                let whole = !(self.utf8() && is_continuation(byte));
                return whole.then_some((byte, length));
            }
        }
        None
    }

    fn echo_erased(&mut self, kind: Erasure, first: u8, rest: &[u8]) {
        if self.local(LocalFlags::ECHOPRT) {
            if !self.erasing {
                self.echo_processed(b'\\');
                self.erasing = true;
            }
            self.echo_char(first);
            for byte in rest {
                self.echo_byte(*byte);
            }
        } else if kind == Erasure::Character && !self.local(LocalFlags::ECHOE) {
            self.echo_char(self.cc(cc::VERASE));
        } else if first == b'\t' {
            self.wipe_tab();
        } else {
            let shown = self.local(LocalFlags::ECHOCTL);
            if is_control(first) && shown {
                self.wipe_column();
            }
            if !is_control(first) || shown {
                self.wipe_column();
            }
        }
    }

    fn wipe_column(&mut self) {
        for byte in [8, b' ', 8] {
            self.echo_byte(byte);
        }
        self.cursor.column = self.cursor.column.saturating_sub(1);
    }

    /// Moves back over a tab: how far depends on what stands between it and the previous tab or the line's start.
    fn wipe_tab(&mut self) {
        let mut columns = 0u32;
        let mut after_tab = false;
        for byte in self.ring.unfinished_line().rev() {
            if byte == b'\t' {
                after_tab = true;
                break;
            } else if is_control(byte) {
                if self.local(LocalFlags::ECHOCTL) {
                    columns += 2;
                }
            } else if !(self.utf8() && is_continuation(byte)) {
                columns += 1;
            }
        }
        if !after_tab {
            columns = columns.wrapping_add(self.cursor.line_start);
        }
        for _ in 0..8 - (columns & 7) {
            self.echo_byte(8);
            self.cursor.column = self.cursor.column.saturating_sub(1);
        }
    }

    pub(super) fn utf8(&self) -> bool {
        self.termios.iflag.contains(InputFlags::IUTF8)
    }
}
