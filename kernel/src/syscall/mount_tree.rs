//! Mounts by descriptor: `open_tree(2)`, `move_mount(2)`, `mount_setattr(2)`, and file systems made step by step:
//! `fsopen(2)`, `fsconfig(2)`, `fsmount(2)`, `fspick(2)`.

use abi::fcntl::{AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, OFlags};
use abi::mount::{MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE};
use abi::{Errno, Result};
use hal::{PAGE_SIZE, UserAddr, ucopy};
use vfs::ops::fs_config::{self, FsConfig};
use vfs::ops::open::{OpenHow, path_only};
use vfs::ops::{mounts, trees};
use vfs::{LookupFlags, MountFlags, OpenFile};

use super::Cx;
use super::args::{DirFd, Fd, Flags, PathPtr, StrPtr};
use super::path::{find, lookup_flags};
use super::process::read_extensible;
use alloc::sync::Arc;

const AT_RECURSIVE: u32 = 0x8000;

fn install(cx: &Cx<'_>, file: Arc<OpenFile>, cloexec: bool) -> Result<usize> {
    let limit = cx.descriptor_limit();
    Ok(cx.files()?.install(file, limit, cloexec)? as usize)
}

/// `open_tree(2)`.
pub fn open_tree(cx: &mut Cx<'_>, dir: DirFd, path: PathPtr, flags: Flags) -> Result<usize> {
    const CLONE: u32 = 1;
    const CLOEXEC: u32 = OFlags::CLOEXEC.bits();
    const KNOWN: u32 =
        CLONE | CLOEXEC | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW;
    let flags = flags.0;
    let clone = flags & CLONE != 0;
    if flags & !KNOWN != 0 || flags & AT_RECURSIVE != 0 && !clone {
        return Err(Errno::EINVAL);
    }
    let cred = cx.cred();
    if clone {
        mounts::ensure_may_mount(&cred)?;
    }
    let found = find(cx, dir, path, lookup_flags(flags))?;
    let file = if clone {
        trees::open_copy(&cx.holdings.fs, &found, flags & AT_RECURSIVE != 0, cred)?
    } else {
        let how = OpenHow {
            flags: OFlags::PATH,
            mode: 0,
            resolve: LookupFlags::empty(),
            cred: &cred,
            caller: None,
        };
        path_only(found, &how)
    };
    install(cx, file, flags & CLOEXEC != 0)
}

/// `move_mount(2)`. Joining groups and going beneath a mount are not here.
pub fn move_mount(
    cx: &mut Cx<'_>,
    from_dir: DirFd,
    from: PathPtr,
    to_dir: DirFd,
    to: PathPtr,
    flags: Flags,
) -> Result<usize> {
    const SYMLINKS: u32 = 1;
    const AUTOMOUNTS: u32 = 2;
    const EMPTY_PATH: u32 = 4;
    const SIDE: u32 = SYMLINKS | AUTOMOUNTS | EMPTY_PATH;
    mounts::ensure_may_mount(&cx.holdings.cred)?;
    if flags.0 & !(SIDE | SIDE << 4) != 0 {
        return Err(Errno::EINVAL);
    }
    let lookup = |bits: u32| {
        let mut lookup = LookupFlags::empty();
        lookup.set(LookupFlags::FOLLOW, bits & SYMLINKS != 0);
        lookup.set(LookupFlags::EMPTY, bits & EMPTY_PATH != 0);
        lookup
    };
    let from = find(cx, from_dir, from, lookup(flags.0))?;
    let to = find(cx, to_dir, to, lookup(flags.0 >> 4))?;
    trees::put(&cx.holdings.fs, &from, &to)?;
    Ok(0)
}

