//! Sockets: what programs reach through `socket(2)`, and the family that needs no network, AF_UNIX.
//!
//! The room for the socket layer all families share ([`socket`], [`options`], [`control`], [`mod@file`]) and [`unix`]; IP,
//! links, netlink and packet sockets are a crate of their own, `inet`. Nothing here waits: what is not ready is `EAGAIN`,
//! and the socket's pollee tells when to come again. The system-call layer copies headers and control messages from and
//! to user memory; here they are plain values.
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

pub mod address;
pub mod bytes;
pub mod control;
pub mod file;
pub mod files;
pub mod filter;
pub mod interfaces;
pub mod mailbox;
pub mod name;
pub mod options;
pub mod settings;
pub mod socket;
pub mod unix;
