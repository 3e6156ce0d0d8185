//! Futexes: sleeping on a word of a program's memory (`man 2 futex`).

pub mod table;

#[cfg(test)]
mod tests;
