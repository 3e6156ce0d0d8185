//! Control messages (`man 3 cmsg`): reading what a program sends, laying out what it receives.
//!
//! Plain values only; descriptors are numbers here and become files in the caller.

use abi::socket::{CmsgHdr, SCM_MAX_FD, SOL_SOCKET, Ucred, scm};
use abi::{Errno, Result};
use alloc::vec::Vec;
use zerocopy::FromBytes;

/// Bytes of a control message's header.
pub const HEADER: usize = size_of::<CmsgHdr>();

/// Control messages start at multiples of this.
const ALIGN: usize = 8;

/// What a program sends beside its bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Descriptors of the sender, in order; may hold one number twice.
    pub rights: Vec<i32>,
    /// Credentials the sender claims.
    pub credentials: Option<Ucred>,
    /// Messages of other levels than `SOL_SOCKET`, for the families that know them.
    pub others: Vec<Ancillary>,
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

/// Rounds up to the next message's start; `None` past the address space.
fn align(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(ALIGN)
}

/// Reads a control buffer as AF_UNIX does. Messages of other levels are handed on as they are.
///
/// # Errors
/// `EINVAL`: a length below a header or past the buffer, an unknown `SOL_SOCKET` message,
/// credentials of another size, more than 253 descriptors.
pub fn parse(buffer: &[u8]) -> Result<Sent> {
    let mut sent = Sent::default();
    let mut rest = buffer;
    while let Ok((header, _)) = CmsgHdr::read_from_prefix(rest) {
        let length = usize::try_from(header.len).map_err(|_| Errno::EINVAL)?;
        let data = rest.get(HEADER..length).ok_or(Errno::EINVAL)?;
        if header.level == SOL_SOCKET {
            sent.take(header.kind, data)?;
        } else {
            sent.others.push(Ancillary {
                level: header.level,
                kind: header.kind,
                data: data.to_vec(),
            });
        }
        let Some(next) = align(length).and_then(|next| rest.get(next..)) else {
            break;
        };
        rest = next;
    }
    Ok(sent)
}

impl Sent {
    fn take(&mut self, kind: i32, data: &[u8]) -> Result<()> {
        match kind {
            scm::RIGHTS => {
                let fds = data.chunks_exact(size_of::<i32>());
                if self.rights.len() + fds.len() > SCM_MAX_FD {
                    return Err(Errno::EINVAL);
                }
                self.rights
                    .extend(fds.filter_map(|fd| i32::read_from_bytes(fd).ok()));
                Ok(())
            }
            scm::CREDENTIALS => {
                // A second message replaces the first.
                self.credentials = Some(Ucred::read_from_bytes(data).map_err(|_| Errno::EINVAL)?);
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        }
    }
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

    #[test]
    fn rights_of_several_messages_add_up() {
        let buffer = [rights(&[3, 4, 5]), rights(&[3])].concat();
        assert_eq!(
            parse(&buffer).map(|sent| sent.rights),
            Ok(alloc::vec![3, 4, 5, 3])
        );
    }

    #[test]
    fn a_message_takes_253_descriptors_and_not_254() {
        assert!(parse(&rights(&[0; 253])).is_ok());
        assert_eq!(parse(&rights(&[0; 254])), Err(Errno::EINVAL));
        assert_eq!(
            parse(&[rights(&[0; 200]), rights(&[0; 54])].concat()),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn lengths_outside_the_buffer_are_refused() {
        for len in [0, 15, 33, u64::MAX] {
            let buffer = message(len, SOL_SOCKET, scm::RIGHTS, &[0; 16]);
            assert_eq!(parse(&buffer), Err(Errno::EINVAL), "cmsg_len {len}");
        }
    }

    #[test]
    fn a_tail_shorter_than_a_header_is_ignored() {
        let mut buffer = rights(&[1, 2]);
        buffer.extend_from_slice(&[0xff; 15]);
        assert_eq!(parse(&buffer).map(|sent| sent.rights.len()), Ok(2));
        assert_eq!(parse(&[0xff; 15]), Ok(Sent::default()));
    }

    #[test]
    fn other_levels_are_handed_on_and_unknown_kinds_are_not() {
        let sent = parse(&message(24, 41, 50, &[0; 8]));
        assert_eq!(sent.map(|sent| sent.others.len()), Ok(1));
        assert_eq!(
            parse(&message(24, SOL_SOCKET, 9, &[0; 8])),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn credentials_have_one_size() {
        let claim = Ucred {
            pid: 7,
            uid: 8,
            gid: 9,
        };
        let buffer = message(28, SOL_SOCKET, scm::CREDENTIALS, claim.as_bytes());
        assert_eq!(parse(&buffer).map(|sent| sent.credentials), Ok(Some(claim)));
        let short = message(24, SOL_SOCKET, scm::CREDENTIALS, &[0; 8]);
        assert_eq!(parse(&short), Err(Errno::EINVAL));
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
