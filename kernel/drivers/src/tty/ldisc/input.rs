//! What happens to a byte on its way into the queue.

use super::{Effects, KeySignal, LineDiscipline, Received, ring};
use abi::termios::{InputFlags, LocalFlags, cc};

impl LineDiscipline {
    /// Takes bytes from the device until they end or the queue is full; says how many. While a line without an end
    /// fills the queue, bytes are taken and the last one is overwritten, so that a newline still gets in.
    pub fn receive(&mut self, bytes: &[u8], effects: &mut Effects) -> usize {
        let mut taken = 0;
        for byte in bytes {
            if !self.receive_one(Received::Byte(*byte), effects) {
                break;
            }
            taken += 1;
        }
        taken
    }

    /// Takes one byte or event; false when there is no room and it must be offered again later.
    pub fn receive_one(&mut self, what: Received, effects: &mut Effects) -> bool {
        let Some(overflow) = self.room() else {
            return false;
        };
        if overflow {
            self.ring.overwrite_last();
        }
        let before = (self.ring.finished(), self.ring.len());
        match what {
            Received::Byte(byte) => self.byte(byte, effects),
            Received::Damaged(byte) => self.damaged(byte),
            Received::Break => self.line_break(effects),
        }
        let now = (self.ring.finished(), self.ring.len());
        effects.readable |= if self.canonical() {
            now.0 > before.0
        } else {
            now.1 > before.1
        };
        true
    }

    /// `None`: full. `Some(true)`: full of an unfinished line whose last byte gives way.
    fn room(&self) -> Option<bool> {
        let mut room = ring::CAPACITY - self.ring.len();
        if self.termios.iflag.contains(InputFlags::PARMRK) {
            room = room.div_ceil(3);
        }
        if room > 1 {
            return Some(false);
        }
        let endless = self.local(LocalFlags::ICANON) && self.ring.finished() == 0;
        endless.then_some(room == 0)
    }

