//! N_TTY, the standard line discipline, as plain logic: bytes in, echo and lines out (man 3 termios).
//!
//! It owns the input queue, the cursor and the echo not yet written. It neither sleeps nor locks nor signals: what a
//! byte asks of the terminal comes back as [`Effects`], and the terminal acts on them outside its lock.

mod echo;
mod input;
mod output;
#[cfg(test)]
mod properties;
mod read;
mod ring;
#[cfg(test)]
mod tests;

use abi::termios::{InputFlags, LocalFlags, OutputFlags, Termios2, cc};
use alloc::vec::Vec;
use output::Cursor;
use ring::InputRing;

pub use output::EXPANSION;
pub use read::ReadOutcome;

/// A signal that a typed character asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySignal {
    /// VINTR, or a break under BRKINT.
    Interrupt,
    /// VQUIT.
    Quit,
    /// VSUSP.
    Suspend,
}

/// What the terminal has to do about received bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Signals for the foreground group, in order.
    pub signals: Vec<KeySignal>,
    /// Output that waits in the device is void (a signal without NOFLSH).
    pub flush_output: bool,
    /// Input was thrown away (packet mode reports it).
    pub flushed_input: bool,
    /// Something became readable.
    pub readable: bool,
    /// XON or XOFF changed `stopped`.
    pub flow_changed: bool,
}

/// How a byte came over the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Without error.
    Byte(u8),
    /// With a parity or framing error.
    Damaged(u8),
    /// A break condition.
    Break,
}

/// The state of one terminal's discipline.
pub struct LineDiscipline {
    termios: Termios2,
    ring: InputRing,
    cursor: Cursor,
    echo: Vec<u8>,
    erasing: bool,
    literal_next: bool,
    stopped: bool,
}

impl LineDiscipline {
    /// A discipline with an empty queue.
    #[must_use]
    pub fn new(termios: Termios2) -> Self {
        Self {
            termios,
            ring: InputRing::new(),
            cursor: Cursor::default(),
            echo: Vec::new(),
            erasing: false,
            literal_next: false,
            stopped: false,
        }
    }

    /// The settings in force.
    #[must_use]
    pub fn termios(&self) -> &Termios2 {
        &self.termios
    }

    /// Puts settings in force. Entering canonical mode makes one line of what is queued; leaving it makes bytes of all
    /// lines. True when XON was switched off and stopped output runs again.
    pub fn set_termios(&mut self, new: Termios2) -> bool {
        let old = self.termios;
        self.termios = new;
        let modes = LocalFlags::ICANON | LocalFlags::EXTPROC;
        if (old.lflag & modes) != (new.lflag & modes) {
            if new.lflag.contains(LocalFlags::ICANON) {
                self.ring.close_as_line();
            } else {
                self.ring.forget_lines();
            }
            self.erasing = false;
            self.literal_next = false;
        }
        let restart = self.stopped
            && old.iflag.contains(InputFlags::IXON)
            && !new.iflag.contains(InputFlags::IXON);
        if restart {
            self.stopped = false;
        }
        restart
    }

    /// Whether output is stopped (VSTOP or TCOOFF).
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// Stops or restarts output; true if that changed anything.
    pub fn set_stopped(&mut self, stopped: bool) -> bool {
        core::mem::replace(&mut self.stopped, stopped) != stopped
    }

    /// Throws away queued input, the unfinished line too.
    pub fn flush_input(&mut self) {
        self.ring.clear();
        self.erasing = false;
        self.literal_next = false;
    }

    /// Echo that waits to be written, already processed.
    #[must_use]
    pub fn pending_echo(&self) -> &[u8] {
        &self.echo
    }

    /// Drops the first `written` bytes of the echo.
    pub fn echo_written(&mut self, written: usize) {
        self.echo.drain(..written.min(self.echo.len()));
    }

    /// Processes a program's output into `out`, which grows by at most `room` bytes; says how many bytes were taken.
    pub fn process_output(&mut self, bytes: &[u8], room: usize, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        if !self.termios.oflag.contains(OutputFlags::OPOST) {
            let taken = bytes.len().min(room);
            out.extend_from_slice(bytes.get(..taken).unwrap_or(&[]));
            return taken;
        }
        let utf8 = self.utf8();
        let mut scratch = Vec::with_capacity(EXPANSION);
        for (i, byte) in bytes.iter().enumerate() {
            let before = self.cursor;
            if out.len() - start + EXPANSION <= room {
                self.cursor.put(*byte, &self.termios, utf8, out);
                continue;
            }
            scratch.clear();
            self.cursor.put(*byte, &self.termios, utf8, &mut scratch);
            if out.len() - start + scratch.len() > room {
                self.cursor = before;
                return i;
            }
            out.extend_from_slice(&scratch);
        }
        bytes.len()
    }

    fn local(&self, flags: LocalFlags) -> bool {
        self.termios.lflag.contains(flags)
    }

    fn cc(&self, index: usize) -> u8 {
        self.termios.cc.get(index).copied().unwrap_or(0)
    }

    /// Whether `byte` is the control character at `index`; NUL disables one.
    fn is(&self, byte: u8, index: usize) -> bool {
        byte != 0 && byte == self.cc(index)
    }

    /// Lines are edited here (ICANON without EXTPROC).
    fn canonical(&self) -> bool {
        self.local(LocalFlags::ICANON) && !self.local(LocalFlags::EXTPROC)
    }

    /// VMIN.
    #[must_use]
    pub fn vmin(&self) -> usize {
        usize::from(self.cc(cc::VMIN))
    }

    /// VTIME, in tenths of a second.
    #[must_use]
    pub fn vtime(&self) -> u64 {
        u64::from(self.cc(cc::VTIME))
    }
}
