//! Sockets whose connection leaves the machine: what they do with its state machine, and when.
//!
//! [`arrive`] finds whom a segment is for, [`steps`] is what happens in one, [`transfer`] is what programs send and
//! receive, [`ending`] what becomes of an end that nobody holds.

pub mod arrive;
mod ending;
mod steps;
mod transfer;

pub use arrive::{input, refused};
pub use ending::orphans;
pub(super) use steps::{come_back, disarm};
pub use steps::{look_by, settle};
