//! `TCP_CORK` and `MSG_MORE` between two sockets of this machine: bytes that do not fill a segment wait until the
//! cork is drawn, 200 ms are over or the stream ends.
//!
//! They stand in the receiver's queue already, at its end, and are not seen. Connections that leave the machine hold
//! them back in their [`super::machine`].

use super::TcpSocket;
use super::options::TcpFlags;
use super::remote::come_back;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use sync::{Events, Instant};

/// Bytes of a segment on the loopback.
const SEGMENT: usize = 65_483;
/// How long part of a segment waits.
const LONGEST: Duration = Duration::from_millis(200);

impl TcpSocket {
    /// Whether what is sent now may wait for more.
    pub(super) fn holds_back(&self, more: bool) -> bool {
        more || self.tcp.flags().contains(TcpFlags::CORK)
    }

    /// `pushed` bytes came to the end of this socket's queue, whose lock is held: whether there is more to see now.
    pub(super) fn hide(&self, pushed: usize, holds: bool) -> bool {
        let hidden = self.hidden.load(Relaxed);
        let tail = if holds {
            (hidden + pushed) % SEGMENT
        } else {
            0
        };
        self.hidden.store(tail, Relaxed);
        if tail > 0 && (hidden == 0 || tail < pushed) {
            let at = Instant::after(LONGEST);
            self.hidden_until.store(at.as_nanos(), Relaxed);
            come_back(self, at);
        }
        hidden + pushed > tail
    }

    /// Everything that came is seen.
    pub(super) fn reveal(&self) {
        if self.hidden.load(Relaxed) == 0 {
            return;
        }
        {
            let _inbox = self.inbox.lock();
            self.hidden.store(0, Relaxed);
        }
        self.core.pollee.notify(Events::READABLE);
    }

    /// The cork of what this socket sends is drawn, or `TCP_NODELAY` pushes.
    pub(super) fn draw_cork(&self) {
        let peer = self.link.lock().peer();
        if let Some(peer) = peer {
            peer.reveal();
        }
    }

    /// What waited may have waited long enough.
    pub(super) fn cork_time_passes(&self) {
        let until = Instant::from_nanos(self.hidden_until.load(Relaxed));
        if self.hidden.load(Relaxed) > 0 && until.is_past() {
            self.reveal();
        }
    }
}
