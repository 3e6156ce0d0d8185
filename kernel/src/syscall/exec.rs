//! `execve(2)` and `execveat(2)`.

use abi::fcntl::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};
use abi::{Errno, Result};
use alloc::vec::Vec;
use hal::UserAddr;
use hal::ucopy::{self, UserPtr};
use sync::Resource;
use task::exec::stack::{MAX_STRING, Strings, string_limit};
use task::exec::{Request, exec};
use vfs::FileType;

use super::Cx;
use super::args::{DirFd, Flags, PathPtr};
use super::path::{Base, PathBuffer, lookup_flags};

/// Reads an array of strings; NULL is an empty one.
fn read_strings(at: UserAddr, room: u64) -> Result<Strings> {
    let mut strings = Strings::default();
    if at.is_null() {
        return Ok(strings);
    }
    let pointers = UserPtr::<u64>::new(at);
    // Most strings are short: the buffer grows to what the longest needs.
    let mut buffer = Vec::new();
    grow(&mut buffer)?;
    for n in 0.. {
        let pointer = pointers.add(n).read()?;
        if pointer == 0 {
            break;
        }
        let at = UserAddr(pointer as usize);
        let length = loop {
            let length = ucopy::read_cstr(at, &mut buffer).map_err(|_| Errno::EFAULT)?;
            if length < buffer.len() {
                break length;
            }
            if buffer.len() == MAX_STRING {
                return Err(Errno::E2BIG);
            }
            grow(&mut buffer)?;
        };
        strings.push(buffer.get(..length).unwrap_or(&[]))?;
        if strings.size() as u64 > room {
            return Err(Errno::E2BIG);
        }
    }
    Ok(strings)
}

/// Makes room for a longer string.
fn grow(buffer: &mut Vec<u8>) -> Result<()> {
    let length = (buffer.len() * 4).clamp(256, MAX_STRING);
    buffer
        .try_reserve_exact(length - buffer.len())
        .map_err(|_| Errno::ENOMEM)?;
    buffer.resize(length, 0);
    Ok(())
}

/// `execve(2)`.
pub fn execve(cx: &mut Cx<'_>, path: PathPtr, argv: UserAddr, envp: UserAddr) -> Result<usize> {
    execveat(cx, DirFd(AT_FDCWD), path, argv, envp, Flags(0))
}

/// `execveat(2)`.
pub fn execveat(
    cx: &mut Cx<'_>,
    dir: DirFd,
    path: PathPtr,
    argv: UserAddr,
    envp: UserAddr,
    flags: Flags,
) -> Result<usize> {
    let mut buffer = PathBuffer::new();
    let name = buffer.read_any(path)?;
    let known = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
    if flags.0 & !known != 0 {
        return Err(Errno::EINVAL);
    }
    let follow = flags.0 & AT_SYMLINK_NOFOLLOW == 0;
    let lookup = lookup_flags(flags.0);
    let base = Base::new(cx, dir, name)?;
    let caller = cx.caller();
    let found = vfs::lookup(&base.start(&caller), name, lookup)?;
    if !follow && found.inode().attr().file_type() == FileType::Symlink {
        return Err(Errno::ELOOP);
    }
    // A file without a name of its own is run by its descriptor's.
    let inaccessible = base.file().is_some() && cx.files()?.cloexec(dir.0)?;
    let shown = match (base.file(), name.is_empty()) {
        (None, _) => name.to_vec(),
        (Some(_), true) => alloc::format!("/dev/fd/{}", dir.0).into_bytes(),
        (Some(_), false) => {
            let mut shown = alloc::format!("/dev/fd/{}/", dir.0).into_bytes();
            shown.extend_from_slice(name);
            shown
        }
    };
    let limit = cx.process().limits().soft(Resource::Stack);
    let room = string_limit(limit, 0, 0)?;
    let args = read_strings(argv, room)?;
    let env = read_strings(envp, room)?;
    let request = Request {
        path: found,
        name: shown,
        inaccessible,
        args,
        env,
    };
    exec(cx.thread, cx.regs, request)?;
    Ok(0)
}
