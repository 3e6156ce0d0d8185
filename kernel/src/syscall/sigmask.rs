//! The signal mask a call brings for as long as it lasts (`ppoll`, `pselect6`, `epoll_pwait`).

use abi::signal::SigSet;
use abi::{Errno, Result};
use hal::ucopy::UserPtr;
use task::Thread;
use task::thread::flag;

/// Bytes of the kernel's `sigset_t`.
const SIGSET_SIZE: usize = 8;

/// Puts the program's mask in force; without one nothing changes and the size is not looked at.
///
/// # Errors
/// `EINVAL`: another size than the kernel's. `EFAULT`: the mask cannot be read.
pub fn begin(thread: &Thread, mask: UserPtr<SigSet>, size: usize) -> Result<()> {
    if mask.is_null() {
        return Ok(());
    }
    if size != SIGSET_SIZE {
        return Err(Errno::EINVAL);
    }
    task::signal::set_temporary_mask(thread, mask.read()?);
    Ok(())
}

/// Ends what [`begin`] began. After an interruption the handler still runs under the call's mask.
#[inline]
pub fn end(thread: &Thread, interrupted: bool) {
    if thread.has(flag::RESTORE_MASK) {
        task::signal::restore_mask(thread, interrupted);
    }
}
