//! Rust's standard library in the guest: threads, processes, files and time, as ordinary programs use them.

#![forbid(unsafe_code)]

mod files;
mod processes;
mod roles;
mod threads;
mod time;
mod unix;

use std::process::ExitCode;

use trials::{Outcome, cases, expect, expect_eq};

fn main() -> ExitCode {
    let all = [
        files::CASES,
        processes::CASES,
        threads::CASES,
        time::CASES,
        unix::CASES,
    ];
    trials::run(&all, roles::run)
}
