//! Packet sockets (`man 7 packet`): frames as they pass an interface.

mod options;
mod report;
mod socket;

pub use report::report;
pub use socket::PacketSocket;
