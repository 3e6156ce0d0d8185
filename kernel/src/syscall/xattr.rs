//! Extended attributes.

use abi::stat::{XATTR_CREATE, XATTR_LIST_MAX, XATTR_NAME_MAX, XATTR_REPLACE, XATTR_SIZE_MAX};
use abi::{Errno, Result};
use alloc::vec::Vec;
use hal::UserAddr;
use hal::ucopy::{self, UserSlice};
use sync::Credentials;
use vfs::ops::xattr;
use vfs::{LookupFlags, Path};

use super::Cx;
use super::args::{Fd, Flags, PathPtr, StrPtr};
use super::path::find_here;

/// The name of an attribute, read from the program.
struct Name {
    bytes: [u8; XATTR_NAME_MAX + 1],
    length: usize,
}

impl Name {
    /// # Errors
    /// `EFAULT`; `ERANGE` for an empty name and for more than 255 bytes.
    fn read(at: StrPtr) -> Result<Self> {
        let mut bytes = [0; XATTR_NAME_MAX + 1];
        let length = ucopy::read_cstr(at.0, &mut bytes).map_err(|_| Errno::EFAULT)?;
        if length == 0 || length > XATTR_NAME_MAX {
            return Err(Errno::ERANGE);
        }
        Ok(Self { bytes, length })
    }

    fn text(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// What is to be set, read from the program.
struct Setting {
    name: Name,
    value: Vec<u8>,
    flags: u32,
}

impl Setting {
    fn read(name: StrPtr, value: UserAddr, size: usize, flags: Flags) -> Result<Self> {
        if flags.0 & !(XATTR_CREATE | XATTR_REPLACE) != 0 {
            return Err(Errno::EINVAL);
        }
        let name = Name::read(name)?;
        if size > XATTR_SIZE_MAX {
            return Err(Errno::E2BIG);
        }
        let value = UserSlice::new(value, size).read_vec()?;
        Ok(Self {
            name,
            value,
            flags: flags.0,
        })
    }

    fn apply(&self, path: &Path, cred: &Credentials) -> Result<usize> {
        xattr::set(path, self.name.text(), &self.value, self.flags, cred)?;
        Ok(0)
    }
}

/// Copies an answer out; without room in the program's buffer its length is the answer.
fn answer(bytes: &[u8], to: UserAddr, size: usize) -> Result<usize> {
    if size != 0 {
        if bytes.len() > size {
            return Err(Errno::ERANGE);
        }
        if !bytes.is_empty() {
            UserSlice::new(to, bytes.len()).write(bytes)?;
        }
    }
    Ok(bytes.len())
}

/// `setxattr(2)`.
pub fn setxattr(
    cx: &mut Cx<'_>,
    path: PathPtr,
    name: StrPtr,
    value: UserAddr,
    size: usize,
    flags: Flags,
) -> Result<usize> {
    let setting = Setting::read(name, value, size, flags)?;
    let found = find_here(cx, path, LookupFlags::FOLLOW)?;
    setting.apply(&found, &cx.holdings.cred)
}

/// `lsetxattr(2)`.
pub fn lsetxattr(
    cx: &mut Cx<'_>,
    path: PathPtr,
    name: StrPtr,
    value: UserAddr,
    size: usize,
    flags: Flags,
) -> Result<usize> {
    let setting = Setting::read(name, value, size, flags)?;
    let found = find_here(cx, path, LookupFlags::empty())?;
    setting.apply(&found, &cx.holdings.cred)
}

/// `fsetxattr(2)`.
pub fn fsetxattr(
    cx: &mut Cx<'_>,
    fd: Fd,
    name: StrPtr,
    value: UserAddr,
    size: usize,
    flags: Flags,
) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    Setting::read(name, value, size, flags)?.apply(file.path(), &cx.holdings.cred)
}

fn get(path: &Path, name: StrPtr, to: UserAddr, size: usize, cred: &Credentials) -> Result<usize> {
    let name = Name::read(name)?;
    answer(&xattr::get(path, name.text(), cred)?, to, size)
}

/// `getxattr(2)`.
pub fn getxattr(
    cx: &mut Cx<'_>,
    path: PathPtr,
    name: StrPtr,
    value: UserAddr,
    size: usize,
) -> Result<usize> {
    let found = find_here(cx, path, LookupFlags::FOLLOW)?;
    get(&found, name, value, size, &cx.holdings.cred)
}

/// `lgetxattr(2)`.
pub fn lgetxattr(
    cx: &mut Cx<'_>,
    path: PathPtr,
    name: StrPtr,
    value: UserAddr,
    size: usize,
) -> Result<usize> {
    let found = find_here(cx, path, LookupFlags::empty())?;
    get(&found, name, value, size, &cx.holdings.cred)
}

/// `fgetxattr(2)`.
pub fn fgetxattr(
    cx: &mut Cx<'_>,
    fd: Fd,
    name: StrPtr,
    value: UserAddr,
    size: usize,
) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    get(file.path(), name, value, size, &cx.holdings.cred)
}

fn list(path: &Path, to: UserAddr, size: usize, cred: &Credentials) -> Result<usize> {
    answer(&xattr::list(path, cred)?, to, size.min(XATTR_LIST_MAX))
}

/// `listxattr(2)`.
pub fn listxattr(cx: &mut Cx<'_>, path: PathPtr, names: UserAddr, size: usize) -> Result<usize> {
    let found = find_here(cx, path, LookupFlags::FOLLOW)?;
    list(&found, names, size, &cx.holdings.cred)
}

/// `llistxattr(2)`.
pub fn llistxattr(cx: &mut Cx<'_>, path: PathPtr, names: UserAddr, size: usize) -> Result<usize> {
    let found = find_here(cx, path, LookupFlags::empty())?;
    list(&found, names, size, &cx.holdings.cred)
}

/// `flistxattr(2)`.
pub fn flistxattr(cx: &mut Cx<'_>, fd: Fd, names: UserAddr, size: usize) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    list(file.path(), names, size, &cx.holdings.cred)
}

fn remove(path: &Path, name: &Name, cred: &Credentials) -> Result<usize> {
    xattr::remove(path, name.text(), cred)?;
    Ok(0)
}

/// `removexattr(2)`: unlike `getxattr`, it reads the name before it looks at the path.
pub fn removexattr(cx: &mut Cx<'_>, path: PathPtr, name: StrPtr) -> Result<usize> {
    let name = Name::read(name)?;
    let found = find_here(cx, path, LookupFlags::FOLLOW)?;
    remove(&found, &name, &cx.holdings.cred)
}

/// `lremovexattr(2)`.
pub fn lremovexattr(cx: &mut Cx<'_>, path: PathPtr, name: StrPtr) -> Result<usize> {
    let name = Name::read(name)?;
    let found = find_here(cx, path, LookupFlags::empty())?;
    remove(&found, &name, &cx.holdings.cred)
}

/// `fremovexattr(2)`.
pub fn fremovexattr(cx: &mut Cx<'_>, fd: Fd, name: StrPtr) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    remove(file.path(), &Name::read(name)?, &cx.holdings.cred)
}
