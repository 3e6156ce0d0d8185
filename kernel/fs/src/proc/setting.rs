//! Settings: the files of `/proc/sys` (`man 5 proc_sys`). A number or a word, shown with a line feed and
//! set by a write at the beginning.

use abi::{Errno, Result};
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::ops::RangeInclusive;
use vfs::OpenFile;

use super::file::{Content, Style};
use super::text::Text;
use super::tree::register;

pub use super::limits::counter;

/// Shows a number that cannot be set.
pub fn number(path: &'static str, get: impl Fn() -> i64 + Send + Sync + 'static) {
    let show = move |out: &mut Text| writeln!(out, "{}", get());
    register(path, 0o444, Fixed { show });
}

/// Shows a line that cannot be set.
pub fn text(
    path: &'static str,
    show: impl Fn(&mut Text) -> core::fmt::Result + Send + Sync + 'static,
) {
    register(path, 0o444, Fixed { show });
}

/// A number that root may set within `range`.
pub fn settable(
    path: &'static str,
    range: RangeInclusive<i64>,
    get: impl Fn() -> i64 + Send + Sync + 'static,
    set: impl Fn(i64) -> Result<()> + Send + Sync + 'static,
) {
    register(path, 0o644, Number { range, get, set });
}

/// A word that root may set; what is beyond `max` bytes is cut off.
pub fn settable_text(
    path: &'static str,
    max: usize,
    get: impl Fn() -> Vec<u8> + Send + Sync + 'static,
    set: impl Fn(&[u8]) -> Result<()> + Send + Sync + 'static,
) {
    register(path, 0o644, Word { max, get, set });
}

/// Numbers in a row that root may set, each or the first of them.
pub fn settable_row(
    path: &'static str,
    get: impl Fn() -> Vec<i64> + Send + Sync + 'static,
    set: impl Fn(&[i64]) -> Result<()> + Send + Sync + 'static,
) {
    register(path, 0o644, Row { get, set });
}

struct Fixed<F> {
    show: F,
}

impl<F> Content for Fixed<F>
where
    F: Fn(&mut Text) -> core::fmt::Result + Send + Sync + 'static,
{
    fn style(&self) -> Style {
        Style::Setting
    }

    fn show(&self, out: &mut Text) -> Result<()> {
        // Text does not fail before its end.
        let _ = (self.show)(out);
        Ok(())
    }

    fn at_start_only(&self) -> bool {
        true
    }

    fn has_end(&self) -> bool {
        true
    }
}

struct Number<G, S> {
    range: RangeInclusive<i64>,
    get: G,
    set: S,
}

impl<G, S> Content for Number<G, S>
where
    G: Fn() -> i64 + Send + Sync + 'static,
    S: Fn(i64) -> Result<()> + Send + Sync + 'static,
{
    fn style(&self) -> Style {
        Style::Setting
    }

    fn show(&self, out: &mut Text) -> Result<()> {
        let _ = writeln!(out, "{}", (self.get)());
        Ok(())
    }

    fn write(&self, bytes: &[u8], at: u64, _open: &OpenFile) -> Result<usize> {
        // Linux: a write that does not begin at the beginning is taken and changes nothing
        // (kernel.sysctl_writes_strict is 1).
        if at != 0 || bytes.is_empty() {
            return Ok(bytes.len());
        }
        let (numbers, used) = parse(bytes, 1)?;
        let number = numbers.first().copied().ok_or(Errno::EINVAL)?;
        if !self.range.contains(&number) {
            return Err(Errno::EINVAL);
        }
        (self.set)(number)?;
        Ok(used)
    }

    fn at_start_only(&self) -> bool {
        true
    }

    fn has_end(&self) -> bool {
        true
    }
}

struct Row<G, S> {
    get: G,
    set: S,
}

