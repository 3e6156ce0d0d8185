//! `exe`, `cwd` and `root`: links that lead where no name might.

use abi::{Errno, Result};
use alloc::sync::Arc;
use fs::proc::Target;
use vfs::{LinkTarget, Path};

use super::subject::Subject;
use crate::thread::with_current;

/// Finds the place a link leads to.
type Find = fn(&Subject) -> Option<Path>;

struct Magic {
    of: Subject,
    find: Find,
}

pub(super) fn cwd(of: Subject) -> Arc<dyn Target> {
    let find = |of: &Subject| Some(of.thread()?.fs().ok()?.cwd());
    Arc::new(Magic { of, find })
}

pub(super) fn root(of: Subject) -> Arc<dyn Target> {
    let find = |of: &Subject| Some(of.thread()?.fs().ok()?.root());
    Arc::new(Magic { of, find })
}

pub(super) fn exe(of: Subject) -> Arc<dyn Target> {
    let find = |of: &Subject| {
        of.mm()?;
        let exe = of.process().program().exe?;
        Some(exe.path().clone())
    };
    Arc::new(Magic { of, find })
}

impl Magic {
    fn place(&self) -> Result<Path> {
        self.of.alive().map_err(|_| Errno::ENOENT)?;
        if !self.of.may_be_seen() {
            return Err(Errno::EACCES);
        }
        (self.find)(&self.of).ok_or(Errno::ENOENT)
    }
}

/// A place as the reader sees it.
pub(super) fn shown(path: &Path) -> Result<Arc<[u8]>> {
    let root = with_current(|thread| thread.fs())
        .ok_or(Errno::ESRCH)??
        .root();
    let text = path.text(&root);
    if text.too_long {
        return Err(Errno::ENAMETOOLONG);
    }
    Ok(Arc::from(text.into_display()))
}

impl Target for Magic {
    fn text(&self) -> Result<Arc<[u8]>> {
        shown(&self.place()?)
    }

    fn follow(&self) -> Result<LinkTarget> {
        self.place().map(LinkTarget::Jump)
    }

    fn is_magic(&self) -> bool {
        true
    }
}
