//! The vDSO: two pages every program gets, with the clock calls that need no kernel and the return of
//! signal handlers.
//!
//! The first page is data that the kernel writes and programs read; the second, right behind it, is
//! an ELF shared object whose address goes to programs as AT_SYSINFO_EHDR. `elf` wraps the code into
//! that object; the code itself is the machine's.

#[cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "the host machine has no user mode")
)]
mod elf;

use crate::frame::UFrame;
use crate::machine;

#[cfg(target_os = "none")]
pub(crate) use elf::{CODE_AT, Symbol, image};

/// The two pages; map them side by side.
#[derive(Clone, Debug)]
pub struct Pages {
    /// `[vvar]`: read-only.
    pub data: UFrame,
    /// `[vdso]`: read and executed, one page above.
    pub code: UFrame,
    /// Where the code that returns from a signal handler stands in the code page.
    pub sigreturn: usize,
}

/// The pages, the same for all programs; `None` where the machine has no user mode. No cost but two
/// reference counts.
pub fn pages() -> Option<Pages> {
    machine::vdso_pages()
}
