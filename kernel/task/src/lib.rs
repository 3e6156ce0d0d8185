//! Threads, processes, signals, programs.
//!
//! The room for what Linux calls a task: identities and relations ([`tree`]), threads and processes,
//! signals, running programs, rights and limits. It uses every crate but the binary. System-call
//! conventions do not enter: handlers live in the kernel binary and call in here with plain values.
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

pub mod cmdline;
pub mod exec;
pub mod futex;
pub mod process;
#[cfg(target_os = "none")]
pub mod sched;
pub mod signal;
mod stand_in;
pub mod thread;
pub mod tree;
pub mod usage;
pub mod user;
pub mod wait;

pub use process::Process;
pub use thread::{Thread, try_current, with_current};
