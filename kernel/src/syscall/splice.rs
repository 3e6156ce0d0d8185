//! Bytes between pipes and files without the program's memory (`man 2 splice`, `man 2 tee`,
//! `man 2 vmsplice`).

use abi::fcntl::{MAX_RW_COUNT, OFlags, SPLICE_F_ALL, SPLICE_F_NONBLOCK};
use abi::inotify::InotifyMask;
use abi::signal::SIGPIPE;
use abi::stat::S_IFMT;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use hal::ucopy::UserPtr;
use hal::{PAGE_SIZE, UserAddr};
use mm::io::{IoDst, IoSrc};
use sync::{Events, Pollee};
use task::Thread;
use task::wait::{WaitOptions, wait};
use vfs::pipe::{self, Pipe, PipeEnd, Slot};
use vfs::{Abilities, OpenFile, notify};

use super::Cx;
use super::args::{Fd, Flags};
use super::iovec::Pieces;
use super::pages::{MOST, Pages, slot_of};
use super::transfer::{self, How, raise};

/// Bytes read at once from what has no pages to share.
const CHUNK: usize = 16 << 10;

/// The pipe of an open file.
pub fn pipe_of(file: &OpenFile) -> Option<&Arc<Pipe>> {
    file.ops_as::<PipeEnd>().map(PipeEnd::pipe)
}

/// Whether bytes can be moved by the kernel between the file and a pipe, in the direction `way` names: not
/// with the objects without a type (eventfds and their kin), nor with directories.
pub fn is_spliceable(file: &OpenFile, way: Abilities) -> bool {
    let attr = file.inode().attr();
    file.can(way) && attr.mode() & S_IFMT != 0 && !attr.is_dir()
}

/// Tries, or waits until it can be done. A pipe without readers raises SIGPIPE.
fn attempt<T>(
    thread: &Thread,
    nonblock: bool,
    on: &[(Option<&Pollee>, Events)],
    mut act: impl FnMut() -> Result<T>,
) -> Result<T> {
    let result = match on {
        _ if nonblock => act(),
        [(Some(pollee), events)] => {
            wait(thread, &WaitOptions::default(), &[(*pollee, *events)], act)
        }
        [(Some(first), events), (Some(second), others)] => {
            let on = [(*first, *events), (*second, *others)];
            wait(thread, &WaitOptions::default(), &on, act)
        }
        _ => act(),
    };
    if matches!(result, Err(Errno::EPIPE)) {
        raise(thread, SIGPIPE);
    }
    result
}

fn readable_end(file: &OpenFile) -> (Option<&Pollee>, Events) {
    (file.ops().pollee(), Events::READABLE)
}

fn writable_end(file: &OpenFile) -> (Option<&Pollee>, Events) {
    (file.ops().pollee(), Events::WRITABLE)
}

/// An offset argument, `None` for the file's own position.
pub fn read_offset(offset: UserPtr<i64>) -> Result<Option<i64>> {
    offset.non_null().map(UserPtr::read).transpose()
}

/// Where a file is read or written: the offset given, or its position.
pub fn place(file: &OpenFile, offset: Option<i64>) -> Result<u64> {
    match offset {
        Some(offset) if file.positioned() => u64::try_from(offset).map_err(|_| Errno::EINVAL),
        Some(_) => Err(Errno::EINVAL),
        None if file.positioned() => Ok(file.position_seen()),
        None => Ok(0),
    }
}

