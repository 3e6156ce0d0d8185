//! Copying between this process's memory and another's (`man 2 process_vm_readv`).

use abi::mman::advice::{MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::ucopy::{self, UserSlice};
use hal::{PAGE_SIZE, UserAddr};
use mm::AddressSpace;
use sync::Capability;
use task::pidfd;

use super::Cx;
use super::args::{Fd, Flags, PidArg};
use super::iovec::Pieces;

/// `process_vm_readv(2)`.
pub fn process_vm_readv(
    cx: &mut Cx<'_>,
    pid: PidArg,
    local: UserAddr,
    local_count: usize,
    remote: UserAddr,
    remote_count: usize,
    flags: u64,
) -> Result<usize> {
    transfer(
        cx,
        pid,
        (local, local_count),
        (remote, remote_count),
        flags,
        &|mm, mine, its, page| {
            let got = mm.read_foreign(its, page);
            let put = page.get(..got).unwrap_or_default();
            ucopy::copy_out(mine, put).map_or_else(|done| done, |()| got)
        },
    )
}

/// `process_vm_writev(2)`.
pub fn process_vm_writev(
    cx: &mut Cx<'_>,
    pid: PidArg,
    local: UserAddr,
    local_count: usize,
    remote: UserAddr,
    remote_count: usize,
    flags: u64,
) -> Result<usize> {
    transfer(
        cx,
        pid,
        (local, local_count),
        (remote, remote_count),
        flags,
        &|mm, mine, its, page| {
            let got = ucopy::copy_in(page, mine).map_or_else(|done| done, |()| page.len());
            mm.write_foreign(its, page.get(..got).unwrap_or_default())
        },
    )
}

/// `process_madvise(2)`: advice about another's memory, of the kinds that lose nothing.
pub fn process_madvise(
    cx: &mut Cx<'_>,
    pidfd: Fd,
    vector: UserAddr,
    count: usize,
    advice: i32,
    flags: Flags,
) -> Result<usize> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL);
    }
    let mut pieces = Pieces::default();
    pieces.read(vector, count)?;
    let file = cx.file(pidfd)?;
    let process = pidfd::process_of(&file).ok_or(Errno::EBADF)?;
    let thread = process.any_thread().ok_or(Errno::ESRCH)?;
    if !matches!(advice, MADV_WILLNEED | MADV_COLD | MADV_PAGEOUT) {
        return Err(Errno::EINVAL);
    }
    let mm = thread.mm().map_err(|_| Errno::ESRCH)?;
    if !task::access::may_see(cx.thread, &process) || !cx.cred().has(Capability::SYS_NICE) {
        return Err(Errno::EPERM);
    }
    let mut done = 0;
    for piece in pieces.iter() {
        match mm.advise(piece.addr, piece.len, advice) {
            Ok(()) => done += piece.len,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}

/// `process_mrelease(2)`: what a process that is to die has is given back by its own end, at once; there is nothing
/// to hurry.
pub fn process_mrelease(cx: &mut Cx<'_>, pidfd: Fd, flags: Flags) -> Result<usize> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL);
    }
    let file = cx.file(pidfd)?;
    let process = pidfd::process_of(&file).ok_or(Errno::EBADF)?;
    let thread = process.any_thread().ok_or(Errno::ESRCH)?;
    thread.mm().map_err(|_| Errno::ESRCH)?;
    if !thread.is_killed() {
        return Err(Errno::EINVAL);
    }
    Err(Errno::EAGAIN)
}

/// Moves at most a page between an address here and one there; how much it could.
type Carry<'a> = dyn Fn(&AddressSpace, UserAddr, UserAddr, &mut [u8]) -> usize + 'a;

/// Walks both lists side by side; `copy` moves at most a page and answers how much it could. What was moved before an
/// error is the result.
fn transfer(
    cx: &Cx<'_>,
    pid: PidArg,
    local: (UserAddr, usize),
    remote: (UserAddr, usize),
    flags: u64,
    copy: &Carry<'_>,
) -> Result<usize> {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let (mut mine, mut its) = (Pieces::default(), Pieces::default());
    mine.read(local.0, local.1)?;
    // Linux has no look at the other side when there is nothing to move.
    if mine.iter().all(|piece| piece.len == 0) {
        return Ok(0);
    }
    its.read(remote.0, remote.1)?;
    if its.iter().all(|piece| piece.len == 0) {
        return Ok(0);
    }
    let mm = memory_of(cx, pid)?;
    let mut page = alloc::vec![0; PAGE_SIZE];
    let (mut mine, mut its) = (mine.iter().copied(), its.iter().copied());
    let (mut here, mut there) = (UserSlice::default(), UserSlice::default());
    let mut total = 0;
    while let (Some(to), Some(from)) = (rest(&mut here, &mut mine), rest(&mut there, &mut its)) {
        let wanted = to.len.min(from.len).min(PAGE_SIZE);
        let part = page.get_mut(..wanted).unwrap_or_default();
        let moved = copy(&mm, to.addr, from.addr, part);
        total += moved;
        if moved < wanted {
            return if total > 0 {
                Ok(total)
            } else {
                Err(Errno::EFAULT)
            };
        }
        here = behind(to, moved);
        there = behind(from, moved);
    }
    Ok(total)
}

/// What is left of a piece, or the next one that is not empty.
fn rest(piece: &mut UserSlice, more: &mut impl Iterator<Item = UserSlice>) -> Option<UserSlice> {
    if piece.len == 0 {
        *piece = more.find(|next| next.len > 0)?;
    }
    Some(*piece)
}

fn behind(piece: UserSlice, moved: usize) -> UserSlice {
    UserSlice::new(
        UserAddr(piece.addr.0.wrapping_add(moved)),
        piece.len - moved,
    )
}

/// The memory of a thread's process, by its number.
fn memory_of(cx: &Cx<'_>, pid: PidArg) -> Result<Arc<AddressSpace>> {
    let tid = u32::try_from(pid.0).map_err(|_| Errno::ESRCH)?;
    let thread = task::tree::lock().thread(tid).ok_or(Errno::ESRCH)?;
    if !task::access::may_look_into(cx.thread, thread.process()) {
        return Err(Errno::EPERM);
    }
    thread.mm().map_err(|_| Errno::ESRCH)
}
