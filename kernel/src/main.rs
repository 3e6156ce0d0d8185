//! The Nacre kernel: start-up and the system calls.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "there it only prints the page of system calls")
)]
#![forbid(unsafe_code)]

extern crate alloc;

mod syscall;
#[cfg(target_os = "none")]
mod sysfs;
mod tracer;
mod user;

#[cfg(target_os = "none")]
mod console_log;
#[cfg(target_os = "none")]
mod devices;
#[cfg(target_os = "none")]
mod first;
#[cfg(target_os = "none")]
mod panic_action;
#[cfg(target_os = "none")]
mod proc;
#[cfg(target_os = "none")]
mod ptys;
#[cfg(target_os = "none")]
mod start;
#[cfg(target_os = "none")]
mod sysrq;
#[cfg(target_os = "none")]
mod terminals;

#[cfg(target_os = "none")]
hal::entry!(start::start);

/// On an ordinary computer the kernel prints `docs/syscalls.md`.
#[cfg(not(target_os = "none"))]
fn main() {
    print!("{}", syscall::docs::page());
}
