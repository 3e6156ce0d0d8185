//! `ppoll` (`man 2 poll`).

use abi::poll::{POLLERR, POLLHUP, POLLNVAL, PollFd};
use abi::signal::SigSet;
use abi::time::Timespec;
use abi::{Errno, Result};
use alloc::vec::Vec;
use hal::ucopy::{UserPtr, copy_in, copy_out};
use sync::Resource;
use zerocopy::IntoBytes;

use super::Cx;
use super::ready::{Asked, FEW, List, wait_for};
use super::sigmask;
use super::timeout::Timeout;

/// `ppoll(2)`
pub fn ppoll(
    cx: &mut Cx<'_>,
    fds: UserPtr<PollFd>,
    count: u32,
    timeout: UserPtr<Timespec>,
    mask: UserPtr<SigSet>,
    size: usize,
) -> Result<usize> {
    let patience = Timeout::read(timeout)?;
    sigmask::begin(cx.thread, mask, size)?;
    let result = poll(cx, fds, count as usize, patience);
    finish(cx, result, patience, timeout)
}

/// Puts the mask back and writes the time that is left.
pub fn finish(
    cx: &Cx<'_>,
    result: Result<usize>,
    patience: Timeout,
    timeout: UserPtr<Timespec>,
) -> Result<usize> {
    let interrupted = result == Err(Errno::ERESTARTNOHAND);
    sigmask::end(cx.thread, interrupted);
    // A time that cannot be written is no error, but then the call cannot be made again with what is left of it.
    if !patience.write_left(timeout) && interrupted {
        return Err(Errno::EINTR);
    }
    result
}

fn poll(cx: &Cx<'_>, fds: UserPtr<PollFd>, count: usize, patience: Timeout) -> Result<usize> {
    if count as u64 > cx.process().limits().soft(Resource::OpenFiles) {
        return Err(Errno::EINVAL);
    }
    let mut short = [PollFd::default(); FEW];
    if let Some(entries) = short.get_mut(..count) {
        return poll_entries(cx, fds, entries, patience);
    }
    let mut long = Vec::new();
    long.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
    long.resize(count, PollFd::default());
    poll_entries(cx, fds, &mut long, patience)
}

fn poll_entries(
    cx: &Cx<'_>,
    fds: UserPtr<PollFd>,
    entries: &mut [PollFd],
    patience: Timeout,
) -> Result<usize> {
    copy_in(entries.as_mut_bytes(), fds.addr()).map_err(|_| Errno::EFAULT)?;
    let files = cx.files()?;
    let mut asked = List::with_room(entries.len())?;
    for entry in &*entries {
        asked.push(if entry.fd < 0 {
            Asked::nobody()
        } else {
            let wanted = u32::from(entry.events as u16) | POLLERR | POLLHUP | POLLNVAL;
            Asked::new(&files, entry.fd, wanted)
        });
    }
    let result = wait_for(cx, &asked, patience);
    if result == Err(Errno::ENOMEM) {
        return result;
    }
    for (entry, one) in entries.iter_mut().zip(&*asked) {
        entry.revents = one.found() as i16;
    }
    // Written also when a signal ended the wait, as Linux does.
    copy_out(fds.addr(), entries.as_bytes()).map_err(|_| Errno::EFAULT)?;
    result
}
