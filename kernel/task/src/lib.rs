//! Threads, processes, signals, programs.
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
