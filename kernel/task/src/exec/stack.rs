//! The first stack of a program, laid out as Linux lays it (`fs/binfmt_elf.c`'s contract; musl and
//! glibc start-up read it word by word).
//!
//! From the top down: a zero word, the file name, the environment, the arguments, the platform,
//! sixteen random bytes, then 16-aligned: argc, argv, envp, the auxiliary vector.

use alloc::vec::Vec;

use abi::{Errno, Result};

/// Longest single argument or environment string, its NUL included.
pub const MAX_STRING: usize = 32 * 4096;
/// Room every program gets whatever its stack limit.
const ARG_MIN: u64 = 128 * 1024;
/// Room no program gets more than: three quarters of the 8 MiB default stack.
const ARG_MAX: u64 = 6 * 1024 * 1024;
const PLATFORM: &[u8] = b"aarch64\0";

/// The strings a program starts with, each NUL-terminated, back to back.
#[derive(Default, Clone)]
pub struct Strings {
    bytes: Vec<u8>,
    count: usize,
}

impl Strings {
    /// Adds a string, without its NUL.
    ///
    /// # Errors
    /// `E2BIG` when it is too long, `ENOMEM` without memory.
    pub fn push(&mut self, string: &[u8]) -> Result<()> {
        if string.len() >= MAX_STRING {
            return Err(Errno::E2BIG);
        }
        self.bytes
            .try_reserve(string.len() + 1)
            .map_err(|_| Errno::ENOMEM)?;
        self.bytes.extend_from_slice(string);
        self.bytes.push(0);
        self.count += 1;
        Ok(())
    }

    /// Replaces the first string by others: how a script's arguments are made.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn replace_first(&mut self, with: &[&[u8]]) -> Result<()> {
        let mut new = Self::default();
        for string in with {
            new.push(string)?;
        }
        let first = self.bytes.iter().position(|byte| *byte == 0);
        let rest = first
            .and_then(|end| self.bytes.get(end + 1..))
            .unwrap_or(&[]);
        new.bytes
            .try_reserve(rest.len())
            .map_err(|_| Errno::ENOMEM)?;
        new.bytes.extend_from_slice(rest);
        new.count += self.count.saturating_sub(1);
        *self = new;
        Ok(())
    }

    /// Number of strings.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes they take, NULs included.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The strings back to back.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// How many bytes of strings a program may start with, by its stack limit.
///
/// # Errors
/// `E2BIG` when the pointers alone take them all.
pub fn string_limit(stack_limit: u64, argc: usize, envc: usize) -> Result<u64> {
    let limit = (stack_limit / 4).clamp(ARG_MIN, ARG_MAX);
    let pointers = (argc.max(1) as u64 + envc as u64).saturating_mul(8);
    limit
        .checked_sub(pointers)
        .filter(|left| *left > 0)
        .ok_or(Errno::E2BIG)
}

/// What the layout needs to know.
pub struct Layout<'a> {
    /// First address past the stack, 16-aligned.
    pub top: u64,
    /// Bytes of random shift below the strings; 0 without randomisation.
    pub shift: u64,
    /// Name the program was run by, without NUL.
    pub file_name: &'a [u8],
    /// Arguments.
    pub args: &'a Strings,
    /// Environment.
    pub env: &'a Strings,
    /// The sixteen bytes `AT_RANDOM` points at.
    pub random: [u8; 16],
    /// Auxiliary vector, without the pointers into the stack and without `AT_NULL`.
    pub aux: &'a [(u64, u64)],
}

/// The stack's bytes and what points into them.
pub struct Stack {
    /// Lowest address: the initial stack pointer.
    pub sp: u64,
    /// What stands from there to the top of the strings.
    pub tables: Vec<u8>,
    /// Address of the first argument string.
    pub arg_start: u64,
    /// Address past the last argument string.
    pub arg_end: u64,
    /// Address past the last environment string.
    pub env_end: u64,
    /// The auxiliary vector as the program sees it (`/proc/[pid]/auxv`).
    pub auxv: Vec<u64>,
}

