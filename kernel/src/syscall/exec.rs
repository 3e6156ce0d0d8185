//! `execve(2)` and `execveat(2)`.

use abi::fcntl::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};
use abi::{Errno, Result};
use alloc::vec::Vec;
use hal::UserAddr;
use hal::ucopy::{self, UserPtr};
use sync::Resource;
use task::exec::stack::{MAX_STRING, Strings, string_limit};
use task::exec::{Request, exec};
use vfs::{FileType, LookupFlags, Start};

use super::Cx;
use super::args::{DirFd, Flags, PathPtr};

/// Longest path, its NUL included.
const PATH_MAX: usize = 4096;

fn read_path(at: UserAddr) -> Result<Vec<u8>> {
    let mut path = Vec::new();
    path.try_reserve_exact(PATH_MAX)
        .map_err(|_| Errno::ENOMEM)?;
    path.resize(PATH_MAX, 0);
    let length = ucopy::read_cstr(at, &mut path).map_err(|_| Errno::EFAULT)?;
    if length >= PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    path.truncate(length);
    Ok(path)
}

/// Reads an array of strings; NULL is an empty one.
fn read_strings(at: UserAddr, room: u64) -> Result<Strings> {
    let mut strings = Strings::default();
    if at.is_null() {
        return Ok(strings);
    }
    let pointers = UserPtr::<u64>::new(at);
    let mut buffer = Vec::new();
    buffer
        .try_reserve_exact(MAX_STRING)
        .map_err(|_| Errno::ENOMEM)?;
    // Most strings are short: the buffer grows to what the longest needs.
    buffer.resize(256, 0);
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
            buffer.resize(MAX_STRING, 0);
        };
        strings.push(buffer.get(..length).unwrap_or(&[]))?;
        if strings.size() as u64 > room {
            return Err(Errno::E2BIG);
        }
    }
    Ok(strings)
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
    let name = read_path(path.0)?;
    let known = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
    if flags.0 & !known != 0 {
        return Err(Errno::EINVAL);
    }
    let follow = flags.0 & AT_SYMLINK_NOFOLLOW == 0;
    let mut lookup = LookupFlags::empty();
    lookup.set(LookupFlags::FOLLOW, follow);
    lookup.set(LookupFlags::EMPTY, flags.0 & AT_EMPTY_PATH != 0);
    let (fs, cred) = (cx.fs()?, cx.cred());
    let relative = dir.0 != AT_FDCWD && name.first() != Some(&b'/');
    let file = if relative {
        Some(cx.file(super::args::Fd(dir.0))?)
    } else {
        None
    };
    let start = Start {
        fs: &fs,
        base: file.as_ref().map(|file| file.path()),
        cred: &cred,
    };
    let found = vfs::lookup(&start, &name, lookup)?;
    if !follow && found.inode().attr().file_type() == FileType::Symlink {
        return Err(Errno::ELOOP);
    }
    // A file without a name of its own is run by its descriptor's.
    let inaccessible = file.is_some() && cx.files()?.cloexec(dir.0)?;
    let shown = match (&file, name.is_empty()) {
        (None, _) => name,
        (Some(_), true) => alloc::format!("/dev/fd/{}", dir.0).into_bytes(),
        (Some(_), false) => {
            let mut shown = alloc::format!("/dev/fd/{}/", dir.0).into_bytes();
            shown.extend_from_slice(&name);
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
