//! Where the bytes of a read go and those of a write come from: user memory in pieces, or a slice
//! of the kernel's.
//!
//! Copies here never bring pages in, so they may run under the sleeping lock of an object: they
//! stop short, [`IoDst::faulted`] says why, and the system call layer calls [`IoDst::fault_in`]
//! without locks and tries again.

use hal::addr::USER_END;
use hal::ucopy;
use hal::{Access, PAGE_SIZE, UFrame, UserAddr, UserSlice};

/// A position in an [`IoDst`] or [`IoSrc`] to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    at: UserSlice,
    next: usize,
    done: usize,
}

/// The user pieces and how far they are used up.
#[derive(Debug)]
struct Cursor<'a> {
    /// What is left of the current piece.
    at: UserSlice,
    pieces: &'a [UserSlice],
    /// The piece after the current one.
    next: usize,
    done: usize,
    total: usize,
    /// No further: a page is missing here.
    stopped: bool,
    /// The first byte that could not be reached. Going back to a mark leaves it, so that who comes again has the page.
    missing: Option<UserAddr>,
}

impl<'a> Cursor<'a> {
    fn new(first: UserSlice, pieces: &'a [UserSlice], total: usize) -> Self {
        Cursor {
            at: first,
            pieces,
            next: 0,
            done: 0,
            total,
            stopped: false,
            missing: None,
        }
    }

    fn over(pieces: &'a [UserSlice]) -> Self {
        let total = pieces.iter().fold(0usize, |n, p| n.saturating_add(p.len));
        let first = pieces.first().copied().unwrap_or_default();
        let mut cursor = Cursor::new(first, pieces, total);
        cursor.next = 1;
        cursor
    }

    fn kernel(total: usize) -> Self {
        Cursor::new(UserSlice::default(), &[], total)
    }

    fn remaining(&self) -> usize {
        self.total - self.done
    }

    /// The next piece that is not empty, at most `want` bytes of it; `None` when all is used up.
    #[inline]
    fn piece(&mut self, want: usize) -> Option<UserSlice> {
        let want = want.min(self.remaining());
        if want == 0 || self.stopped {
            return None;
        }
        while self.at.len == 0 {
            self.at = *self.pieces.get(self.next)?;
            self.next += 1;
        }
        Some(UserSlice::new(self.at.addr, self.at.len.min(want)))
    }

    #[inline]
    fn advance(&mut self, n: usize) {
        self.at.addr = self.at.addr.wrapping_add(n);
        self.at.len -= n;
        self.done += n;
    }

    /// Runs `copy(user address, offset, length) -> bytes or Err(bytes before a fault)` over the
    /// pieces; returns how many of `want` bytes went.
    #[inline]
    fn run(
        &mut self,
        want: usize,
        mut copy: impl FnMut(UserAddr, usize, usize) -> Result<(), usize>,
    ) -> usize {
        // One piece with room for all is the rule.
        let all = want.min(self.remaining());
        let simple = all <= self.at.len && !self.stopped && self.missing.is_none();
        if simple && all != 0 && copy(self.at.addr, 0, all).is_ok() {
            self.advance(all);
            return all;
        }
        self.run_pieces(want, copy)
    }

    #[inline(never)]
    fn run_pieces(
        &mut self,
        want: usize,
        mut copy: impl FnMut(UserAddr, usize, usize) -> Result<(), usize>,
    ) -> usize {
        let mut n = 0;
        while let Some(mut p) = self.piece(want - n) {
            let mut result = copy(p.addr, n, p.len);
            if result == Err(0) && !p.addr.in_user_range(p.len) && p.addr.in_user_range(1) {
                // Refused for its end: up to the end of the user half it goes, or faults.
                p.len = USER_END - p.addr.0;
                result = copy(p.addr, n, p.len);
            }
            match result {
                Ok(()) => {
                    if self
                        .missing
                        .is_some_and(|at| (p.addr.0..p.addr.0 + p.len).contains(&at.0))
                    {
                        self.missing = None;
                    }
                    self.advance(p.len);
                    n += p.len;
                }
                Err(done) => {
                    self.advance(done);
                    self.stopped = true;
                    self.missing = Some(self.at.addr);
                    return n + done;
                }
            }
        }
        n
    }

    fn fault_in(&mut self, access: Access) -> bool {
        let Some(at) = self.missing else {
            return true;
        };
        if !ucopy::fault_in(at, access) {
            return false;
        }
        self.stopped = false;
        self.missing = None;
        true
    }

    fn mark(&self) -> Mark {
        Mark {
            at: self.at,
            next: self.next,
            done: self.done,
        }
    }

