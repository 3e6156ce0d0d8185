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

pub mod access;
pub mod caller;
pub mod clone;
pub mod cmdline;
pub mod cpu_clock;
pub mod cred;
pub mod exec;
pub mod exit;
pub mod futex;
pub mod jobs;
pub mod klog;
pub mod kmsg;
pub mod machine;
pub mod namespace;
pub mod oom;
pub mod pidfd;
pub mod proc;
pub mod process;
pub mod random;
pub mod random_device;
pub mod rseq;
#[cfg(target_os = "none")]
pub mod sched;
pub mod sigio;
pub mod signal;
pub mod signalfd;
pub mod thread;
pub mod timers;
pub mod tree;
pub mod usage;
pub mod user;
pub mod vdso;
pub mod wait;
pub mod wait_child;

pub use process::Process;
pub use thread::{Thread, try_current, with_current};
