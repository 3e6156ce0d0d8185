//! Memory: mappings, the heap, rights, advice, locks, memfds.

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::mman::{
    MAP_TYPE, MLOCK_ONFAULT, MapFlags, MemfdFlags, MlockallFlags, MsyncFlags, ProtFlags,
    RemapFlags, Seals,
};
use abi::{Errno, Result};
use hal::{PAGE_SIZE, UserAddr, ucopy};
use mm::{Backing, MapName, MapRequest, MemObject, Placement, VmaFlags};
use sync::Resource;
use vfs::{InodeFlags, MmapRequest, MountFlags, OpenFile};

use super::Cx;
use super::args::{Fd, StrPtr};

const RIGHTS: ProtFlags = ProtFlags::READ
    .union(ProtFlags::WRITE)
    .union(ProtFlags::EXEC);

/// `brk(2)`: never fails; what could not be done shows in the result.
pub fn brk(cx: &mut Cx<'_>, to: UserAddr) -> Result<usize> {
    Ok(cx.thread.mm()?.brk(to).0)
}

/// `mmap(2)`.
pub fn mmap(
    cx: &mut Cx<'_>,
    addr: usize,
    len: usize,
    prot: u32,
    flags: u32,
    fd: Fd,
    offset: u64,
) -> Result<usize> {
    if !offset.is_multiple_of(PAGE_SIZE as u64) {
        return Err(Errno::EINVAL);
    }
    let bits = MapFlags::from_bits_retain(flags);
    let file = if bits.contains(MapFlags::ANONYMOUS) {
        None
    } else {
        let file = cx.thread.files()?.get(fd.0)?;
        if file.is_path_only() {
            return Err(Errno::EBADF);
        }
        Some(file)
    };
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    if bits.contains(MapFlags::HUGETLB) {
        return Err(no_huge_pages(flags, file.is_some()));
    }
    let fixed = bits.intersects(MapFlags::FIXED | MapFlags::FIXED_NOREPLACE);
    let placement = if bits.contains(MapFlags::FIXED_NOREPLACE) {
        Placement::FixedNoReplace(addr)
    } else if fixed {
        Placement::Fixed(addr)
    } else {
        Placement::Anywhere(addr)
    };
    let pages = hal::addr::page_up(len).ok_or(Errno::ENOMEM)?;
    if (offset / PAGE_SIZE as u64)
        .checked_add((pages / PAGE_SIZE) as u64)
        .is_none()
    {
        return Err(Errno::EOVERFLOW);
    }
    let mut request =
        MapRequest::anon(placement, len, ProtFlags::from_bits_truncate(prot) & RIGHTS);
    request
        .flags
        .set(VmaFlags::GROWSDOWN, bits.contains(MapFlags::GROWSDOWN));
    request
        .flags
        .set(VmaFlags::NORESERVE, bits.contains(MapFlags::NORESERVE));
    if bits.contains(MapFlags::LOCKED) {
        if cx.thread.mm()?.limits().locked == 0 {
            return Err(Errno::EPERM);
        }
        request.flags |= VmaFlags::LOCKED;
    }
    request.populate = bits & (MapFlags::POPULATE | MapFlags::NONBLOCK) == MapFlags::POPULATE;
    match file {
        Some(file) => of_file(&mut request, file, flags, offset)?,
        None => anonymous(&mut request, flags, pages)?,
    }
    Ok(cx.thread.mm()?.map(request)?.0)
}

/// Of the sizes huge pages have here none is set aside, and no file is of them.
fn no_huge_pages(flags: u32, of_file: bool) -> Errno {
    const SHIFT: u32 = 26;
    /// 64 KiB, 2 MiB, 32 MiB and 1 GiB as powers of two; 0 asks for what is usual.
    const SIZES: [u32; 5] = [0, 16, 21, 25, 30];
    if of_file || !SIZES.contains(&(flags >> SHIFT & 0x3f)) {
        Errno::EINVAL
    } else {
        Errno::ENOMEM
    }
}

