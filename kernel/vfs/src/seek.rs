//! Where `lseek` goes.

use abi::{Errno, Result};
use mm::MemObject;

use crate::file_ops::Whence;

/// Greatest size and position of a file, bytes.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// Moves `pos` within a file of `size` bytes without holes.
///
/// # Errors
/// `EINVAL` before the start, `EOVERFLOW` past what a position holds, `ENXIO` for data past the end.
pub fn within(size: u64, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
    let base = match whence {
        Whence::Set => 0,
        Whence::Cur => *pos,
        Whence::End => size,
        Whence::Data | Whence::Hole => {
            let at = u64::try_from(offset)
                .ok()
                .filter(|at| *at < size)
                .ok_or(Errno::ENXIO)?;
            *pos = if whence == Whence::Data { at } else { size };
            return Ok(*pos);
        }
    };
    let at = i128::from(base) + i128::from(offset);
    let at = u64::try_from(at).map_err(|_| Errno::EINVAL)?;
    if at > MAX_SIZE {
        // Linux: past the greatest size is an invalid position.
        return Err(Errno::EINVAL);
    }
    *pos = at;
    Ok(at)
}

/// Moves `pos` within the pages of `object`.
///
/// # Errors
/// As [`within`].
pub fn in_object(object: &MemObject, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
    let find = match whence {
        Whence::Data => MemObject::next_data,
        Whence::Hole => MemObject::next_hole,
        _ => return within(object.size(), pos, offset, whence),
    };
    let from = u64::try_from(offset)
        .ok()
        .filter(|from| *from < object.size())
        .ok_or(Errno::ENXIO)?;
    *pos = find(object, from).ok_or(Errno::ENXIO)?;
    Ok(*pos)
}
