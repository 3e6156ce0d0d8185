//! The namespaces of `/proc/<pid>/ns` (`man 7 namespaces`): of each kind there is the first one, in which every
//! process is.

use abi::fcntl::OFlags;
use abi::mount::NSFS_MAGIC;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::{Credentials, Once};
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

/// The kinds there are, by the numbers Linux gives the first of each.
pub const KINDS: [Kind; 8] = [
    kind("cgroup", 0x0200_0000, 0xeffffffb),
    kind("ipc", 0x0800_0000, 0xefffffff),
    kind("mnt", 0x0002_0000, 0xf000_0001),
    kind("net", 0x4000_0000, 0xf000_0000),
    kind("pid", 0x2000_0000, 0xeffffffc),
    kind("time", 0x0000_0080, 0xeffffffa),
    kind("user", USER, 0xeffffffd),
    kind("uts", 0x0400_0000, 0xeffffffe),
];

const USER: u32 = 0x1000_0000;
const PID: u32 = 0x2000_0000;

/// What is in `/proc/<pid>/ns`, and which kind it leads to.
pub const LINKS: [(&str, &str); 10] = [
    ("net", "net"),
    ("uts", "uts"),
    ("ipc", "ipc"),
    ("pid", "pid"),
    ("pid_for_children", "pid"),
    ("user", "user"),
    ("mnt", "mnt"),
    ("cgroup", "cgroup"),
    ("time", "time"),
    ("time_for_children", "time"),
];

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

/// An open file of the namespace of this kind.
///
/// # Errors
/// `ENOENT` for a kind there is not.
pub fn open(name: &str, cred: Arc<Credentials>) -> Result<Arc<OpenFile>> {
    let path = place(name).ok_or(Errno::ENOENT)?;
    let kind = KINDS.into_iter().find(|kind| kind.name == name);
    let kind = kind.ok_or(Errno::ENOENT)?;
    let ops = Arc::new(Opened { kind });
    Ok(OpenFile::new(ops, path, OFlags::RDONLY, cred, false))
}

impl FileOps for Opened {
    fn abilities(&self) -> Abilities {
        Abilities::empty()
    }

    fn ioctl(&self, _: &OpenFile, cmd: u32, arg: usize, caller: &dyn Caller) -> Result<usize> {
        const NS_GET_USERNS: u32 = 0xb701;
        const NS_GET_PARENT: u32 = 0xb702;
        const NS_GET_NSTYPE: u32 = 0xb703;
        const NS_GET_OWNER_UID: u32 = 0xb704;
        let nested = matches!(self.kind.flag, USER | PID);
        match cmd {
            // Above the first one of a kind there is none.
            NS_GET_USERNS if self.kind.flag == USER => Err(Errno::EPERM),
            NS_GET_USERNS => {
                let cred = caller.cred().clone();
                caller.install(open("user", cred)?, true)
            }
            NS_GET_PARENT if nested => Err(Errno::EPERM),
            NS_GET_NSTYPE => Ok(self.kind.flag as usize),
            NS_GET_OWNER_UID if self.kind.flag == USER => {
                hal::ucopy::UserPtr::<u32>::new(hal::UserAddr(arg)).write(&0)?;
                Ok(0)
            }
            NS_GET_PARENT | NS_GET_OWNER_UID => Err(Errno::EINVAL),
            _ => Err(Errno::ENOTTY),
        }
    }
}
