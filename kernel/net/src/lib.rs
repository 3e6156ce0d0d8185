//! Sockets: what programs reach through `socket(2)`.
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod control;
pub mod unix;
