//! Sockets: what programs reach through `socket(2)`.
//!
//! The room for the socket layer all families share ([`socket`], [`options`], [`control`], [`mod@file`]) and for the
//! families, a folder each. Nothing here waits: what is not ready is `EAGAIN`, and the socket's
//! pollee tells when to come again. The system-call layer copies headers and control messages from
//! and to user memory; here they are plain values.
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

mod bytes;
pub mod control;
pub mod file;
pub mod files;
pub mod filter;
pub mod inet;
pub mod ioctl;
pub mod link;
pub mod mailbox;
pub mod name;
pub mod netlink;
pub mod options;
pub mod packet;
mod room;
pub mod settings;
pub mod socket;
pub mod unix;
