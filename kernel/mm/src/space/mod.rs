//! Address spaces: what the addresses of a process mean.
//!
//! The VMAs stand under a sleeping read-write lock: faults read, everything that maps writes.
//! Pages of private zeroes live in the page table alone; all others belong to an object too.
//! What must be dropped (files) is collected under the lock and dropped after it.

mod advise;
mod brk;
mod fault;
mod foreign;
mod fork;
mod lock;
mod map;
mod place;
mod protect;
mod query;
mod remap;
mod seal;
mod tree;
mod vma;

#[cfg(test)]
mod tests;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use abi::mman::ProtFlags;
use abi::{Errno, Result};
use hal::{PAGE_SHIFT, PAGE_SIZE, PageTable, USER_END, UserAddr};
use sync::{RwLock, rank};

pub use fault::{FaultCode, FaultError};
pub use map::{Backing, MapRequest, Placement};
pub use place::{Layout, MMAP_MIN};
pub use query::{FutexKey, SpaceStats, VmaView};
use tree::VmaTree;
use vma::{Content, Vma};
pub use vma::{MapName, VmaFlags};

/// VMAs a space may have (`vm.max_map_count`).
pub static MAX_MAP_COUNT: AtomicU32 = AtomicU32::new(65_530);

/// Whether even what can never be there is promised (`vm.overcommit_memory` is 1).
pub static ALL_IS_PROMISED: AtomicBool = AtomicBool::new(false);

fn max_map_count() -> usize {
    MAX_MAP_COUNT.load(Ordering::Relaxed) as usize
}

/// The part of a process's resource limits that memory calls look at, in bytes; `u64::MAX` is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressLimits {
    /// `RLIMIT_AS`
    pub address_space: u64,
    /// `RLIMIT_DATA`
    pub data: u64,
    /// `RLIMIT_STACK`
    pub stack: u64,
    /// `RLIMIT_MEMLOCK`; `u64::MAX` also for who has `CAP_IPC_LOCK`.
    pub locked: u64,
    /// Fixed mappings may lie below `mmap_min_addr`: `CAP_SYS_RAWIO`.
    pub low: bool,
}

impl Default for AddressLimits {
    /// What a first process has on Linux: 8 MiB of stack and of locked memory.
    fn default() -> Self {
        AddressLimits {
            address_space: u64::MAX,
            data: u64::MAX,
            stack: 8 << 20,
            locked: 8 << 20,
            low: false,
        }
    }
}

bitflags::bitflags! {
    /// What a program asked for all of its memory with `prctl`; it stays over fork and exec.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Habits: u32 {
        /// What can be written never becomes executable (`PR_MDWE_REFUSE_EXEC_GAIN`).
        const NO_EXEC_GAIN = 1;
        /// Of that, children and new programs know nothing (`PR_MDWE_NO_INHERIT`).
        const NO_INHERIT = 2;
        /// No huge pages, which there are none of anyway (`PR_SET_THP_DISABLE`).
        const NO_HUGE = 4;
    }
}

/// An address space.
pub struct AddressSpace {
    id: u64,
    table: Arc<PageTable>,
    inner: RwLock<Inner, { rank::MM }>,
    limits: [AtomicU64; 4],
    low: AtomicBool,
    /// Most pages it ever had mapped.
    peak: AtomicUsize,
    membarrier: AtomicU64,
    /// [`Habits`].
    habits: AtomicU32,
}

/// What the lock guards.
#[derive(Default)]
struct Inner {
    tree: VmaTree,
    counts: Counts,
    layout: Layout,
    /// End of the heap, not rounded.
    brk: usize,
    /// Where the next free range is looked for, from there downwards.
    cursor: usize,
    /// The largest range passed over above `cursor`.
    passed: usize,
    /// `mlockall(MCL_FUTURE)`: flags of each new VMA.
    future: VmaFlags,
    peak_total: usize,
}

/// Pages of the VMAs, by kind.
#[derive(Clone, Copy, Default)]
struct Counts {
    total: usize,
    data: usize,
    stack: usize,
    exec: usize,
    locked: usize,
}

impl Counts {
    fn of(v: &Vma) -> Counts {
        let n = v.pages();
        let pick = |yes: bool| if yes { n } else { 0 };
        let file_text = v.prot.contains(ProtFlags::EXEC) && !v.prot.contains(ProtFlags::WRITE);
        Counts {
            total: n,
            data: pick(v.is_data()),
            stack: pick(v.flags.contains(VmaFlags::GROWSDOWN)),
            exec: pick(file_text && !v.flags.contains(VmaFlags::GROWSDOWN)),
            locked: pick(v.flags.contains(VmaFlags::LOCKED)),
        }
    }

    fn add(&mut self, c: Counts) {
        self.total += c.total;
        self.data += c.data;
        self.stack += c.stack;
        self.exec += c.exec;
        self.locked += c.locked;
    }

