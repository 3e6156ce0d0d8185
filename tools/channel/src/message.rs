//! What is said on the control port.

use crate::wire::{Reader, WireError, Writer};

/// A terminal's size, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

/// Which of a program's standard streams are a terminal in the guest; the others are pipes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terminals {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Terminals {
    /// Whether any stream is one.
    #[must_use]
    pub fn any(self) -> bool {
        self.stdin || self.stdout || self.stderr
    }

    fn bits(self) -> u8 {
        u8::from(self.stdin) | u8::from(self.stdout) << 1 | u8::from(self.stderr) << 2
    }

    fn from_bits(bits: u8) -> Result<Self, WireError> {
        if bits > 7 {
            return Err(WireError::Unknown(bits));
        }
        Ok(Self {
            stdin: bits & 1 != 0,
            stdout: bits & 2 != 0,
            stderr: bits & 4 != 0,
        })
    }
}

/// A program to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The file to execute, a path in the guest.
    pub program: Vec<u8>,
    /// Its arguments, the name it is called by first.
    pub argv: Vec<Vec<u8>>,
    /// Its whole environment, each `NAME=value`.
    pub env: Vec<Vec<u8>>,
    /// Its working directory.
    pub cwd: Vec<u8>,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Which streams are a terminal.
    pub terminals: Terminals,
    /// The terminal's size; without meaning when no stream is one.
    pub size: Size,
    /// After so many milliseconds it is killed; 0 means never.
    pub limit_ms: u32,
}

/// A piece of a file to be written in the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Where.
    pub path: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
    /// Whether this piece goes behind what an earlier one wrote.
    pub append: bool,
    /// The bytes, at most half a mebibyte of them.
    pub data: Vec<u8>,
}

/// What the host asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Run a program; answered by [`Reply::Exit`]. One at a time.
    Run(Run),
    /// Send the running program's process group a signal.
    Signal(u32),
    /// The terminal has a new size.
    Resize(Size),
    /// The program's standard input ends after so many bytes, counted from its start.
    StdinEnds(u64),
    /// Write a piece of a file; answered by [`Reply::Put`].
    Put(Put),
    /// Power the machine off.
    PowerOff,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It exited with this status.
    Exited(u32),
    /// This signal killed it.
    Signaled(u32),
    /// Its time limit passed and it was killed.
    TimedOut,
    /// It could not be started, for this errno.
    NotStarted(u32),
}

/// What the guest answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The agent is there and speaks this [`crate::VERSION`].
    Ready(u32),
    /// The program's terminal printed this.
    Terminal(Vec<u8>),
    /// The program ended, and nothing it started is left.
    Exit {
        /// How.
        outcome: Outcome,
        /// Bytes that went to the standard output port.
        stdout: u64,
        /// Bytes that went to the standard error port.
        stderr: u64,
    },
    /// A piece of a file was written, or not, for this errno (0 means it was).
    Put(u32),
}

impl Request {
    /// The message's bytes, without the frame's length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Run(run) => Writer::kind(1)
                .bytes(&run.program)
                .list(&run.argv)
                .list(&run.env)
                .bytes(&run.cwd)
                .u32(run.uid)
                .u32(run.gid)
                .u8(run.terminals.bits())
                .u32(size_word(run.size))
                .u32(run.limit_ms),
            Self::Signal(number) => Writer::kind(2).u32(*number),
            Self::Resize(size) => Writer::kind(3).u32(size_word(*size)),
            Self::StdinEnds(total) => Writer::kind(4).u64(*total),
            Self::Put(put) => Writer::kind(5)
                .bytes(&put.path)
                .u32(put.mode)
                .u8(u8::from(put.append))
                .bytes(&put.data),
            Self::PowerOff => Writer::kind(6),
        }
        .done()
    }

    /// Reads a message back.
    ///
    /// # Errors
    /// A [`WireError`] when the bytes are no message.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut from = Reader::new(body);
        let message = match from.u8()? {
            1 => Self::Run(Run {
                program: from.bytes()?,
                argv: from.list()?,
                env: from.list()?,
                cwd: from.bytes()?,
                uid: from.u32()?,
                gid: from.u32()?,
                terminals: Terminals::from_bits(from.u8()?)?,
                size: size_of_word(from.u32()?),
                limit_ms: from.u32()?,
            }),
            2 => Self::Signal(from.u32()?),
            3 => Self::Resize(size_of_word(from.u32()?)),
            4 => Self::StdinEnds(from.u64()?),
            5 => Self::Put(Put {
                path: from.bytes()?,
                mode: from.u32()?,
                append: from.u8()? != 0,
                data: from.bytes()?,
            }),
            6 => Self::PowerOff,
            other => return Err(WireError::Unknown(other)),
        };
        from.end()?;
        Ok(message)
    }
}

