//! The contract between Linux/AArch64 programs and the kernel: numbers, flags, error codes and the
//! layouts of the structures that cross the border. No logic enters here; whoever needs a layout
//! pins its size and offsets with compile-time assertions beside the type.
#![no_std]
#![forbid(unsafe_code)]

pub mod auxv;
pub mod clone;
pub mod dirent;
pub mod drm;
pub mod epoll;
mod errno;
pub mod eventfd;
pub mod fb;
pub mod fcntl;
pub mod file_ioctl;
pub mod futex;
pub mod inotify;
pub mod input;
pub mod mman;
pub mod mount;
pub mod net;
pub mod nr;
pub mod poll;
pub mod random;
pub mod rtc;
pub mod sched;
pub mod signal;
pub mod socket;
pub mod stat;
pub mod termios;
pub mod time;

pub use errno::{Errno, Result};
