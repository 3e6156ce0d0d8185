//! devtmpfs: a tmpfs in which device nodes appear by themselves. There is one, and every mount shows it.

use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::{Credentials, Once};
use vfs::ops::{create::create, remove::unlink};
use vfs::{
    FileSystemType, FsContext, LookupFlags, Mount, NewNode, Path, Start, SuperBlock, lookup,
};

use crate::tmpfs::TmpFs;

const NAME: &str = "devtmpfs";

/// The one instance, mounted where no program sees it.
struct Instance {
    sb: Arc<SuperBlock>,
    context: FsContext,
    cred: Credentials,
}

static INSTANCE: Once<Instance> = Once::new();

fn instance() -> Result<&'static Instance> {
    if INSTANCE.get().is_none() {
        let sb = TmpFs::super_block(NAME, b"mode=0755", 0)?;
        let root = sb.root().clone();
        let context = FsContext::new(Path::new(Mount::internal(sb.clone()), root));
        context.set_umask(0);
        // Who comes second uses what the first one made.
        let _ = INSTANCE.set(Instance {
            sb,
            context,
            cred: Credentials::root(),
        });
    }
    INSTANCE.get().ok_or(Errno::ENOMEM)
}

impl Instance {
    fn start(&self) -> Start<'_> {
        Start {
            fs: &self.context,
            base: None,
            cred: &self.cred,
        }
    }

    /// Makes the directories above `name`.
    fn make_parents(&self, name: &[u8]) -> Result<()> {
        let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (at, _) in slashes {
            let parent = name.get(..at).unwrap_or(&[]);
            match create(&self.start(), parent, NewNode::Directory, 0o755) {
                Ok(_) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Makes a node at the path `name` below the root. What a program has put there stays.
///
/// # Errors
/// `ENOMEM`, `ENOSPC`, `ENOTDIR`.
pub fn add(name: &str, node: NewNode<'_>, mode: u32) -> Result<()> {
    let instance = instance()?;
    instance.make_parents(name.as_bytes())?;
    match create(&instance.start(), name.as_bytes(), node, mode) {
        Ok(_) | Err(Errno::EEXIST) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes the node of a device away, unless a program has put something else in its place.
///
/// # Errors
/// `ENOENT`, `EBUSY` under a mount.
pub fn remove(name: &str, device: u64) -> Result<()> {
    let instance = instance()?;
    let start = instance.start();
    let found = lookup(&start, name.as_bytes(), LookupFlags::empty())?;
    if found.inode().attr().rdev() != device {
        return Err(Errno::ENOENT);
    }
    unlink(&start, name.as_bytes())
}

/// The kind `devtmpfs`.
pub struct DevTmpFsType;

impl FileSystemType for DevTmpFsType {
    fn name(&self) -> &'static str {
        NAME
    }

    fn mount(&self, _source: &[u8], data: &[u8], _flags: u32) -> Result<Arc<SuperBlock>> {
        let sb = &instance()?.sb;
        // As a remount would: a further mount changes the limits of all.
        sb.fs().remount(data)?;
        Ok(sb.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::stat::makedev;

    #[test]
    fn shows_one_tree_and_keeps_what_programs_made() {
        let number = makedev(1, 3);
        add("null", NewNode::Char(number), 0o666).unwrap();
        add("a/b/c", NewNode::Char(number), 0o600).unwrap();
        add("null", NewNode::Char(makedev(1, 5)), 0o600).unwrap();
        let first = DevTmpFsType.mount(b"dev", b"", 0).unwrap();
        let second = DevTmpFsType.mount(b"dev", b"mode=0700", 0).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        let instance = instance().unwrap();
        let null = lookup(&instance.start(), b"null", LookupFlags::empty()).unwrap();
        assert_eq!(null.inode().attr().rdev(), number);
        assert_eq!(null.inode().attr().mode() & 0o7777, 0o666);
        assert_eq!(remove("null", makedev(1, 5)), Err(Errno::ENOENT));
        remove("null", number).unwrap();
        assert!(lookup(&instance.start(), b"null", LookupFlags::empty()).is_err());
        assert!(lookup(&instance.start(), b"a/b/c", LookupFlags::empty()).is_ok());
    }
}