/// `splice(2)`
pub fn splice(
    cx: &mut Cx<'_>,
    fd_in: Fd,
    offset_in: UserPtr<i64>,
    fd_out: Fd,
    offset_out: UserPtr<i64>,
    len: usize,
    flags: Flags,
) -> Result<usize> {
    if len == 0 {
        return Ok(0);
    }
    if flags.0 & !SPLICE_F_ALL != 0 {
        return Err(Errno::EINVAL);
    }
    let (input, output) = (cx.usable_file(fd_in)?, cx.usable_file(fd_out)?);
    let (from, to) = (pipe_of(&input), pipe_of(&output));
    if from.is_some() && !offset_in.is_null() || to.is_some() && !offset_out.is_null() {
        return Err(Errno::ESPIPE);
    }
    let at_out = read_offset(offset_out)?;
    let at_in = read_offset(offset_in)?;
    if !input.readable() || !output.writable() {
        return Err(Errno::EBADF);
    }
    let len = len.min(MAX_RW_COUNT);
    let nonblock = flags.0 & SPLICE_F_NONBLOCK != 0;
    match (from, to) {
        (Some(from), Some(to)) => {
            let nonblock = nonblock || input.nonblocking() || output.nonblocking();
            let on = [readable_end(&input), writable_end(&output)];
            attempt(cx.thread, nonblock, &on, || pipe::transfer(from, to, len))
        }
        (Some(from), None) => {
            if output.flags().contains(OFlags::APPEND)
                || !is_spliceable(&output, Abilities::SPLICE_INTO)
            {
                return Err(Errno::EINVAL);
            }
            let mut at = place(&output, at_out)?;
            let nonblock = nonblock || input.nonblocking();
            let moved = from_pipe(cx, &input, from, &output, &mut at, len, nonblock)?;
            leave(&output, offset_out, at)?;
            Ok(moved)
        }
        (None, Some(to)) => {
            let mut at = place(&input, at_in)?;
            let nonblock = nonblock || output.nonblocking();
            let moved = into_pipe(cx, &input, &mut at, &output, to, len, nonblock)?;
            leave(&input, offset_in, at)?;
            Ok(moved)
        }
        (None, None) => Err(Errno::EINVAL),
    }
}

/// Puts the new place where the old one came from.
pub fn leave(file: &OpenFile, offset: UserPtr<i64>, at: u64) -> Result<()> {
    match offset.non_null() {
        Some(offset) => offset.write(&(at as i64)),
        None => {
            if file.positioned() {
                *file.position() = at;
            }
            Ok(())
        }
    }
}

/// Moves what is in a pipe into a file, waiting for the first bytes only.
fn from_pipe(
    cx: &Cx<'_>,
    input: &Arc<OpenFile>,
    from: &Pipe,
    output: &Arc<OpenFile>,
    at: &mut u64,
    len: usize,
    nonblock: bool,
) -> Result<usize> {
    let mut moved = 0;
    while moved < len {
        let on = [readable_end(input)];
        let first = attempt(cx.thread, nonblock || moved > 0, &on, || {
            from.take(len - moved)
        });
        let first = match first {
            Ok(Some(slot)) => slot,
            Ok(None) => break,
            Err(error) if moved == 0 => return Err(error),
            Err(_) => break,
        };
        let (slots, taken) = take_more(from, first, len - moved);
        let mut pages = Pages::default();
        for slot in &slots {
            pages.push(slot.frame.clone(), slot.offset, slot.len);
        }
        let written = transfer::write(cx, output, &mut pages.source(), Some(at), How::default());
        let done = written.unwrap_or(0);
        moved += done;
        if done < taken {
            give_back(from, slots, done);
            if let Err(error) = written
                && moved == 0
            {
                return Err(error);
            }
            break;
        }
    }
    Ok(moved)
}

/// Takes what else is there, as far as one write goes; how many bytes in all.
fn take_more(from: &Pipe, first: Slot, len: usize) -> (ArrayVec<Slot, MOST>, usize) {
    let mut taken = first.len;
    let mut slots = ArrayVec::new();
    slots.push(first);
    while taken < len
        && !slots.is_full()
        && let Ok(Some(slot)) = from.take(len - taken)
    {
        taken += slot.len;
        slots.push(slot);
    }
    (slots, taken)
}

/// Puts back what is left of `slots` after `done` bytes, the last first.
fn give_back(to: &Pipe, mut slots: ArrayVec<Slot, MOST>, mut done: usize) {
    for slot in &mut slots {
        let used = done.min(slot.len);
        slot.offset += used;
        slot.len -= used;
        done -= used;
    }
    while let Some(slot) = slots.pop() {
        if slot.len > 0 {
            to.give_back(slot);
        }
    }
}

