//! A directory's lock, held.

use sync::{MutexGuard, rank};

/// What the holder of a directory's lock knows.
#[derive(Default)]
pub struct DirState {
    /// The directory was removed: nothing may be made in it.
    pub dead: bool,
}

/// A directory's lock, held. A directory whose children come and go by themselves has none to hold:
/// its lookups take the locks of others.
pub enum DirGuard<'a> {
    /// Names change by who holds this.
    Held(MutexGuard<'a, DirState, { rank::INODE }>),
    /// Names change by themselves; nobody makes one.
    Free(DirState),
}

impl core::ops::Deref for DirGuard<'_> {
    type Target = DirState;
    fn deref(&self) -> &DirState {
        match self {
            Self::Held(guard) => guard,
            Self::Free(state) => state,
        }
    }
}

impl core::ops::DerefMut for DirGuard<'_> {
    fn deref_mut(&mut self) -> &mut DirState {
        match self {
            Self::Held(guard) => guard,
            Self::Free(state) => state,
        }
    }
}
