//! Whether the caller may: `faccessat(2)`, `faccessat2(2)`.

use abi::fcntl::{AT_EACCESS, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW};
use abi::{Errno, Result};
use sync::{CapSet, Credentials};
use task::cred::SECBIT_NO_SETUID_FIXUP;
use vfs::{Access, LookupFlags, Start, ops};

use super::Cx;
use super::args::{DirFd, Flags, PathPtr};
use super::path::{Base, PathBuffer, lookup_flags};

/// `faccessat(2)`.
pub fn faccessat(cx: &mut Cx<'_>, dir: DirFd, path: PathPtr, mode: u32) -> Result<usize> {
    faccessat2(cx, dir, path, mode, Flags(0))
}

/// `faccessat2(2)`.
pub fn faccessat2(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    mode: u32,
    flags: Flags,
) -> Result<usize> {
    let wanted = Access::from_bits(mode).ok_or(Errno::EINVAL)?;
    if flags.0 & !(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let lookup = lookup_flags(flags.0);
    let mut buffer = PathBuffer::new();
    let path = if lookup.contains(LookupFlags::EMPTY) {
        buffer.read_any(path)?
    } else {
        buffer.read(path)?
    };
    let base = Base::new(cx, dir, path)?;
    let caller = cx.caller();
    let real = if flags.0 & AT_EACCESS == 0 {
        as_real_user(caller.rights())
    } else {
        None
    };
    let cred = real.as_ref().unwrap_or(caller.rights());
    let start = Start {
        cred,
        ..base.start(&caller)
    };
    let found = vfs::lookup(&start, path, lookup)?;
    // Asked for nothing, the call says whether the file is there.
    if !wanted.is_empty() {
        ops::attr::access(&found, wanted, cred)?;
    }
    Ok(0)
}

/// The rights of the real user: what a set-user-ID program asks on behalf of. `None`: no others than
/// the caller has.
fn as_real_user(cred: &Credentials) -> Option<Credentials> {
    let effective = if cred.securebits & SECBIT_NO_SETUID_FIXUP != 0 {
        cred.effective
    } else if cred.uid != 0 {
        CapSet::EMPTY
    } else {
        cred.permitted
    };
    if cred.fsuid == cred.uid && cred.fsgid == cred.gid && cred.effective == effective {
        return None;
    }
    Some(Credentials {
        fsuid: cred.uid,
        fsgid: cred.gid,
        effective,
        ..cred.clone()
    })
}