    fn sub(&mut self, c: Counts) {
        self.total -= c.total;
        self.data -= c.data;
        self.stack -= c.stack;
        self.exec -= c.exec;
        self.locked -= c.locked;
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl AddressSpace {
    /// An empty space.
    ///
    /// # Errors
    /// `ENOMEM`
    pub fn new() -> Result<AddressSpace> {
        let table = PageTable::new().map_err(|_| Errno::ENOMEM)?;
        let space = AddressSpace {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            table: Arc::new(table),
            inner: RwLock::new(Inner::default()),
            limits: [const { AtomicU64::new(u64::MAX) }; 4],
            low: AtomicBool::new(false),
            peak: AtomicUsize::new(0),
            membarrier: AtomicU64::new(0),
            habits: AtomicU32::new(0),
        };
        space.set_limits(AddressLimits::default());
        Ok(space)
    }

    /// A number no other space has or had.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Makes user addresses of this CPU mean this space. Preemption is off (scheduler, exec).
    pub fn activate(&self) {
        self.table.activate();
    }

    /// The limits that apply to the process from now on.
    pub fn set_limits(&self, l: AddressLimits) {
        let [address_space, data, stack, locked] = &self.limits;
        address_space.store(l.address_space, Ordering::Relaxed);
        data.store(l.data, Ordering::Relaxed);
        stack.store(l.stack, Ordering::Relaxed);
        locked.store(l.locked, Ordering::Relaxed);
        self.low.store(l.low, Ordering::Relaxed);
    }

    /// The limits as last set.
    #[must_use]
    pub fn limits(&self) -> AddressLimits {
        let [address_space, data, stack, locked] = &self.limits;
        AddressLimits {
            address_space: address_space.load(Ordering::Relaxed),
            data: data.load(Ordering::Relaxed),
            stack: stack.load(Ordering::Relaxed),
            locked: locked.load(Ordering::Relaxed),
            low: self.low.load(Ordering::Relaxed),
        }
    }

    /// The commands of membarrier(2) the process has registered for, as bits of the command numbers.
    #[must_use]
    pub fn membarrier_registrations(&self) -> u64 {
        self.membarrier.load(Ordering::SeqCst)
    }

    /// Registers for commands of membarrier(2).
    pub fn register_membarrier(&self, commands: u64) {
        self.membarrier.fetch_or(commands, Ordering::SeqCst);
    }

    /// What the program asked for all of its memory.
    #[must_use]
    pub fn habits(&self) -> Habits {
        Habits::from_bits_truncate(self.habits.load(Ordering::Relaxed))
    }

    /// Asks for it.
    pub fn set_habits(&self, habits: Habits) {
        self.habits.store(habits.bits(), Ordering::Relaxed);
    }

    /// Takes over from the space that this one comes from what is inherited.
    pub fn inherit_habits(&self, from: &AddressSpace) {
        let mut habits = from.habits();
        if habits.contains(Habits::NO_INHERIT) {
            habits.remove(Habits::NO_EXEC_GAIN | Habits::NO_INHERIT);
        }
        self.set_habits(habits);
    }

    /// Whether a mapping that is executable or not may get `rights`.
    fn may_execute(&self, executable: bool, rights: ProtFlags) -> Result<()> {
        let gains =
            rights.contains(ProtFlags::EXEC) && (rights.contains(ProtFlags::WRITE) || !executable);
        if gains && self.habits().contains(Habits::NO_EXEC_GAIN) {
            return Err(Errno::EACCES);
        }
        Ok(())
    }

    /// Removes every mapping: the space starts anew, or ends. May sleep.
    pub fn clear(&self) {
        self.note_peak();
        let mut inner = self.inner.write();
        let mut gone = inner.tree.take_all();
        for v in gone.values_mut() {
            v.content = Content::Anon;
        }
        self.table.clear();
        *inner = Inner {
            peak_total: inner.peak_total,
            ..Inner::default()
        };
        drop(inner);
        drop(gone);
    }

    fn note_peak(&self) {
        self.peak.fetch_max(self.table.pages(), Ordering::Relaxed);
    }
}

impl Inner {
    /// Enters a VMA that overlaps nothing.
    fn enter(&mut self, vma: Vma, gone: &mut Vec<Vma>) {
        self.counts.add(Counts::of(&vma));
        self.peak_total = self.peak_total.max(self.counts.total);
        self.tree.insert(vma, gone);
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        // The objects' lists of mappings hold the table: leave them first.
        self.clear();
    }
}

impl core::fmt::Debug for AddressSpace {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AddressSpace({})", self.id)
    }
}

/// `[start, start + len)` as page borders.
///
/// # Errors
/// `EINVAL` when `start` is not a multiple of the page size or the range leaves the user half.
fn pages(start: UserAddr, len: usize) -> Result<(usize, usize)> {
    let len = hal::addr::page_up(len).ok_or(Errno::EINVAL)?;
    if !start.0.is_multiple_of(PAGE_SIZE) || !start.in_user_range(len) {
        return Err(Errno::EINVAL);
    }
    Ok((start.0, start.0 + len))
}

/// Bytes as whole pages.
fn page_count(bytes: u64) -> usize {
    usize::try_from(bytes >> PAGE_SHIFT).unwrap_or(usize::MAX)
}

const _: () = assert!(USER_END.is_multiple_of(PAGE_SIZE));
