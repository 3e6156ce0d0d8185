//! Who names slaves. devpts stands in a crate beside this one; the kernel ties the two together at start-up.

use abi::Result;
use alloc::sync::Arc;
use sync::{Credentials, Once};
use vfs::{CharDevice, OpenFile, OpenRequest, Path};

/// The file systems slaves are shown in.
pub trait PtyNames: Send + Sync {
    /// Sets a number aside for the pty whose `/dev/ptmx` is being opened.
    ///
    /// # Errors
    /// `ENOENT` or `ENODEV` when no devpts belongs to that place, `ENOSPC` when there are too many ptys.
    fn allot(&self, request: &OpenRequest<'_>) -> Result<Arc<dyn PtyName>>;
}

/// The name of one slave; its number is free again when this is dropped.
pub trait PtyName: Send + Sync {
    /// The number.
    fn index(&self) -> u32;

    /// Shows the slave.
    ///
    /// # Errors
    /// `ENOMEM`.
    fn show(&self, device: u64, slave: Arc<dyn CharDevice>, owner: &Credentials) -> Result<()>;

    /// Takes the name away; the number stays taken.
    fn hide(&self);

    /// Where the slave is seen from the place its master was opened at.
    ///
    /// # Errors
    /// `ENODEV` when it is not seen there any more.
    fn peer(&self, master: &OpenFile) -> Result<Path>;
}

static NAMES: Once<&'static dyn PtyNames> = Once::new();

pub(super) fn install(names: &'static dyn PtyNames) {
    let _ = NAMES.set(names);
}

pub(super) fn names() -> Option<&'static dyn PtyNames> {
    NAMES.get().copied()
}
