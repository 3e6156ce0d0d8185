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

/// Reads the line; `Ok(None)` when the file is no script. `head` is the file's beginning, filled up with zeroes.
///
/// # Errors
/// `ENOEXEC` when no interpreter is named or its path is cut off.
pub fn parse(head: &[u8; HEAD_SIZE]) -> Result<Option<Script<'_>>> {
    let Some(rest) = head.strip_prefix(b"#!") else {
        return Ok(None);
    };
    let line = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => rest.get(..end),
        None => {
            // A path that may go on past what was read must not be run by its beginning. The last byte that was
            // read is left out, as on Linux.
            let named = trim(rest);
            if !named.iter().any(|byte| ends_name(*byte)) && named.last() == rest.last() {
                return Err(Errno::ENOEXEC);
            }
            rest.get(..rest.len() - 1)
        }
    };
    let line = trim(line.unwrap_or_default());
    if line.is_empty() {
        return Err(Errno::ENOEXEC);
    }
    let split = line.iter().position(|byte| ends_name(*byte));
    let (interpreter, behind) = line
        .split_at_checked(split.unwrap_or(line.len()))
        .ok_or(Errno::ENOEXEC)?;
    // An argument may be empty: blanks up to a zero.
    let argument = behind.first().is_some_and(|byte| is_blank(*byte));
    let text = trim(behind);
    let zero = text.iter().position(|byte| *byte == 0);
    let text = text.get(..zero.unwrap_or(text.len())).unwrap_or_default();
    Ok(Some(Script {
        interpreter,
        argument: argument.then_some(text),
    }))
}

fn ends_name(byte: u8) -> bool {
    is_blank(byte) || byte == 0
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
        let mut head = [0; HEAD_SIZE];
        head[..line.len()].copy_from_slice(line);
        parse(&head)
            .map(|script| script.map(|s| (s.interpreter.to_vec(), s.argument.map(<[u8]>::to_vec))))
    }

    #[test]
    fn one_argument_with_inner_blanks() {
        let script = of(b"#! /bin/sh  -e  -x \necho\n").unwrap().unwrap();
        assert_eq!(script, (b"/bin/sh".to_vec(), Some(b"-e  -x".to_vec())));
        assert_eq!(of(b"#!/bin/sh\n").unwrap().unwrap().1, None);
        assert_eq!(of(b"#!/bin/sh").unwrap().unwrap().0, b"/bin/sh");
        assert_eq!(of(b"#!/bin/sh").unwrap().unwrap().1, None);
        assert_eq!(of(b"#!/bin/sh  ").unwrap().unwrap().1, Some(Vec::new()));
        assert_eq!(
            of(b"#!/bin/sh a\0b\n").unwrap().unwrap().1,
            Some(b"a".to_vec())
        );
        assert_eq!(of(b"#!/bin/sh\0 a\n").unwrap().unwrap().1, None);
        assert_eq!(of(b"#!").unwrap().unwrap().0, b"");
        assert_eq!(of(b"\x7fELF").unwrap(), None);
    }

    #[test]
    fn nothing_named_or_cut_off() {
        assert_eq!(of(b"#!\n"), Err(Errno::ENOEXEC));
        assert_eq!(of(b"#!  \t\n/bin/sh"), Err(Errno::ENOEXEC));
        let mut long = b"#!/".to_vec();
        long.resize(HEAD_SIZE, b'a');
        assert_eq!(of(&long), Err(Errno::ENOEXEC));
        long[250..].fill(b' ');
        let script = of(&long).unwrap().unwrap();
        assert_eq!((script.0.len(), script.1), (248, None));
        long[2..].fill(b' ');
        assert_eq!(of(&long), Err(Errno::ENOEXEC));
    }
}
