//! The user's terminal: made raw while a program in the guest has it, and put back whatever happens.

use std::io::IsTerminal;

use channel::{Size, Terminals};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// Puts the terminal on standard input back as it was, when dropped.
#[derive(Debug)]
pub struct Restore(Option<Termios>);

impl Restore {
    /// Remembers how the terminal is. Where standard input is none, nothing will be done.
    pub fn remember() -> Self {
        Self(tcgetattr(rustix::stdio::stdin()).ok())
    }

    /// Remembers, then makes the terminal raw: every key goes through as it is.
    pub fn raw() -> rustix::io::Result<Self> {
        let restore = Self::remember();
        if let Some(before) = &restore.0 {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &raw)?;
        }
        Ok(restore)
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(before) = &self.0
            && let Err(error) = tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, before)
        {
            eprintln!("nacre: the terminal could not be put back: {error}");
        }
    }
}

/// Which of our standard streams are terminals.
pub fn ours() -> Terminals {
    Terminals {
        stdin: std::io::stdin().is_terminal(),
        stdout: std::io::stdout().is_terminal(),
        stderr: std::io::stderr().is_terminal(),
    }
}

/// The size of the terminal on any of our standard streams.
pub fn size() -> Option<Size> {
    let found = tcgetwinsize(rustix::stdio::stdout())
        .or_else(|_| tcgetwinsize(rustix::stdio::stdin()))
        .or_else(|_| tcgetwinsize(rustix::stdio::stderr()))
        .ok()?;
    (found.ws_row != 0 && found.ws_col != 0).then_some(Size {
        rows: found.ws_row,
        columns: found.ws_col,
    })
}

/// Looks for the way out in what is typed: Ctrl-A x. Ctrl-A twice is one Ctrl-A.
#[derive(Debug, Default)]
pub struct Escape {
    armed: bool,
}

const CTRL_A: u8 = 1;

impl Escape {
    /// What of these keys goes to the program, and whether the way out was among them.
    pub fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut pass = Vec::with_capacity(typed.len());
        for &byte in typed {
            match (std::mem::take(&mut self.armed), byte) {
                (true, b'x') => return (pass, true),
                (true, CTRL_A) => pass.push(CTRL_A),
                (true, other) => pass.extend([CTRL_A, other]),
                (false, CTRL_A) => self.armed = true,
                (false, other) => pass.push(other),
            }
        }
        (pass, false)
    }
}

#[cfg(test)]
mod tests {
    use super::Escape;

    #[test]
    fn ctrl_a_x_is_the_way_out_and_nothing_else_is() {
        let mut escape = Escape::default();
        assert_eq!(escape.filter(b"ab\x01"), (b"ab".to_vec(), false));
        assert_eq!(escape.filter(b"xc"), (Vec::new(), true));
        assert_eq!(
            escape.filter(b"\x01\x01\x01bx"),
            (b"\x01\x01bx".to_vec(), false)
        );
        assert_eq!(escape.filter(b"abc\x01x rest"), (b"abc".to_vec(), true));
    }
}
