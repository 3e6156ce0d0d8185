//! `fcntl(2)`, but for record locks.

use abi::fcntl::*;
use abi::mman::Seals;
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::UserAddr;
use hal::ucopy::UserPtr;
use vfs::pipe::PipeEnd;
use vfs::{FdTable, FileType, InodeFlags, OpenFile};

use super::Cx;
use super::args::Fd;
use super::{lease, record_lock, sigio};

/// The last of the hints of how long what is written lives.
const LIFE_EXTREME: u64 = 5;

/// `fcntl(2)`
pub fn fcntl(cx: &mut Cx<'_>, fd: Fd, command: u32, arg: u64) -> Result<usize> {
    let files = &cx.holdings.files;
    let file = files.get(fd.0)?;
    // Of a place only, the descriptor itself can be asked.
    if file.is_path_only()
        && !matches!(
            command,
            F_DUPFD
                | F_DUPFD_CLOEXEC
                | F_DUPFD_QUERY
                | F_CREATED_QUERY
                | F_GETFD
                | F_SETFD
                | F_GETFL
        )
    {
        return Err(Errno::EBADF);
    }
    match command {
        F_DUPFD => duplicate(cx, files, file, arg, false),
        F_DUPFD_CLOEXEC => duplicate(cx, files, file, arg, true),
        F_DUPFD_QUERY => {
            let other = files.get(arg as i32)?;
            Ok(usize::from(Arc::ptr_eq(&file, &other)))
        }
        F_CREATED_QUERY => Ok(usize::from(file.created())),
        F_GETFD => Ok(usize::from(files.cloexec(fd.0)?)),
        F_SETFD => {
            files.set_cloexec(fd.0, arg as u32 & FD_CLOEXEC != 0)?;
            Ok(0)
        }
        F_GETFL => Ok(file.flags().bits() as usize),
        F_SETFL => set_flags(cx, &file, fd, OFlags::from_bits_retain(arg as u32)),
        F_GETLK | F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW => {
            record_lock::fcntl(cx, files, fd, &file, command, UserAddr(arg as usize))
        }
        F_SETOWN | F_GETOWN | F_SETOWN_EX | F_GETOWN_EX | F_SETSIG | F_GETSIG | F_GETOWNER_UIDS => {
            sigio::fcntl(cx, &file, command, arg)
        }
        F_SETPIPE_SZ => {
            let end = file.ops_as::<PipeEnd>().ok_or(Errno::EBADF)?;
            end.pipe().set_capacity(arg as u32 as usize, &cx.cred())
        }
        F_GETPIPE_SZ => {
            let end = file.ops_as::<PipeEnd>().ok_or(Errno::EBADF)?;
            Ok(end.pipe().capacity())
        }
        F_ADD_SEALS => add_seals(&file, arg as u32),
        F_GET_SEALS => Ok(sealable(&file)?.seals().bits() as usize),
        F_SETLEASE => lease::set(cx, &file, fd, arg),
        F_GETLEASE => Ok(lease::get(&file)),
        F_NOTIFY => lease::notify(cx, &file, fd, arg),
        F_GET_RW_HINT => {
            let hint = u64::from(file.inode().attr().life_hint());
            UserPtr::<u64>::new(arg.into()).write(&hint)?;
            Ok(0)
        }
        F_SET_RW_HINT => {
            let hint = UserPtr::<u64>::new(arg.into()).read()?;
            if hint > LIFE_EXTREME {
                return Err(Errno::EINVAL);
            }
            file.inode().attr().set_life_hint(hint as u8);
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}

fn duplicate(
    cx: &Cx<'_>,
    files: &FdTable,
    file: Arc<OpenFile>,
    from: u64,
    cloexec: bool,
) -> Result<usize> {
    let limit = cx.descriptor_limit();
    let from = from as u32 as usize;
    if from >= limit {
        return Err(Errno::EINVAL);
    }
    Ok(files.reserve(from, limit, cloexec)?.install(file) as usize)
}

fn set_flags(cx: &Cx<'_>, file: &OpenFile, fd: Fd, wanted: OFlags) -> Result<usize> {
    let attr = file.inode().attr();
    let new = wanted - file.flags();
    // What only grows must not be written elsewhere.
    if (wanted ^ file.flags()).contains(OFlags::APPEND) && attr.flags().contains(InodeFlags::APPEND)
    {
        return Err(Errno::EPERM);
    }
    if new.contains(OFlags::NOATIME) && !vfs::perm::is_owner(attr, &cx.cred()) {
        return Err(Errno::EPERM);
    }
    // Pipes carry packets with it; else it is for files of pages.
    if new.contains(OFlags::DIRECT)
        && attr.file_type() != FileType::Fifo
        && (file.inode().object().is_none() || is_memfd(file))
    {
        return Err(Errno::EINVAL);
    }
    // What has no such signals ignores the flag, as on Linux.
    if (wanted ^ file.flags()).contains(OFlags::ASYNC) && file.ops().signals() {
        sigio::switch(cx, file, fd, wanted.contains(OFlags::ASYNC))?;
    }
    let set = wanted & (OFlags::SETFL - OFlags::ASYNC);
    file.ops().set_flags(file, set)?;
    file.change_flags(set, OFlags::SETFL - OFlags::ASYNC - set);
    Ok(0)
}

/// Whether the file is a memfd, which nothing can go past the cache of.
fn is_memfd(file: &OpenFile) -> bool {
    let name = file.path().dentry().anon_name();
    matches!(name, Some(vfs::AnonName::Memfd(_)))
}

/// The data of a file that can have seals.
fn sealable(file: &OpenFile) -> Result<&Arc<mm::MemObject>> {
    let object = file.inode().object().filter(|it| it.is_memory_only());
    object.ok_or(Errno::EINVAL)
}

fn add_seals(file: &OpenFile, seals: u32) -> Result<usize> {
    if !file.writable() {
        return Err(Errno::EPERM);
    }
    let seals = Seals::from_bits(seals).ok_or(Errno::EINVAL)?;
    let executable = file.inode().attr().mode() & 0o111 != 0;
    sealable(file)?.add_seals(seals, executable)?;
    Ok(0)
}
