//! Control messages (`man 3 cmsg`): reading what a program sends, laying out what it receives.
//!
//! Plain values only; descriptors are numbers here and become files in the caller.

use abi::socket::{CmsgHdr, SOL_SOCKET, Ucred, scm};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Deref;
use zerocopy::FromBytes;

/// Bytes of a control message's header.
pub const HEADER: usize = size_of::<CmsgHdr>();

/// Control messages start at multiples of this.
const ALIGN: usize = 8;

/// One control message of a sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Descriptors of the sender, in order.
    Rights(&'a [[u8; 4]]),
    /// Credentials the sender claims; a second message replaces the first.
    Credentials(Ucred),
    /// A message of another level than `SOL_SOCKET`, for the families that know it.
    Other {
        /// The protocol.
        level: i32,
        /// What the data is.
        kind: i32,
        /// The data.
        data: &'a [u8],
    },
}

/// The control messages of a buffer, see [`messages`].
pub struct Messages<'a> {
    rest: &'a [u8],
}

/// Reads a control buffer message by message, as AF_UNIX does: what stands behind a wrong one is not looked at.
///
/// An item is `EINVAL` for a length below a header or past the buffer, an unknown `SOL_SOCKET` message, or credentials
/// of another size; nothing follows it.
#[must_use]
pub fn messages(buffer: &[u8]) -> Messages<'_> {
    Messages { rest: buffer }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        // In a buffer of words, as callers' are, a header is read by words.
        let header = match CmsgHdr::ref_from_prefix(self.rest) {
            Ok((header, _)) => *header,
            Err(_) => CmsgHdr::read_from_prefix(self.rest).ok()?.0,
        };
        let message = self.read(&header);
        let next = usize::try_from(header.len).ok().and_then(align);
        let rest = next.and_then(|next| self.rest.get(next..));
        self.rest = rest.filter(|_| message.is_some()).unwrap_or_default();
        Some(message.ok_or(Errno::EINVAL))
    }
}

impl<'a> Messages<'a> {
    fn read(&self, header: &CmsgHdr) -> Option<Message<'a>> {
        let length = usize::try_from(header.len).ok()?;
        let data = self.rest.get(HEADER..length)?;
        match (header.level, header.kind) {
            (SOL_SOCKET, scm::RIGHTS) => Some(Message::Rights(data.as_chunks().0)),
            (SOL_SOCKET, scm::CREDENTIALS) => {
                Ucred::read_from_bytes(data).ok().map(Message::Credentials)
            }
            (SOL_SOCKET, _) => None,
            (level, kind) => Some(Message::Other { level, kind, data }),
        }
    }
}

/// A control message as plain bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancillary {
    /// `SOL_SOCKET` or a protocol.
    pub level: i32,
    /// What the data is.
    pub kind: i32,
    /// The data.
    pub data: Vec<u8>,
}

/// What comes beside a message; most come with nothing.
#[derive(Clone, Debug, Default)]
pub struct Beside(Option<Box<[Ancillary]>>);

impl From<Vec<Ancillary>> for Beside {
    fn from(messages: Vec<Ancillary>) -> Self {
        Self((!messages.is_empty()).then(|| messages.into_boxed_slice()))
    }
}

impl Deref for Beside {
    type Target = [Ancillary];

    fn deref(&self) -> &[Ancillary] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Rounds up to the next message's start; `None` past the address space.
fn align(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(ALIGN)
}

/// Where one message goes in a receiver's control buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// `cmsg_len` to write: header and data that fit.
    pub len: usize,
    /// Bytes the message takes of the buffer, padding included.
    pub advance: usize,
    /// Not all data fits: `MSG_CTRUNC`.
    pub truncated: bool,
}

/// Lays out a message of `data` bytes in a buffer with `room` bytes left; `None` when not even
/// the header fits (`MSG_CTRUNC`, nothing written).
#[must_use]
pub fn place(room: usize, data: usize) -> Option<Slot> {
    if room < HEADER {
        return None;
    }
    let whole = HEADER + data;
    let len = whole.min(room);
    let advance = align(whole).unwrap_or(whole).min(room);
    Some(Slot {
        len,
        advance,
        truncated: len < whole,
    })
}

