//! Messages and attributes: reading what a program sends, building what it gets (`man 7 netlink`).
//!
//! Plain bytes only; nothing here fails on any input but by leaving it out.

use alloc::vec::Vec;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// Bytes, the header included.
    pub len: u32,
    /// What it is.
    pub kind: u16,
    /// `NLM_F_*`
    pub flags: u16,
    /// The number of the request.
    pub sequence: u32,
    /// The port of the sender, or of who asked.
    pub port: u32,
}

/// Bytes of a header.
pub const HEADER: usize = size_of::<Header>();
/// Messages and attributes start at multiples of this.
const ALIGN: usize = 4;
/// Bytes of an attribute's header.
const ATTRIBUTE: usize = 4;
/// The bits of an attribute's type that say how it is built.
const TYPE_FLAGS: u16 = 0xc000;

/// Flags of messages (`NLM_F_*`).
#[allow(missing_docs, reason = "the names are those of man 7 netlink")]
pub mod flag {
    pub const REQUEST: u16 = 0x1;
    pub const MULTI: u16 = 0x2;
    pub const ACK: u16 = 0x4;
    pub const ECHO: u16 = 0x8;
    pub const ROOT: u16 = 0x100;
    pub const MATCH: u16 = 0x200;
    pub const DUMP: u16 = 0x300;
    pub const REPLACE: u16 = 0x100;
    pub const EXCL: u16 = 0x200;
    pub const CREATE: u16 = 0x400;
    pub const APPEND: u16 = 0x800;
    pub const CAPPED: u16 = 0x100;
    pub const ACK_TLVS: u16 = 0x200;
}

/// `NLMSG_ERROR`: the answer to a request, good or bad.
pub const ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of several.
pub const DONE: u16 = 3;
/// Below are messages of the protocol itself.
pub const MIN_TYPE: u16 = 0x10;

/// The messages in what a program sent, up to the first that is cut off.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (Header, &[u8])> {
    core::iter::from_fn(move || {
        let (header, _) = Header::read_from_prefix(bytes).ok()?;
        let len = usize::try_from(header.len).ok()?;
        let body = bytes.get(HEADER..len)?;
        let next = len.checked_next_multiple_of(ALIGN)?;
        bytes = bytes.get(next..).unwrap_or_default();
        Some((header, body))
    })
}

/// The attributes behind a fixed part, by type; a later one of a type replaces an earlier.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    core::iter::from_fn(move || {
        let (head, _) = bytes.split_first_chunk::<ATTRIBUTE>()?;
        let [a, b, c, d] = *head;
        let len = usize::from(u16::from_ne_bytes([a, b]));
        let kind = u16::from_ne_bytes([c, d]) & !TYPE_FLAGS;
        let data = bytes.get(ATTRIBUTE..len)?;
        let next = len.next_multiple_of(ALIGN);
        bytes = bytes.get(next..).unwrap_or_default();
        Some((kind, data))
    })
}

/// The last attribute of a type.
#[must_use]
pub fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes)
        .filter(|(is, _)| *is == kind)
        .last()
        .map(|(_, data)| data)
}

/// A number from an attribute.
#[must_use]
pub fn number(data: &[u8]) -> Option<u32> {
    data.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// A text from an attribute, up to its end.
#[must_use]
pub fn text(data: &[u8]) -> Option<&str> {
    let end = data
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(data.len());
    core::str::from_utf8(data.get(..end)?).ok()
}

/// A message being built.
#[derive(Debug, Default)]
pub struct Builder {
    bytes: Vec<u8>,
}

impl Builder {
    /// Begins a message; [`Builder::finish`] sets its length.
    #[must_use]
    pub fn new(kind: u16, flags: u16, sequence: u32, port: u32) -> Self {
        let header = Header {
            len: 0,
            kind,
            flags,
            sequence,
            port,
        };
        Self {
            bytes: header.as_bytes().to_vec(),
        }
    }

    /// Adds a fixed part.
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self.align();
        self
    }

    fn align(&mut self) {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGN), 0);
    }

    /// Adds an attribute.
    pub fn attribute(&mut self, kind: u16, data: &[u8]) -> &mut Self {
        let len = u16::try_from(ATTRIBUTE + data.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&len.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.put(data)
    }

    /// Adds an attribute of one number.
    pub fn number(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Adds an attribute of a text and its end.
    pub fn text(&mut self, kind: u16, text: &str) -> &mut Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    /// The message.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let len = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        for (to, from) in self.bytes.iter_mut().zip(len.to_ne_bytes()) {
            *to = from;
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_built_is_read_back() {
        let mut builder = Builder::new(16, flag::REQUEST, 7, 9);
        builder.put(&[1, 2, 3, 4]).text(3, "lo").number(4, 1500);
        let bytes = builder.finish();
        let (header, body) = messages(&bytes).next().unwrap();
        assert_eq!((header.kind, header.sequence, header.port), (16, 7, 9));
        assert_eq!(header.len as usize, bytes.len());
        let rest = body.get(4..).unwrap();
        assert_eq!(find(rest, 3).and_then(text), Some("lo"));
        assert_eq!(find(rest, 4).and_then(number), Some(1500));
        assert_eq!(find(rest, 5), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let mut seen = 0;
            for (header, body) in messages(&bytes) {
                prop_assert!(header.len as usize >= HEADER);
                seen += attributes(body).count();
            }
            prop_assert!(seen <= bytes.len());
        }
    }
}
