//! The `#!` line of a script (`man 2 execve`, "Interpreter scripts").

use abi::{Errno, Result};

/// Bytes of a file's beginning that Linux looks at.
pub const HEAD_SIZE: usize = 256;

/// What the line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script<'a> {
    /// Path of the interpreter.
    pub interpreter: &'a [u8],
    /// Everything behind it as one argument, blanks around it removed.
    pub argument: Option<&'a [u8]>,
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Reads the line; `Ok(None)` when the file is no script. `head` is the file's beginning, up to
/// [`HEAD_SIZE`] bytes; `whole` tells that the file is no longer than that.
///
/// # Errors
/// `ENOEXEC` when no interpreter is named or its path is cut off.
pub fn parse(head: &[u8], whole: bool) -> Result<Option<Script<'_>>> {
    let Some(rest) = head.strip_prefix(b"#!") else {
        return Ok(None);
    };
    let end = rest.iter().position(|byte| *byte == b'\n' || *byte == 0);
    let line = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
    let line = trim(line);
    let split = line.iter().position(|byte| is_blank(*byte));
    let cut = end.is_none() && !whole;
    if line.is_empty() || (cut && split.is_none()) {
        // A path that may go on past what was read must not be run by its beginning.
        return Err(Errno::ENOEXEC);
    }
    let (interpreter, argument) = match split {
        Some(at) => line.split_at_checked(at).ok_or(Errno::ENOEXEC)?,
        None => (line, &[][..]),
    };
    let argument = trim(argument);
    Ok(Some(Script {
        interpreter,
        argument: (!argument.is_empty()).then_some(argument),
    }))
}

fn trim(mut line: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = line
        && is_blank(*first)
    {
        line = rest;
    }
    while let [rest @ .., last] = line
        && is_blank(*last)
    {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    type Owned = (Vec<u8>, Option<Vec<u8>>);

    fn of(line: &[u8]) -> Result<Option<Owned>> {
        parse(line, line.len() < HEAD_SIZE)
            .map(|script| script.map(|s| (s.interpreter.to_vec(), s.argument.map(<[u8]>::to_vec))))
    }

    #[test]
    fn one_argument_with_inner_blanks() {
        let script = of(b"#! /bin/sh  -e  -x \necho\n").unwrap().unwrap();
        assert_eq!(script, (b"/bin/sh".to_vec(), Some(b"-e  -x".to_vec())));
        assert_eq!(of(b"#!/bin/sh\n").unwrap().unwrap().1, None);
        assert_eq!(of(b"#!/bin/sh").unwrap().unwrap().0, b"/bin/sh");
        assert_eq!(of(b"\x7fELF").unwrap(), None);
    }

    #[test]
    fn nothing_named_or_cut_off() {
        assert_eq!(of(b"#!\n"), Err(Errno::ENOEXEC));
        assert_eq!(of(b"#!  \t\n/bin/sh"), Err(Errno::ENOEXEC));
        let mut long = b"#!/".to_vec();
        long.resize(HEAD_SIZE, b'a');
        assert_eq!(of(&long), Err(Errno::ENOEXEC));
    }
}
