//! How long a socket call waits, and what a signal does to it (`man 7 signal`: a call with a
//! timeout is never restarted).

use abi::{Errno, Result};
use alloc::sync::Arc;
use core::time::Duration;
use net::socket::Socket;
use sync::{Events, Instant};
use task::Thread;
use task::wait::{Restart, WaitOptions, wait};

/// The waiting of one call.
pub struct Wait {
    nonblock: bool,
    deadline: Option<Instant>,
    events: Events,
}

impl Wait {
    /// For what waits until something can be received or accepted (`SO_RCVTIMEO`).
    pub fn to_receive(socket: &dyn Socket, nonblock: bool) -> Self {
        let events = Events::READABLE | Events::RDHUP;
        Self {
            nonblock,
            deadline: after(socket.options().receive_timeout()),
            events,
        }
    }

    /// For what waits until something can be sent or connected (`SO_SNDTIMEO`).
    pub fn to_send(socket: &dyn Socket, nonblock: bool) -> Self {
        let events = Events::WRITABLE;
        Self {
            nonblock,
            deadline: after(socket.options().send_timeout()),
            events,
        }
    }

    /// Tries until it is not `EAGAIN`, or it has waited long enough (`EAGAIN`). `idle`: there is nothing yet, as it
    /// seems, so that the call may as well wait before it tries.
    pub fn run<T>(
        &self,
        thread: &Arc<Thread>,
        socket: &dyn Socket,
        idle: bool,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        if self.nonblock {
            return attempt();
        }
        let restart = if self.deadline.is_some() {
            Restart::Never
        } else {
            Restart::Sys
        };
        let options = WaitOptions {
            deadline: self.deadline,
            restart,
            idle,
            ..WaitOptions::default()
        };
        match wait(thread, &options, &[(socket.pollee(), self.events)], attempt) {
            Err(Errno::ETIMEDOUT) => Err(Errno::EAGAIN),
            result => result,
        }
    }
}

fn after(nanoseconds: Option<u64>) -> Option<Instant> {
    nanoseconds.map(|nanoseconds| Instant::after(Duration::from_nanos(nanoseconds)))
}
