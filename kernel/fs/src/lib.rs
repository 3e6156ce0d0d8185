//! File systems: tmpfs, the initramfs that fills the first one, devtmpfs, proc, sys.
//!
//! Each is built on what `vfs` asks of an inode. Files of `/proc` and `/sys` that show something of
//! another subsystem are written there and hung in here.
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )
)]

extern crate alloc;

pub mod devpts;
pub mod devtmpfs;
pub mod initramfs;
pub mod memfd;
pub mod proc;
pub mod sysfs;
pub mod tmpfs;
