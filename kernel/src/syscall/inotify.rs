//! Watching files for changes (`man 7 inotify`).

use abi::inotify::{IN_CLOEXEC, IN_NONBLOCK, InotifyMask};
use abi::{Errno, Result};
use alloc::sync::Arc;
use vfs::inotify::Instance;
use vfs::{Access, LookupFlags, OpenFile};

use super::Cx;
use super::args::{Fd, Flags, PathPtr};
use super::path::find_here;

/// `inotify_init1(2)`
pub fn inotify_init1(cx: &mut Cx<'_>, flags: Flags) -> Result<usize> {
    if flags.0 & !(IN_CLOEXEC | IN_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    let file = Instance::file(flags.0, cx.cred())?;
    let cloexec = flags.0 & IN_CLOEXEC != 0;
    let fd = cx.files()?.install(file, cx.descriptor_limit(), cloexec)?;
    Ok(fd as usize)
}

fn instance(file: &Arc<OpenFile>) -> Result<&Instance> {
    file.ops_as::<Instance>().ok_or(Errno::EINVAL)
}

/// `inotify_add_watch(2)`
pub fn inotify_add_watch(cx: &mut Cx<'_>, fd: Fd, path: PathPtr, mask: Flags) -> Result<usize> {
    let mask = InotifyMask::from_bits(mask.0).ok_or(Errno::EINVAL)?;
    if mask.is_empty() {
        return Err(Errno::EINVAL);
    }
    let file = cx.usable_file(fd)?;
    if mask.contains(InotifyMask::MASK_ADD | InotifyMask::MASK_CREATE) {
        return Err(Errno::EINVAL);
    }
    let instance = instance(&file)?;
    let mut lookup = LookupFlags::empty();
    lookup.set(
        LookupFlags::FOLLOW,
        !mask.contains(InotifyMask::DONT_FOLLOW),
    );
    lookup.set(LookupFlags::DIRECTORY, mask.contains(InotifyMask::ONLYDIR));
    let place = find_here(cx, path, lookup)?;
    place.inode().permission(&cx.cred(), Access::READ)?;
    let device = place.mount().sb().dev();
    Ok(instance.add(place.inode(), device, mask)? as usize)
}

/// `inotify_rm_watch(2)`
pub fn inotify_rm_watch(cx: &mut Cx<'_>, fd: Fd, watch: i32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    instance(&file)?.remove(watch)?;
    Ok(0)
}
