//! The one table of system calls.
//!
//! A line names the number, the family's file, the handler and its typed parameters. From it come
//! dispatch, argument conversion, the tracer's decoding and `docs/syscalls.md`. A number without a
//! line returns `ENOSYS`.

use abi::{Errno, Result};

use super::Cx;
use super::args::*;
use super::trace::{Line, TraceArg};
use hal::addr::UserAddr;

/// One past the highest number the table can hold.
pub const LEN: usize = 480;

/// The argument registers at the moment of the call.
pub type Registers = [u64; 6];

/// A handler behind its argument conversion.
pub type Handler = fn(&mut Cx<'_>, &Registers) -> Result<usize>;

/// What the kernel knows of one number.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The call itself.
    pub handler: Handler,
    /// Writes the decoded arguments, comma separated.
    pub decode: fn(&Registers, &mut Line),
    /// Linux's name; empty for a number without a line.
    pub name: &'static str,
    /// The handler's file.
    pub family: &'static str,
    /// `name: Type` of each parameter.
    pub params: &'static [&'static str],
}

/// Takes the registers one after the other; folds to plain loads when inlined.
struct Take<'a>(&'a Registers, usize);

impl Take<'_> {
    #[inline(always)]
    fn next<T: FromArg>(&mut self) -> T {
        let raw = self.0.get(self.1).copied().unwrap_or(0);
        self.1 += 1;
        T::from_arg(raw)
    }
}

fn unknown(_: &mut Cx<'_>, _: &Registers) -> Result<usize> {
    Err(Errno::ENOSYS)
}

fn decode_raw(args: &Registers, line: &mut Line) {
    for raw in args {
        line.arg(|text| text.hex(*raw));
    }
}

/// The entry of every number that has no line.
pub static UNKNOWN: Entry = Entry {
    handler: unknown,
    decode: decode_raw,
    name: "",
    family: "",
    params: &[],
};

/// The entry of a number; [`UNKNOWN`] beyond the table and in its holes.
#[inline(always)]
pub fn entry(number: usize) -> &'static Entry {
    TABLE.get(number).unwrap_or(&UNKNOWN)
}

macro_rules! syscalls {
    ($($nr:literal => $family:ident :: $name:ident ( $($arg:ident : $ty:ty),* $(,)? );)*) => {
        mod shims {
            use super::*;
            $(
                #[allow(unused_mut, unused_variables, reason = "a call may take no arguments")]
                pub(super) fn $name(cx: &mut Cx<'_>, args: &Registers) -> Result<usize> {
                    let mut take = Take(args, 0);
                    $(let $arg: $ty = take.next();)*
                    super::super::$family::$name(cx, $($arg),*)
                }
            )*
        }
        mod decoders {
            use super::*;
            $(
                #[allow(unused_mut, unused_variables, reason = "a call may take no arguments")]
                pub(super) fn $name(args: &Registers, line: &mut Line) {
                    let mut take = Take(args, 0);
                    $(
                        let $arg: $ty = take.next();
                        line.arg(|text| $arg.show(text));
                    )*
                }
            )*
        }
        /// Every call by number.
        pub static TABLE: [Entry; LEN] = {
            let mut table = [UNKNOWN_COPY; LEN];
            $(
                table[$nr] = Entry {
                    handler: shims::$name,
                    decode: decoders::$name,
                    name: stringify!($name),
                    family: stringify!($family),
                    params: &[$(concat!(stringify!($arg), ": ", stringify!($ty))),*],
                };
            )*
            table
        };
        $(const _: () = assert!(
            same_text(stringify!($name), name_of($nr)),
            concat!("the name of ", stringify!($nr), " is not Linux's")
        );)*
    };
}

const UNKNOWN_COPY: Entry = Entry {
    handler: unknown,
    decode: decode_raw,
    name: "",
    family: "",
    params: &[],
};

const fn name_of(number: usize) -> &'static str {
    match abi::nr::name(number) {
        Some(name) => name,
        None => "",
    }
}

const fn same_text(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        #[allow(
            clippy::indexing_slicing,
            reason = "evaluated at compile time, in bounds"
        )]
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

// One line a call, in numeric order.
syscalls! {
    160 => sysinfo::uname(buf: UserAddr);
    214 => memory::brk(to: UserAddr);
    215 => memory::munmap(addr: UserAddr, len: usize);
    216 => memory::mremap(old: UserAddr, old_len: usize, new_len: usize, flags: u32, new: UserAddr);
    222 => memory::mmap(addr: usize, len: usize, prot: u32, flags: u32, fd: Fd, offset: u64);
    226 => memory::mprotect(addr: UserAddr, len: usize, prot: u32);
    227 => memory::msync(addr: UserAddr, len: usize, flags: u32);
    228 => memory::mlock(addr: UserAddr, len: usize);
    229 => memory::munlock(addr: UserAddr, len: usize);
    230 => memory::mlockall(flags: u32);
    231 => memory::munlockall();
    232 => memory::mincore(addr: UserAddr, len: usize, out: UserAddr);
    233 => memory::madvise(addr: UserAddr, len: usize, advice: i32);
    279 => memory::memfd_create(name: StrPtr, flags: u32);
    283 => memory::membarrier(command: i32, flags: u32, cpu: i32);
    284 => memory::mlock2(addr: UserAddr, len: usize, flags: u32);
}
