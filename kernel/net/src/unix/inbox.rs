//! What waits to be received at one socket: a stream of bytes with marks, or a row of messages.

use super::UnixSocket;
use super::address::Address;
use super::flight::{Later, Rights};
use super::sender::Sender;
use crate::bytes::ByteQueue;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};

/// Linux splits a stream's write into buffers of at most this many bytes; descriptors travel
/// with the first of them.
pub const STREAM_CHUNK: usize = 36_544;

/// The urgent byte of a mark. It lies beside the stream, not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgent {
    /// To be received by `MSG_OOB`, or dropped when a read passes it.
    Pending(u8),
    /// A later urgent byte took its place: it reads as a byte of the stream.
    Ordinary(u8),
    /// Received by `MSG_OOB`; reads still stop here.
    Received,
}

/// A place in a stream where something besides bytes begins.
#[derive(Debug)]
pub struct Mark {
    /// Position of the first byte it belongs to.
    pub at: u64,
    /// Position behind the last byte of the write's first buffer.
    pub end: u64,
    /// Who writes from here on.
    pub sender: Option<Sender>,
    /// Descriptors that come with the byte at `at`.
    pub rights: Option<Rights>,
    /// An urgent byte before the byte at `at`.
    pub urgent: Option<Urgent>,
}

impl Mark {
    /// Whether a read that has bytes stops here: before the urgent byte, or where one was while
    /// no other came (`pending`).
    pub fn stops(&self, pending: bool) -> bool {
        match self.urgent {
            Some(Urgent::Pending(_)) => true,
            Some(Urgent::Received) => !pending,
            Some(Urgent::Ordinary(_)) | None => false,
        }
    }

    /// The byte a read finds here; `inline`: urgent or not.
    pub fn readable(&self, inline: bool) -> Option<u8> {
        match self.urgent {
            Some(Urgent::Ordinary(byte)) => Some(byte),
            Some(Urgent::Pending(byte)) if inline => Some(byte),
            _ => None,
        }
    }
}

/// The receive side of a stream. Positions count bytes from the connection's beginning; urgent
/// bytes have no width.
#[derive(Debug, Default)]
pub struct Stream {
    /// The bytes.
    pub bytes: ByteQueue,
    /// Marks in order of position.
    pub marks: VecDeque<Mark>,
    /// Position of the first byte that waits.
    pub front: u64,
    /// Who wrote the bytes before the first mark.
    pub sender: Option<Sender>,
    /// Who wrote last.
    pub last_sender: Option<Sender>,
}

impl Stream {
    /// Position behind the last byte.
    #[must_use]
    pub fn back(&self) -> u64 {
        self.front + self.bytes.len() as u64
    }

    /// True when there are neither bytes nor marks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.marks.is_empty()
    }

    /// The mark whose urgent byte can be received by `MSG_OOB`.
    pub fn pending_urgent(&mut self) -> Option<&mut Mark> {
        self.marks
            .iter_mut()
            .find(|mark| matches!(mark.urgent, Some(Urgent::Pending(_))))
    }

    /// True while an urgent byte can be received.
    #[must_use]
    pub fn has_urgent(&self) -> bool {
        self.marks
            .iter()
            .any(|mark| matches!(mark.urgent, Some(Urgent::Pending(_))))
    }

    /// Bytes and urgent bytes that wait (`SIOCINQ`).
    #[must_use]
    pub fn waiting(&self) -> usize {
        if self.marks.is_empty() {
            return self.bytes.len();
        }
        let beside = self
            .marks
            .iter()
            .filter(|m| matches!(m.urgent, Some(Urgent::Pending(_) | Urgent::Ordinary(_))));
        self.bytes.len() + beside.count()
    }

    /// True when the next thing to read is the urgent byte or its place (`SIOCATMARK`).
    #[must_use]
    pub fn at_mark(&self) -> bool {
        let pending = self.has_urgent();
        self.marks.front().is_some_and(|mark| {
            mark.at == self.front
                && match mark.urgent {
                    Some(Urgent::Pending(_)) => true,
                    Some(Urgent::Received) => !pending,
                    _ => false,
                }
        })
    }
}

/// What a message counts against its sender's buffer, until it is received or dropped.
#[derive(Debug)]
pub struct SendCharge {
    sender: Weak<UnixSocket>,
    bytes: usize,
}

/// What Linux counts for a message besides its bytes, roughly: an empty datagram is not free.
const MESSAGE_OVERHEAD: usize = 256;

impl SendCharge {
    /// Counts a message of `len` bytes.
    #[must_use]
    pub fn new(sender: &Arc<UnixSocket>, len: usize) -> Self {
        let bytes = len + MESSAGE_OVERHEAD;
        sender.charge(bytes);
        Self {
            sender: Arc::downgrade(sender),
            bytes,
        }
    }
}

impl Drop for SendCharge {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.upgrade() {
            sender.uncharge(self.bytes);
        }
    }
}

/// One message.
#[derive(Debug)]
pub struct Message {
    /// Its bytes.
    pub bytes: ByteQueue,
    /// When it was sent, in nanoseconds, if the receiver asked.
    pub stamp: Option<u64>,
    /// The name of the sending socket.
    pub from: Option<Arc<Address>>,
    /// Who sent it.
    pub sender: Option<Sender>,
    /// Descriptors it carries.
    pub rights: Option<Rights>,
    /// What it counts against the sender's buffer.
    pub charge: SendCharge,
}

/// What one socket has received and nobody has read.
#[derive(Debug)]
pub enum Inbox {
    /// `SOCK_STREAM`
    Stream(Stream),
    /// `SOCK_DGRAM` and `SOCK_SEQPACKET`
    Messages(VecDeque<Message>),
}

impl Inbox {
    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.waiting() == 0,
            Self::Messages(messages) => messages.is_empty(),
        }
    }

    /// True when there is nothing to take out, marks and empty messages included.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.is_empty(),
            Self::Messages(messages) => messages.is_empty(),
        }
    }

    /// True when poll says that there is something to read: also where an urgent byte was that
    /// `MSG_OOB` received, until a read passes the place.
    #[must_use]
    pub fn shows(&self) -> bool {
        match self {
            Self::Stream(stream) => {
                !stream.bytes.is_empty() || stream.marks.iter().any(|mark| mark.urgent.is_some())
            }
            Self::Messages(messages) => !messages.is_empty(),
        }
    }

    /// Takes everything out. Drop it outside the lock.
    pub fn drain(&mut self) -> Self {
        match self {
            Self::Stream(stream) => {
                let front = stream.back();
                Self::Stream(core::mem::replace(
                    stream,
                    Stream {
                        front,
                        ..Stream::default()
                    },
                ))
            }
            Self::Messages(messages) => Self::Messages(core::mem::take(messages)),
        }
    }

    /// True when descriptors wait here.
    #[must_use]
    pub fn holds_rights(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.marks.iter().any(|mark| mark.rights.is_some()),
            Self::Messages(messages) => messages.iter().any(|message| message.rights.is_some()),
        }
    }

    /// Where it can be kept when it must be dropped later; `None` when no sockets wait here.
    pub(super) fn take_later(&mut self) -> Option<Box<Later>> {
        match self {
            Self::Stream(stream) => {
                let mut rights = stream
                    .marks
                    .iter_mut()
                    .filter_map(|mark| mark.rights.as_mut());
                rights.find_map(Rights::take_later)
            }
            Self::Messages(messages) => {
                let mut rights = messages
                    .iter_mut()
                    .filter_map(|message| message.rights.as_mut());
                rights.find_map(Rights::take_later)
            }
        }
    }
}
