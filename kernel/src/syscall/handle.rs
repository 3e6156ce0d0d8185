//! Files by handle: `name_to_handle_at(2)`, `open_by_handle_at(2)`.

use abi::fcntl::{AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, OFlags};
use abi::{Errno, Result};
use hal::UserAddr;
use hal::ucopy::{self, UserPtr};
use sync::Capability;
use vfs::handle::{self, LEN};
use vfs::ops::open::{OpenHow, open_path, path_only};
use vfs::{LookupFlags, Path};

use super::Cx;
use super::args::{DirFd, Flags, PathPtr};
use super::path::{Base, find, lookup_flags_of_link};
use super::{lease, open};

/// The handle is to tell files apart only.
const AT_HANDLE_FID: u32 = 0x200;
/// The mount is named by the number that is never used again.
const AT_HANDLE_MNT_ID_UNIQUE: u32 = 1;
/// Most bytes of a handle.
const MAX_HANDLE_SZ: u32 = 128;
/// What an answer without a handle has for its type.
const FILEID_INVALID: i32 = 0xff;
/// Bytes before a handle: its length and type.
const HEAD: usize = 8;

/// `name_to_handle_at(2)`.
pub fn name_to_handle_at(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    to: UserPtr<[u32; 2]>,
    mount: UserAddr,
    flags: Flags,
) -> Result<usize> {
    const KNOWN: u32 = AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID | AT_HANDLE_MNT_ID_UNIQUE;
    if flags.0 & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let found = find(cx, dir, path, lookup_flags_of_link(flags.0))?;
    let (handle, kind) = handle::encode(&found, flags.0 & AT_HANDLE_FID != 0)?;
    let [room, _] = to.read()?;
    if room > MAX_HANDLE_SZ {
        return Err(Errno::EINVAL);
    }
    if flags.0 & AT_HANDLE_MNT_ID_UNIQUE != 0 {
        UserPtr::new(mount).write(&found.mount().unique_id())?;
    } else {
        UserPtr::new(mount).write(&found.mount().id())?;
    }
    if (room as usize) < LEN {
        to.write(&[LEN as u32, FILEID_INVALID as u32])?;
        return Err(Errno::EOVERFLOW);
    }
    to.write(&[LEN as u32, kind as u32])?;
    let after = to.addr().wrapping_add(HEAD);
    ucopy::copy_out(after, &handle).map_err(|_| Errno::EFAULT)?;
    Ok(0)
}

/// Where the file system of a handle is seen.
fn place(cx: &Cx<'_>, mount: DirFd) -> Result<Path> {
    let caller = cx.caller();
    let base = Base::new(cx, mount, b"")?;
    vfs::lookup(&base.start(&caller), b"", LookupFlags::EMPTY)
}

/// `open_by_handle_at(2)`.
pub fn open_by_handle_at(
    cx: &mut Cx<'_>,
    mount: DirFd,
    from: UserPtr<[u32; 2]>,
    flags: Flags,
) -> Result<usize> {
    let at = place(cx, mount)?;
    if !cx.holdings.cred.has(Capability::DAC_READ_SEARCH) {
        return Err(Errno::EPERM);
    }
    let [len, _] = from.read()?;
    if len == 0 || len > MAX_HANDLE_SZ {
        return Err(Errno::EINVAL);
    }
    let mut bytes = [0; MAX_HANDLE_SZ as usize];
    let bytes = bytes.get_mut(..len as usize).unwrap_or_default();
    let after = from.addr().wrapping_add(HEAD);
    ucopy::copy_in(bytes, after).map_err(|_| Errno::EFAULT)?;
    let path = handle::decode(&at, bytes)?;
    let mut flags = OFlags::from_bits_retain(flags.0);
    if !flags.contains(OFlags::PATH) {
        flags |= OFlags::LARGEFILE;
    }
    let flags = open::check(flags)?;
    let reserved =
        cx.holdings
            .files
            .reserve(0, cx.descriptor_limit(), flags.contains(OFlags::CLOEXEC))?;
    if flags.contains(OFlags::DIRECTORY) && !path.inode().attr().is_dir() {
        return Err(Errno::ENOTDIR);
    }
    let caller = cx.caller();
    let how = OpenHow {
        flags: flags - OFlags::CREAT,
        mode: 0,
        resolve: LookupFlags::empty(),
        cred: caller.rights(),
        caller: Some(&caller),
    };
    let file = if flags.contains(OFlags::PATH) {
        path_only(path, &how)
    } else {
        let nonblock = flags.contains(OFlags::NONBLOCK);
        lease::past(cx, nonblock, || open_path(path.clone(), &how))?
    };
    open::finish_opening(cx, &file)?;
    Ok(reserved.install(file) as usize)
}
