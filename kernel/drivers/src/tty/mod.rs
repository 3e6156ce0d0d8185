//! Terminals.

pub mod ldisc;
