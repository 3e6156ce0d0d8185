//! Connections of this machine whose listener wants data first (`TCP_DEFER_ACCEPT`).
//!
//! Such a connection stands, but not in its listener's queue: the first bytes put it there, or its end, or the
//! seconds the program gave. One that is reset before is never seen. Those that leave the machine wait half made.

use super::TcpSocket;
use super::remote::come_back;
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use sync::{Events, Instant};

impl TcpSocket {
    /// A connection was made to this listener: whether it waits for data outside the queue.
    pub(super) fn defers(self: &Arc<Self>, server: &Arc<Self>) -> bool {
        let seconds = self.tcp.defer_seconds();
        if seconds == 0 {
            return false;
        }
        {
            let mut link = self.link.lock();
            let Some(listener) = link.listener.as_mut() else {
                return false;
            };
            listener.give_back();
            listener.deferred.push(server.clone());
        }
        let at = Instant::after(Duration::from_secs(seconds));
        {
            let mut link = server.link.lock();
            link.deferred_to = Some(Arc::downgrade(self));
            link.ends_at = Some(at);
        }
        server.deferred.store(true, Relaxed);
        come_back(server, at);
        true
    }

    /// Something came, or it is time: the connection goes to its listener's queue, when there is room.
    pub(super) fn undefer(&self) {
        let listener = self.link.lock().deferred_to.clone();
        let Some(listener) = listener.and_then(|listener| listener.upgrade()) else {
            return;
        };
        let queued = {
            let mut link = listener.link.lock();
            let Some(queue) = link.listener.as_mut() else {
                return;
            };
            let place = queue
                .deferred
                .iter()
                .position(|one| core::ptr::eq(&raw const **one, self));
            match place {
                Some(place) if queue.reserve() => {
                    let socket = queue.deferred.swap_remove(place);
                    queue.fill(socket);
                    true
                }
                Some(_) => {
                    queue.ripe = true;
                    false
                }
                None => false,
            }
        };
        if queued {
            self.deferred.store(false, Relaxed);
            self.link.lock().deferred_to = None;
            listener.core.pollee.notify_sync(Events::READABLE);
        }
    }

    /// A listener has room again: those that found none and have something come in.
    pub(super) fn admit_deferred(&self) {
        let ripe = {
            let mut link = self.link.lock();
            match link.listener.as_mut() {
                Some(listener) if listener.ripe => {
                    listener.ripe = false;
                    listener.deferred.clone()
                }
                _ => return,
            }
        };
        for socket in ripe {
            let late = {
                let link = socket.link.lock();
                link.done || link.ends_at.is_none_or(Instant::is_past)
            };
            if late || !socket.inbox.lock().is_empty() {
                socket.undefer();
            }
        }
    }

    /// The connection was reset before anybody saw it.
    pub(super) fn forget_deferred(&self) {
        if !self.deferred.swap(false, Relaxed) {
            return;
        }
        let listener = self.link.lock().deferred_to.take();
        let Some(listener) = listener.and_then(|listener| listener.upgrade()) else {
            return;
        };
        let gone = {
            let mut link = listener.link.lock();
            link.listener.as_mut().and_then(|queue| {
                let place = queue
                    .deferred
                    .iter()
                    .position(|one| core::ptr::eq(&raw const **one, self))?;
                Some(queue.deferred.swap_remove(place))
            })
        };
        drop(gone);
    }

    /// Its seconds are over.
    pub(super) fn defer_time_passes(&self) {
        if self.deferred.load(Relaxed) && self.link.lock().ends_at.is_some_and(Instant::is_past) {
            self.undefer();
        }
    }
}
