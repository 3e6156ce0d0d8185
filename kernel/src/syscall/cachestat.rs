//! What of a file is in memory: `cachestat(2)`.

use abi::{Errno, Result};
use hal::PAGE_SIZE;
use hal::ucopy::UserPtr;

use super::Cx;
use super::args::{Fd, Flags};

/// Pages: in the cache, dirty, being written back, and thrown out, lately or not. What is in memory here is its
/// own place, and never dirty.
type Counts = [u64; 5];

/// `cachestat(2)`. Of a length of 0, the range is to the end.
pub fn cachestat(
    cx: &mut Cx<'_>,
    fd: Fd,
    range: UserPtr<[u64; 2]>,
    to: UserPtr<Counts>,
    flags: Flags,
) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let [offset, len] = range.read()?;
    if flags.0 != 0 {
        return Err(Errno::EINVAL);
    }
    let page = PAGE_SIZE as u64;
    let last = match len {
        0 => u64::MAX,
        len => offset.wrapping_add(len).wrapping_sub(1) / page,
    };
    let cached = file
        .inode()
        .object()
        .map_or(0, |object| object.resident_between(offset / page, last));
    to.write(&[cached as u64, 0, 0, 0, 0])?;
    Ok(0)
}
