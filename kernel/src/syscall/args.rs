//! What the six argument registers turn into.
//!
//! A conversion never fails: Linux narrows each register to the parameter's C type and the handler
//! judges the value, so the order of its checks stays Linux's.

use hal::addr::UserAddr;

/// A parameter type of the system-call table.
pub trait FromArg {
    /// Whether it is an address, which a tag may be taken from.
    const ADDRESS: bool = false;

    /// The value of a register, narrowed as C narrows it.
    fn from_arg(raw: u64) -> Self;
}

/// A file descriptor as the program passed it; may be negative or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fd(pub i32);

/// The directory a relative path starts from: a descriptor or `AT_FDCWD` (-100).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirFd(pub i32);

/// Address of a NUL-terminated path; the tracer shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathPtr(pub UserAddr);

/// Address of a NUL-terminated string that is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrPtr(pub UserAddr);

/// A file mode; the tracer shows it in octal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

/// A set of flag bits; the tracer shows it in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u32);

/// A signal number as the program passed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sig(pub i32);

/// A process, thread or group identity as the program passed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PidArg(pub i32);

macro_rules! narrow {
    ($($ty:ty),*) => {
        $(impl FromArg for $ty {
            #[inline(always)]
            fn from_arg(raw: u64) -> Self {
                raw as $ty
            }
        })*
    };
}

narrow!(u64, i64, usize, isize, u32, i32, u16, u8);

macro_rules! wrap {
    ($($ty:ident($inner:ty);)*) => {
        $(impl FromArg for $ty {
            #[inline(always)]
            fn from_arg(raw: u64) -> Self {
                $ty(raw as $inner)
            }
        })*
    };
}

wrap! {
    Fd(i32);
    DirFd(i32);
    Mode(u32);
    Flags(u32);
    Sig(i32);
    PidArg(i32);
}

impl FromArg for UserAddr {
    const ADDRESS: bool = true;

    #[inline(always)]
    fn from_arg(raw: u64) -> Self {
        UserAddr(raw as usize)
    }
}

impl FromArg for PathPtr {
    const ADDRESS: bool = true;

    #[inline(always)]
    fn from_arg(raw: u64) -> Self {
        PathPtr(UserAddr::from_arg(raw))
    }
}

impl FromArg for StrPtr {
    const ADDRESS: bool = true;

    #[inline(always)]
    fn from_arg(raw: u64) -> Self {
        StrPtr(UserAddr::from_arg(raw))
    }
}

impl<T> FromArg for hal::ucopy::UserPtr<T> {
    const ADDRESS: bool = true;

    #[inline(always)]
    fn from_arg(raw: u64) -> Self {
        Self::new(UserAddr::from_arg(raw))
    }
}