fn anonymous(request: &mut MapRequest, flags: u32, len: usize) -> Result<()> {
    if flags & MAP_TYPE == MapFlags::PRIVATE.bits() {
        return Ok(());
    }
    if flags & MAP_TYPE != MapFlags::SHARED.bits() || request.flags.contains(VmaFlags::GROWSDOWN) {
        return Err(Errno::EINVAL);
    }
    request.flags |= VmaFlags::SHARED;
    request.backing = Backing::Object {
        object: MemObject::new_anon(len as u64),
        offset: 0,
    };
    Ok(())
}

/// The flags mmap has always had: `MAP_SHARED` ignores all others, `MAP_SHARED_VALIDATE` refuses
/// them.
const LEGACY: MapFlags = MapFlags::SHARED
    .union(MapFlags::PRIVATE)
    .union(MapFlags::FIXED)
    .union(MapFlags::ANONYMOUS)
    .union(MapFlags::DENYWRITE)
    .union(MapFlags::EXECUTABLE)
    .union(MapFlags::UNINITIALIZED)
    .union(MapFlags::GROWSDOWN)
    .union(MapFlags::LOCKED)
    .union(MapFlags::NORESERVE)
    .union(MapFlags::POPULATE)
    .union(MapFlags::NONBLOCK)
    .union(MapFlags::STACK)
    .union(MapFlags::HUGETLB)
    .union(MapFlags::FIXED_NOREPLACE);

fn of_file(request: &mut MapRequest, file: Arc<OpenFile>, flags: u32, offset: u64) -> Result<()> {
    let write = request.prot.contains(ProtFlags::WRITE);
    let shared = match flags & MAP_TYPE {
        t if t == MapFlags::PRIVATE.bits() => false,
        t if t == MapFlags::SHARED.bits() => true,
        t if t == MapFlags::SHARED_VALIDATE.bits() => {
            if !LEGACY.contains(MapFlags::from_bits_retain(flags)) {
                return Err(Errno::EOPNOTSUPP);
            }
            true
        }
        _ => return Err(Errno::EINVAL),
    };
    if shared && write && !file.writable() {
        return Err(Errno::EACCES);
    }
    // What only grows is not written to in its midst.
    let grows = file.inode().attr().flags().contains(InodeFlags::APPEND);
    if shared && file.writable() && grows {
        return Err(Errno::EACCES);
    }
    if !file.readable() {
        return Err(Errno::EACCES);
    }
    if file.path().mount().flags().contains(MountFlags::NOEXEC) {
        if request.prot.contains(ProtFlags::EXEC) {
            return Err(Errno::EPERM);
        }
        request.flags -= VmaFlags::MAYEXEC;
    }
    // The end of the greatest file.
    let end = offset.checked_add(request.len as u64);
    if file.inode().attr().is_regular() && end.is_none_or(|end| end > vfs::seek::MAX_SIZE) {
        return Err(Errno::EOVERFLOW);
    }
    let object = file.ops().mmap(
        &file,
        &MmapRequest {
            shared,
            write,
            offset,
            len: request.len,
        },
    )?;
    if request.flags.contains(VmaFlags::GROWSDOWN) {
        return Err(Errno::EINVAL);
    }
    if shared {
        let sealed = object
            .seals()
            .intersects(Seals::WRITE | Seals::FUTURE_WRITE);
        if sealed && write {
            return Err(Errno::EPERM);
        }
        request.flags |= VmaFlags::SHARED;
        if sealed || !file.writable() {
            request.flags -= VmaFlags::MAYWRITE;
        }
    }
    file.path().mount().accessed(file.inode().attr());
    let offset = file.ops().object_offset(offset);
    request.backing = Backing::Object { object, offset };
    let name: Arc<dyn MapName> = file;
    request.name = Some(name);
    Ok(())
}

