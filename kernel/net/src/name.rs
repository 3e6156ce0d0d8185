//! A socket's name as bytes of a `sockaddr`, of any family.

use crate::address::{Endpoint, Family};
use crate::unix::address::Address;
use alloc::sync::Arc;
use alloc::vec::Vec;
use arrayvec::ArrayVec;

/// The longest `sockaddr` that is not a path: `sockaddr_in6`, `sockaddr_ll` with a long address.
const INLINE: usize = 32;

/// Who sent something.
#[derive(Clone, Debug)]
pub enum Name {
    /// A name of AF_UNIX.
    Unix(Arc<Address>),
    /// An end of IP, as sockets of the family write it.
    Ip(Endpoint, Family),
    /// The bytes of another family's `sockaddr`.
    Plain(ArrayVec<u8, INLINE>),
}

impl Name {
    /// A name from the bytes of a `sockaddr`; what is longer than any is cut.
    #[must_use]
    pub fn plain(bytes: &[u8]) -> Self {
        Self::Plain(bytes.iter().copied().take(INLINE).collect())
    }

    /// The bytes of the `sockaddr`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Unix(address) => address.to_bytes(),
            Self::Ip(end, family) => end.to_bytes(*family).to_vec(),
            Self::Plain(bytes) => bytes.to_vec(),
        }
    }
}
