//! The contract between the host tool and the agent in the guest: which ports there are and what is said on the
//! control port. Both sides build from this crate; it holds values and their bytes, and does no input or output.
//!
//! Four virtio-serial ports join the two. On the control port go frames: a length (`u32`, little-endian, of what
//! follows), a kind byte, then the fields. The other three carry a program's standard streams as they are; where a
//! stream ends is said on the control port, as the number of bytes that went, so that one boot can run many programs.
#![forbid(unsafe_code)]

mod message;
mod wire;

pub use message::{Outcome, Put, Reply, Request, Run, Size, Terminals};
pub use wire::{Frames, WireError, frame};

/// What both sides must agree on before anything else is said; counts up with each change of a message.
pub const VERSION: u32 = 1;

/// The ports, by their number on the bus (`nr=`), which is also the number in `/dev/vport0p<n>`.
pub mod port {
    /// Frames in both directions.
    pub const CONTROL: u32 = 1;
    /// The program's standard input, host to guest.
    pub const STDIN: u32 = 2;
    /// The program's standard output, guest to host.
    pub const STDOUT: u32 = 3;
    /// The program's standard error, guest to host.
    pub const STDERR: u32 = 4;

    /// The name a port is given on the host (`name=`), which `/sys/class/virtio-ports/*/name` shows.
    #[must_use]
    pub fn name(nr: u32) -> String {
        format!("nacre.{nr}")
    }
}