/// `munmap(2)`.
pub fn munmap(cx: &mut Cx<'_>, addr: UserAddr, len: usize) -> Result<usize> {
    cx.thread.mm()?.unmap(addr, len)?;
    Ok(0)
}

/// `mseal(2)`.
pub fn mseal(cx: &mut Cx<'_>, addr: UserAddr, len: usize, flags: u64) -> Result<usize> {
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    cx.thread.mm()?.seal(addr, len)?;
    Ok(0)
}

/// `mprotect(2)`.
pub fn mprotect(cx: &mut Cx<'_>, addr: UserAddr, len: usize, prot: u32) -> Result<usize> {
    cx.thread
        .mm()?
        .protect(addr, len, ProtFlags::from_bits_retain(prot))?;
    Ok(0)
}

/// `mremap(2)`.
pub fn mremap(
    cx: &mut Cx<'_>,
    old: UserAddr,
    old_len: usize,
    new_len: usize,
    flags: u32,
    new: UserAddr,
) -> Result<usize> {
    let flags = RemapFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    Ok(cx.thread.mm()?.remap(old, old_len, new_len, flags, new)?.0)
}

/// `madvise(2)`.
pub fn madvise(cx: &mut Cx<'_>, addr: UserAddr, len: usize, advice: i32) -> Result<usize> {
    cx.thread.mm()?.advise(addr, len, advice)?;
    Ok(0)
}

/// `msync(2)`.
pub fn msync(cx: &mut Cx<'_>, addr: UserAddr, len: usize, flags: u32) -> Result<usize> {
    let flags = MsyncFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    cx.thread.mm()?.sync(addr, len, flags)?;
    Ok(0)
}

/// `mincore(2)`.
pub fn mincore(cx: &mut Cx<'_>, addr: UserAddr, len: usize, out: UserAddr) -> Result<usize> {
    if !addr.0.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    // Both ranges are judged before anything is looked at.
    if !addr.in_user_range(len) {
        return Err(Errno::ENOMEM);
    }
    let pages = len.div_ceil(PAGE_SIZE);
    if !out.in_user_range(pages) {
        return Err(Errno::EFAULT);
    }
    let mm = cx.thread.mm()?;
    let mut part = [0u8; 256];
    let mut done = 0;
    while done < pages {
        let n = (pages - done).min(part.len());
        let part = part.get_mut(..n).unwrap_or_default();
        mm.resident(addr.wrapping_add(done * PAGE_SIZE), part)?;
        ucopy::copy_out(out.wrapping_add(done), part).map_err(|_| Errno::EFAULT)?;
        done += n;
    }
    Ok(0)
}

/// `mlock(2)`.
pub fn mlock(cx: &mut Cx<'_>, addr: UserAddr, len: usize) -> Result<usize> {
    cx.thread.mm()?.lock(addr, len, false)?;
    Ok(0)
}

/// `mlock2(2)`.
pub fn mlock2(cx: &mut Cx<'_>, addr: UserAddr, len: usize, flags: u32) -> Result<usize> {
    if flags & !MLOCK_ONFAULT != 0 {
        return Err(Errno::EINVAL);
    }
    cx.thread.mm()?.lock(addr, len, flags != 0)?;
    Ok(0)
}

/// `munlock(2)`.
pub fn munlock(cx: &mut Cx<'_>, addr: UserAddr, len: usize) -> Result<usize> {
    cx.thread.mm()?.unlock(addr, len)?;
    Ok(0)
}

/// `mlockall(2)`.
pub fn mlockall(cx: &mut Cx<'_>, flags: u32) -> Result<usize> {
    let flags = MlockallFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    cx.thread.mm()?.lock_all(flags)?;
    Ok(0)
}

/// `munlockall(2)`.
pub fn munlockall(cx: &mut Cx<'_>) -> Result<usize> {
    cx.thread.mm()?.unlock_all()?;
    Ok(0)
}

