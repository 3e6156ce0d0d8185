//! Futexes (`man 2 futex`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Sleep while the word has a value.
pub const FUTEX_WAIT: u32 = 0;
/// Wake waiters.
pub const FUTEX_WAKE: u32 = 1;
/// Wake some, move the rest.
pub const FUTEX_REQUEUE: u32 = 3;
/// As `FUTEX_REQUEUE`, if the word still has a value.
pub const FUTEX_CMP_REQUEUE: u32 = 4;
/// Change a second word, wake by its old value.
pub const FUTEX_WAKE_OP: u32 = 5;
/// As `FUTEX_WAIT`, with bits and a moment.
pub const FUTEX_WAIT_BITSET: u32 = 9;
/// As `FUTEX_WAKE`, with bits.
pub const FUTEX_WAKE_BITSET: u32 = 10;

/// The word is this process's alone.
pub const FUTEX_PRIVATE_FLAG: u32 = 128;
/// The moment is one of the wall clock.
pub const FUTEX_CLOCK_REALTIME: u32 = 256;
/// The operation without its flags.
pub const FUTEX_CMD_MASK: u32 = !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);

/// `futex_waitv` and its kin: the word has 32 bits.
pub const FUTEX2_SIZE_U32: u32 = 0x02;
/// `futex_waitv` and its kin: the bits that say how large the word is.
pub const FUTEX2_SIZE_MASK: u32 = 0x03;
/// `futex_waitv` and its kin: the word is this process's alone.
pub const FUTEX2_PRIVATE: u32 = FUTEX_PRIVATE_FLAG;
/// The most words `futex_waitv` waits for.
pub const FUTEX_WAITV_MAX: u32 = 128;

/// `struct futex_waitv`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FutexWaitv {
    /// The value to wait at.
    pub value: u64,
    /// Where the word is.
    pub word: u64,
    /// `FUTEX2_*`.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<FutexWaitv>() == 24);

/// All bits.
pub const FUTEX_BITSET_MATCH_ANY: u32 = u32::MAX;

/// `FUTEX_WAKE_OP`: the operand is a shift.
pub const FUTEX_OP_OPARG_SHIFT: u32 = 8;

/// In a robust lock's word: somebody waits.
pub const FUTEX_WAITERS: u32 = 0x8000_0000;
/// In a robust lock's word: its owner died.
pub const FUTEX_OWNER_DIED: u32 = 0x4000_0000;
/// In a robust lock's word: the owner's thread id.
pub const FUTEX_TID_MASK: u32 = 0x3fff_ffff;

/// Most entries of a robust list that are looked at.
pub const ROBUST_LIST_LIMIT: usize = 2048;

/// `struct robust_list_head` (`man 2 set_robust_list`).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RobustListHead {
    /// First entry; the head itself when empty. Bit 0: a priority-inheritance lock.
    pub next: u64,
    /// From an entry to its word.
    pub futex_offset: i64,
    /// An entry that is being added or removed.
    pub pending: u64,
}

const _: () = assert!(size_of::<RobustListHead>() == 24);
