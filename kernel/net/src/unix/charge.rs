//! What a socket has on its way, and who waits for room.

use super::{UnixSocket, link};
use core::sync::atomic::Ordering::Relaxed;
use sync::Events;

impl UnixSocket {
    /// Bytes on their way.
    pub(super) fn charged(&self) -> usize {
        self.charged.load(Relaxed)
    }

    pub(super) fn charge(&self, bytes: usize) {
        self.charged.fetch_add(bytes, Relaxed);
    }

    /// Bytes arrived or were dropped; who waits for room hears of it at a quarter.
    pub(super) fn uncharge(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let before = self.charged.fetch_sub(bytes, Relaxed);
        let quarter = self.options.send_buffer() / 4;
        if before.saturating_sub(bytes) <= quarter {
            self.pollee.notify_sync(Events::WRITABLE | Events::WRBAND);
        }
    }

    /// Tells those who were turned away that there is room.
    pub(super) fn wake_blocked(&self) {
        let blocked = {
            let mut link = self.link.lock();
            self.awaited.store(false, Relaxed);
            link.take_blocked()
        };
        wake(&blocked);
    }

    /// Tells those whom room for so many messages concerns.
    #[cold]
    pub(super) fn wake_for_room(&self, mut room: usize) {
        // Who comes again meanwhile is not told twice.
        let most = self.link.lock().blocked();
        for _ in 0..most {
            let next = {
                let mut link = self.link.lock();
                let next = link.take_blocked_for(&mut room);
                self.awaited.store(link.blocked() > 0, Relaxed);
                next
            };
            let Some(blocked) = next else {
                return;
            };
            // A sender that no longer waits, or never did, leaves its place to the next.
            let waits = blocked.is_heard();
            wake(&[blocked]);
            if !waits {
                room = room.saturating_add(1);
            }
        }
    }
}

/// Tells sockets that waited for room.
pub(super) fn wake(blocked: &[link::Blocked]) {
    for blocked in blocked {
        if let Some(socket) = blocked.socket.upgrade() {
            socket.pollee.notify(Events::WRITABLE);
        }
    }
}
