//! The namespaces of `/proc/<pid>/ns` (`man 7 namespaces`), as a Linux built without those that can be chosen has them:
//! one kind, that of mounts. A link of another kind would tell a program that `unshare` can make one.

use abi::mount::NSFS_MAGIC;
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::{UserAddr, ucopy};
use sync::Once;
use vfs::{
    Abilities, AnonName, Attributes, Caller, Dentry, FileOps, Inode, Metadata, Mount, MountNs,
    OpenFile, OpenRequest, Path, anon,
};

/// A kind of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name in links.
    pub name: &'static str,
    /// The flag of `clone` and `setns`.
    pub flag: u32,
}

/// The kinds there are.
pub const KINDS: [Kind; 1] = [Kind {
    name: "mnt",
    flag: 0x0002_0000,
}];

/// What stands for a namespace: a file, opened or not.
struct Namespace {
    attr: Attributes,
    kind: Kind,
    mounts: Arc<MountNs>,
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
        Ok(Arc::new(Opened {
            kind: self.kind,
            mounts: self.mounts.clone(),
        }))
    }
}

struct Opened {
    kind: Kind,
    mounts: Arc<MountNs>,
}

static MOUNT: Once<Arc<Mount>> = Once::new();

/// The place of a namespace: made at each look, with the number that is the same each time.
#[must_use]
pub fn place(kind: Kind, mounts: Arc<MountNs>) -> Path {
    let mount = MOUNT.get_or_init(|| anon::internal_mount("nsfs", NSFS_MAGIC));
    let attr = Attributes::new(mounts.ino(), 0o100_444, 0, 0, 0);
    let inode = Arc::new(Namespace { attr, kind, mounts });
    let dentry = Dentry::anon(inode, AnonName::Namespace(kind.name));
    Path::new(mount.clone(), dentry)
}

/// The kind of the namespace that an open file stands for.
#[must_use]
pub fn kind_of(file: &OpenFile) -> Option<Kind> {
    file.ops_as::<Opened>().map(|opened| opened.kind)
}

/// The namespace of mounts that an open file stands for.
#[must_use]
pub fn mounts_of(file: &OpenFile) -> Option<Arc<MountNs>> {
    file.ops_as::<Opened>().map(|opened| opened.mounts.clone())
}

impl FileOps for Opened {
    fn abilities(&self) -> Abilities {
        Abilities::empty()
    }

    fn ioctl(&self, _: &OpenFile, cmd: u32, arg: usize, _caller: &dyn Caller) -> Result<usize> {
        const NS_GET_USERNS: u32 = 0xb701;
        const NS_GET_PARENT: u32 = 0xb702;
        const NS_GET_NSTYPE: u32 = 0xb703;
        const NS_GET_OWNER_UID: u32 = 0xb704;
        const NS_GET_MNTNS_ID: u32 = 0x8008_b705;
        match cmd {
            // Its owner is the users' namespace, of which there is none.
            NS_GET_USERNS => Err(Errno::EPERM),
            NS_GET_NSTYPE => Ok(self.kind.flag as usize),
            NS_GET_PARENT | NS_GET_OWNER_UID => Err(Errno::EINVAL),
            NS_GET_MNTNS_ID => {
                let id = self.mounts.id().to_ne_bytes();
                let to = UserAddr(arg);
                ucopy::copy_out(to, &id).map_err(|_| Errno::EFAULT)?;
                Ok(0)
            }
            _ => Err(Errno::ENOTTY),
        }
    }
}
