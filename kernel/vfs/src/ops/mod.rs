//! What programs do to names and attributes: the rules of who may, in Linux's order of errors, over
//! what the file systems offer.

pub mod attr;
pub mod create;
pub mod fs_config;
pub mod mounts;
pub mod open;
pub(crate) mod propagation;
pub mod remove;
pub mod rename;
pub mod trees;
pub mod xattr;
