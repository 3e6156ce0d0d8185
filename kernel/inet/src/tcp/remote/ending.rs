//! Ends that nobody holds: they have to be told to the other end yet.

use super::super::TcpSocket;
use super::super::link::Shut;
use super::super::state::State;
use super::super::table::{self, PORTS, Rest};
use super::steps::come_back;
use abi::Errno;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use net::address::Family;
use net::options::Flags;
use net::settings::TCP_ORPHANS_MAX;
use sync::{Instant, SpinLock, rank};

/// Connections that nobody holds and that have to end yet.
static ORPHANS: SpinLock<BTreeMap<u64, Arc<TcpSocket>>, { rank::SOCKET_TABLE + 2 }> =
    SpinLock::new(BTreeMap::new());

/// Connections that only have to end yet.
#[must_use]
pub fn orphans() -> usize {
    ORPHANS.lock().len()
}

/// A socket's machine has done its work.
pub(super) fn let_go(socket: &TcpSocket) {
    let orphan = ORPHANS.lock().remove(&socket.core.id);
    drop(orphan);
}

impl TcpSocket {
    /// The connection cannot be.
    pub(super) fn fail(&self, error: Errno) {
        let left = {
            let mut link = self.link.lock();
            link.error = Some(error);
            link.shut = Shut::all();
            link.fall_back()
        };
        if let Some(pair) = left {
            self.leave(&pair);
        }
        self.notify_end();
    }

    /// The last descriptor of such a socket is gone.
    pub(in super::super) fn end_wire(&self, reset: bool, state: State) {
        let this = self.this.upgrade();
        let abort =
            self.core.options.flags().contains(Flags::LINGER) && self.core.options.linger() == 0;
        let mut many = false;
        if let Some(this) = &this {
            let mut orphans = ORPHANS.lock();
            many = orphans.len() >= TCP_ORPHANS_MAX.load(Relaxed) as usize;
            orphans.insert(self.core.id, this.clone());
        }
        let hard = reset || abort || many || this.is_none() || state == State::SynSent;
        let existed = self.with_wire(|wire| {
            let lost = wire.machine.waiting() > 0;
            wire.machine.forsake();
            if hard || lost {
                wire.machine.abort();
            } else {
                wire.machine.close();
            }
        });
        if existed.is_some() {
            self.apply_settings();
            self.wait_for_end();
            return;
        }
        let_go(self);
        let (left, port, bound) = {
            let mut link = self.link.lock();
            let port = link.local.port;
            (link.fall_back(), port, link.bound.port)
        };
        if let Some(pair) = left {
            table::leave(&pair, self.core.id, None);
        } else if bound != 0 {
            PORTS.release(bound, self.core.id);
        } else if port != 0 {
            PORTS.release(port, self.core.id);
        }
    }

    /// An end that nobody holds and that was answered waits only so long for the other's.
    pub(super) fn wait_for_end(&self) {
        let seconds = self.tcp.fin_seconds();
        let at = {
            let mut link = self.link.lock();
            let waits = link.closed && link.state == State::FinWait2 && link.ends_at.is_none();
            let at = waits.then(|| Instant::after(Duration::from_secs(seconds)));
            link.ends_at = link.ends_at.or(at);
            at
        };
        if let Some(at) = at {
            come_back(self, at);
        }
    }

    /// A listener's queue is full: the connection is given up when SYNs would have been sent often enough.
    pub(in super::super) fn wait_to_join(&self) {
        let count = self.tcp.syn_count.load(Relaxed).clamp(1, 16) as u32;
        let user = u64::from(self.tcp.user_timeout.load(Relaxed));
        let wait = if user > 0 {
            Duration::from_millis(user)
        } else {
            Duration::from_secs((1 << (count + 1)) - 1)
        };
        let at = Instant::after(wait);
        self.link.lock().ends_at = Some(at);
        come_back(self, at);
    }

    fn time_is_up(&self, state: State) -> bool {
        let mut link = self.link.lock();
        let up = link.state == state && link.ends_at.is_some_and(Instant::is_past);
        if up {
            link.ends_at = None;
        }
        up
    }

    pub(super) fn give_up_joining(&self) {
        if self.time_is_up(State::SynSent) {
            self.fail(Errno::ETIMEDOUT);
        }
    }

    /// The other end never ended: it is forgotten.
    pub(super) fn time_passes(&self) {
        if self.link.lock().closed && self.time_is_up(State::FinWait2) {
            self.with_wire(|wire| wire.machine.forget());
        }
    }

    /// What is left of an end for the table.
    pub(in super::super) fn rest(&self, state: State) -> Rest {
        Rest {
            id: self.core.id,
            state,
            since: Instant::now(),
            v6: self.core.family == Family::V6,
            last: None,
        }
    }
}
