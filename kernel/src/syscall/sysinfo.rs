//! What the system says of itself: uname, host and domain names, sysinfo.

use abi::Result;
use hal::UserAddr;

use super::Cx;

/// `uname(2)`.
pub fn uname(_: &mut Cx<'_>, _buf: UserAddr) -> Result<usize> {
    Err(abi::Errno::ENOSYS)
}
