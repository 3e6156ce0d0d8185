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
    fn arg(&mut self, kind: Kind, raw: u64) {
        if kind == Kind::Absent {
            return;
        }
        if self.args > 0 {
            self.text.push_str(", ");
        }
        self.args += 1;
        show(kind, raw, &mut Text(&mut self.text));
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
        for (kind, raw) in entry.kinds.iter().zip(args) {
            line.arg(*kind, *raw);
        }
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

/// How an argument is shown. One function shows them all: the table has a byte for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is none.
    Absent,
    /// A number of 64 bits.
    Unsigned,
    /// A number of 64 bits with a sign.
    Signed,
    /// A number of 32 bits.
    Unsigned32,
    /// A number of 32 bits with a sign.
    Signed32,
    /// A descriptor of a directory, or `AT_FDCWD`.
    Directory,
    /// An address.
    Address,
    /// The address of a text that ends with NUL.
    String,
    /// A file mode.
    Octal,
    /// Flags of 32 bits.
    Flags,
    /// A register as it is.
    Hex,
    /// A signal number.
    Signal,
}

/// A parameter of the table that can be shown.
pub trait TraceArg {
    /// How.
    const KIND: Kind;
}

macro_rules! shown {
    ($($($ty:ty),* => $kind:ident;)*) => {
        $($(impl TraceArg for $ty {
            const KIND: Kind = Kind::$kind;
        })*)*
    };
}

shown! {
    u64, usize => Unsigned;
    i64, isize => Signed;
    u32, u16, u8 => Unsigned32;
    i32, Fd, PidArg => Signed32;
    DirFd => Directory;
    UserAddr => Address;
    PathPtr, StrPtr => String;
    Mode => Octal;
    Flags => Flags;
    Sig => Signal;
}

impl<T> TraceArg for hal::ucopy::UserPtr<T> {
    const KIND: Kind = Kind::Address;
}

fn show(kind: Kind, raw: u64, text: &mut Text<'_>) {
    let number = raw as i32;
    match kind {
        Kind::Absent => {}
        Kind::Unsigned => text.fmt(format_args!("{raw}")),
        Kind::Signed => text.fmt(format_args!("{}", raw as i64)),
        Kind::Unsigned32 => text.fmt(format_args!("{}", raw as u32)),
        Kind::Directory if number == -100 => text.word("AT_FDCWD"),
        Kind::Address if raw == 0 => text.word("NULL"),
        Kind::Address | Kind::Hex => text.hex(raw),
        Kind::String => text.string(UserAddr(raw as usize)),
        Kind::Octal => text.fmt(format_args!("{:#o}", raw as u32)),
        Kind::Flags => text.hex(u64::from(raw as u32)),
        Kind::Signed32 | Kind::Directory | Kind::Signal => {
            match abi::signal::name(number).filter(|_| kind == Kind::Signal) {
                Some(name) => text.word(name),
                None => text.fmt(format_args!("{number}")),
            }
        }
    }
}
