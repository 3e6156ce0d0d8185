//! Room for bytes whose number a program or the wire chose: where memory has no such row, that is an error.

use abi::{Errno, Result};
use alloc::vec::Vec;

fn room(len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Errno::ENOBUFS)?;
    Ok(bytes)
}

/// So many zeroes.
///
/// # Errors
/// `ENOBUFS`
pub fn zeroes(len: usize) -> Result<Vec<u8>> {
    let mut bytes = room(len)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

/// Two pieces, one behind the other.
///
/// # Errors
/// `ENOBUFS`
pub fn joined(head: &[u8], rest: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = room(head.len() + rest.len())?;
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(rest);
    Ok(bytes)
}

/// The same bytes once more.
///
/// # Errors
/// `ENOBUFS`
pub fn copy(bytes: &[u8]) -> Result<Vec<u8>> {
    joined(bytes, &[])
}

/// Adds what `more` has.
///
/// # Errors
/// `ENOBUFS`: nothing was added.
pub fn append(bytes: &mut Vec<u8>, more: &[u8]) -> Result<()> {
    bytes.try_reserve(more.len()).map_err(|_| Errno::ENOBUFS)?;
    bytes.extend_from_slice(more);
    Ok(())
}
