//! What a thread that leaves its memory owes to others: its robust locks are marked and let go, the word
//! of `set_tid_address` is cleared (`man 2 set_robust_list`, `man 2 set_tid_address`).

use abi::futex::{
    FUTEX_BITSET_MATCH_ANY, FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS, ROBUST_LIST_LIMIT,
    RobustListHead,
};
use hal::UserAddr;
use hal::ucopy::{self, UserPtr};

use super::calls::{Word, wake};
use crate::thread::Thread;

/// Entries looked at before others may run.
const STRETCH: usize = 64;

/// An entry's address, and whether it is a priority-inheritance lock.
#[derive(Clone, Copy)]
struct Entry {
    at: UserAddr,
    inherits: bool,
}

impl Entry {
    fn of(link: u64) -> Self {
        Self {
            at: UserAddr((link & !1) as usize),
            inherits: link & 1 != 0,
        }
    }

    fn next(self) -> Option<Self> {
        let link: u64 = UserPtr::new(self.at).read().ok()?;
        Some(Self::of(link))
    }
}

/// Lets go what others may wait for in the memory the calling thread is about to leave.
pub fn release(thread: &Thread) {
    let head = thread.robust_list();
    if !head.is_null() {
        thread.set_robust_list(UserAddr(0));
        walk(thread, head);
    }
}

/// Walks the list as far as it can be read. The program may have it changed under our hands: every step
/// is judged alone, and there are only so many.
fn walk(thread: &Thread, head: UserAddr) {
    let Ok(list) = UserPtr::<RobustListHead>::new(head).read() else {
        return;
    };
    let offset = list.futex_offset as usize;
    let word_of = |entry: Entry| entry.at.wrapping_add(offset);
    let pending = Entry::of(list.pending);
    let mut entry = Entry::of(list.next);
    for step in 1..=ROBUST_LIST_LIMIT {
        if entry.at == head {
            break;
        }
        // Read first: whoever is woken may free it.
        let next = entry.next();
        if entry.at != pending.at
            && bequeath(thread, word_of(entry), entry.inherits, false).is_none()
        {
            return;
        }
        let Some(next) = next else { return };
        entry = next;
        if step % STRETCH == 0 {
            sync::yield_now();
        }
    }
    if !pending.at.is_null() {
        let _ = bequeath(thread, word_of(pending), pending.inherits, true);
    }
}

/// Marks a lock whose owner this thread was. `None` when the word cannot be reached: the list is broken.
fn bequeath(thread: &Thread, at: UserAddr, inherits: bool, pending: bool) -> Option<()> {
    let word = Word { at, shared: true };
    loop {
        let value = ucopy::load_u32(at)?;
        let owner = value & FUTEX_TID_MASK;
        if pending && !inherits && owner == 0 {
            // Died between letting go and waking.
            let _ = wake(thread, word, 1, FUTEX_BITSET_MATCH_ANY);
            return Some(());
        }
        if owner != thread.tid() {
            return Some(());
        }
        let marked = value & FUTEX_WAITERS | FUTEX_OWNER_DIED;
        if ucopy::cmpxchg_u32(at, value, marked)? != value {
            continue;
        }
        if !inherits && value & FUTEX_WAITERS != 0 {
            let _ = wake(thread, word, 1, FUTEX_BITSET_MATCH_ANY);
        }
        return Some(());
    }
}
