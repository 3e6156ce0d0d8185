//! Mounts: `mount(2)`, `umount2(2)`, `pivot_root(2)`.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use hal::{PAGE_SIZE, UserAddr, ucopy};
use task::{Thread, tree};
use vfs::ops::mounts::{self, MountRequest};

use super::Cx;
use super::args::{Flags, PathPtr, StrPtr};
use super::path::{Base, PathBuffer};

/// A string that may be left out. Too long a one is `EINVAL`, unlike a path.
fn word(buffer: &mut PathBuffer, at: StrPtr) -> Result<Option<&[u8]>> {
    if at.0.is_null() {
        return Ok(None);
    }
    match buffer.read_any(PathPtr(at.0)) {
        Err(Errno::ENAMETOOLONG) => Err(Errno::EINVAL),
        other => other.map(Some),
    }
}

/// A file system's own options: up to a page, as much of it as can be read, up to a NUL.
fn options(at: UserAddr) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    if at.is_null() {
        return Ok(page);
    }
    page.try_reserve_exact(PAGE_SIZE)
        .map_err(|_| Errno::ENOMEM)?;
    page.resize(PAGE_SIZE, 0);
    if let Err(0) = ucopy::copy_in(&mut page, at) {
        return Err(Errno::EFAULT);
    }
    let text = page.iter().position(|byte| *byte == 0);
    page.truncate(text.unwrap_or(PAGE_SIZE - 1));
    Ok(page)
}

/// `mount(2)`.
pub fn mount(
    cx: &mut Cx<'_>,
    source: StrPtr,
    target: PathPtr,
    kind: StrPtr,
    flags: u64,
    data: UserAddr,
) -> Result<usize> {
    let (mut kind_buffer, mut source_buffer) = (PathBuffer::new(), PathBuffer::new());
    let kind = word(&mut kind_buffer, kind)?;
    let source = word(&mut source_buffer, source)?;
    let data = options(data)?;
    let mut target_buffer = PathBuffer::new();
    let request = MountRequest {
        source,
        target: target_buffer.read(target)?,
        kind,
        flags,
        data: &data,
    };
    let caller = cx.caller();
    mounts::mount(&Base::CWD.start(&caller), &request)?;
    Ok(0)
}

/// `umount2(2)`.
pub fn umount2(cx: &mut Cx<'_>, target: PathPtr, flags: Flags) -> Result<usize> {
    mounts::ensure_umount_flags(flags.0)?;
    let mut buffer = PathBuffer::new();
    let target = buffer.read(target)?;
    let caller = cx.caller();
    mounts::umount(&Base::CWD.start(&caller), target, flags.0)?;
    Ok(0)
}

/// `pivot_root(2)`: every process that stood on the old root stands on the new one.
pub fn pivot_root(cx: &mut Cx<'_>, new_root: PathPtr, put_old: PathPtr) -> Result<usize> {
    let caller = cx.caller();
    mounts::ensure_may_mount(caller.rights())?;
    let (mut new_buffer, mut put_buffer) = (PathBuffer::new(), PathBuffer::new());
    let new_root = new_buffer.read(new_root)?;
    let put_old = put_buffer.read(put_old)?;
    let pivoted = mounts::pivot_root(&Base::CWD.start(&caller), new_root, put_old)?;
    let threads: Vec<Arc<Thread>> = tree::lock().threads().cloned().collect();
    for thread in &threads {
        if let Ok(fs) = thread.fs() {
            fs.pivot(&pivoted.old, &pivoted.new);
        }
    }
    Ok(0)
}
