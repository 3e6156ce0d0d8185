//! `UserPtr<T>` and `UserSlice`: what a program passed as a pointer, typed, never dereferenced.

use core::marker::PhantomData;

use abi::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{copy_in, copy_out};
use crate::addr::UserAddr;

/// A program's pointer to a `T`. Read a structure once, into a value.
pub struct UserPtr<T> {
    addr: UserAddr,
    kind: PhantomData<fn(T) -> T>,
}

impl<T> UserPtr<T> {
    /// The pointer with this address.
    #[must_use]
    pub const fn new(addr: UserAddr) -> Self {
        UserPtr {
            addr,
            kind: PhantomData,
        }
    }

    /// Its address.
    #[must_use]
    pub const fn addr(self) -> UserAddr {
        self.addr
    }

    /// Whether the program passed `NULL`.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.addr.is_null()
    }

    /// `None` for `NULL`: for arguments that may be left out.
    #[must_use]
    pub fn non_null(self) -> Option<Self> {
        (!self.is_null()).then_some(self)
    }

    /// The `i`th element of an array that starts here.
    #[must_use]
    pub const fn add(self, i: usize) -> Self {
        UserPtr::new(self.addr.wrapping_add(i.wrapping_mul(size_of::<T>())))
    }

    /// The same address as a pointer to another type.
    #[must_use]
    pub const fn cast<U>(self) -> UserPtr<U> {
        UserPtr::new(self.addr)
    }
}

impl<T: FromBytes + IntoBytes> UserPtr<T> {
    /// Copies the value in. May sleep.
    ///
    /// # Errors
    /// `EFAULT`
    #[inline]
    pub fn read(self) -> abi::Result<T> {
        let mut value = T::new_zeroed();
        copy_in(value.as_mut_bytes(), self.addr).map_err(|_| Errno::EFAULT)?;
        Ok(value)
    }
}

impl<T: IntoBytes + Immutable> UserPtr<T> {
    /// Copies the value out. May sleep.
    ///
    /// # Errors
    /// `EFAULT`
    #[inline]
    pub fn write(self, value: &T) -> abi::Result<()> {
        copy_out(self.addr, value.as_bytes()).map_err(|_| Errno::EFAULT)
    }
}

impl<T> Clone for UserPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for UserPtr<T> {}

impl<T> core::fmt::Debug for UserPtr<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.addr.0)
    }
}

/// Bytes a program named by address and length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserSlice {
    /// First byte.
    pub addr: UserAddr,
    /// How many.
    pub len: usize,
}

impl UserSlice {
    /// The bytes `[addr, addr + len)`.
    #[must_use]
    pub const fn new(addr: UserAddr, len: usize) -> Self {
        UserSlice { addr, len }
    }

    /// Fills `dst` from the first bytes. May sleep.
    ///
    /// # Errors
    /// `EFAULT`, also when `dst` is longer than the slice.
    pub fn read(self, dst: &mut [u8]) -> abi::Result<()> {
        if dst.len() > self.len {
            return Err(Errno::EFAULT);
        }
        copy_in(dst, self.addr).map_err(|_| Errno::EFAULT)
    }

    /// Copies `src` to the first bytes. May sleep.
    ///
    /// # Errors
    /// `EFAULT`, also when `src` is longer than the slice.
    pub fn write(self, src: &[u8]) -> abi::Result<()> {
        if src.len() > self.len {
            return Err(Errno::EFAULT);
        }
        copy_out(self.addr, src).map_err(|_| Errno::EFAULT)
    }

    /// All bytes as a vector. The caller bounds `len` first. May sleep.
    ///
    /// # Errors
    /// `EFAULT`; `ENOMEM`.
    pub fn read_vec(self) -> abi::Result<alloc::vec::Vec<u8>> {
        let mut v = alloc::vec::Vec::new();
        v.try_reserve_exact(self.len).map_err(|_| Errno::ENOMEM)?;
        v.resize(self.len, 0);
        self.read(&mut v)?;
        Ok(v)
    }
}
