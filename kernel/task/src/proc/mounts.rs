//! `/proc/<pid>/mounts` and `mountinfo`: the mounts below the process's root.

use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use fs::proc::{Content, Opened, Text};
use mm::IoDst;
use sync::{Events, Pollee};
use vfs::{Abilities, FileOps, OpenFile, OpenRequest, Path, Whence, mount, mount_text};

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

pub(super) fn mountstats(of: Subject) -> Arc<dyn Content> {
    let write = mount_text::write_mountstats;
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
        let text = Opened::new(Arc::new(move |out: &mut Text| write(&root, out)));
        Ok(Arc::new(Table {
            text,
            seen: AtomicU64::new(mount::changes()),
        }))
    }
}

/// An open table of mounts: polling it tells once of each change of the tree.
struct Table {
    text: Arc<Opened>,
    seen: AtomicU64,
}

impl FileOps for Table {
    fn abilities(&self) -> Abilities {
        Abilities::READ | Abilities::READ_FLAGS | Abilities::SPLICE_FROM
    }

    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, open: &OpenFile, dst: &mut IoDst<'_>, pos: &mut u64) -> Result<usize> {
        self.text.read(open, dst, pos)
    }

    fn seek(&self, open: &OpenFile, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        self.text.seek(open, pos, offset, whence)
    }

    fn ready(&self, _open: &OpenFile) -> Events {
        let now = mount::changes();
        if self.seen.swap(now, Ordering::Relaxed) == now {
            Events::READABLE
        } else {
            Events::READABLE | Events::ERR | Events::PRI
        }
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&mount::NEWS)
    }
}
