//! Bytes from one file to another, neither of which may be waited on.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::{Errno, read, write};

/// What one attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Some bytes went.
    Moved(usize),
    /// Nothing to be had, or no room, now.
    Later,
    /// The end, or the other side is gone.
    Ended,
}

/// A buffer between a source and a sink.
#[derive(Debug, Default)]
pub struct Pump {
    buffer: Vec<u8>,
    sent: usize,
}

impl Pump {
    /// Whether bytes wait to be written.
    pub fn is_full(&self) -> bool {
        self.sent < self.buffer.len()
    }

    /// Throws away what waits.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.sent = 0;
    }

    /// Reads at most `limit` bytes, if the buffer is empty.
    pub fn fill(&mut self, source: impl AsFd, limit: u64) -> Step {
        if self.is_full() {
            return Step::Later;
        }
        let mut space = [0; 32 * 1024];
        let limit = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .min(space.len());
        let step = read_some(source.as_fd(), space.get_mut(..limit).unwrap_or_default());
        if let Step::Moved(count) = step {
            self.clear();
            self.buffer
                .extend_from_slice(space.get(..count).unwrap_or_default());
        }
        step
    }

    /// Puts bytes in front of the sink without reading them from anywhere.
    pub fn load(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Writes what waits, as far as it goes.
    pub fn drain(&mut self, sink: impl AsFd) -> Step {
        let waiting = self.buffer.get(self.sent..).unwrap_or_default();
        if waiting.is_empty() {
            return Step::Later;
        }
        match write(sink, waiting) {
            Ok(count) => {
                self.sent = self.sent.saturating_add(count);
                if !self.is_full() {
                    self.clear();
                }
                Step::Moved(count)
            }
            Err(Errno::AGAIN | Errno::INTR) => Step::Later,
            Err(_) => Step::Ended,
        }
    }
}

/// One read that does not wait.
pub fn read_some(source: BorrowedFd<'_>, space: &mut [u8]) -> Step {
    match read(source, space) {
        Ok(0) => Step::Ended,
        Ok(count) => Step::Moved(count),
        Err(Errno::AGAIN | Errno::INTR) => Step::Later,
        // EIO is how a pty's master learns that the last terminal side was closed.
        Err(_) => Step::Ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{PipeFlags, pipe_with};

    #[test]
    fn bytes_pass_in_order_and_the_end_is_seen() -> std::io::Result<()> {
        let (source, feed) = pipe_with(PipeFlags::NONBLOCK)?;
        let (result, sink) = pipe_with(PipeFlags::NONBLOCK)?;
        let mut pump = Pump::default();
        assert_eq!(pump.fill(&source, 10), Step::Later);
        write(&feed, b"hello world")?;
        assert_eq!(pump.fill(&source, 5), Step::Moved(5));
        assert_eq!(pump.fill(&source, 5), Step::Later);
        assert_eq!(pump.drain(&sink), Step::Moved(5));
        assert_eq!(pump.fill(&source, 100), Step::Moved(6));
        assert_eq!(pump.drain(&sink), Step::Moved(6));
        drop(feed);
        assert_eq!(pump.fill(&source, 100), Step::Ended);
        let mut space = [0; 20];
        assert_eq!(read_some(result.as_fd(), &mut space), Step::Moved(11));
        assert!(space.starts_with(b"hello world"));
        Ok(())
    }
}