/// `MOUNT_ATTR_*`.
const ATTR_ATIME: u64 = 0x70;
const ATTR_NOATIME: u64 = 0x10;
const ATTR_STRICTATIME: u64 = 0x20;
const ATTRS: [(u64, MountFlags); 6] = [
    (1, MountFlags::RDONLY),
    (2, MountFlags::NOSUID),
    (4, MountFlags::NODEV),
    (8, MountFlags::NOEXEC),
    (0x80, MountFlags::NODIRATIME),
    (0x20_0000, MountFlags::NOSYMFOLLOW),
];

/// The flags of attributes, but for the rule of access times.
fn flags_of(attrs: u64) -> MountFlags {
    let mut flags = MountFlags::empty();
    for (bit, flag) in ATTRS {
        flags.set(flag, attrs & bit != 0);
    }
    flags
}

fn known_attrs() -> u64 {
    ATTRS.iter().fold(ATTR_ATIME, |known, (bit, _)| known | bit)
}

/// The rule of access times that attributes name.
fn times_of(attrs: u64) -> Result<MountFlags> {
    match attrs & ATTR_ATIME {
        0 => Ok(MountFlags::RELATIME),
        ATTR_NOATIME => Ok(MountFlags::NOATIME),
        ATTR_STRICTATIME => Ok(MountFlags::empty()),
        _ => Err(Errno::EINVAL),
    }
}

/// `mount_setattr(2)`. No file system here shows other owners through a mount.
pub fn mount_setattr(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    flags: Flags,
    attr: UserAddr,
    size: usize,
) -> Result<usize> {
    const KNOWN: u32 = AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    /// Bytes of the first version of the structure.
    const FIRST: usize = 32;
    if flags.0 & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    if size > PAGE_SIZE {
        return Err(Errno::E2BIG);
    }
    if size < FIRST {
        return Err(Errno::EINVAL);
    }
    mounts::ensure_may_mount(&cx.holdings.cred)?;
    let mut words = [0u64; 4];
    read_extensible(attr, size, &mut words)?;
    let [set, clear, propagation, _userns] = words;
    if set | clear | propagation == 0 {
        return Ok(0);
    }
    let kinds = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
    if propagation & !kinds != 0
        || propagation.count_ones() > 1
        || (set | clear) & !known_attrs() != 0
    {
        return Err(Errno::EINVAL);
    }
    let mut change = trees::Change {
        set: flags_of(set),
        clear: flags_of(clear),
        propagation,
        recursive: flags.0 & AT_RECURSIVE != 0,
    };
    match clear & ATTR_ATIME {
        0 if set & ATTR_ATIME != 0 => return Err(Errno::EINVAL),
        0 => {}
        ATTR_ATIME => {
            change.clear |= MountFlags::NOATIME | MountFlags::RELATIME;
            change.set |= times_of(set)?;
        }
        _ => return Err(Errno::EINVAL),
    }
    let found = find(cx, dir, path, lookup_flags(flags.0))?;
    trees::change(&cx.holdings.fs, &found, &change)?;
    Ok(0)
}

/// A string of up to 255 bytes.
fn word(at: StrPtr, buffer: &mut [u8; 256]) -> Result<&[u8]> {
    let length = ucopy::read_cstr(at.0, buffer).map_err(|_| Errno::EFAULT)?;
    buffer
        .get(..length)
        .filter(|text| text.len() < 256)
        .ok_or(Errno::EINVAL)
}

/// `fsopen(2)`.
pub fn fsopen(cx: &mut Cx<'_>, kind: StrPtr, flags: Flags) -> Result<usize> {
    const CLOEXEC: u32 = 1;
    mounts::ensure_may_mount(&cx.holdings.cred)?;
    if flags.0 & !CLOEXEC != 0 {
        return Err(Errno::EINVAL);
    }
    let mut buffer = [0; 256];
    let file = fs_config::begin(word(kind, &mut buffer)?, cx.cred())?;
    install(cx, file, flags.0 & CLOEXEC != 0)
}

