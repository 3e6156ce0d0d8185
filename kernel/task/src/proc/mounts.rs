//! `/proc/<pid>/mounts` and `mountinfo`: the mounts below the process's root.

use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt;
use fs::proc::{Content, Opened, Text};
use vfs::{FileOps, OpenRequest, Path, mount_text};

use super::subject::Subject;

/// Writes the mounts seen from a root down.
type Write = fn(&Path, &mut dyn fmt::Write) -> fmt::Result;

pub(super) fn mounts(of: Subject) -> Arc<dyn Content> {
    let write = mount_text::write_mounts;
    Arc::new(Mounts { of, write })
}

pub(super) fn mountinfo(of: Subject) -> Arc<dyn Content> {
    let write = mount_text::write_mountinfo;
    Arc::new(Mounts { of, write })
}

struct Mounts {
    of: Subject,
    write: Write,
}

impl Content for Mounts {
    fn show(&self, _out: &mut Text) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// The root is the one at the time of opening.
    fn open(
        &self,
        _this: &Arc<dyn Content>,
        _request: &OpenRequest<'_>,
    ) -> Result<Arc<dyn FileOps>> {
        self.of.alive().map_err(|_| Errno::EINVAL)?;
        let thread = self.of.thread().ok_or(Errno::EINVAL)?;
        let root = thread.fs().map_err(|_| Errno::ENOENT)?.root();
        let write = self.write;
        Ok(Opened::new(Arc::new(move |out: &mut Text| {
            write(&root, out)
        })))
    }
}
