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
/// Whether connections over a card tell times (`net.ipv4.tcp_timestamps`): 0: no, 2: those of the plain clock, 1 and
/// others: from a start of their own.
pub static TCP_TIMESTAMPS: AtomicU32 = AtomicU32::new(1);
/// Whether a new connection may take the place of one that is only remembered (`net.ipv4.tcp_tw_reuse`): 0: none, 1:
/// any whose ends told times, 2: such within the machine.
pub static TCP_REUSE: AtomicU32 = AtomicU32::new(2);
/// Connections that are only remembered, at most (`net.ipv4.tcp_max_tw_buckets`).
pub static TCP_RESTS_MAX: AtomicU32 = AtomicU32::new(4096);
/// Connections that nobody holds and that have to end yet, at most (`net.ipv4.tcp_max_orphans`).
pub static TCP_ORPHANS_MAX: AtomicU32 = AtomicU32::new(4096);
/// Messages that may wait at a datagram socket for those not connected to it, less one
/// (`net.unix.max_dgram_qlen`).
pub static UNIX_QUEUE_MAX: AtomicU32 = AtomicU32::new(10);

/// Sets what depends on the memory there is: one for each 256 KiB, as Linux has it, but not as few as it has where there
/// is little: one costs some hundred bytes.
pub fn fit_memory() {
    const LEAST: u32 = 4096;
    let most = u32::try_from(hal::frame::total() / 64).unwrap_or(u32::MAX);
    let most = most.max(LEAST);
    TCP_RESTS_MAX.store(most, Relaxed);
    TCP_ORPHANS_MAX.store(most, Relaxed);
}

pub(crate) fn max_queue() -> usize {
    UNIX_QUEUE_MAX.load(Relaxed) as usize
}
