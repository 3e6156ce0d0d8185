//! Who gets a signal when an open file is ready (`man 2 fcntl`, "Managing signals").

use alloc::sync::Weak;
use core::any::Any;
use sync::{SpinLock, rank};

/// Who gets a signal when the file is ready (`F_SETOWN`, `F_SETSIG`).
#[derive(Clone, Default)]
pub struct Owner {
    /// `F_OWNER_*`.
    pub kind: i32,
    /// Thread, process or group; 0: nobody.
    pub id: i32,
    /// The signal; 0: `SIGIO`.
    pub signal: i32,
    /// User ids of who set the owner.
    pub uid: u32,
    /// The effective one.
    pub euid: u32,
    /// The thread or process itself, whose type is the task layer's; a group has none.
    pub target: Option<Weak<dyn Any + Send + Sync>>,
}

/// The owner of an open file, shared with who signals.
#[derive(Default)]
pub struct Ownership {
    owner: SpinLock<Owner, { rank::LEAF }>,
}

impl Ownership {
    /// The owner.
    #[must_use]
    pub fn get(&self) -> Owner {
        self.owner.lock().clone()
    }

    /// Sets the owner.
    pub fn set(&self, owner: Owner) {
        let old = core::mem::replace(&mut *self.owner.lock(), owner);
        drop(old);
    }
}
