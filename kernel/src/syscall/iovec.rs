//! Arrays of `struct iovec` (`man 2 readv`), read once.

use abi::socket::UIO_MAXIOV;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use core::ops::Deref;
use hal::UserAddr;
use hal::ucopy::{UserPtr, UserSlice};
use task::thread::flag;
use zerocopy::{FromBytes, IntoBytes};

/// One call moves at most this many bytes (`MAX_RW_COUNT`).
pub const MAX_TRANSFER: usize = 0x7fff_f000;

/// Bytes of a `struct iovec`.
const ENTRY: usize = 16;

/// Pieces that take no memory but the caller's stack.
const FEW: usize = 8;

/// The pieces of a transfer, in their order. Read where they stand: they are not small.
#[derive(Default)]
pub struct Pieces {
    few: ArrayVec<UserSlice, FEW>,
    /// All of them, when there are more than a few.
    many: Option<Box<[UserSlice]>>,
}

impl Deref for Pieces {
    type Target = [UserSlice];

    #[inline]
    fn deref(&self) -> &[UserSlice] {
        self.many.as_deref().unwrap_or(&self.few)
    }
}

impl Pieces {
    /// Reads `count` pieces; their sum is cut to [`MAX_TRANSFER`].
    ///
    /// # Errors
    /// `EINVAL`: more than 1,024 pieces, or a length that is negative. `EFAULT`: the array cannot be read,
    /// or a piece lies outside the program's half of the address space.
    pub fn read(&mut self, addr: UserAddr, count: usize) -> Result<()> {
        let mut sum = Sum::default();
        if count == 0 {
            // Where none of them are is not looked at.
            return Ok(());
        }
        if count == 1 {
            let entry = UserPtr::<[u64; 2]>::new(addr).read()?;
            self.few.push(sum.add(entry)?);
        } else if count <= FEW {
            let mut entries = [[0; 2]; FEW];
            let entries = entries.get_mut(..count).unwrap_or_default();
            UserSlice::new(addr, count * ENTRY).read(entries.as_mut_bytes())?;
            for entry in entries {
                self.few.push(sum.add(*entry)?);
            }
        } else if count <= UIO_MAXIOV {
            let bytes = UserSlice::new(addr, count * ENTRY).read_vec()?;
            let mut many = Vec::new();
            many.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
            for entry in bytes.chunks_exact(ENTRY) {
                let entry = <[u64; 2]>::read_from_bytes(entry).map_err(|_| Errno::EINVAL)?;
                many.push(sum.add(entry)?);
            }
            self.many = Some(many.into_boxed_slice());
        } else {
            return Err(Errno::EINVAL);
        }
        // A bad length further on comes before a bad place here.
        if sum.outside {
            Err(Errno::EFAULT)
        } else {
            Ok(())
        }
    }
}

/// Whether the calling thread's addresses may have tags.
#[cold]
fn may_tag() -> bool {
    task::thread::with_current(|thread| thread.has(flag::TAGGED)).unwrap_or(false)
}

/// What the pieces so far amount to.
#[derive(Default)]
struct Sum {
    bytes: usize,
    outside: bool,
}

impl Sum {
    #[inline]
    fn add(&mut self, [base, len]: [u64; 2]) -> Result<UserSlice> {
        let len = isize::try_from(len).map_err(|_| Errno::EINVAL)? as usize;
        let mut base = UserAddr::from(base);
        if !base.may_transfer(len) {
            if may_tag() {
                base = UserAddr(hal::addr::untagged(base.0));
            }
            self.outside |= !base.may_transfer(len);
        }
        let len = len.min(MAX_TRANSFER - self.bytes);
        self.bytes += len;
        Ok(UserSlice::new(base, len))
    }
}
