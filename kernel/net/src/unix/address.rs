//! AF_UNIX addresses (`man 7 unix`, "Address format"): read once, kept as values.

use abi::socket::family::AF_UNIX;
use abi::socket::{SockAddrUn, UNIX_PATH_MAX};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Bytes before the path: the family.
const FAMILY_LEN: usize = 2;

/// The name of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// Never bound: two bytes, the family alone.
    Unnamed,
    /// A path, 1 to 108 bytes without its NUL.
    Path(Box<[u8]>),
    /// The bytes behind the leading NUL, 0 to 107; any of them may be NUL.
    Abstract(Box<[u8]>),
}

/// A name as a program wrote it, in its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written<'a> {
    /// As [`Address::Unnamed`].
    Unnamed,
    /// As [`Address::Path`].
    Path(&'a [u8]),
    /// As [`Address::Abstract`].
    Abstract(&'a [u8]),
}

impl<'a> Written<'a> {
    /// Reads the bytes a program gave to `bind`, `connect` or `sendto`. A family alone is
    /// [`Written::Unnamed`]: `bind` then chooses a name, the others refuse it.
    ///
    /// # Errors
    /// `EINVAL`: shorter than a family, longer than `sockaddr_un`, or another family.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let (family, path) = bytes
            .split_first_chunk::<FAMILY_LEN>()
            .ok_or(Errno::EINVAL)?;
        if bytes.len() > size_of::<SockAddrUn>() || u16::from_ne_bytes(*family) != AF_UNIX {
            return Err(Errno::EINVAL);
        }
        Ok(match path.split_first() {
            None => Self::Unnamed,
            Some((0, name)) => Self::Abstract(name),
            Some(_) => {
                let end = path.iter().position(|byte| *byte == 0);
                Self::Path(path.get(..end.unwrap_or(path.len())).unwrap_or(path))
            }
        })
    }
}

impl Address {
    /// Reads and keeps what a program wrote.
    ///
    /// # Errors
    /// As [`Written::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Ok(match Written::parse(bytes)? {
            Written::Unnamed => Self::Unnamed,
            Written::Path(path) => Self::Path(path.into()),
            Written::Abstract(name) => Self::Abstract(name.into()),
        })
    }

    /// The bytes `getsockname` tells; the length is theirs. A path carries its NUL, so one of
    /// 108 bytes is told as 111.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FAMILY_LEN + UNIX_PATH_MAX + 1);
        bytes.extend_from_slice(&AF_UNIX.to_ne_bytes());
        match self {
            Self::Unnamed => {}
            Self::Path(path) => {
                bytes.extend_from_slice(path);
                bytes.push(0);
            }
            Self::Abstract(name) => {
                bytes.push(0);
                bytes.extend_from_slice(name);
            }
        }
        bytes
    }

    /// The name as `/proc/net/unix` writes it: `@` for the leading NUL and for those within.
    #[must_use]
    pub fn display(&self) -> Vec<u8> {
        match self {
            Self::Unnamed => Vec::new(),
            Self::Path(path) => path.to_vec(),
            Self::Abstract(name) => {
                let visible = name
                    .iter()
                    .map(|byte| if *byte == 0 { b'@' } else { *byte });
                core::iter::once(b'@').chain(visible).collect()
            }
        }
    }

    /// The name autobind gives for a number: a NUL and five hexadecimal digits.
    #[must_use]
    pub fn automatic(number: u32) -> Self {
        let digit = |shift: u32| {
            let nibble = (number >> shift) & 0xf;
            char::from_digit(nibble, 16).map_or(b'0', |digit| digit as u8)
        };
        Self::Abstract(Box::new([16, 12, 8, 4, 0].map(digit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(path: &[u8]) -> Vec<u8> {
        [&AF_UNIX.to_ne_bytes(), path].concat()
    }

    #[test]
    fn a_path_ends_at_its_nul_or_at_the_length() {
        assert_eq!(
            Address::parse(&raw(b"/a\0junk")),
            Ok(Address::Path((*b"/a").into()))
        );
        assert_eq!(
            Address::parse(&raw(b"/a")),
            Ok(Address::Path((*b"/a").into()))
        );
        let long = [b'x'; UNIX_PATH_MAX];
        let address = Address::parse(&raw(&long)).unwrap();
        assert_eq!(address, Address::Path(long.into()));
        assert_eq!(address.to_bytes().len(), 111);
    }

    #[test]
    fn the_length_decides_an_abstract_name() {
        let address = Address::parse(&raw(b"\0a\0b")).unwrap();
        assert_eq!(address, Address::Abstract((*b"a\0b").into()));
        assert_eq!(address.to_bytes(), raw(b"\0a\0b"));
        assert_eq!(address.display(), b"@a@b");
        assert_eq!(
            Address::parse(&raw(b"\0")),
            Ok(Address::Abstract(Box::new([])))
        );
    }

    #[test]
    fn an_unnamed_address_has_two_bytes() {
        assert_eq!(Address::parse(&raw(b"")), Ok(Address::Unnamed));
        assert_eq!(Address::Unnamed.to_bytes(), AF_UNIX.to_ne_bytes());
    }

    #[test]
    fn other_lengths_and_families_are_refused() {
        assert_eq!(Address::parse(&[1]), Err(Errno::EINVAL));
        assert_eq!(Address::parse(&raw(&[b'x'; 109])), Err(Errno::EINVAL));
        assert_eq!(Address::parse(&[2, 0, b'/', b'a']), Err(Errno::EINVAL));
    }

    #[test]
    fn autobind_names_are_five_hexadecimal_digits() {
        assert_eq!(Address::automatic(0x0_00ab).to_bytes(), raw(b"\x00000ab"));
    }
}
