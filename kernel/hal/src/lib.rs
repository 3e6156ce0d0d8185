//! The machine: boot, traps, memory translation, frames, processors, context switch, interrupts,
//! time, devices and the copies between kernel and user memory.
//!
//! This is the only crate in which `unsafe` may stand; everything above it is safe code over the
//! types here. There are two machines: `aarch64` (the kernel) and `host` (tests on an ordinary
//! computer, over `std`). Policy (who runs, what a fault means) does not enter: it comes in through
//! [`hooks`].
#![cfg_attr(target_os = "none", no_std)]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a kernel whose own tables are broken must stop; what comes from outside is checked first"
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test stops at what it does not expect"
    )
)]

extern crate alloc;

pub mod addr;
pub mod boot;
pub mod console;
pub mod cpu;
pub mod device;
pub mod frame;
mod head;
#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "the host machine has its own heap")
)]
pub mod heap;
pub mod hooks;
pub mod ipi;
pub mod irq;
mod local;
mod lock;
pub mod mmu;
pub mod power;
pub mod preempt;
#[cfg(not(target_os = "none"))]
pub mod shortage;
pub mod smp;
pub mod thread;
pub mod time;
pub mod ucopy;
pub mod unaligned;
pub mod user;
pub mod vdso;
pub mod virtio;

#[cfg(target_os = "none")]
mod aarch64;
#[cfg(target_os = "none")]
use aarch64 as machine;
#[cfg(not(target_os = "none"))]
mod host;
#[cfg(not(target_os = "none"))]
use host as machine;

pub use addr::{PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, PhysAddr, USER_END, UserAddr};
pub use cpu::{CpuId, CpuMask, MAX_CPUS};
pub use frame::UFrame;
pub use mmu::{PageTable, Prot};
pub use ucopy::{UserPtr, UserSlice};
pub use user::{Access, Trap, UserContext};

/// The running thread's head.
#[inline(always)]
pub(crate) fn head() -> &'static head::Head {
    machine::head()
}
