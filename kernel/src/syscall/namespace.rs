//! `setns(2)`: of each kind of namespace there is one, and everybody is in it.

use abi::{Errno, Result};
use sync::Capability;
use task::namespace::{KINDS, kind_of};
use task::pidfd;

use super::Cx;
use super::args::Fd;

const CLONE_NEWNS: u32 = 0x0002_0000;

/// `setns(2)`.
pub fn setns(cx: &mut Cx<'_>, fd: Fd, flags: u32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let mut entered = flags;
    if let Some(kind) = kind_of(&file) {
        if flags != 0 && flags != kind.flag {
            return Err(Errno::EINVAL);
        }
        entered = kind.flag;
    } else {
        let process = pidfd::process_of(&file).ok_or(Errno::EINVAL)?;
        let known = KINDS.iter().fold(0, |known, kind| known | kind.flag);
        if flags == 0 || flags & !known != 0 {
            return Err(Errno::EINVAL);
        }
        if process.any_thread().is_none() {
            return Err(Errno::ESRCH);
        }
    }
    if !cx.holdings.cred.has(Capability::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    if entered & CLONE_NEWNS != 0 {
        // Who enters a namespace of mounts stands at its root.
        let root = vfs::mount::root()?;
        cx.holdings.fs.set_root(root.clone());
        cx.holdings.fs.set_cwd(root);
    }
    Ok(0)
}
