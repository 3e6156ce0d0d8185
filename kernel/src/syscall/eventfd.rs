//! `eventfd2` (`man 2 eventfd`).

use abi::eventfd::{EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE};
use abi::{Errno, Result};
use vfs::eventfd::EventFd;

use super::Cx;
use super::args::Flags;

/// `eventfd2(2)`
pub fn eventfd2(cx: &mut Cx<'_>, count: u32, flags: Flags) -> Result<usize> {
    if flags.0 & !(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE) != 0 {
        return Err(Errno::EINVAL);
    }
    let file = EventFd::file(count, flags.0, cx.cred());
    let cloexec = flags.0 & EFD_CLOEXEC != 0;
    let fd = cx.files()?.install(file, cx.descriptor_limit(), cloexec)?;
    Ok(fd as usize)
}
