//! Frames of memory: who owns which 4 KiB, and how they come and go.
//!
//! Two kinds of owner. [`UFrame`] is a counted handle of a page of bytes a program may also hold
//! (mapped, or shared as file cache): its bytes are reached by copies only, never by reference.
//! [`FrameRun`] belongs to the kernel alone (tables, DMA, stacks) and may be a slice.
//! Behind them stands the buddy allocator with a magazine of single frames a CPU in front.
//! Allocation never waits; failing is `None`.

#[cfg(not(target_os = "none"))]
mod arena;
mod buddy;
mod bytes;
#[cfg(target_os = "none")]
mod opening;
mod pool;
mod reserved;
mod run;
mod uframe;

#[cfg(target_os = "none")]
#[allow(unused_imports, reason = "start-up opens the pool")]
pub(crate) use opening::open;
#[cfg(target_os = "none")]
pub(crate) use pool::is_open;
pub(crate) use pool::{frame_of, linear, word};
pub use pool::{free_count, is_short, total};
pub use reserved::Reserved;
pub use run::FrameRun;
pub use uframe::UFrame;