/// The longest name of a memfd: what a file name holds less `memfd:`.
const MEMFD_NAME: usize = 255 - "memfd:".len();

/// `memfd_create(2)`.
pub fn memfd_create(cx: &mut Cx<'_>, name: StrPtr, flags: u32) -> Result<usize> {
    let flags = MemfdFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
    // There are no huge pages to make it from.
    if flags.contains(MemfdFlags::HUGETLB)
        || flags.contains(MemfdFlags::EXEC | MemfdFlags::NOEXEC_SEAL)
    {
        return Err(Errno::EINVAL);
    }
    let mut text = [0; MEMFD_NAME + 1];
    let n = ucopy::read_cstr(name.0, &mut text).map_err(|_| Errno::EFAULT)?;
    let text = text
        .get(..n)
        .filter(|t| t.len() <= MEMFD_NAME)
        .ok_or(Errno::EINVAL)?;
    let noexec = flags.contains(MemfdFlags::NOEXEC_SEAL);
    let seals = match (noexec, flags.contains(MemfdFlags::ALLOW_SEALING)) {
        // Sealed against execution means that seals are allowed.
        (true, _) => Seals::EXEC,
        (false, true) => Seals::empty(),
        (false, false) => Seals::SEAL,
    };
    let file = fs::memfd::create(text, seals, !noexec, &cx.thread.cred())?;
    let limit = cx.process().limits().soft(Resource::OpenFiles);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let fd = cx
        .thread
        .files()?
        .install(file, limit, flags.contains(MemfdFlags::CLOEXEC))?;
    Ok(fd as usize)
}

/// `membarrier(2)`.
pub fn membarrier(cx: &mut Cx<'_>, command: i32, flags: u32, _cpu: i32) -> Result<usize> {
    use abi::mman::membarrier::*;
    const REGISTRATIONS: i32 = MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED
        | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED
        | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE
        | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ;
    const ALL: i32 = REGISTRATIONS
        | MEMBARRIER_CMD_GLOBAL
        | MEMBARRIER_CMD_GLOBAL_EXPEDITED
        | MEMBARRIER_CMD_PRIVATE_EXPEDITED
        | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE
        | MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ
        | MEMBARRIER_CMD_GET_REGISTRATIONS;
    // Restartable sequences can be broken off on one processor only; here it is always all of them.
    let one = command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ && flags == MEMBARRIER_CMD_FLAG_CPU;
    if flags != 0 && !one {
        return Err(Errno::EINVAL);
    }
    let mm = cx.thread.mm()?;
    let registered = mm.membarrier_registrations();
    match command {
        MEMBARRIER_CMD_QUERY => Ok(ALL as usize),
        MEMBARRIER_CMD_GET_REGISTRATIONS => {
            // Linux shows who registered for more as registered for the plain private barrier too.
            const MORE: i32 = MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE
                | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ;
            let mut shown = registered;
            if registered & MORE as u64 != 0 {
                shown |= MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED as u64;
            }
            Ok(shown as usize)
        }
        MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED
        | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED
        | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE
        | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ => {
            mm.register_membarrier(command as u64);
            Ok(0)
        }
        MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE => {
            // The registration of a private command is the bit above it.
            if registered & (command as u64) << 1 == 0 {
                return Err(Errno::EPERM);
            }
            mm::barrier::everywhere();
            Ok(0)
        }
        MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ => {
            if registered & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ as u64 == 0 {
                return Err(Errno::EPERM);
            }
            // Each thread of this memory starts over whatever sequence it is in: those that run, when the barrier's
            // interrupt sends them through the kernel.
            let threads: Vec<_> = task::tree::lock().threads().cloned().collect();
            for thread in threads {
                if thread.mm().is_ok_and(|its| Arc::ptr_eq(&its, &mm)) {
                    thread.look_at_rseq();
                }
            }
            mm::barrier::everywhere();
            Ok(0)
        }
        MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED => {
            mm::barrier::everywhere();
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}
