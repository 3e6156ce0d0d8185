//! `setns(2)`, for namespaces of mounts: of the other kinds there are none.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::Capability;
use task::namespace::{KINDS, kind_of, mounts_of};
use task::{Thread, pidfd, tree};

use super::Cx;
use super::args::Fd;

/// Whether other threads share the caller's root and working directory.
fn places_shared(cx: &Cx<'_>) -> bool {
    let threads: Vec<Arc<Thread>> = tree::lock().threads().cloned().collect();
    let own = &cx.holdings.fs;
    let shares = |thread: &&Arc<Thread>| thread.fs().is_ok_and(|fs| Arc::ptr_eq(&fs, own));
    threads.iter().filter(shares).count() > 1
}

/// `setns(2)`.
pub fn setns(cx: &mut Cx<'_>, fd: Fd, flags: u32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let mounts = if let Some(kind) = kind_of(&file) {
        if flags != 0 && flags != kind.flag {
            return Err(Errno::EINVAL);
        }
        mounts_of(&file)
    } else {
        let process = pidfd::process_of(&file).ok_or(Errno::EINVAL)?;
        let known = KINDS.iter().fold(0, |known, kind| known | kind.flag);
        if flags == 0 || flags & !known != 0 {
            return Err(Errno::EINVAL);
        }
        let thread = process.any_thread().ok_or(Errno::ESRCH)?;
        if !task::access::may_look_into(cx.thread, &process) {
            return Err(Errno::EPERM);
        }
        thread.fs()?.namespace()
    };
    let mounts = mounts.ok_or(Errno::ESRCH)?;
    let cred = &cx.holdings.cred;
    if !cred.has(Capability::SYS_ADMIN) || !cred.has(Capability::SYS_CHROOT) {
        return Err(Errno::EPERM);
    }
    if places_shared(cx) {
        return Err(Errno::EINVAL);
    }
    // Who enters stands at its root.
    let top = mounts.top();
    cx.holdings.fs.enter(&mounts, top.clone(), top);
    Ok(0)
}
