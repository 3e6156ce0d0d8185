//! Pages between pipes without copying (`man 2 splice`, `man 2 tee`, `man 2 vmsplice`).

use super::{Pipe, buffer::Slot};
use abi::{Errno, Result};
use hal::PAGE_SIZE;
use mm::io::{IoDst, IoSrc};
use sync::{Events, MutexGuard, rank};

type Locked<'a> = MutexGuard<'a, super::State, { rank::FILE }>;

/// Locks two pipes, the one at the lower address first; answers them as (from, to).
fn lock_both<'a>(from: &'a Pipe, to: &'a Pipe) -> (Locked<'a>, Locked<'a>) {
    if (&raw const *from).addr() < (&raw const *to).addr() {
        let first = from.state.lock();
        let second = to.state.lock_nested();
        (first, second)
    } else {
        let second = to.state.lock();
        let first = from.state.lock_nested();
        (first, second)
    }
}

/// Whether `from` has something and `to` has room.
fn passable(from: &Locked<'_>, to: &Locked<'_>) -> Result<bool> {
    if to.readers == 0 {
        return Err(Errno::EPIPE);
    }
    if from.buffer.is_empty() {
        return if from.writers == 0 {
            Ok(false)
        } else {
            Err(Errno::EAGAIN)
        };
    }
    if to.buffer.is_full() {
        return Err(Errno::EAGAIN);
    }
    Ok(true)
}

/// Moves up to `len` bytes from one pipe to another: splice(2) between two pipes. 0 is the end of `from`.
///
/// # Errors
/// `EINVAL` for a pipe with itself, `EPIPE` without a reader, `EAGAIN` when nothing can move yet.
pub fn transfer(from: &Pipe, to: &Pipe, len: usize) -> Result<usize> {
    if core::ptr::eq(from, to) {
        return Err(Errno::EINVAL);
    }
    let (mut source, mut target) = lock_both(from, to);
    if !passable(&source, &target)? {
        return Ok(0);
    }
    let was_full = source.buffer.is_full();
    let mut moved = 0;
    while moved < len
        && !target.buffer.is_full()
        && let Some(mut slot) = source.buffer.pop(len - moved)
    {
        slot.mergeable = false;
        moved += slot.len;
        if target.buffer.push(slot).is_err() {
            break;
        }
    }
    drop((source, target));
    if was_full {
        from.pollee.notify_sync(Events::WRITABLE);
    }
    to.pollee.notify_sync(Events::READABLE);
    Ok(moved)
}

/// Duplicates up to `len` bytes of one pipe into another: tee(2). 0 is the end of `from`.
///
/// # Errors
/// As [`transfer`].
pub fn link(from: &Pipe, to: &Pipe, len: usize) -> Result<usize> {
    if core::ptr::eq(from, to) {
        return Err(Errno::EINVAL);
    }
    let (mut source, mut target) = lock_both(from, to);
    if !passable(&source, &target)? {
        return Ok(0);
    }
    let mut linked = 0;
    for slot in source.buffer.share(len) {
        let bytes = slot.len;
        if target.buffer.push(slot).is_err() {
            break;
        }
        linked += bytes;
    }
    drop((source, target));
    to.pollee.notify_sync(Events::READABLE);
    Ok(linked)
}

/// Queues pages of somebody else's (a file's page cache): splice(2) from a file. `next(offset, most)` gives the stretch
/// that begins `offset` bytes on, `None` at the end.
///
/// # Errors
/// `EPIPE`, `EAGAIN` when the pipe is full, what `next` says when nothing was queued before.
pub fn fill(
    pipe: &Pipe,
    len: usize,
    mut next: impl FnMut(usize, usize) -> Result<Option<Slot>>,
) -> Result<usize> {
    let free = pipe.room()?;
    let mut slots = alloc::vec::Vec::new();
    let mut filled = 0;
    // The file is asked without the pipe's lock: it may have to read from a device.
    while filled < len && slots.len() < free {
        match next(filled, len - filled) {
            Ok(Some(slot)) => {
                filled += slot.len;
                slots.push(slot);
            }
            Ok(None) => break,
            Err(error) if filled == 0 => return Err(error),
            Err(_) => break,
        }
    }
    let mut queued = 0;
    let mut state = pipe.state.lock();
    for slot in slots {
        let bytes = slot.len;
        if state.buffer.push(slot).is_err() {
            break;
        }
        queued += bytes;
    }
    drop(state);
    if queued > 0 {
        pipe.pollee.notify_sync(Events::READABLE);
    }
    Ok(queued)
}

