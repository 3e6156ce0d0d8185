//! memfds: files without a name on a tmpfs of the kernel's own (`man 2 memfd_create`).

use abi::fcntl::OFlags;
use abi::mman::Seals;
use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::{Credentials, Once};
use vfs::{AnonName, Dentry, Mount, OpenFile, OpenRequest, Path};

use crate::tmpfs::TmpFs;

/// Linux's kernel-internal mount that memfds live on.
fn mount() -> Result<&'static Arc<Mount>> {
    static MOUNT: Once<Arc<Mount>> = Once::new();
    if MOUNT.get().is_none() {
        // Who loses a race drops his.
        let _ = MOUNT.set(Mount::internal(TmpFs::super_block("tmpfs", b"", 0)?));
    }
    MOUNT.get().ok_or(Errno::ENOMEM)
}

/// An empty memfd, open for reading and writing, with these seals. `executable` gives it the
/// execute bits of its mode.
///
/// # Errors
/// `ENOMEM`.
pub fn create(
    name: &[u8],
    seals: Seals,
    executable: bool,
    cred: &Arc<Credentials>,
) -> Result<Arc<OpenFile>> {
    let mount = mount()?;
    let mode = if executable { 0o777 } else { 0o666 };
    let inode = mount
        .root()
        .inode()
        .create_unnamed(mode, (cred.fsuid, cred.fsgid))?;
    inode.attr().set_nlink(0);
    if let Some(object) = inode.object() {
        object.set_initial_seals(seals);
    }
    let dentry = Dentry::anon(inode.clone(), AnonName::Memfd(name.into()));
    let path = Path::new(mount.clone(), dentry);
    let flags = OFlags::RDWR | OFlags::LARGEFILE;
    let ops = inode.clone().open(&OpenRequest {
        flags,
        cred,
        caller: None,
        path: &path,
    })?;
    inode.attr().begin_write()?;
    path.mount().begin_write()?;
    Ok(OpenFile::new(ops, path, flags, cred.clone(), true))
}
