//! The Nacre kernel: start-up and the system calls.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod syscall;

#[cfg(target_os = "none")]
hal::entry!(start);

/// The kernel's first function, on the boot processor.
#[cfg(target_os = "none")]
fn start(_: hal::boot::BootInfo) -> ! {
    hal::power::halt()
}

#[cfg(not(target_os = "none"))]
fn main() {}
