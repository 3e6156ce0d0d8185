//! Arrays of `struct iovec` (`man 2 readv`), read once.

use abi::socket::UIO_MAXIOV;
use abi::{Errno, Result};
use alloc::vec::Vec;
use hal::UserAddr;
use hal::ucopy::UserSlice;
use zerocopy::FromBytes;

/// One call moves at most this many bytes (`MAX_RW_COUNT`).
pub const MAX_TRANSFER: usize = 0x7fff_f000;

/// Bytes of a `struct iovec`.
const ENTRY: usize = 16;

/// Reads `count` pieces; their sum is cut to [`MAX_TRANSFER`].
///
/// # Errors
/// `EINVAL`: more than 1,024 pieces, or a length that is negative. `EFAULT`: the array cannot be read,
/// or a piece lies outside the program's half of the address space.
pub fn read(addr: UserAddr, count: usize) -> Result<Vec<UserSlice>> {
    if count > UIO_MAXIOV {
        return Err(Errno::EINVAL);
    }
    let bytes = UserSlice::new(addr, count * ENTRY).read_vec()?;
    let mut left = MAX_TRANSFER;
    let mut pieces = Vec::with_capacity(count);
    for entry in bytes.chunks_exact(ENTRY) {
        let [base, len] = <[u64; 2]>::read_from_bytes(entry).map_err(|_| Errno::EINVAL)?;
        let len = usize::try_from(len)
            .ok()
            .filter(|len| isize::try_from(*len).is_ok());
        let len = len.ok_or(Errno::EINVAL)?;
        let base = UserAddr::from(base);
        if !base.may_transfer(len) {
            return Err(Errno::EFAULT);
        }
        let len = len.min(left);
        left -= len;
        pieces.push(UserSlice::new(base, len));
    }
    Ok(pieces)
}