impl<G, S> Content for Row<G, S>
where
    G: Fn() -> Vec<i64> + Send + Sync + 'static,
    S: Fn(&[i64]) -> Result<()> + Send + Sync + 'static,
{
    fn style(&self) -> Style {
        Style::Setting
    }

    fn show(&self, out: &mut Text) -> Result<()> {
        for (at, number) in (self.get)().iter().enumerate() {
            let before = if at == 0 { "" } else { "\t" };
            let _ = write!(out, "{before}{number}");
        }
        out.push(b"\n");
        Ok(())
    }

    fn write(&self, bytes: &[u8], at: u64, _open: &OpenFile) -> Result<usize> {
        if at != 0 || bytes.is_empty() {
            return Ok(bytes.len());
        }
        let (numbers, used) = parse(bytes, (self.get)().len())?;
        (self.set)(&numbers)?;
        Ok(used)
    }

    fn at_start_only(&self) -> bool {
        true
    }

    fn has_end(&self) -> bool {
        true
    }
}

struct Word<G, S> {
    max: usize,
    get: G,
    set: S,
}

impl<G, S> Content for Word<G, S>
where
    G: Fn() -> Vec<u8> + Send + Sync + 'static,
    S: Fn(&[u8]) -> Result<()> + Send + Sync + 'static,
{
    fn style(&self) -> Style {
        Style::Setting
    }

    fn show(&self, out: &mut Text) -> Result<()> {
        out.push(&(self.get)());
        out.push(b"\n");
        Ok(())
    }

    fn write(&self, bytes: &[u8], at: u64, _open: &OpenFile) -> Result<usize> {
        let mut word = (self.get)();
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        // A write goes on where the last one stopped, and nowhere past the end of what is there.
        if at > word.len() {
            return Ok(bytes.len());
        }
        word.truncate(at);
        let end = bytes
            .iter()
            .position(|byte| matches!(byte, 0 | b'\n'))
            .unwrap_or(bytes.len());
        word.extend_from_slice(bytes.get(..end).unwrap_or_default());
        word.truncate(self.max);
        (self.set)(&word)?;
        Ok(bytes.len())
    }

    fn has_end(&self) -> bool {
        true
    }
}

/// Up to `most` numbers between white space, as `proc_dointvec` reads them, and how many bytes they and the
/// space around them took: what follows is left to the program's next write.
fn parse(bytes: &[u8], most: usize) -> Result<(Vec<i64>, usize)> {
    let blank = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_whitespace);
    let skip = |mut at: usize| {
        while blank(at) {
            at += 1;
        }
        at
    };
    let mut numbers = Vec::new();
    let mut at = skip(0);
    while at < bytes.len() && numbers.len() < most {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|byte| byte.is_ascii_whitespace() || *byte == 0);
        let end = end.unwrap_or(rest.len());
        let word = core::str::from_utf8(rest.get(..end).unwrap_or_default());
        let number = word.ok().and_then(parse_one).ok_or(Errno::EINVAL)?;
        numbers.push(number);
        at += end;
        if bytes.get(at) == Some(&0) {
            return Ok((numbers, bytes.len()));
        }
        at = skip(at);
    }
    if numbers.is_empty() {
        return Err(Errno::EINVAL);
    }
    Ok((numbers, at))
}

/// A number: decimal, `0x` or octal.
fn parse_one(word: &str) -> Option<i64> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let hex = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    // One sign is enough.
    if hex.unwrap_or(digits).starts_with(['-', '+']) {
        return None;
    }
    let number = if let Some(hex) = hex {
        i64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    let number = number.ok()?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_linux_reads_them() {
        assert_eq!(parse(b" 12\n", 1), Ok((alloc::vec![12], 4)));
        assert_eq!(parse(b"0x10 010\t-3", 3), Ok((alloc::vec![16, 8, -3], 11)));
        assert_eq!(parse(b"1 2", 1), Ok((alloc::vec![1], 2)));
        assert_eq!(parse(b"7\0junk", 1), Ok((alloc::vec![7], 6)));
        for wrong in [
            &b""[..],
            b" \n",
            b"a",
            b"1a",
            b"+1",
            b"-",
            b"9e9",
            b"0x-1",
            b"-0x-8000000000000000",
            b"--1",
            b"0-1",
        ] {
            assert_eq!(parse(wrong, 1), Err(Errno::EINVAL));
        }
    }
}
