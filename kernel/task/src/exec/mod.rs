//! Running a program: what its file asks for, and the stack it starts with.

pub mod elf;
pub mod script;
pub mod stack;
