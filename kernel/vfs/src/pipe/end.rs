//! An open end of a pipe.

use super::{Pipe, State};
use abi::fcntl::OFlags;
use abi::termios::ioctl::FIONREAD;
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::{UserAddr, UserPtr};
use mm::io::{IoDst, IoSrc};
use sync::{Events, Pollee};

use crate::Caller;
use crate::file::OpenFile;
use crate::file_ops::FileOps;

/// What an opener of a FIFO still waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Nothing,
    /// A reader after this many.
    Reader(u64),
    /// A writer after this many.
    Writer(u64),
}

/// An end: it reads, writes or does both, and counts as long as it lives.
pub struct PipeEnd {
    pipe: Arc<Pipe>,
    reads: bool,
    writes: bool,
    awaited: Awaited,
    /// A FIFO opened for reading without waiting has no hang-up before its first writer came: how many had.
    writers_before: Option<u64>,
}

impl PipeEnd {
    /// An end of a pipe whose other end is made at the same time.
    pub(super) fn new(pipe: Arc<Pipe>, flags: OFlags) -> Self {
        let (reads, writes) = (flags.reads(), flags.writes());
        let mut state = pipe.state.lock();
        enter(&mut state, reads, writes);
        drop(state);
        Self {
            pipe,
            reads,
            writes,
            awaited: Awaited::Nothing,
            writers_before: None,
        }
    }

    /// An end of a FIFO.
    ///
    /// # Errors
    /// `ENXIO` for a writer that will not wait while nobody reads.
    pub(super) fn of_fifo(pipe: Arc<Pipe>, flags: OFlags) -> Result<Self> {
        let (reads, writes) = (flags.reads(), flags.writes());
        let waits = !flags.contains(OFlags::NONBLOCK);
        // The access mode that is neither opens devices only.
        if !reads && !writes {
            return Err(Errno::EINVAL);
        }
        let mut state = pipe.state.lock();
        if writes && !reads && !waits && state.readers == 0 {
            return Err(Errno::ENXIO);
        }
        let alone = if reads {
            state.writers == 0
        } else {
            state.readers == 0
        };
        let awaited = match (reads, writes) {
            (true, false) if alone && waits => Awaited::Writer(state.writer_visits),
            (false, true) if alone => Awaited::Reader(state.reader_visits),
            _ => Awaited::Nothing,
        };
        let writers_before = (reads && !writes && alone && !waits).then_some(state.writer_visits);
        enter(&mut state, reads, writes);
        drop(state);
        // Whoever opens the other side may be waiting for this.
        pipe.pollee.notify(Events::READABLE | Events::WRITABLE);
        Ok(Self {
            pipe,
            reads,
            writes,
            awaited,
            writers_before,
        })
    }

    /// The pipe.
    #[must_use]
    pub fn pipe(&self) -> &Arc<Pipe> {
        &self.pipe
    }

    /// What the end is ready for.
    pub(super) fn events(&self) -> Events {
        let state = self.pipe.state.lock();
        let mut events = Events::empty();
        if self.reads {
            events.set(Events::READABLE, !state.buffer.is_empty());
            let hung_up = state.writers == 0 && self.writers_before != Some(state.writer_visits);
            events.set(Events::HUP, hung_up);
        }
        if self.writes {
            events.set(Events::WRITABLE, !state.buffer.is_full());
            events.set(Events::ERR, state.readers == 0);
        }
        events
    }

    /// Whether nobody is waited for, or has come.
    pub(super) fn has_partner(&self) -> bool {
        let state = self.pipe.state.lock();
        match self.awaited {
            Awaited::Nothing => true,
            Awaited::Reader(before) => state.reader_visits != before,
            Awaited::Writer(before) => state.writer_visits != before,
        }
    }
}

fn enter(state: &mut State, reads: bool, writes: bool) {
    if reads {
        state.readers += 1;
        state.reader_visits = state.reader_visits.wrapping_add(1);
    }
    if writes {
        state.writers += 1;
        state.writer_visits = state.writer_visits.wrapping_add(1);
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        let mut state = self.pipe.state.lock();
        state.readers -= u32::from(self.reads);
        state.writers -= u32::from(self.writes);
        let partner = state.readers != 0 || state.writers != 0;
        // A FIFO whose last end closes forgets what nobody read.
        let left = (!partner).then(|| {
            let limit = super::DEFAULT_SLOTS;
            let before = state.buffer.limit();
            self.pipe.user.change(before as u64, limit as u64);
            core::mem::replace(&mut state.buffer, super::PipeBuffer::new(limit))
        });
        drop(state);
        drop(left);
        if partner {
            self.pipe
                .pollee
                .notify(Events::READABLE | Events::WRITABLE | Events::ALWAYS);
        }
    }
}

impl FileOps for PipeEnd {
    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        let want = dst.remaining();
        if want == 0 {
            return Ok(0);
        }
        let mut state = self.pipe.state.lock();
        if state.buffer.is_empty() {
            return if state.writers == 0 {
                Ok(0)
            } else {
                Err(Errno::EAGAIN)
            };
        }
        let moved = state
            .buffer
            .read(want, |frame, offset, len| dst.put_frame(frame, offset, len));
        drop(state);
        if moved.made_room {
            self.pipe.pollee.notify_sync(Events::WRITABLE);
        }
        Ok(moved.bytes)
    }

    fn write(&self, file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        let total = src.remaining();
        if total == 0 {
            return Ok(0);
        }
        let packet = file.flags().contains(OFlags::DIRECT);
        let mut state = self.pipe.state.lock();
        if state.readers == 0 {
            return Err(Errno::EPIPE);
        }
        let moved = state.buffer.write(total, packet, |frame, offset, len| {
            let mark = src.mark();
            let taken = src.take_frame(frame, offset, len);
            if taken < len {
                // A page's worth goes whole or not at all: other writers must not get between its bytes.
                src.rewind(mark);
            }
            taken
        });
        drop(state);
        if moved.bytes > 0 {
            self.pipe.pollee.notify_sync(Events::READABLE);
            return Ok(moved.bytes);
        }
        match moved {
            m if m.fault => Ok(0),
            m if m.no_memory => Err(Errno::ENOMEM),
            _ => Err(Errno::EAGAIN),
        }
    }

    fn writes_all(&self) -> bool {
        true
    }

    fn signals(&self) -> bool {
        true
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        self.events()
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&self.pipe.pollee)
    }

    fn finish_open(&self, _file: &OpenFile) -> Result<()> {
        if self.has_partner() {
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    }

    fn ioctl(&self, _file: &OpenFile, cmd: u32, arg: usize, _caller: &dyn Caller) -> Result<usize> {
        if cmd != FIONREAD {
            return Err(Errno::ENOTTY);
        }
        let queued = i32::try_from(self.pipe.queued()).unwrap_or(i32::MAX);
        UserPtr::<i32>::new(UserAddr(arg)).write(&queued)?;
        Ok(0)
    }

    fn set_flags(&self, _file: &OpenFile, _flags: OFlags) -> Result<()> {
        // O_DIRECT switches packet mode; both ends take it.
        Ok(())
    }
}
