//! The wire behind a terminal: a serial port, a virtio port, the other half of a pty.

use abi::termios::Termios2;
use abi::{Errno, Result};

/// Where a terminal's output goes. All calls but [`Line::opened`], [`Line::closed_one`] and [`Line::settle`] come with
/// the terminal's lock held; none may sleep or call back into the terminal.
pub trait Line: Send + Sync {
    /// Bytes that [`Line::send`] would take now.
    fn room(&self) -> usize;

    /// Takes processed output, as much as there is room for. Nothing taken is lost.
    fn send(&self, bytes: &[u8]) -> usize;

    /// Bytes taken and not yet on their way.
    fn unsent(&self) -> usize {
        0
    }

    /// Drops what is unsent (TCOFLUSH).
    fn discard(&self) {}

    /// Input was read and there is room for more.
    fn input_room(&self) {}

    /// Trims settings to what the line can do.
    fn adjust(&self, _termios: &mut Termios2) {}

    /// Something a packet-mode master reports happened (`TIOCPKT_*`).
    fn status(&self, _bits: u8) {}

    /// A file of the terminal is being opened.
    ///
    /// # Errors
    /// `EIO` when it cannot be now: the other side has gone, or has not unlocked it yet.
    fn opened(&self) -> Result<()> {
        Ok(())
    }

    /// A file of the terminal was closed.
    fn closed_one(&self) {}

    /// The terminal's lock was let go after other calls: who waits on the other side may be told.
    fn settle(&self) {}

    /// The modem's lines (`TIOCM_*`). Called without the terminal's lock, as are the next two.
    ///
    /// # Errors
    /// `ENOTTY` for a wire that has none.
    fn modem(&self) -> Result<u32> {
        Err(Errno::ENOTTY)
    }

    /// Raises and lowers modem lines.
    ///
    /// # Errors
    /// As [`Line::modem`].
    fn set_modem(&self, _raise: u32, _lower: u32) -> Result<()> {
        Err(Errno::ENOTTY)
    }

    /// Begins or ends a break; nothing on a wire that knows none.
    fn set_break(&self, _on: bool) {}

    /// Whether the wire is the other half of a pty.
    fn is_pty(&self) -> bool {
        false
    }

    /// The other side has gone: reads end, writes fail.
    fn closed(&self) -> bool {
        false
    }
}
