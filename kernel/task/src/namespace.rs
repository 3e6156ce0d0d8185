//! The namespaces of `/proc/<pid>/ns` (`man 7 namespaces`), as a Linux built without those that can be chosen has them:
//! one kind, that of mounts, and of it one, in which every process is. A link of another kind would tell a program
//! that `unshare` can make one.

use abi::mount::NSFS_MAGIC;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::Once;
use vfs::{
    Abilities, AnonName, Attributes, Caller, Dentry, FileOps, Inode, Metadata, Mount, OpenFile,
    OpenRequest, Path, anon,
};

/// A kind of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name in links.
    pub name: &'static str,
    /// The flag of `clone` and `setns`.
    pub flag: u32,
    ino: u64,
}

const fn kind(name: &'static str, flag: u32, ino: u64) -> Kind {
    Kind { name, flag, ino }
}

/// The kinds there are, by the number Linux gives the first of each.
pub const KINDS: [Kind; 1] = [kind("mnt", 0x0002_0000, 0xf000_0001)];

/// What stands for a namespace: a file, opened or not.
struct Namespace {
    attr: Attributes,
    kind: Kind,
}

impl Inode for Namespace {
    fn attr(&self) -> &Attributes {
        &self.attr
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            has_birth: false,
            ..self.attr.metadata(0, 0)
        }
    }

    fn open(self: Arc<Self>, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Ok(Arc::new(Opened { kind: self.kind }))
    }
}

struct Opened {
    kind: Kind,
}

static PLACES: Once<Vec<(Kind, Path)>> = Once::new();
static MOUNT: Once<Arc<Mount>> = Once::new();

fn places() -> &'static [(Kind, Path)] {
    PLACES.get_or_init(|| {
        let mount = MOUNT.get_or_init(|| anon::internal_mount("nsfs", NSFS_MAGIC));
        let make = |kind: Kind| {
            let attr = Attributes::new(kind.ino, 0o100_444, 0, 0, 0);
            let inode = Arc::new(Namespace { attr, kind });
            let dentry = Dentry::anon(inode, AnonName::Namespace(kind.name));
            (kind, Path::new(mount.clone(), dentry))
        };
        KINDS.into_iter().map(make).collect()
    })
}

/// The place of the namespace of this kind.
#[must_use]
pub fn place(name: &str) -> Option<Path> {
    let found = places().iter().find(|(kind, _)| kind.name == name);
    found.map(|(_, path)| path.clone())
}

/// The kind of the namespace that an open file stands for.
#[must_use]
pub fn kind_of(file: &OpenFile) -> Option<Kind> {
    file.ops_as::<Opened>().map(|opened| opened.kind)
}

impl FileOps for Opened {
    fn abilities(&self) -> Abilities {
        Abilities::empty()
    }

    fn ioctl(&self, _: &OpenFile, cmd: u32, _arg: usize, _caller: &dyn Caller) -> Result<usize> {
        const NS_GET_USERNS: u32 = 0xb701;
        const NS_GET_PARENT: u32 = 0xb702;
        const NS_GET_NSTYPE: u32 = 0xb703;
        const NS_GET_OWNER_UID: u32 = 0xb704;
        match cmd {
            // Its owner is the users' namespace, of which there is none.
            NS_GET_USERNS => Err(Errno::EPERM),
            NS_GET_NSTYPE => Ok(self.kind.flag as usize),
            NS_GET_PARENT | NS_GET_OWNER_UID => Err(Errno::EINVAL),
            _ => Err(Errno::ENOTTY),
        }
    }
}