/// `fspick(2)`.
pub fn fspick(cx: &mut Cx<'_>, dir: DirFd, path: PathPtr, flags: Flags) -> Result<usize> {
    const CLOEXEC: u32 = 1;
    const SYMLINK_NOFOLLOW: u32 = 2;
    const NO_AUTOMOUNT: u32 = 4;
    const EMPTY_PATH: u32 = 8;
    mounts::ensure_may_mount(&cx.holdings.cred)?;
    if flags.0 & !(CLOEXEC | SYMLINK_NOFOLLOW | NO_AUTOMOUNT | EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut lookup = LookupFlags::empty();
    lookup.set(LookupFlags::FOLLOW, flags.0 & SYMLINK_NOFOLLOW == 0);
    lookup.set(LookupFlags::EMPTY, flags.0 & EMPTY_PATH != 0);
    let found = find(cx, dir, path, lookup)?;
    let file = fs_config::pick(found, cx.cred())?;
    install(cx, file, flags.0 & CLOEXEC != 0)
}

/// `fsconfig(2)`.
pub fn fsconfig(
    cx: &mut Cx<'_>,
    fd: Fd,
    command: u32,
    key: StrPtr,
    value: StrPtr,
    aux: i32,
) -> Result<usize> {
    const SET_FLAG: u32 = 0;
    const SET_STRING: u32 = 1;
    const SET_BINARY: u32 = 2;
    const SET_PATH: u32 = 3;
    const SET_PATH_EMPTY: u32 = 4;
    const SET_FD: u32 = 5;
    const CREATE: u32 = 6;
    const RECONFIGURE: u32 = 7;
    const CREATE_EXCL: u32 = 8;
    if fd.0 < 0 {
        return Err(Errno::EINVAL);
    }
    let (keyed, valued) = (!key.0.is_null(), !value.0.is_null());
    let sane = match command {
        SET_FLAG => keyed && !valued && aux == 0,
        SET_STRING => keyed && valued && aux == 0,
        SET_BINARY => keyed && valued && aux > 0 && aux <= 1 << 20,
        SET_PATH | SET_PATH_EMPTY => keyed && valued && (aux == AT_FDCWD || aux >= 0),
        SET_FD => keyed && !valued && aux >= 0,
        CREATE | CREATE_EXCL | RECONFIGURE => !keyed && !valued && aux == 0,
        _ => return Err(Errno::EOPNOTSUPP),
    };
    if !sane {
        return Err(Errno::EINVAL);
    }
    let file = cx.usable_file(fd)?;
    let config = file.ops_as::<FsConfig>().ok_or(Errno::EINVAL)?;
    let (mut key_buffer, mut value_buffer) = ([0; 256], [0; 256]);
    let key = if keyed {
        word(key, &mut key_buffer)?
    } else {
        &[]
    };
    match command {
        SET_FLAG => config.set(key, None)?,
        SET_STRING => config.set(key, Some(word(value, &mut value_buffer)?))?,
        CREATE | CREATE_EXCL | RECONFIGURE => {
            mounts::ensure_may_mount(&cx.holdings.cred)?;
            match command {
                RECONFIGURE => config.reconfigure()?,
                _ => config.create()?,
            }
        }
        // No file system here has an option that is bytes, a place or a file.
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// `fsmount(2)`.
pub fn fsmount(cx: &mut Cx<'_>, fd: Fd, flags: Flags, attrs: u32) -> Result<usize> {
    const CLOEXEC: u32 = 1;
    mounts::ensure_may_mount(&cx.holdings.cred)?;
    let attrs = u64::from(attrs);
    if flags.0 & !CLOEXEC != 0 || attrs & !known_attrs() != 0 {
        return Err(Errno::EINVAL);
    }
    let mount_flags = flags_of(attrs) | times_of(attrs)?;
    let file = cx.usable_file(fd)?;
    let config = file.ops_as::<FsConfig>().ok_or(Errno::EINVAL)?;
    let file = config.mount(mount_flags, cx.cred())?;
    install(cx, file, flags.0 & CLOEXEC != 0)
}
