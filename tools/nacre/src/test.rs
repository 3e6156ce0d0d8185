//! The tests: the host's, and those in the guest.

pub mod bad_link;
pub mod channel;
pub mod front_door;
pub mod guest;
pub mod host;
pub mod programs;
pub mod raw_peer;
pub mod report;
pub mod wayland;

mod tap;
