//! What waits at a socket of messages from the kernel or the wire: whole messages, the oldest first.

use crate::control::Beside;
use crate::name::Name;
use crate::socket::Received;
use crate::unix::sender::Sender;
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use mm::io::IoDst;
use sync::{SpinLock, rank};

/// The rank of a mailbox: inside every socket.
const MAILBOX: u8 = rank::SOCKET + 3;
/// What a message counts beside its bytes, roughly as Linux's buffers do.
const OVERHEAD: usize = 512;

/// A message.
#[derive(Debug)]
pub struct Letter {
    /// What of it was kept.
    pub bytes: Vec<u8>,
    /// How long it was.
    pub whole: usize,
    /// Who sent it.
    pub from: Name,
    /// What comes beside it.
    pub control: Beside,
    /// The process that sent it.
    pub sender: Option<Sender>,
}

#[derive(Default)]
struct Waiting {
    letters: VecDeque<Arc<Letter>>,
    bytes: usize,
}

/// A queue of messages.
pub struct Mailbox {
    waiting: SpinLock<Waiting, MAILBOX>,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self {
            waiting: SpinLock::new(Waiting::default()),
        }
    }
}

impl Mailbox {
    /// Adds a message, unless more than `limit` bytes wait already; whether it was added.
    pub fn push(&self, letter: Letter, limit: usize) -> bool {
        let letter = Arc::new(letter);
        let mut waiting = self.waiting.lock();
        if waiting.bytes > limit || waiting.letters.try_reserve(1).is_err() {
            return false;
        }
        waiting.bytes += letter.bytes.len() + OVERHEAD;
        waiting.letters.push_back(letter);
        true
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.lock().letters.is_empty()
    }

    /// Bytes of the first message.
    #[must_use]
    pub fn first_len(&self) -> usize {
        let waiting = self.waiting.lock();
        waiting
            .letters
            .front()
            .map_or(0, |letter| letter.bytes.len())
    }

    /// Bytes that count against the buffer.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.waiting.lock().bytes
    }

    /// Drops everything.
    pub fn clear(&self) {
        let old = core::mem::take(&mut *self.waiting.lock());
        drop(old);
    }

    fn pop(&self) -> Option<Arc<Letter>> {
        let mut waiting = self.waiting.lock();
        let letter = waiting.letters.pop_front()?;
        waiting.bytes = waiting.bytes.saturating_sub(letter.bytes.len() + OVERHEAD);
        Some(letter)
    }

    /// Its place may have been taken meanwhile; without room for another it is lost, as one that comes too late.
    fn put_back(&self, letter: Arc<Letter>) {
        let mut waiting = self.waiting.lock();
        if waiting.letters.try_reserve(1).is_err() {
            return;
        }
        waiting.bytes += letter.bytes.len() + OVERHEAD;
        waiting.letters.push_front(letter);
    }

    /// Receives the first message, or looks at it.
    ///
    /// # Errors
    /// `EAGAIN`: none waits. `EFAULT`: the copy stopped; the message still waits.
    pub fn receive(&self, dst: &mut IoDst<'_>, flags: MsgFlags, into: &mut Received) -> Result<()> {
        let peek = flags.contains(MsgFlags::PEEK);
        let letter = if peek {
            self.waiting.lock().letters.front().cloned()
        } else {
            self.pop()
        };
        let letter = letter.ok_or(Errno::EAGAIN)?;
        let wanted = letter.bytes.len().min(dst.remaining());
        let copied = dst.put(letter.bytes.get(..wanted).unwrap_or_default());
        if copied < wanted {
            if !peek {
                self.put_back(letter);
            }
            return Err(Errno::EFAULT);
        }
        (into.bytes, into.whole, into.last) = (copied, letter.whole, true);
        into.from = Some(letter.from.clone());
        into.sender.clone_from(&letter.sender);
        into.control = letter.control.clone();
        if copied < letter.whole {
            into.flags |= MsgFlags::TRUNC;
        }
        Ok(())
    }
}