impl Pipe {
    /// Free slots of a pipe that has a reader.
    ///
    /// # Errors
    /// `EPIPE` without a reader, `EAGAIN` when there are none.
    pub fn room(&self) -> Result<usize> {
        let state = self.state.lock();
        if state.readers == 0 {
            return Err(Errno::EPIPE);
        }
        match state.buffer.free_slots() {
            0 => Err(Errno::EAGAIN),
            free => Ok(free),
        }
    }

    /// Takes up to `most` bytes of the first page out: one step of splice(2) into a file. `None` is the end.
    ///
    /// # Errors
    /// `EAGAIN` when there is nothing yet.
    pub fn take(&self, most: usize) -> Result<Option<Slot>> {
        let mut state = self.state.lock();
        let was_full = state.buffer.is_full();
        let Some(slot) = state.buffer.pop(most) else {
            return if state.writers == 0 {
                Ok(None)
            } else {
                Err(Errno::EAGAIN)
            };
        };
        drop(state);
        if was_full {
            self.pollee.notify_sync(Events::WRITABLE);
        }
        Ok(Some(slot))
    }

    /// Puts back the rest of what [`Pipe::take`] gave.
    pub fn give_back(&self, slot: Slot) {
        self.state.lock().buffer.unpop(slot);
        self.pollee.notify(Events::READABLE);
    }

    /// Writes as a program would (vmsplice(2) copies: later changes of the program's memory must not show).
    ///
    /// # Errors
    /// `EPIPE`, `EAGAIN`, `ENOMEM`.
    pub fn copy_in(&self, src: &mut IoSrc<'_>) -> Result<usize> {
        let mut state = self.state.lock();
        if state.readers == 0 {
            return Err(Errno::EPIPE);
        }
        let moved = state
            .buffer
            .write(src.remaining(), false, |frame, offset, len| {
                let mark = src.mark();
                let taken = src.take_frame(frame, offset, len);
                if taken < len {
                    src.rewind(mark);
                }
                taken
            });
        drop(state);
        if moved.bytes > 0 {
            self.pollee.notify_sync(Events::READABLE);
        }
        match moved {
            m if m.bytes > 0 || m.fault => Ok(m.bytes),
            m if m.no_memory => Err(Errno::ENOMEM),
            _ => Err(Errno::EAGAIN),
        }
    }

    /// Reads as a program would (vmsplice(2) from a pipe).
    ///
    /// # Errors
    /// `EAGAIN` when there is nothing yet; `Ok(0)` is the end.
    pub fn copy_out(&self, dst: &mut IoDst<'_>) -> Result<usize> {
        let mut state = self.state.lock();
        if state.buffer.is_empty() {
            return if state.writers == 0 {
                Ok(0)
            } else {
                Err(Errno::EAGAIN)
            };
        }
        let moved = state.buffer.read(dst.remaining(), |frame, offset, len| {
            dst.put_frame(frame, offset, len)
        });
        drop(state);
        if moved.made_room {
            self.pollee.notify_sync(Events::WRITABLE);
        }
        Ok(moved.bytes)
    }
}

impl Slot {
    /// The bytes as a slot of their own that shares the page.
    #[must_use]
    pub fn of(frame: hal::UFrame, offset: usize, len: usize) -> Self {
        Self {
            frame,
            offset,
            len: len.min(PAGE_SIZE - offset.min(PAGE_SIZE)),
            mergeable: false,
            packet: false,
        }
    }
}
