//! Arrays of `struct iovec` (`man 2 readv`), read once.

use abi::socket::UIO_MAXIOV;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::ops::Deref;
use hal::UserAddr;
use hal::ucopy::UserSlice;
use task::thread::flag;
use zerocopy::FromBytes;

/// One call moves at most this many bytes (`MAX_RW_COUNT`).
pub const MAX_TRANSFER: usize = 0x7fff_f000;

/// Bytes of a `struct iovec`.
const ENTRY: usize = 16;

/// Pieces that take no memory but the caller's stack.
const FEW: usize = 8;

/// The pieces of a transfer, in their order.
pub struct Pieces {
    few: [UserSlice; FEW],
    /// All of them, when there are more than a few.
    many: Vec<UserSlice>,
    count: usize,
}

impl Deref for Pieces {
    type Target = [UserSlice];

    #[inline]
    fn deref(&self) -> &[UserSlice] {
        let all = if self.count > FEW {
            &self.many
        } else {
            &self.few[..]
        };
        all.get(..self.count).unwrap_or_default()
    }
}

/// Reads `count` pieces; their sum is cut to [`MAX_TRANSFER`].
///
/// # Errors
/// `EINVAL`: more than 1,024 pieces, or a length that is negative. `EFAULT`: the array cannot be read,
/// or a piece lies outside the program's half of the address space.
pub fn read(addr: UserAddr, count: usize) -> Result<Pieces> {
    if count > UIO_MAXIOV {
        return Err(Errno::EINVAL);
    }
    let mut pieces = Pieces {
        few: [UserSlice::default(); FEW],
        many: Vec::new(),
        count,
    };
    if count > FEW {
        let bytes = UserSlice::new(addr, count * ENTRY).read_vec()?;
        pieces
            .many
            .try_reserve_exact(count)
            .map_err(|_| Errno::ENOMEM)?;
        pieces.many.resize(count, UserSlice::default());
        fill(&mut pieces.many, &bytes)?;
    } else {
        let mut bytes = [0; FEW * ENTRY];
        let bytes = bytes.get_mut(..count * ENTRY).unwrap_or_default();
        UserSlice::new(addr, bytes.len()).read(bytes)?;
        fill(&mut pieces.few, bytes)?;
    }
    Ok(pieces)
}

/// Whether the calling thread's addresses may have tags.
#[cold]
fn may_tag() -> bool {
    task::thread::with_current(|thread| thread.has(flag::TAGGED)).unwrap_or(false)
}

fn fill(pieces: &mut [UserSlice], bytes: &[u8]) -> Result<()> {
    let mut left = MAX_TRANSFER;
    let mut outside = false;
    for (piece, entry) in pieces.iter_mut().zip(bytes.chunks_exact(ENTRY)) {
        let [base, len] = <[u64; 2]>::read_from_bytes(entry).map_err(|_| Errno::EINVAL)?;
        let len = usize::try_from(len)
            .ok()
            .filter(|len| isize::try_from(*len).is_ok());
        let len = len.ok_or(Errno::EINVAL)?;
        let mut base = UserAddr::from(base);
        if !base.may_transfer(0) && may_tag() {
            base = UserAddr(hal::addr::untagged(base.0));
        }
        // A bad length further on comes before a bad place here.
        outside |= !base.may_transfer(len);
        let len = len.min(left);
        left -= len;
        *piece = UserSlice::new(base, len);
    }
    if outside { Err(Errno::EFAULT) } else { Ok(()) }
}
