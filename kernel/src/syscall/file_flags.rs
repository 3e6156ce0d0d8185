//! The flags of an inode that `chattr` sets (`man 2 ioctl_iflags`): where a file system keeps them, and who
//! may change them.

use abi::file_ioctl::{
    FS_APPEND_FL, FS_IMMUTABLE_FL, FS_NOATIME_FL, FS_NODUMP_FL, FS_XFLAG_APPEND,
    FS_XFLAG_COWEXTSIZE, FS_XFLAG_EXTSIZE, FS_XFLAG_EXTSZINHERIT, FS_XFLAG_IMMUTABLE,
    FS_XFLAG_NOATIME, FS_XFLAG_NODUMP, FsxAttr,
};
use abi::stat::{STATX_ATTR_APPEND, STATX_ATTR_IMMUTABLE, STATX_ATTR_NODUMP};
use abi::{Errno, Result};
use hal::UserAddr;
use hal::ucopy::UserPtr;
use sync::{Capability, Credentials};
use vfs::{Inode, InodeFlags, OpenFile, perm};

use super::Cx;

/// Each flag with its bit in `FS_IOC_SETFLAGS` and in `FS_IOC_FSSETXATTR`.
const BITS: [(InodeFlags, u32, u32); 4] = [
    (InodeFlags::IMMUTABLE, FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE),
    (InodeFlags::APPEND, FS_APPEND_FL, FS_XFLAG_APPEND),
    (InodeFlags::NODUMP, FS_NODUMP_FL, FS_XFLAG_NODUMP),
    (InodeFlags::NOATIME, FS_NOATIME_FL, FS_XFLAG_NOATIME),
];

/// `stx_attributes` of the flags, and which of them the file system can say.
pub fn shown(inode: &dyn Inode) -> (u64, u64) {
    if !inode.keeps_flags() {
        return (0, 0);
    }
    let flags = inode.attr().flags();
    let (mut set, mut known) = (0, 0);
    for (flag, bit) in [
        (InodeFlags::IMMUTABLE, STATX_ATTR_IMMUTABLE),
        (InodeFlags::APPEND, STATX_ATTR_APPEND),
        (InodeFlags::NODUMP, STATX_ATTR_NODUMP),
    ] {
        known |= bit;
        if flags.contains(flag) {
            set |= bit;
        }
    }
    (set, known)
}

fn keeper(file: &OpenFile) -> Result<&dyn Inode> {
    let inode = &**file.inode();
    inode.keeps_flags().then_some(inode).ok_or(Errno::ENOTTY)
}

/// `FS_IOC_GETFLAGS`.
pub fn get(file: &OpenFile, to: UserAddr) -> Result<usize> {
    let flags = keeper(file)?.attr().flags();
    let set = BITS.iter().filter(|(flag, ..)| flags.contains(*flag));
    let word = set.fold(0, |word, (_, bit, _)| word | bit);
    UserPtr::<u32>::new(to).write(&word)?;
    Ok(0)
}

/// `FS_IOC_SETFLAGS`.
pub fn set(cx: &Cx<'_>, file: &OpenFile, from: UserAddr) -> Result<usize> {
    let word = UserPtr::<u32>::new(from).read()?;
    file.path().mount().writable()?;
    let inode = keeper(file)?;
    let (mut flags, mut rest) = (InodeFlags::empty(), word);
    for (flag, bit, _) in BITS {
        flags.set(flag, word & bit != 0);
        rest &= !bit;
    }
    change(&cx.holdings.cred, inode, flags, || {
        if rest == 0 {
            Ok(())
        } else {
            Err(Errno::EOPNOTSUPP)
        }
    })
}

/// `FS_IOC_FSGETXATTR`.
pub fn get_extended(file: &OpenFile, to: UserAddr) -> Result<usize> {
    let flags = keeper(file)?.attr().flags();
    let set = BITS.iter().filter(|(flag, ..)| flags.contains(*flag));
    let answer = FsxAttr {
        xflags: set.fold(0, |word, (.., bit)| word | bit),
        ..FsxAttr::default()
    };
    UserPtr::new(to).write(&answer)?;
    Ok(0)
}

/// `FS_IOC_FSSETXATTR`: of what goes beyond the flags, nothing is kept.
pub fn set_extended(cx: &Cx<'_>, file: &OpenFile, from: UserAddr) -> Result<usize> {
    let wanted = UserPtr::<FsxAttr>::new(from).read()?;
    file.path().mount().writable()?;
    let inode = keeper(file)?;
    let (mut flags, mut rest) = (InodeFlags::empty(), wanted.xflags);
    for (flag, _, bit) in BITS {
        flags.set(flag, wanted.xflags & bit != 0);
        rest &= !bit;
    }
    change(&cx.holdings.cred, inode, flags, || {
        let attr = inode.attr();
        if rest & FS_XFLAG_EXTSIZE != 0 && !attr.is_regular()
            || rest & FS_XFLAG_EXTSZINHERIT != 0 && !attr.is_dir()
        {
            return Err(Errno::EINVAL);
        }
        // A hint of 0 is none.
        if wanted.extsize == 0 {
            rest &= !(FS_XFLAG_EXTSIZE | FS_XFLAG_EXTSZINHERIT);
        }
        if wanted.cowextsize == 0 {
            rest &= !FS_XFLAG_COWEXTSIZE;
        }
        if rest | wanted.extsize | wanted.projid | wanted.cowextsize != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        Ok(())
    })
}

/// Changes the flags, after what else there is has been found `fit`.
fn change(
    cred: &Credentials,
    inode: &dyn Inode,
    flags: InodeFlags,
    fit: impl FnOnce() -> Result<()>,
) -> Result<usize> {
    let attr = inode.attr();
    if !perm::is_owner(attr, cred) {
        return Err(Errno::EPERM);
    }
    let guarded = InodeFlags::IMMUTABLE | InodeFlags::APPEND;
    if (flags ^ attr.flags()).intersects(guarded) && !cred.has(Capability::LINUX_IMMUTABLE) {
        return Err(Errno::EPERM);
    }
    fit()?;
    attr.set_flags(flags);
    attr.touch_changed();
    Ok(0)
}