/// Moves a file's bytes into a pipe as far as there is room, waiting for room for the first ones only.
pub fn into_pipe(
    cx: &Cx<'_>,
    input: &Arc<OpenFile>,
    at: &mut u64,
    output: &Arc<OpenFile>,
    to: &Pipe,
    len: usize,
    nonblock: bool,
) -> Result<usize> {
    if !is_spliceable(input, Abilities::SPLICE_FROM) || pipe_of(input).is_some() {
        return Err(Errno::EINVAL);
    }
    let on = [writable_end(output)];
    if let Some(object) = input.inode().object() {
        let filled = attempt(cx.thread, nonblock, &on, || {
            pipe::fill(to, len, |done, most| {
                slot_of(object, *at + done as u64, most)
            })
        })?;
        *at += filled as u64;
        if filled > 0 {
            notify::on(input.path().dentry(), InotifyMask::ACCESS);
        }
        return Ok(filled);
    }
    let room = attempt(cx.thread, nonblock, &on, || to.room())?;
    let mut bytes = buffer(len.min(room.saturating_mul(PAGE_SIZE)).min(CHUNK))?;
    let how = How {
        nowait: nonblock,
        ..How::default()
    };
    let got = transfer::read(cx, input, &mut IoDst::kernel(&mut bytes), Some(at), how)?;
    let mut src = IoSrc::kernel(bytes.get(..got).unwrap_or_default());
    // Another writer may have taken the room meanwhile; what has been read must not be lost for that.
    while src.remaining() > 0 {
        attempt(cx.thread, false, &on, || to.copy_in(&mut src))?;
    }
    Ok(got)
}

/// Room for bytes on their way.
pub fn buffer(len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Errno::ENOMEM)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

/// `tee(2)`
pub fn tee(cx: &mut Cx<'_>, fd_in: Fd, fd_out: Fd, len: usize, flags: Flags) -> Result<usize> {
    if flags.0 & !SPLICE_F_ALL != 0 {
        return Err(Errno::EINVAL);
    }
    if len == 0 {
        return Ok(0);
    }
    let (input, output) = (cx.usable_file(fd_in)?, cx.usable_file(fd_out)?);
    if !input.readable() || !output.writable() {
        return Err(Errno::EBADF);
    }
    let (Some(from), Some(to)) = (pipe_of(&input), pipe_of(&output)) else {
        return Err(Errno::EINVAL);
    };
    let nonblock = flags.0 & SPLICE_F_NONBLOCK != 0 || input.nonblocking() || output.nonblocking();
    let on = [readable_end(&input), writable_end(&output)];
    attempt(cx.thread, nonblock, &on, || pipe::link(from, to, len))
}

/// `vmsplice(2)`. The bytes are copied: the program may change its memory afterwards without the reader
/// seeing it, which Linux leaves open.
pub fn vmsplice(
    cx: &mut Cx<'_>,
    fd: Fd,
    vector: UserAddr,
    count: usize,
    flags: Flags,
) -> Result<usize> {
    if flags.0 & !SPLICE_F_ALL != 0 {
        return Err(Errno::EINVAL);
    }
    let file = cx.usable_file(fd)?;
    if !file.readable() && !file.writable() {
        return Err(Errno::EBADF);
    }
    let mut pieces = Pieces::default();
    pieces.read(vector, count)?;
    if pieces.iter().all(|piece| piece.len == 0) {
        return Ok(0);
    }
    let pipe = pipe_of(&file).ok_or(Errno::EBADF)?;
    let nonblock = flags.0 & SPLICE_F_NONBLOCK != 0;
    let mut moved = 0;
    if file.writable() {
        let mut src = IoSrc::iovec(&pieces);
        loop {
            let on = [writable_end(&file)];
            let nonblock = nonblock || moved > 0;
            match attempt(cx.thread, nonblock, &on, || pipe.copy_in(&mut src)) {
                Ok(bytes) => moved += bytes,
                Err(error) if moved == 0 => return Err(error),
                Err(_) => return Ok(moved),
            }
            if !src.faulted() {
                return Ok(moved);
            }
            if !src.fault_in() {
                return if moved > 0 {
                    Ok(moved)
                } else {
                    Err(Errno::EFAULT)
                };
            }
        }
    }
    let mut dst = IoDst::iovec(&pieces);
    loop {
        let on = [readable_end(&file)];
        let nonblock = nonblock || moved > 0;
        match attempt(cx.thread, nonblock, &on, || pipe.copy_out(&mut dst)) {
            Ok(bytes) => moved += bytes,
            Err(error) if moved == 0 => return Err(error),
            Err(_) => return Ok(moved),
        }
        if !dst.faulted() {
            return Ok(moved);
        }
        if !dst.fault_in() {
            return if moved > 0 {
                Ok(moved)
            } else {
                Err(Errno::EFAULT)
            };
        }
    }
}
