//! Listening and accepting.

use super::TcpSocket;
use super::link::{Listener, Phase};
use super::state::State;
use super::table::{LISTENERS, PORTS};
use crate::ip_options::IpFlags;
use crate::ports::Receiver;
use abi::{Errno, Result};
use alloc::sync::Arc;
use net::options::Flags;

impl TcpSocket {
    pub(super) fn listen_with(&self, backlog: u32) -> Result<()> {
        let mut link = self.link.lock();
        if link.phase != Phase::Unconnected {
            return Err(Errno::EINVAL);
        }
        match link.state {
            State::Listen => {
                if let Some(listener) = &mut link.listener {
                    listener.backlog = backlog;
                }
                drop(link);
                self.admit();
                return Ok(());
            }
            State::Closed => {}
            _ => return Err(Errno::EINVAL),
        }
        if link.local.port == 0 {
            super::table::sweep();
            link.local.port = PORTS.claim_alone(&self.core.claim(link.local.addr))?;
        }
        let port = link.local.port;
        PORTS.change(port, self.core.id, |claim| {
            *claim = self.core.claim(claim.addr);
            claim.listening = true;
        })?;
        let receiver = Receiver {
            socket: self.this.clone(),
            addr: link.local.addr,
            remote: None,
            v6_only: self.core.ip.flags().contains(IpFlags::V6ONLY),
            device: self.core.device(),
            reuse_port: self.core.options.flags().contains(Flags::REUSEPORT),
        };
        link.state = State::Listen;
        link.shut = super::link::Shut::empty();
        link.listener = Some(Listener {
            backlog,
            ..Listener::default()
        });
        LISTENERS.enter(port, self.core.id, receiver);
        Ok(())
    }

    pub(super) fn next_connection(&self) -> Result<Arc<Self>> {
        let next = {
            let mut link = self.link.lock();
            let listener = link.listener.as_mut().ok_or(Errno::EINVAL)?;
            let next = listener.queue.pop_front().ok_or(Errno::EAGAIN)?;
            let others = listener.ripe || !listener.blocked.is_empty();
            (next, others)
        };
        let (socket, others) = next;
        if others {
            self.admit();
        }
        Ok(socket)
    }

    /// Whether a listener's queue has room.
    pub(super) fn takes_connections(&self) -> bool {
        let link = self.link.lock();
        let listener = link.listener.as_ref();
        listener.is_some_and(|listener| listener.has_room())
    }

    /// Keeps a place in a listener's queue; whether there was one.
    pub(super) fn reserve_place(&self) -> bool {
        let mut link = self.link.lock();
        let listener = link.listener.as_mut();
        listener.is_some_and(|listener| listener.reserve())
    }

    /// Gives a place back that is not needed.
    pub(super) fn return_place(&self) {
        if let Some(listener) = self.link.lock().listener.as_mut() {
            listener.give_back();
        }
    }

    /// What a connection takes over from its listener.
    pub(super) fn inherit(&self, listener: &Self) {
        self.core.options.inherit_all(&listener.core.options);
        self.core.ip.inherit(&listener.core.ip);
        self.core.device.store(
            listener.core.device(),
            core::sync::atomic::Ordering::Relaxed,
        );
        self.tcp.inherit(&listener.tcp);
    }
}