/// Lays the stack out. The strings themselves are to be copied to `arg_start` (arguments,
/// environment, file name back to back), the tables to `sp`.
///
/// # Errors
/// `E2BIG` when it does not fit below `top`, `ENOMEM` without memory.
pub fn build(layout: &Layout<'_>) -> Result<Stack> {
    let below = |at: u64, bytes: usize| at.checked_sub(bytes as u64).ok_or(Errno::E2BIG);
    let file_name = below(layout.top, 8 + layout.file_name.len() + 1)?;
    let env_start = below(file_name, layout.env.size())?;
    let arg_start = below(env_start, layout.args.size())?;
    let shifted = arg_start.checked_sub(layout.shift).ok_or(Errno::E2BIG)? & !15;
    let platform = below(shifted, PLATFORM.len())?;
    let random = below(platform, 16)?;

    let aux_words = (layout.aux.len() + 4) * 2;
    let words = 1 + layout.args.count() + 1 + layout.env.count() + 1 + aux_words;
    let sp = below(random, words * 8)? & !15;
    let mut out = Vec::new();
    out.try_reserve_exact((shifted - sp) as usize)
        .map_err(|_| Errno::ENOMEM)?;
    let mut word = |value: u64| out.extend_from_slice(&value.to_le_bytes());
    word(layout.args.count() as u64);
    for (strings, start) in [(layout.args, arg_start), (layout.env, env_start)] {
        let mut at = start;
        for string in strings.bytes.split_inclusive(|byte| *byte == 0) {
            word(at);
            at += string.len() as u64;
        }
        word(0);
    }
    let pointers = [
        (abi::auxv::AT_RANDOM, random),
        (abi::auxv::AT_EXECFN, file_name),
        (abi::auxv::AT_PLATFORM, platform),
        (abi::auxv::AT_NULL, 0),
    ];
    let mut auxv = Vec::new();
    auxv.try_reserve_exact(aux_words)
        .map_err(|_| Errno::ENOMEM)?;
    for (kind, value) in layout.aux.iter().copied().chain(pointers) {
        word(kind);
        word(value);
        auxv.push(kind);
        auxv.push(value);
    }
    out.resize((random - sp) as usize, 0);
    out.extend_from_slice(&layout.random);
    out.extend_from_slice(PLATFORM);
    Ok(Stack {
        sp,
        tables: out,
        arg_start,
        arg_end: env_start,
        env_end: file_name,
        auxv,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_point_at_the_strings() {
        let (mut args, mut env) = (Strings::default(), Strings::default());
        args.push(b"sh").unwrap();
        args.push(b"-c").unwrap();
        env.push(b"A=1").unwrap();
        let stack = build(&Layout {
            top: 0x10000,
            shift: 0,
            file_name: b"/bin/sh",
            args: &args,
            env: &env,
            random: [7; 16],
            aux: &[(6, 4096)],
        })
        .unwrap();
        assert_eq!(stack.sp % 16, 0);
        let word =
            |n: usize| u64::from_le_bytes(stack.tables[n * 8..n * 8 + 8].try_into().unwrap());
        assert_eq!(word(0), 2);
        assert_eq!(
            (word(1), word(2), word(3)),
            (stack.arg_start, stack.arg_start + 3, 0)
        );
        assert_eq!((word(4), word(5)), (stack.arg_end, 0));
        assert_eq!((word(6), word(7)), (6, 4096));
        assert_eq!(stack.env_end + 8 + 8, 0x10000);
        let random = stack.auxv[3] - stack.sp;
        assert_eq!(&stack.tables[random as usize..][..16], &[7; 16]);
    }

    #[test]
    fn limits_follow_the_stack_limit() {
        assert_eq!(string_limit(8 << 20, 1, 1), Ok((2 << 20) - 16));
        assert_eq!(string_limit(0, 1, 0), Ok(ARG_MIN - 8));
        assert_eq!(string_limit(u64::MAX, 0, 0), Ok(ARG_MAX - 8));
        assert_eq!(string_limit(0, 1 << 20, 0), Err(Errno::E2BIG));
        let mut strings = Strings::default();
        assert_eq!(strings.push(&[b'x'; MAX_STRING]), Err(Errno::E2BIG));
    }

    #[test]
    fn a_script_replaces_the_first_argument() {
        let mut args = Strings::default();
        args.push(b"script").unwrap();
        args.push(b"x").unwrap();
        args.replace_first(&[b"/bin/sh", b"-e", b"/script"])
            .unwrap();
        assert_eq!(args.bytes(), b"/bin/sh\0-e\0/script\0x\0");
        assert_eq!(args.count(), 4);
    }
}