    fn rewind(&mut self, m: Mark) {
        (self.at, self.next, self.done) = (m.at, m.next, m.done);
        self.stopped = false;
    }
}

/// Where bytes go.
#[derive(Debug)]
pub struct IoDst<'a> {
    cursor: Cursor<'a>,
    kernel: Option<&'a mut [u8]>,
}

impl<'a> IoDst<'a> {
    /// One range of user memory.
    #[must_use]
    pub fn user(range: UserSlice) -> Self {
        IoDst {
            cursor: Cursor::new(range, &[], range.len),
            kernel: None,
        }
    }

    /// Several, in their order (`readv`). The caller has bounded the sum.
    #[must_use]
    pub fn iovec(pieces: &'a [UserSlice]) -> Self {
        IoDst {
            cursor: Cursor::over(pieces),
            kernel: None,
        }
    }

    /// A slice of the kernel's.
    #[must_use]
    pub fn kernel(bytes: &'a mut [u8]) -> Self {
        IoDst {
            cursor: Cursor::kernel(bytes.len()),
            kernel: Some(bytes),
        }
    }

    /// Bytes that still fit.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.cursor.remaining()
    }

    /// Bytes put so far.
    #[must_use]
    pub fn done(&self) -> usize {
        self.cursor.done
    }

    /// Whether a copy stopped at a page that is not there.
    #[must_use]
    pub fn faulted(&self) -> bool {
        self.cursor.missing.is_some()
    }

    /// Lets at most `n` more bytes in.
    pub fn limit(&mut self, n: usize) {
        self.cursor.total = self.cursor.total.min(self.cursor.done.saturating_add(n));
    }

    /// Brings in the page that a copy stopped at; `false` when that cannot be: EFAULT unless bytes
    /// have gone. Call it without locks. May sleep.
    #[must_use]
    pub fn fault_in(&mut self) -> bool {
        self.cursor.fault_in(Access::Write)
    }

    /// The position, to come back to.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.cursor.mark()
    }

    /// Back to `mark`: what was put since counts as not put.
    pub fn rewind(&mut self, mark: Mark) {
        self.cursor.rewind(mark);
    }

    fn room(&mut self, want: usize) -> Option<&mut [u8]> {
        let at = self.cursor.done;
        let n = want.min(self.cursor.remaining());
        self.kernel.as_mut()?.get_mut(at..at + n)
    }

    /// Copies out of `bytes`; how many went. Short: the destination is full, or a page is missing.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        if let Some(room) = self.room(bytes.len()) {
            let n = room.len();
            room.copy_from_slice(bytes.get(..n).unwrap_or_default());
            self.cursor.done += n;
            return n;
        }
        self.cursor.run(bytes.len(), |to, at, len| {
            ucopy::copy_out_nofault(to, bytes.get(at..at + len).unwrap_or_default())
        })
    }

    /// Copies `len` bytes of a page from `offset`; how many went.
    #[inline]
    pub fn put_frame(&mut self, frame: &UFrame, offset: usize, len: usize) -> usize {
        let len = len.min(PAGE_SIZE.saturating_sub(offset));
        if let Some(room) = self.room(len) {
            let n = frame.read(offset, room);
            self.cursor.done += n;
            return n;
        }
        self.cursor.run(len, |to, at, n| {
            ucopy::copy_out_frame_nofault(to, frame, offset + at, n)
        })
    }

    /// Puts `len` zeroes; how many went.
    pub fn put_zeros(&mut self, len: usize) -> usize {
        if let Some(room) = self.room(len) {
            let n = room.len();
            room.fill(0);
            self.cursor.done += n;
            return n;
        }
        self.cursor
            .run(len, |to, _, n| ucopy::zero_out_nofault(to, n))
    }
}

/// Where bytes come from.
#[derive(Debug)]
pub struct IoSrc<'a> {
    cursor: Cursor<'a>,
    kernel: Option<&'a [u8]>,
    /// Pages that the pieces lie in, one each: the pieces' addresses are offsets.
    frames: Option<&'a [UFrame]>,
}

impl<'a> IoSrc<'a> {
    /// One range of user memory.
    #[must_use]
    pub fn user(range: UserSlice) -> Self {
        IoSrc {
            cursor: Cursor::new(range, &[], range.len),
            kernel: None,
            frames: None,
        }
    }

    /// Several, in their order (`writev`). The caller has bounded the sum.
    #[must_use]
    pub fn iovec(pieces: &'a [UserSlice]) -> Self {
        IoSrc {
            cursor: Cursor::over(pieces),
            kernel: None,
            frames: None,
        }
    }