    /// Whether the device should hold back (IXOFF, and packet queues of a pty).
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.room().is_some()
    }

    fn byte(&mut self, raw: u8, effects: &mut Effects) {
        if self.literal_next {
            self.literal_next = false;
            self.literal(raw);
            return;
        }
        let input = self.termios.iflag;
        let mut byte = raw;
        if input.contains(InputFlags::ISTRIP) {
            byte &= 0x7f;
        }
        if input.contains(InputFlags::IUCLC) && self.local(LocalFlags::IEXTEN) {
            byte = byte.to_ascii_lowercase();
        }
        if self.local(LocalFlags::EXTPROC) {
            self.ring.push(byte);
            return;
        }
        if self.flow_control(byte, effects) || self.signal_key(byte, effects) {
            return;
        }
        if self.stopped && input.contains(InputFlags::IXON | InputFlags::IXANY) {
            self.stopped = false;
            effects.flow_changed = true;
        }
        if byte == b'\r' {
            if input.contains(InputFlags::IGNCR) {
                return;
            }
            if input.contains(InputFlags::ICRNL) {
                byte = b'\n';
            }
        } else if byte == b'\n' && input.contains(InputFlags::INLCR) {
            byte = b'\r';
        }
        if self.local(LocalFlags::ICANON) && self.edit_key(byte) {
            return;
        }
        let newline = byte == b'\n' && self.carriage_was_mapped(raw);
        self.ordinary(byte, newline);
    }

    /// A NL that CR became outside canonical mode is echoed as a newline; a typed one as any control character.
    fn carriage_was_mapped(&self, raw: u8) -> bool {
        raw == b'\r' || self.termios.iflag.contains(InputFlags::INLCR)
    }

    fn ordinary(&mut self, byte: u8, newline: bool) {
        if self.local(LocalFlags::ECHO) {
            self.finish_erasing();
            if newline {
                self.echo_processed(b'\n');
            } else {
                self.echo_line_start();
                self.echo_char(byte);
            }
        }
        self.queue(byte);
    }

    /// A byte after VLNEXT: data, whatever it is.
    fn literal(&mut self, raw: u8) {
        let mut byte = raw;
        if self.termios.iflag.contains(InputFlags::ISTRIP) {
            byte &= 0x7f;
        }
        if self.termios.iflag.contains(InputFlags::IUCLC) && self.local(LocalFlags::IEXTEN) {
            byte = byte.to_ascii_lowercase();
        }
        self.ordinary(byte, false);
    }

    fn queue(&mut self, byte: u8) {
        if byte == 0xff && self.termios.iflag.contains(InputFlags::PARMRK) {
            self.ring.push(byte);
        }
        self.ring.push(byte);
    }

    fn flow_control(&mut self, byte: u8, effects: &mut Effects) -> bool {
        if !self.termios.iflag.contains(InputFlags::IXON) {
            return false;
        }
        // START first: when both are the same character it only ever starts, as on Linux.
        let stop = if self.is(byte, cc::VSTART) {
            false
        } else if self.is(byte, cc::VSTOP) {
            true
        } else {
            return false;
        };
        effects.flow_changed |= self.set_stopped(stop);
        true
    }

    fn signal_key(&mut self, byte: u8, effects: &mut Effects) -> bool {
        if !self.local(LocalFlags::ISIG) {
            return false;
        }
        let signal = if self.is(byte, cc::VINTR) {
            KeySignal::Interrupt
        } else if self.is(byte, cc::VQUIT) {
            KeySignal::Quit
        } else if self.is(byte, cc::VSUSP) {
            KeySignal::Suspend
        } else {
            return false;
        };
        self.raise(signal, effects);
        if self.termios.iflag.contains(InputFlags::IXON) {
            effects.flow_changed |= self.set_stopped(false);
        }
        if self.local(LocalFlags::ECHO) {
            self.echo_char(byte);
        }
        true
    }

    fn raise(&mut self, signal: KeySignal, effects: &mut Effects) {
        effects.signals.push(signal);
        if !self.local(LocalFlags::NOFLSH) {
            self.echo.clear();
            self.flush_input();
            effects.flush_output = true;
            effects.flushed_input = true;
        }
    }

    /// Canonical mode's keys; true if `byte` was one and is dealt with.
    fn edit_key(&mut self, byte: u8) -> bool {
        let extended = self.local(LocalFlags::IEXTEN);
        let echo = self.local(LocalFlags::ECHO);
        if self.is(byte, cc::VERASE)
            || self.is(byte, cc::VKILL)
            || (extended && self.is(byte, cc::VWERASE))
        {
            self.erase(byte);
            return true;
        }
        if extended && self.is(byte, cc::VLNEXT) {
            self.literal_next = true;
            if echo {
                self.finish_erasing();
                if self.local(LocalFlags::ECHOCTL) {
                    self.echo_byte(b'^');
                    self.echo_byte(8);
                }
            }
            return true;
        }
        if extended && echo && self.is(byte, cc::VREPRINT) {
            self.reprint(byte);
            return true;
        }
        if byte == b'\n' {
            if echo || self.local(LocalFlags::ECHONL) {
                self.echo_processed(b'\n');
            }
            self.ring.push_line_end(b'\n');
            return true;
        }
        if self.is(byte, cc::VEOF) {
            self.ring.push_line_end(ring::EOF_MARK);
            return true;
        }
        if self.is(byte, cc::VEOL) || (extended && self.is(byte, cc::VEOL2)) {
            if echo {
                self.echo_line_start();
                self.echo_char(byte);
            }
            if byte == 0xff && self.termios.iflag.contains(InputFlags::PARMRK) {
                self.ring.push(byte);
            }
            self.ring.push_line_end(byte);
            return true;
        }
        false
    }

    fn reprint(&mut self, byte: u8) {
        self.finish_erasing();
        self.echo_char(byte);
        self.echo_processed(b'\n');
        let line: alloc::vec::Vec<u8> = self.ring.unfinished_line().collect();
        for byte in line {
            self.echo_char(byte);
        }
    }

    fn line_break(&mut self, effects: &mut Effects) {
        let input = self.termios.iflag;
        if input.contains(InputFlags::IGNBRK) {
            return;
        }
        if input.contains(InputFlags::BRKINT) {
            self.raise(KeySignal::Interrupt, effects);
            return;
        }
        if input.contains(InputFlags::PARMRK) {
            self.ring.push(0xff);
            self.ring.push(0);
        }
        self.ring.push(0);
    }

    fn damaged(&mut self, byte: u8) {
        let input = self.termios.iflag;
        if !input.contains(InputFlags::INPCK) {
            self.ordinary(byte, false);
            return;
        }
        if input.contains(InputFlags::IGNPAR) {
            return;
        }
        if input.contains(InputFlags::PARMRK) {
            self.ring.push(0xff);
            self.ring.push(0);
            self.ring.push(byte);
        } else {
            self.ring.push(0);
        }
    }
}