/// How many of `count` descriptors a buffer with `room` bytes left takes. A part of a number is
/// never written.
#[must_use]
pub fn rights_that_fit(room: usize, count: usize) -> usize {
    (room.saturating_sub(HEADER) / size_of::<i32>()).min(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    fn message(len: u64, level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = CmsgHdr { len, level, kind }.as_bytes().to_vec();
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        bytes
    }

    fn rights(fds: &[i32]) -> Vec<u8> {
        message(
            (HEADER + fds.len() * 4) as u64,
            SOL_SOCKET,
            scm::RIGHTS,
            fds.as_bytes(),
        )
    }

    fn read(buffer: &[u8]) -> Vec<Result<Message<'_>>> {
        messages(buffer).collect()
    }

    #[test]
    fn messages_come_in_their_order() {
        let buffer = [rights(&[3, 4, 5]), rights(&[6])].concat();
        let of = |fds: &[i32]| fds.iter().map(|fd| fd.to_ne_bytes()).collect::<Vec<_>>();
        let (three, one) = (of(&[3, 4, 5]), of(&[6]));
        let all = [Ok(Message::Rights(&three)), Ok(Message::Rights(&one))];
        assert_eq!(read(&buffer), all);
    }

    #[test]
    fn lengths_outside_the_buffer_are_refused_and_end_it() {
        for len in [0, 15, 33, u64::MAX] {
            let mut buffer = message(len, SOL_SOCKET, scm::RIGHTS, &[0; 16]);
            assert_eq!(read(&buffer), [Err(Errno::EINVAL)], "cmsg_len {len}");
            if len < 16 {
                buffer.extend(rights(&[1]));
                assert_eq!(read(&buffer), [Err(Errno::EINVAL)], "cmsg_len {len}");
            }
        }
    }

    #[test]
    fn a_tail_shorter_than_a_header_is_ignored() {
        let mut buffer = rights(&[1, 2]);
        buffer.extend_from_slice(&[0xff; 15]);
        assert_eq!(read(&buffer).len(), 1);
        assert_eq!(read(&[0xff; 15]), []);
    }

    #[test]
    fn other_levels_are_handed_on_and_unknown_kinds_are_not() {
        let other = message(24, 41, 50, &[7; 8]);
        let data: &[u8] = &[7; 8];
        let (level, kind) = (41, 50);
        assert_eq!(read(&other), [Ok(Message::Other { level, kind, data })]);
        let unknown = message(24, SOL_SOCKET, 9, &[0; 8]);
        assert_eq!(read(&unknown), [Err(Errno::EINVAL)]);
    }

    #[test]
    fn credentials_have_one_size() {
        let claim = Ucred {
            pid: 7,
            uid: 8,
            gid: 9,
        };
        let buffer = message(28, SOL_SOCKET, scm::CREDENTIALS, claim.as_bytes());
        assert_eq!(read(&buffer), [Ok(Message::Credentials(claim))]);
        let short = message(24, SOL_SOCKET, scm::CREDENTIALS, &[0; 8]);
        assert_eq!(read(&short), [Err(Errno::EINVAL)]);
    }

    #[test]
    fn a_short_buffer_truncates_at_every_byte() {
        assert_eq!(place(15, 12), None);
        assert_eq!(
            place(27, 12),
            Some(Slot {
                len: 27,
                advance: 27,
                truncated: true
            })
        );
        assert_eq!(
            place(28, 12),
            Some(Slot {
                len: 28,
                advance: 28,
                truncated: false
            })
        );
        assert_eq!(
            place(100, 12),
            Some(Slot {
                len: 28,
                advance: 32,
                truncated: false
            })
        );
    }

    #[test]
    fn only_whole_descriptors_fit() {
        assert_eq!(rights_that_fit(19, 2), 0);
        assert_eq!(rights_that_fit(20, 2), 1);
        assert_eq!(rights_that_fit(23, 2), 1);
        assert_eq!(rights_that_fit(64, 2), 2);
    }
}
