//! Events of a client: a bounded queue that `read` empties.

use abi::drm::DrmEventVblank;
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use mm::io::IoDst;
use sync::{Events, Pollee, SpinLock, rank};
use zerocopy::IntoBytes;

/// Bytes of events a client may have, those to come included.
const SPACE: usize = 4096;
const EACH: usize = size_of::<DrmEventVblank>();

#[derive(Default)]
struct Queue {
    ready: VecDeque<DrmEventVblank>,
    /// Events promised but not there yet.
    promised: usize,
}

/// The events of one open file.
#[derive(Default)]
pub struct EventQueue {
    queue: SpinLock<Queue, { rank::LEAF }>,
    pollee: Pollee,
}

impl EventQueue {
    /// Room for an event to come.
    ///
    /// # Errors
    /// `ENOMEM`: the client reads too little.
    pub fn promise(&self) -> Result<()> {
        let mut queue = self.queue.lock();
        if (queue.ready.len() + queue.promised + 1) * EACH > SPACE {
            return Err(Errno::ENOMEM);
        }
        queue.promised += 1;
        queue.ready.reserve(1);
        Ok(())
    }

    /// A promised event will not come.
    pub fn forgo(&self) {
        let mut queue = self.queue.lock();
        queue.promised = queue.promised.saturating_sub(1);
    }

    /// A promised event is there. The caller tells who waits, with [`EventQueue::tell`].
    pub fn push(&self, event: DrmEventVblank) {
        let mut queue = self.queue.lock();
        queue.promised = queue.promised.saturating_sub(1);
        queue.ready.push_back(event);
    }

    /// Wakes who waits for events.
    pub fn tell(&self) {
        self.pollee.notify(Events::READABLE);
    }

    /// Who waits for events.
    #[must_use]
    pub fn pollee(&self) -> &Pollee {
        &self.pollee
    }

    /// Whether there are events.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.queue.lock().ready.is_empty()
    }

    /// Gives as many whole events as fit; 0 when not even one does.
    ///
    /// # Errors
    /// `EAGAIN`: there are none.
    pub fn read(&self, dst: &mut IoDst<'_>) -> Result<usize> {
        let mut done = 0;
        loop {
            let Some(event) = self.queue.lock().ready.pop_front() else {
                return if done > 0 {
                    Ok(done)
                } else {
                    Err(Errno::EAGAIN)
                };
            };
            let mark = dst.mark();
            if dst.remaining() < EACH || dst.put(event.as_bytes()) < EACH {
                // No room, or the page is not there: the next read begins with it.
                dst.rewind(mark);
                self.queue.lock().ready.push_front(event);
                return Ok(done);
            }
            done += EACH;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(user_data: u64) -> DrmEventVblank {
        DrmEventVblank {
            user_data,
            ..DrmEventVblank::default()
        }
    }

    #[test]
    fn promises_bound_the_queue_and_reads_take_whole_events() {
        let queue = EventQueue::default();
        for _ in 0..SPACE / EACH {
            assert_eq!(queue.promise(), Ok(()));
        }
        assert_eq!(queue.promise(), Err(Errno::ENOMEM));
        queue.forgo();
        queue.push(event(1));
        queue.push(event(2));
        assert_eq!(queue.promise(), Ok(()));
        assert_eq!(queue.promise(), Err(Errno::ENOMEM));
        let mut bytes = [0; EACH + 5];
        assert_eq!(
            queue.read(&mut IoDst::kernel(&mut bytes[..EACH - 1])),
            Ok(0)
        );
        assert_eq!(queue.read(&mut IoDst::kernel(&mut bytes)), Ok(EACH));
        assert_eq!(bytes[8], 1);
        assert!(queue.is_ready());
        assert_eq!(queue.read(&mut IoDst::kernel(&mut bytes)), Ok(EACH));
        assert_eq!(
            queue.read(&mut IoDst::kernel(&mut bytes)),
            Err(Errno::EAGAIN)
        );
    }
}
