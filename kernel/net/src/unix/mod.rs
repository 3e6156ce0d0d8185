//! AF_UNIX sockets (`man 7 unix`).

pub mod address;
pub mod graph;