impl Reply {
    /// The message's bytes, without the frame's length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ready(version) => Writer::kind(1).u32(*version),
            Self::Terminal(data) => Writer::kind(2).bytes(data),
            Self::Exit {
                outcome,
                stdout,
                stderr,
            } => {
                let (case, value) = match outcome {
                    Outcome::Exited(status) => (0, *status),
                    Outcome::Signaled(number) => (1, *number),
                    Outcome::TimedOut => (2, 0),
                    Outcome::NotStarted(errno) => (3, *errno),
                };
                Writer::kind(3)
                    .u8(case)
                    .u32(value)
                    .u64(*stdout)
                    .u64(*stderr)
            }
            Self::Put(errno) => Writer::kind(4).u32(*errno),
        }
        .done()
    }

    /// Reads a message back.
    ///
    /// # Errors
    /// A [`WireError`] when the bytes are no message.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut from = Reader::new(body);
        let message = match from.u8()? {
            1 => Self::Ready(from.u32()?),
            2 => Self::Terminal(from.bytes()?),
            3 => {
                let outcome = match (from.u8()?, from.u32()?) {
                    (0, status) => Outcome::Exited(status),
                    (1, number) => Outcome::Signaled(number),
                    (2, _) => Outcome::TimedOut,
                    (3, errno) => Outcome::NotStarted(errno),
                    (other, _) => return Err(WireError::Unknown(other)),
                };
                Self::Exit {
                    outcome,
                    stdout: from.u64()?,
                    stderr: from.u64()?,
                }
            }
            4 => Self::Put(from.u32()?),
            other => return Err(WireError::Unknown(other)),
        };
        from.end()?;
        Ok(message)
    }
}

fn size_word(size: Size) -> u32 {
    u32::from(size.rows) << 16 | u32::from(size.columns)
}

fn size_of_word(word: u32) -> Size {
    let [low, high, rows_low, rows_high] = word.to_le_bytes();
    Size {
        rows: u16::from_le_bytes([rows_low, rows_high]),
        columns: u16::from_le_bytes([low, high]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests() -> Vec<Request> {
        vec![
            Request::Run(Run {
                program: b"/bin/true".to_vec(),
                argv: vec![b"true".to_vec(), Vec::new(), vec![0xff, 0]],
                env: vec![b"A=b".to_vec()],
                cwd: b"/".to_vec(),
                uid: 1000,
                gid: 100,
                terminals: Terminals {
                    stdin: true,
                    stdout: false,
                    stderr: true,
                },
                size: Size {
                    rows: 24,
                    columns: 300,
                },
                limit_ms: 5000,
            }),
            Request::Signal(2),
            Request::Resize(Size {
                rows: 1,
                columns: 65535,
            }),
            Request::StdinEnds(1 << 40),
            Request::Put(Put {
                path: b"/tmp/f".to_vec(),
                mode: 0o755,
                append: true,
                data: vec![7; 100],
            }),
            Request::PowerOff,
        ]
    }

    fn replies() -> Vec<Reply> {
        let mut all: Vec<Reply> = [
            Outcome::Exited(3),
            Outcome::Signaled(9),
            Outcome::TimedOut,
            Outcome::NotStarted(2),
        ]
        .into_iter()
        .map(|outcome| Reply::Exit {
            outcome,
            stdout: 5,
            stderr: u64::MAX,
        })
        .collect();
        all.extend([
            Reply::Ready(1),
            Reply::Terminal(b"\r\n".to_vec()),
            Reply::Put(28),
        ]);
        all
    }

    #[test]
    fn messages_come_back_as_they_went() {
        for message in requests() {
            assert_eq!(Request::decode(&message.encode()), Ok(message));
        }
        for message in replies() {
            assert_eq!(Reply::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn cut_and_stretched_messages_are_refused() {
        for bytes in requests().iter().map(Request::encode) {
            for cut in 0..bytes.len() {
                assert!(Request::decode(bytes.get(..cut).unwrap_or_default()).is_err());
            }
            assert_eq!(
                Request::decode(&[bytes, vec![0]].concat()),
                Err(WireError::Long)
            );
        }
        assert_eq!(Reply::decode(&[77]), Err(WireError::Unknown(77)));
        assert_eq!(Reply::decode(&[]), Err(WireError::Short));
    }
}