    /// A slice of the kernel's.
    #[must_use]
    pub fn kernel(bytes: &'a [u8]) -> Self {
        IoSrc {
            cursor: Cursor::kernel(bytes.len()),
            kernel: Some(bytes),
            frames: None,
        }
    }

    /// Stretches of pages, in their order: `pieces` are offsets and lengths within `frames`.
    #[must_use]
    pub fn frames(frames: &'a [UFrame], pieces: &'a [UserSlice]) -> Self {
        IoSrc {
            cursor: Cursor::over(pieces),
            kernel: None,
            frames: Some(frames),
        }
    }

    /// Runs `copy(page, offset in it, offset, length)` over the stretches; how many of `want` bytes went.
    #[cold]
    fn take_stretches(
        &mut self,
        frames: &[UFrame],
        want: usize,
        mut copy: impl FnMut(&UFrame, usize, usize, usize),
    ) -> usize {
        let mut n = 0;
        while let Some(p) = self.cursor.piece(want - n)
            && let Some(frame) = frames.get(self.cursor.next.wrapping_sub(1))
        {
            copy(frame, p.addr.0, n, p.len);
            self.cursor.advance(p.len);
            n += p.len;
        }
        n
    }

    /// Bytes still to come.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.cursor.remaining()
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn done(&self) -> usize {
        self.cursor.done
    }

    /// Whether a copy stopped at a page that is not there.
    #[must_use]
    pub fn faulted(&self) -> bool {
        self.cursor.missing.is_some()
    }

    /// Lets at most `n` more bytes come.
    pub fn limit(&mut self, n: usize) {
        self.cursor.total = self.cursor.total.min(self.cursor.done.saturating_add(n));
    }

    /// Brings in the page that a copy stopped at; `false` when that cannot be: EFAULT unless bytes
    /// have gone. Call it without locks. May sleep.
    #[must_use]
    pub fn fault_in(&mut self) -> bool {
        self.cursor.fault_in(Access::Read)
    }

    /// The position, to come back to.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.cursor.mark()
    }

    /// Back to `mark`: what was taken since counts as not taken.
    pub fn rewind(&mut self, mark: Mark) {
        self.cursor.rewind(mark);
    }

    fn rest(&self, want: usize) -> Option<&'a [u8]> {
        let at = self.cursor.done;
        let n = want.min(self.cursor.remaining());
        self.kernel?.get(at..at + n)
    }

    /// Fills the start of `bytes`; how many came. Short: the source is empty, or a page is missing.
    #[inline]
    pub fn take(&mut self, bytes: &mut [u8]) -> usize {
        if let Some(rest) = self.rest(bytes.len()) {
            let n = rest.len();
            if let Some(to) = bytes.get_mut(..n) {
                to.copy_from_slice(rest);
            }
            self.cursor.done += n;
            return n;
        }
        if let Some(frames) = self.frames {
            return self.take_stretches(frames, bytes.len(), |frame, offset, at, len| {
                frame.read(offset, bytes.get_mut(at..at + len).unwrap_or_default());
            });
        }
        self.cursor.run(bytes.len(), |from, at, len| {
            ucopy::copy_in_nofault(bytes.get_mut(at..at + len).unwrap_or_default(), from)
        })
    }

    /// Copies `len` bytes into a page at `offset`; how many came.
    #[inline]
    pub fn take_frame(&mut self, frame: &UFrame, offset: usize, len: usize) -> usize {
        let len = len.min(PAGE_SIZE.saturating_sub(offset));
        if let Some(rest) = self.rest(len) {
            let n = frame.write(offset, rest);
            self.cursor.done += n;
            return n;
        }
        if let Some(frames) = self.frames {
            return self.take_stretches(frames, len, |from, from_offset, at, n| {
                copy_between(frame, offset + at, from, from_offset, n);
            });
        }
        self.cursor.run(len, |from, at, n| {
            ucopy::copy_in_frame_nofault(frame, offset + at, from, n)
        })
    }
}

/// Copies between pages, or within one to a place that does not overlap.
fn copy_between(to: &UFrame, to_offset: usize, from: &UFrame, from_offset: usize, len: usize) {
    if to != from {
        to.copy_range(to_offset, from, from_offset, len);
        return;
    }
    let mut chunk = [0; 256];
    let mut done = 0;
    while done < len {
        let n = chunk.len().min(len - done);
        let chunk = chunk.get_mut(..n).unwrap_or_default();
        from.read(from_offset + done, chunk);
        to.write(to_offset + done, chunk);
        done += n;
    }
}

#[cfg(test)]
mod tests;
