//! System calls: the table, the context a handler gets, and the handlers, a family a file.

pub mod args;
pub mod table;
pub mod trace;

mod memory;
mod sysinfo;

use alloc::sync::Arc;

use hal::UserContext;
use task::{Process, Thread};

/// What a handler works with.
pub struct Cx<'a> {
    /// The calling thread.
    pub thread: &'a Arc<Thread>,
    /// Its registers; `x0` is overwritten by the handler's result.
    pub regs: &'a mut UserContext,
}

impl Cx<'_> {
    /// The calling process.
    #[inline]
    pub fn process(&self) -> &Arc<Process> {
        self.thread.process()
    }
}
