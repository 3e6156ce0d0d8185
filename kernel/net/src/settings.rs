//! What root may set for all sockets (`/proc/sys/net`).

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Size of a send buffer nobody has set (`net.core.wmem_default`).
pub static SEND_DEFAULT: AtomicU32 = AtomicU32::new(212_992);
/// Size of a receive buffer nobody has set (`net.core.rmem_default`).
pub static RECEIVE_DEFAULT: AtomicU32 = AtomicU32::new(212_992);
/// The most `SO_SNDBUF` may ask for (`net.core.wmem_max`).
pub static SEND_MAX: AtomicU32 = AtomicU32::new(212_992);
/// The most `SO_RCVBUF` may ask for (`net.core.rmem_max`).
pub static RECEIVE_MAX: AtomicU32 = AtomicU32::new(212_992);
/// The longest control buffer that is read (`net.core.optmem_max`).
pub static CONTROL_MAX: AtomicU32 = AtomicU32::new(131_072);
/// The longest backlog of `listen` (`net.core.somaxconn`).
pub static BACKLOG_MAX: AtomicU32 = AtomicU32::new(abi::socket::SOMAXCONN);
/// Messages that may wait at a datagram socket for those not connected to it, less one
/// (`net.unix.max_dgram_qlen`).
pub static UNIX_QUEUE_MAX: AtomicU32 = AtomicU32::new(10);

pub(crate) fn max_queue() -> usize {
    UNIX_QUEUE_MAX.load(Relaxed) as usize
}
