//! User address spaces: translation tables, ASIDs, and the maintenance of translation caches.
//!
//! A [`PageTable`] owns one count of every page it maps. Frames and tables leave it only after the
//! translations that led to them are flushed. Flushes are local while no other CPU can hold
//! translations of the space: switching in sets the CPU's bit, then a full barrier, then the table
//! base; a change writes the entries, then a barrier, then reads the bits.
//! Nothing here sleeps.

mod asid;
mod ops;
mod prot;
mod ranges;
mod space;
#[cfg(target_os = "none")]
#[path = "tlb_aarch64.rs"]
mod tlb;
#[cfg(not(target_os = "none"))]
#[path = "tlb_host.rs"]
mod tlb;
mod walk;

pub use ops::{Entry, WriteState};
pub use prot::Prot;
#[cfg(not(target_os = "none"))]
pub(crate) use space::translate;
pub use space::{PageTable, leave};

/// No frame was left for a table or a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;
