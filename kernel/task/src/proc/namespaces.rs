//! `/proc/<pid>/ns`: links to the namespaces the process is in.

use abi::{Errno, Result};
use alloc::sync::Arc;
use fs::proc::{Entry, Link, Names, Target};
use vfs::{FileType, Inode, LinkTarget, Path};

use super::links::shown;
use super::subject::Subject;
use crate::namespace::{self, KINDS, Kind};

/// Entry of the numbers of inodes below this directory.
const NAMESPACE: u8 = 253;

pub(super) fn names(of: Subject) -> Arc<dyn Names> {
    Arc::new(Namespaces { of })
}

struct Namespaces {
    of: Subject,
}

impl Names for Namespaces {
    fn find(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        self.of.alive().map_err(|_| Errno::ENOENT)?;
        let (at, kind) = (0u32..)
            .zip(KINDS)
            .find(|(_, kind)| kind.name.as_bytes() == name)
            .ok_or(Errno::ENOENT)?;
        let of = self.of.clone();
        let ino = of.ino(NAMESPACE, at);
        let owner = of.owner(false);
        Ok(Link::new(ino, 0o777, owner, ToNamespace { of, kind }))
    }

    fn list(&self, from: u64, take: &mut dyn FnMut(&Entry<'_>) -> bool) -> Result<()> {
        self.of.alive().map_err(|_| Errno::ENOENT)?;
        for (at, kind) in (0..).zip(KINDS) {
            let next = u64::from(at) + 1;
            let entry = Entry {
                name: kind.name.as_bytes(),
                ino: self.of.ino(NAMESPACE, at),
                kind: FileType::Symlink,
                next,
            };
            if next > from && !take(&entry) {
                break;
            }
        }
        Ok(())
    }
}

struct ToNamespace {
    of: Subject,
    kind: Kind,
}

impl ToNamespace {
    fn place(&self) -> Result<Path> {
        if !self.of.may_be_seen() {
            return Err(Errno::EACCES);
        }
        let fs = self.of.thread().ok_or(Errno::ENOENT)?.fs();
        let mounts = fs.map_err(|_| Errno::ENOENT)?.namespace();
        Ok(namespace::place(self.kind, mounts.ok_or(Errno::ENOENT)?))
    }
}

impl Target for ToNamespace {
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
