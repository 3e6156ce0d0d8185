//! What a thread's calls look at again and again, looked up once.

use abi::Result;
use alloc::sync::Arc;
use sync::Credentials;
use task::Thread;
use vfs::{FdTable, FsContext};

/// A thread's rights, descriptors and places, held beside the thread by its own loop. They must go before the
/// thread ends: whoever waits for its end expects its files closed.
pub struct Holdings {
    /// Its rights.
    pub cred: Arc<Credentials>,
    /// Its descriptors.
    pub files: Arc<FdTable>,
    /// Its root, working directory and umask.
    pub fs: Arc<FsContext>,
    exchanges: u32,
}

impl Holdings {
    /// What `thread` has now.
    ///
    /// # Errors
    /// `ESRCH` once it has ended.
    pub fn of(thread: &Thread) -> Result<Self> {
        Ok(Self {
            exchanges: thread.exchanges(),
            cred: thread.cred(),
            files: thread.files()?,
            fs: thread.fs()?,
        })
    }

    /// Whether `thread` still has these.
    #[inline]
    pub fn are_of(&self, thread: &Thread) -> bool {
        self.exchanges == thread.exchanges()
    }
}
