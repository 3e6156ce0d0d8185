//! Bits of [`super::Thread::flags`].

/// A signal outside the mask is pending.
pub const SIGNAL: u32 = 1;
/// The thread is to die: no wait but an uninterruptible one goes on.
pub const KILLED: u32 = 2;
/// The thread is to stop with its process.
pub const STOP: u32 = 4;
/// The thread has called exit, or its process is ending: it leaves at its next return.
pub const EXIT: u32 = 8;
/// Its calls are traced.
pub const TRACE: u32 = 16;
/// A mask put aside by `sigsuspend` or the like is to be restored.
pub const RESTORE_MASK: u32 = 32;
/// Process 1's threads: default actions and signals from below do not reach them.
pub const INIT: u32 = 64;
/// It was switched to since it last looked at its restartable sequence.
pub const RSEQ: u32 = 128;
/// Addresses in its calls may have a tag (`PR_SET_TAGGED_ADDR_CTRL`).
pub const TAGGED: u32 = 256;
/// It writes back for others (`PR_SET_IO_FLUSHER`).
pub const IO_FLUSHER: u32 = 512;
/// It has left its process and the tree.
pub const GONE: u32 = 1024;
