//! Devices and terminals.
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod tty;
pub mod virtio;
