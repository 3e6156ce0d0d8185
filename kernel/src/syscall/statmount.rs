//! What is mounted, by number: `statmount(2)`, `listmount(2)`.

use abi::mount::{MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE};
use abi::stat::{major, minor};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use hal::ucopy::UserSlice;
use hal::{PAGE_SIZE, UserAddr, ucopy};
use sync::Capability;
use vfs::{Mount, MountFlags, Path, mount, mount_text};

use super::Cx;
use super::args::Flags;
use super::process::read_extensible;

/// In place of a number: the root of the caller.
const LSMT_ROOT: u64 = u64::MAX;
/// Numbers at most asked for: what a list of them can hold.
const MOST: usize = (i32::MAX as usize) / 8;
/// Bytes of `struct mnt_id_req`, the first version and the present one.
const FIRST: usize = 24;
const PRESENT: usize = 32;
/// Bytes of `struct statmount` before the strings.
const FIXED: usize = 512;

const SB_BASIC: u64 = 1;
const MNT_BASIC: u64 = 2;
const PROPAGATE_FROM: u64 = 4;
const MNT_ROOT: u64 = 8;
const MNT_POINT: u64 = 0x10;
const FS_TYPE: u64 = 0x20;
const MNT_NS_ID: u64 = 0x40;
const MNT_OPTS: u64 = 0x80;

/// The number of the caller's namespace of mounts.
fn own_namespace(cx: &Cx<'_>) -> u64 {
    cx.holdings.fs.namespace().map_or(0, |own| own.id())
}

struct Request {
    id: u64,
    param: u64,
}

fn request(at: UserAddr, own: u64) -> Result<Request> {
    let mut size = [0; 4];
    ucopy::copy_in(&mut size, at).map_err(|_| Errno::EFAULT)?;
    let size = u32::from_ne_bytes(size) as usize;
    if size > PAGE_SIZE {
        return Err(Errno::E2BIG);
    }
    if size < FIRST {
        return Err(Errno::EINVAL);
    }
    let mut words = [0u64; PRESENT / 8];
    read_extensible(at, size, &mut words)?;
    let [head, id, param, namespace] = words;
    if head >> 32 != 0 {
        return Err(Errno::EINVAL);
    }
    // The old numbers of mounts are not taken for the new ones.
    if id <= 1 << 31 {
        return Err(Errno::EINVAL);
    }
    // Other namespaces are seen by who has entered them.
    if namespace != 0 && namespace != own {
        return Err(Errno::ENOENT);
    }
    Ok(Request { id, param })
}

/// The mounts below the caller's root, in the order of their numbers.
fn visible(root: &Path) -> Vec<Arc<Mount>> {
    let mut mounts = mount::lock_tree().all();
    mounts.retain(|mount| {
        Path::new(mount.clone(), mount.root().clone())
            .text(root)
            .reachable
    });
    mounts.sort_by_key(|mount| mount.unique_id());
    mounts
}

/// A structure with its strings being written.
struct Answer {
    bytes: Vec<u8>,
    mask: u64,
}

impl Answer {
    fn put<const N: usize>(&mut self, at: usize, value: [u8; N]) {
        if let Some(to) = self.bytes.get_mut(at..at + N) {
            to.copy_from_slice(&value);
        }
    }

    /// A string, and where it begins.
    fn text(&mut self, at: usize, bit: u64, text: &[u8]) {
        let offset = (self.bytes.len() - FIXED) as u32;
        self.put(at, offset.to_ne_bytes());
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        self.mask |= bit;
    }
}

fn attributes(flags: MountFlags) -> u64 {
    let mut attributes = 0;
    for (flag, bit) in [
        (MountFlags::RDONLY, 1),
        (MountFlags::NOSUID, 2),
        (MountFlags::NODEV, 4),
        (MountFlags::NOEXEC, 8),
        (MountFlags::NODIRATIME, 0x80),
        (MountFlags::NOSYMFOLLOW, 0x20_0000),
    ] {
        if flags.contains(flag) {
            attributes |= bit;
        }
    }
    attributes
        | if flags.contains(MountFlags::NOATIME) {
            0x10
        } else if flags.contains(MountFlags::RELATIME) {
            0
        } else {
            0x20
        }
}

fn propagation(mount: &Mount) -> u64 {
    let mut kind = 0;
    if mount.group() != 0 {
        kind |= MS_SHARED;
    }
    if mount.master() != 0 {
        kind |= MS_SLAVE;
    }
    if mount.flags().contains(MountFlags::UNBINDABLE) {
        kind |= MS_UNBINDABLE;
    }
    if kind == 0 { MS_PRIVATE } else { kind }
}

