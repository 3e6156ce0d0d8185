//! Signals read from a descriptor (`man 2 signalfd`).

use abi::signal::{SFD_CLOEXEC, SFD_NONBLOCK, SigSet};
use abi::{Errno, Result};
use hal::ucopy::UserPtr;
use sync::Resource;

use super::Cx;
use super::args::{Fd, Flags};
use super::signal::check_size;

/// `signalfd4(2)`.
pub fn signalfd4(
    cx: &mut Cx<'_>,
    fd: Fd,
    mask: UserPtr<SigSet>,
    size: usize,
    flags: Flags,
) -> Result<usize> {
    check_size(size)?;
    let mask = mask.read()?;
    if flags.0 & !(SFD_CLOEXEC | SFD_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    if fd.0 != -1 {
        task::signalfd::set_mask(&*cx.usable_file(fd)?, mask)?;
        return Ok(fd.0 as usize);
    }
    let file = task::signalfd::open(cx.thread, mask, flags.0 & SFD_NONBLOCK != 0)?;
    let limit = cx.process().limits().soft(Resource::OpenFiles) as usize;
    let fd = cx
        .files()?
        .install(file, limit, flags.0 & SFD_CLOEXEC != 0)?;
    Ok(fd as usize)
}
