//! Devices and terminals.
//!
//! The room for: terminals (line discipline, job control, ptys), the drivers behind them, virtio ports and entropy, the
//! clock chip. A driver moves bytes between a device that `hal` makes safe and the objects of `vfs`; what it makes
//! visible goes through [`node`]. Who runs and what a process is, nobody here knows: terminals ask through
//! [`tty::Jobs`].
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )
)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod drm;
pub mod evdev;
pub mod fb;
pub mod memory;
pub mod node;
pub mod rtc;
pub mod serial;
pub mod tty;
pub mod virtio;
