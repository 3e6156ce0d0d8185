//! Fields and frames as bytes.

use std::fmt;

/// No frame is longer than this: whoever announces more has lost the thread.
const LONGEST: usize = 1 << 20;

/// Bytes that are not what the contract says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// A frame ended before its fields did.
    Short,
    /// A frame had bytes left after its fields.
    Long,
    /// The kind byte, or a value with named cases, is none that is known.
    Unknown(u8),
    /// A frame announces more than a mebibyte.
    TooBig(usize),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => write!(f, "a frame on the control port is too short"),
            Self::Long => write!(f, "a frame on the control port is too long"),
            Self::Unknown(byte) => write!(f, "unknown kind {byte} on the control port"),
            Self::TooBig(len) => write!(f, "a frame of {len} bytes on the control port"),
        }
    }
}

impl std::error::Error for WireError {}

/// Puts the length in front of a message's bytes.
#[must_use]
pub fn frame(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(body.len().saturating_add(4));
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(body);
    out
}

/// Cuts a stream of bytes, which may come in any pieces, into frames.
#[derive(Debug, Default)]
pub struct Frames {
    pending: Vec<u8>,
}

impl Frames {
    /// Adds what was just read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole frame's body, if it has come.
    ///
    /// # Errors
    /// [`WireError::TooBig`] when the length cannot be one.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, WireError> {
        let Some((head, rest)) = self.pending.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let len = u32::from_le_bytes(*head) as usize;
        if len > LONGEST {
            return Err(WireError::TooBig(len));
        }
        let Some(body) = rest.get(..len) else {
            return Ok(None);
        };
        let body = body.to_vec();
        self.pending.drain(..len.saturating_add(4));
        Ok(Some(body))
    }
}

/// Writes fields one after the other.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn kind(kind: u8) -> Self {
        Self(vec![kind])
    }

    pub(crate) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        let mut out = self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        out.0.extend_from_slice(value);
        out
    }

    pub(crate) fn list(self, values: &[Vec<u8>]) -> Self {
        let out = self.u32(u32::try_from(values.len()).unwrap_or(u32::MAX));
        values.iter().fold(out, |out, value| out.bytes(value))
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Reads fields one after the other; each read fails rather than run past the end.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(WireError::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, WireError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, WireError> {
        let len = self.u32()? as usize;
        let (head, rest) = self.0.split_at_checked(len).ok_or(WireError::Short)?;
        self.0 = rest;
        Ok(head.to_vec())
    }

    pub(crate) fn list(&mut self) -> Result<Vec<Vec<u8>>, WireError> {
        (0..self.u32()?).map(|_| self.bytes()).collect()
    }

    pub(crate) fn end(&self) -> Result<(), WireError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(WireError::Long)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_whole_from_any_pieces() {
        let stream = [frame(b"one"), frame(b""), frame(b"three")].concat();
        for size in 1..stream.len() {
            let mut frames = Frames::default();
            let mut seen = Vec::new();
            for piece in stream.chunks(size) {
                frames.push(piece);
                while let Ok(Some(body)) = frames.next_frame() {
                    seen.push(body);
                }
            }
            assert_eq!(seen, [b"one".to_vec(), Vec::new(), b"three".to_vec()]);
        }
    }

    #[test]
    fn an_absurd_length_is_refused() {
        let mut frames = Frames::default();
        frames.push(&u32::MAX.to_le_bytes());
        assert_eq!(
            frames.next_frame(),
            Err(WireError::TooBig(u32::MAX as usize))
        );
    }

    #[test]
    fn a_field_that_runs_past_the_end_is_refused() {
        assert_eq!(Reader::new(&[1, 0, 0]).u32(), Err(WireError::Short));
        assert_eq!(Reader::new(&[9, 0, 0, 0, 1]).bytes(), Err(WireError::Short));
        assert_eq!(
            Reader::new(&[255, 255, 255, 255]).list(),
            Err(WireError::Short)
        );
    }
}
