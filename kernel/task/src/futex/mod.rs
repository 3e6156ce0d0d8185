//! Futexes: sleeping on a word of a program's memory (`man 2 futex`).

mod calls;
mod robust;
pub mod table;

#[cfg(test)]
mod races;
#[cfg(all(test, not(feature = "shuttle")))]
mod tests;

pub use calls::{Resume, Want, Word, requeue, start, wait, wait_any, wake, wake_none, wake_op};
pub use robust::release;
