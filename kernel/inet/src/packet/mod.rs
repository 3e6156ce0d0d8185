//! Packet sockets (`man 7 packet`): frames as they pass an interface.

mod hear;
mod options;
mod report;
mod socket;
mod wire;

pub use report::report;
pub use socket::PacketSocket;
