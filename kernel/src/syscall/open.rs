//! Opening: `openat(2)`, `openat2(2)`.

use abi::fcntl::{OFlags, OpenHow as RawHow};
use abi::fcntl::{
    RESOLVE_BENEATH, RESOLVE_CACHED, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
};
use abi::stat::S_IALLUGO;
use abi::{Errno, Result};
use hal::{PAGE_SIZE, UserAddr};
use sync::Events;
use task::wait::{WaitOptions, wait};
use vfs::ops::open::{OpenHow, open as open_file};
use vfs::{LookupFlags, OpenFile};

use super::args::{DirFd, Flags, Mode, PathPtr};
use super::path::{Base, PathBuffer};
use super::process::read_extensible;
use super::{Cx, lease};

/// What may stand beside `O_PATH`.
const WITH_PATH: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

fn makes_files(flags: OFlags) -> bool {
    flags.intersects(OFlags::CREAT | OFlags::TMPFILE_BIT)
}

/// `openat(2)`: what it does not know it ignores, as it always has.
#[inline]
pub fn openat(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    flags: Flags,
    mode: Mode,
) -> Result<usize> {
    let mut flags = OFlags::from_bits_retain(flags.0) & OFlags::VALID | OFlags::LARGEFILE;
    if flags.contains(OFlags::PATH) {
        flags &= WITH_PATH;
    }
    let mode = if makes_files(flags) {
        mode.0 & S_IALLUGO
    } else {
        0
    };
    open(cx, dir, path, flags, mode, LookupFlags::empty())
}

/// `openat2(2)`: what it does not know it refuses.
pub fn openat2(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    how: UserAddr,
    size: usize,
) -> Result<usize> {
    if size < size_of::<RawHow>() {
        return Err(Errno::EINVAL);
    }
    if size > PAGE_SIZE {
        return Err(Errno::E2BIG);
    }
    let mut how_given = RawHow::default();
    read_extensible(how, size, &mut how_given)?;
    let RawHow {
        flags,
        mode,
        resolve,
    } = how_given;
    let mut flags = OFlags::from_bits_retain(u32::try_from(flags).map_err(|_| Errno::EINVAL)?);
    if !OFlags::VALID.contains(flags) {
        return Err(Errno::EINVAL);
    }
    if !flags.contains(OFlags::PATH) {
        flags |= OFlags::LARGEFILE;
    }
    let resolve = resolve_flags(resolve)?;
    if mode & !u64::from(S_IALLUGO) != 0 || mode != 0 && !makes_files(flags) {
        return Err(Errno::EINVAL);
    }
    // What is cached can neither be made nor cut.
    if resolve.contains(LookupFlags::CACHED)
        && (makes_files(flags) || flags.contains(OFlags::TRUNC))
    {
        check(flags)?;
        return Err(Errno::EAGAIN);
    }
    open(cx, dir, path, flags, mode as u32, resolve)
}

fn resolve_flags(resolve: u64) -> Result<LookupFlags> {
    let mut flags = LookupFlags::empty();
    let mut left = resolve;
    for (bit, flag) in [
        (RESOLVE_NO_XDEV, LookupFlags::NO_XDEV),
        (RESOLVE_NO_MAGICLINKS, LookupFlags::NO_MAGICLINKS),
        // Magic links are symbolic links.
        (RESOLVE_NO_SYMLINKS, LookupFlags::NO_SYMLINKS),
        (RESOLVE_BENEATH, LookupFlags::BENEATH),
        (RESOLVE_IN_ROOT, LookupFlags::IN_ROOT),
        (RESOLVE_CACHED, LookupFlags::CACHED),
    ] {
        flags.set(flag, resolve & bit != 0);
        left &= !bit;
    }
    if left != 0 || flags.contains(LookupFlags::BENEATH | LookupFlags::IN_ROOT) {
        return Err(Errno::EINVAL);
    }
    Ok(flags)
}

/// The combinations that make no sense.
#[inline]
pub(super) fn check(flags: OFlags) -> Result<OFlags> {
    if flags.contains(OFlags::CREAT | OFlags::DIRECTORY) {
        return Err(Errno::EINVAL);
    }
    if flags.contains(OFlags::TMPFILE_BIT)
        && !(flags.contains(OFlags::DIRECTORY) && flags.intersects(OFlags::ACCMODE))
    {
        return Err(Errno::EINVAL);
    }
    if flags.contains(OFlags::PATH) && !WITH_PATH.contains(flags) {
        return Err(Errno::EINVAL);
    }
    if flags.contains(OFlags::SYNC_BIT) {
        return Ok(flags | OFlags::DSYNC);
    }
    Ok(flags)
}

#[inline]
fn open(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    flags: OFlags,
    mode: u32,
    resolve: LookupFlags,
) -> Result<usize> {
    let flags = check(flags)?;
    let mut buffer = PathBuffer::new();
    let path = buffer.read(path)?;
    let files = &cx.holdings.files;
    let limit = cx.descriptor_limit();
    // The number comes first: who has none left must not make a file.
    let reserved = files.reserve(0, limit, flags.contains(OFlags::CLOEXEC))?;
    let base = if resolve.is_empty() {
        Base::new(cx, dir, path)?
    } else {
        scoped_base(cx, dir, path, resolve)?
    };
    let caller = cx.caller();
    let how = OpenHow {
        flags,
        mode,
        resolve,
        cred: caller.rights(),
        caller: Some(&caller),
    };
    let nonblock = flags.contains(OFlags::NONBLOCK);
    let file = lease::past(cx, nonblock, || open_file(&base.start(&caller), path, &how))?;
    finish_opening(cx, &file)?;
    Ok(reserved.install(file) as usize)
}

/// What is left of opening a file that was found.
///
/// # Errors
/// What comes of waiting.
#[inline]
pub(super) fn finish_opening(cx: &Cx<'_>, file: &OpenFile) -> Result<()> {
    match file.ops().finish_open(file) {
        Ok(()) => Ok(()),
        Err(errno) => finish(cx, file, errno),
    }
}

/// Where a restricted walk begins: the scope counts for absolute paths too.
fn scoped_base(cx: &Cx<'_>, dir: DirFd, path: &[u8], resolve: LookupFlags) -> Result<Base> {
    if resolve.contains(LookupFlags::IN_ROOT) {
        return Base::scope(cx, dir);
    }
    if resolve.contains(LookupFlags::BENEATH) && path.first() == Some(&b'/') {
        return Err(Errno::EXDEV);
    }
    Base::new(cx, dir, path)
}

/// Waits for what is left of opening: the other end of a FIFO.
#[cold]
fn finish(cx: &Cx<'_>, file: &OpenFile, errno: Errno) -> Result<()> {
    match file.ops().pollee() {
        Some(pollee) if errno == Errno::EAGAIN => {
            let on = [(pollee, Events::READABLE | Events::WRITABLE)];
            wait(cx.thread, &WaitOptions::default(), &on, || {
                file.ops().finish_open(file)
            })
        }
        _ => Err(errno),
    }
}
