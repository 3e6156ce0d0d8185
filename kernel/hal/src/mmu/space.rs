//! One user address space, and which of them each CPU has.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use super::asid::{Asids, State};
use super::walk::Table;
use super::{OutOfMemory, tlb};
use crate::cpu::{self, MAX_CPUS};
use crate::local::{Padded, PerCpuCell};
use crate::lock::RawLock;

/// What the lock of a space guards besides its tables.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    /// Pages mapped.
    pub(super) pages: usize,
    /// Those among them that belong to the space alone.
    pub(super) anon: usize,
    /// Tables below the root.
    pub(super) tables: usize,
}

/// The part of a space that a CPU keeps while it is its base.
pub(super) struct Space {
    pub(super) root: Table,
    state: AtomicU64,
    pub(super) counts: RawLock<Counts>,
}

impl Drop for Space {
    fn drop(&mut self) {
        self.root.free();
    }
}

/// The translations of one user address space. Owns a count of each page it maps.
pub struct PageTable {
    pub(super) space: Arc<Space>,
}

static ASIDS: RawLock<Option<Asids>> = RawLock::new(None);

/// The space whose table is each CPU's base.
static CURRENT: PerCpuCell<Option<Arc<Space>>> =
    PerCpuCell::new([const { Padded::new(None) }; MAX_CPUS]);

/// The physical address of a table that translates nothing.
static EMPTY_ROOT: AtomicU64 = AtomicU64::new(0);

impl PageTable {
    /// An empty space.
    ///
    /// # Errors
    /// No frame for its root.
    pub fn new() -> Result<PageTable, OutOfMemory> {
        let root = Table::alloc().ok_or(OutOfMemory)?;
        let space = Space {
            root,
            state: AtomicU64::new(State::default().pack()),
            counts: RawLock::new(Counts::default()),
        };
        Ok(PageTable {
            space: Arc::new(space),
        })
    }

    /// Makes this space the one user addresses of this CPU mean. Called with preemption off (the
    /// scheduler, exec); nothing happens when it is already. ~60 instructions, and under the
    /// emulator a flush of the CPU's whole TLB.
    pub fn activate(&self) {
        let next = &self.space;
        let old = CURRENT.with(|current| {
            if current.as_ref().is_some_and(|c| Arc::ptr_eq(c, next)) {
                return None;
            }
            let me = cpu::current().index();
            {
                let mut asids = ASIDS.lock();
                let asids = asids.get_or_insert_with(|| Asids::new(tlb::asid_limit()));
                let word = next.state.load(Ordering::SeqCst);
                let (word, flush) = asids.switch_in_word(me, word);
                next.state.store(word, Ordering::SeqCst);
                if flush {
                    tlb::flush_cpu();
                }
                // The bit is seen by whoever changes an entry before this CPU can read the entry.
                tlb::full_barrier();
                tlb::set_base(u64::from(next.root.0) << 12, (word >> 16) as u16);
                if let Some(old) = current.as_ref() {
                    old.left_by(me);
                }
            }
            current.replace(next.clone())
        });
        // May be the last handle: its root is freed with interrupts as they were.
        drop(old);
    }

    /// Pages mapped now.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.space.counts.lock().pages
    }

    /// Pages mapped that belong to this space, not to a memory object.
    #[must_use]
    pub fn anon_pages(&self) -> usize {
        self.space.counts.lock().anon
    }

    /// Bytes of translation tables.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        (self.space.counts.lock().tables + 1) << 12
    }
}

impl Space {
    pub(super) fn state(&self) -> State {
        State::unpack(self.state.load(Ordering::SeqCst))
    }

    /// CPU `me` has another base now. Under the lock of the numbers.
    fn left_by(&self, me: usize) {
        // The low byte of the word is `active`.
        let word = self.state.load(Ordering::SeqCst) & !(1 << me);
        self.state.store(word, Ordering::SeqCst);
    }

    /// Drops the translations of `pages` pages from `va` wherever they may be; the entries were
    /// written before. The space's lock is held, so this CPU stays.
    pub(super) fn flush(&self, va: usize, pages: usize) {
        tlb::full_barrier();
        tlb::flush(self.state(), cpu::current().index(), va, pages);
    }
}

/// Leaves the user space of this CPU, if it has one: user addresses mean nothing after. For who
/// gives up an address space and runs on (a kernel thread need not: it keeps the last one's).
pub fn leave() {
    let empty = match EMPTY_ROOT.load(Ordering::Acquire) {
        0 => {
            let Some(t) = Table::alloc() else { return };
            EMPTY_ROOT.store(u64::from(t.0) << 12, Ordering::Release);
            u64::from(t.0) << 12
        }
        root => root,
    };
    let old = CURRENT.with(|current| {
        let old = current.take()?;
        let _asids = ASIDS.lock();
        tlb::set_base(empty, 0);
        old.left_by(cpu::current().index());
        Some(old)
    });
    drop(old);
}

/// The byte at `va` for this CPU, as its translation caches see it; the host's stand-in for a load.
#[cfg(not(target_os = "none"))]
pub(crate) fn translate(va: crate::addr::UserAddr, access: crate::user::Access) -> Option<*mut u8> {
    use super::prot;
    if !va.in_user_range(1) {
        return None;
    }
    let entry = tlb::translate(va.0, |root| {
        Table((root >> 12) as u32)
            .leaf(va.0)
            .map_or(0, |t| t.get(super::walk::index(va.0, 3)))
    });
    prot::prot(entry)
        .allows(access)
        .then(|| crate::frame::linear(prot::pfn(entry)).wrapping_add(va.0 & crate::addr::PAGE_MASK))
}