fn describe(mount: &Arc<Mount>, root: &Path, wanted: u64, namespace: u64) -> Answer {
    let mut answer = Answer {
        bytes: alloc::vec![0; FIXED],
        mask: 0,
    };
    let sb = mount.sb();
    if wanted & SB_BASIC != 0 {
        answer.mask |= SB_BASIC;
        answer.put(0x10, major(sb.dev()).to_ne_bytes());
        answer.put(0x14, minor(sb.dev()).to_ne_bytes());
        let magic = sb.fs().statfs().map_or(0, |stat| stat.f_type);
        answer.put(0x18, magic.to_ne_bytes());
        answer.put(0x20, sb.flags().to_ne_bytes());
    }
    if wanted & MNT_BASIC != 0 {
        answer.mask |= MNT_BASIC;
        let parent = mount.mountpoint();
        let parent = parent.as_ref().map_or(mount, |point| point.mount());
        answer.put(0x28, mount.unique_id().to_ne_bytes());
        answer.put(0x30, parent.unique_id().to_ne_bytes());
        answer.put(0x38, mount.id().to_ne_bytes());
        answer.put(0x3c, parent.id().to_ne_bytes());
        answer.put(0x40, attributes(mount.flags()).to_ne_bytes());
        answer.put(0x48, propagation(mount).to_ne_bytes());
        answer.put(0x50, u64::from(mount.group()).to_ne_bytes());
        answer.put(0x58, u64::from(mount.master()).to_ne_bytes());
    }
    // From whom it receives first is not looked for.
    answer.mask |= wanted & PROPAGATE_FROM;
    if wanted & MNT_ROOT != 0 {
        answer.text(0x68, MNT_ROOT, &mount_text::root_of(mount));
    }
    if wanted & MNT_POINT != 0 {
        let place = Path::new(mount.clone(), mount.root().clone()).text(root);
        answer.text(0x6c, MNT_POINT, &place.bytes);
    }
    if wanted & FS_TYPE != 0 {
        answer.text(0x24, FS_TYPE, sb.kind().as_bytes());
    }
    if wanted & MNT_NS_ID != 0 {
        answer.mask |= MNT_NS_ID;
        answer.put(0x70, namespace.to_ne_bytes());
    }
    if wanted & MNT_OPTS != 0 {
        let mut options = String::new();
        // Writing to a string cannot fail.
        let _ = sb.fs().show_options(&mut options);
        let options = options.strip_prefix(',').unwrap_or(&options);
        if !options.is_empty() {
            answer.text(4, MNT_OPTS, options.as_bytes());
        }
    }
    let (size, mask) = (answer.bytes.len() as u32, answer.mask);
    answer.put(0, size.to_ne_bytes());
    answer.put(8, mask.to_ne_bytes());
    answer
}

/// `statmount(2)`.
pub fn statmount(
    cx: &mut Cx<'_>,
    req: UserAddr,
    to: UserAddr,
    size: usize,
    flags: Flags,
) -> Result<usize> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL);
    }
    let namespace = own_namespace(cx);
    let Request { id, param } = request(req, namespace)?;
    let root = cx.caller().place().root();
    let mut mounts = visible(&root).into_iter();
    let mount = mounts.find(|mount| mount.unique_id() == id);
    let mount = mount.ok_or(Errno::ENOENT)?;
    let answer = describe(&mount, &root, param, namespace);
    let texts = answer.bytes.len() > FIXED;
    if texts && answer.bytes.len() > size {
        return Err(Errno::EOVERFLOW);
    }
    let fits = answer.bytes.get(..size.min(answer.bytes.len()));
    UserSlice::new(to, size.min(answer.bytes.len())).write(fits.unwrap_or_default())?;
    Ok(0)
}

/// `listmount(2)`.
pub fn listmount(
    cx: &mut Cx<'_>,
    req: UserAddr,
    to: UserAddr,
    count: usize,
    flags: Flags,
) -> Result<usize> {
    const REVERSE: u32 = 1;
    if flags.0 & !REVERSE != 0 {
        return Err(Errno::EINVAL);
    }
    if count > MOST {
        return Err(Errno::EOVERFLOW);
    }
    let Request { id, param } = request(req, own_namespace(cx))?;
    if param != 0 && param <= 1 << 31 {
        return Err(Errno::EINVAL);
    }
    let root = cx.caller().place().root();
    let mounts = visible(&root);
    let from = match id {
        LSMT_ROOT => root.mount().clone(),
        _ => mounts
            .iter()
            .find(|mount| mount.unique_id() == id)
            .ok_or(Errno::ENOENT)?
            .clone(),
    };
    if mounts.is_empty() && !cx.holdings.cred.has(Capability::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    let below = |mount: &&Arc<Mount>| {
        let mut at = (*mount).clone();
        while let Some(point) = at.mountpoint() {
            if Arc::ptr_eq(point.mount(), &from) {
                return true;
            }
            at = point.mount().clone();
        }
        false
    };
    let mut ids: Vec<u64> = mounts
        .iter()
        .filter(below)
        .map(|mount| mount.unique_id())
        .collect();
    if flags.0 & REVERSE != 0 {
        ids.reverse();
        ids.retain(|id| param == 0 || *id < param);
    } else {
        ids.retain(|id| *id > param);
    }
    ids.truncate(count);
    let mut bytes = Vec::new();
    for id in &ids {
        bytes.extend_from_slice(&id.to_ne_bytes());
    }
    UserSlice::new(to, bytes.len()).write(&bytes)?;
    Ok(ids.len())
}
