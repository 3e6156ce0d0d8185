//! The tracer: a call as one line of text, like strace's.
//!
//! Arguments are decoded before the call runs, by the types the table names; strings are read
//! without faulting pages in, so tracing changes nothing the program could see. The line is
//! written when the call returns (or when it is known that it will not).

use alloc::string::String;
use core::fmt::Write;

use abi::{Errno, Result};
use hal::addr::UserAddr;

use super::args::*;
use super::table::{Entry, Registers};

/// Longest piece of a string that is shown.
const SHOWN: usize = 64;

/// The text of one traced call.
#[derive(Default)]
pub struct Line {
    text: String,
    args: usize,
}

impl Line {
    /// Adds one argument.
    pub fn arg(&mut self, show: impl FnOnce(&mut Text<'_>)) {
        if self.args > 0 {
            self.text.push_str(", ");
        }
        self.args += 1;
        show(&mut Text(&mut self.text));
    }

    /// The line of a call up to its closing parenthesis.
    pub fn of(entry: &Entry, number: usize, args: &Registers) -> Self {
        let mut line = Self::default();
        if entry.name.is_empty() {
            match abi::nr::name(number) {
                Some(name) => line.text.push_str(name),
                None => {
                    let _ = write!(line.text, "syscall_{number}");
                }
            }
        } else {
            line.text.push_str(entry.name);
        }
        line.text.push('(');
        (entry.decode)(args, &mut line);
        line.text.push(')');
        line
    }

    /// The line with its result.
    pub fn finish(mut self, result: &Result<usize>) -> String {
        match result {
            Ok(value) if *value > 0xffff_ffff => {
                let _ = write!(self.text, " = {value:#x}");
            }
            Ok(value) => {
                let _ = write!(self.text, " = {value}");
            }
            Err(
                Errno::ERESTARTSYS
                | Errno::ERESTARTNOINTR
                | Errno::ERESTARTNOHAND
                | Errno::ERESTART_RESTARTBLOCK,
            ) => self.text.push_str(" = ? (interrupted, to be restarted)"),
            Err(errno) => {
                let _ = write!(self.text, " = -1 {errno}");
            }
        }
        self.text
    }

    /// The line of a call that does not return.
    pub fn unfinished(mut self) -> String {
        self.text.push_str(" = ?");
        self.text
    }
}

/// Where an argument writes itself.
pub struct Text<'a>(&'a mut String);

impl Text<'_> {
    /// `NULL` or `0x…`.
    pub fn hex(&mut self, raw: u64) {
        if raw == 0 {
            self.0.push('0');
        } else {
            let _ = write!(self.0, "{raw:#x}");
        }
    }

    /// A string in the program's memory, quoted and escaped; its address if it cannot be read now.
    pub fn string(&mut self, addr: UserAddr) {
        if addr.is_null() {
            self.0.push_str("NULL");
            return;
        }
        let mut bytes = [0u8; SHOWN];
        let got = match hal::ucopy::copy_in_nofault(&mut bytes, addr) {
            Ok(()) => SHOWN,
            Err(done) => done,
        };
        let read = bytes.get(..got).unwrap_or(&[]);
        let (shown, whole) = match read.iter().position(|byte| *byte == 0) {
            Some(end) => (read.get(..end).unwrap_or(&[]), true),
            None => (read, false),
        };
        if shown.is_empty() && !whole {
            self.hex(addr.0 as u64);
            return;
        }
        self.0.push('"');
        for byte in shown {
            for c in core::ascii::escape_default(*byte) {
                self.0.push(char::from(c));
            }
        }
        self.0.push('"');
        if !whole {
            self.0.push_str("...");
        }
    }

    /// A word of plain text.
    pub fn word(&mut self, word: &str) {
        self.0.push_str(word);
    }

    /// A formatted piece.
    pub fn fmt(&mut self, args: core::fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(args);
    }
}

/// How a parameter of the table shows itself.
pub trait TraceArg {
    /// Writes the value.
    fn show(&self, text: &mut Text<'_>);
}

macro_rules! decimal {
    ($($ty:ty),*) => {
        $(impl TraceArg for $ty {
            fn show(&self, text: &mut Text<'_>) {
                text.fmt(format_args!("{self}"));
            }
        })*
    };
}

decimal!(u64, i64, usize, isize, u32, i32, u16, u8);

impl TraceArg for Fd {
    fn show(&self, text: &mut Text<'_>) {
        text.fmt(format_args!("{}", self.0));
    }
}

impl TraceArg for DirFd {
    fn show(&self, text: &mut Text<'_>) {
        if self.0 == -100 {
            text.word("AT_FDCWD");
        } else {
            text.fmt(format_args!("{}", self.0));
        }
    }
}

impl TraceArg for UserAddr {
    fn show(&self, text: &mut Text<'_>) {
        if self.is_null() {
            text.word("NULL");
        } else {
            text.hex(self.0 as u64);
        }
    }
}

impl TraceArg for PathPtr {
    fn show(&self, text: &mut Text<'_>) {
        text.string(self.0);
    }
}

impl TraceArg for StrPtr {
    fn show(&self, text: &mut Text<'_>) {
        text.string(self.0);
    }
}

impl TraceArg for Mode {
    fn show(&self, text: &mut Text<'_>) {
        text.fmt(format_args!("{:#o}", self.0));
    }
}

impl TraceArg for Flags {
    fn show(&self, text: &mut Text<'_>) {
        text.hex(u64::from(self.0));
    }
}

impl TraceArg for Sig {
    fn show(&self, text: &mut Text<'_>) {
        match abi::signal::name(self.0) {
            Some(name) => text.word(name),
            None => text.fmt(format_args!("{}", self.0)),
        }
    }
}

impl TraceArg for PidArg {
    fn show(&self, text: &mut Text<'_>) {
        text.fmt(format_args!("{}", self.0));
    }
}

impl<T> TraceArg for hal::ucopy::UserPtr<T> {
    fn show(&self, text: &mut Text<'_>) {
        self.addr().show(text);
    }
}
