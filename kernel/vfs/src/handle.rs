//! Handles: a file named by numbers, found again through any mount of its file system
//! (`man 2 open_by_handle_at`).
//!
//! A handle is found again because it was given: what has one is kept in a table, weakly.

use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use sync::{SortedMap, SpinLock, rank};

use crate::dentry::Dentry;
use crate::inode::{Inode, same_inode};
use crate::path::Path;
use crate::superblock::SuperBlock;

/// Bytes of a handle.
pub const LEN: usize = 12;
/// The type of handles that find their file again.
pub const KIND: i32 = 1;
/// The type of handles that only tell files apart (`FILEID_INO64_GEN`).
pub const KIND_FOR_TELLING: i32 = 0x81;

struct Given {
    inode: Weak<dyn Inode>,
    dentry: Weak<Dentry>,
}

#[derive(Default)]
struct Table {
    given: SortedMap<(u64, u64), Given>,
    /// At how many entries to look for those whose file is gone.
    sweep_at: usize,
}

static TABLE: SpinLock<Option<Table>, { rank::LEAF }> = SpinLock::new(None);

/// Linux gives inodes random generations, as their numbers may come again; here they do not, but tell file systems
/// apart.
fn generation(sb: &SuperBlock, ino: u64) -> u32 {
    ((ino ^ sb.dev() << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

fn bytes_of(sb: &SuperBlock, ino: u64) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    let words = [generation(sb, ino), ino as u32, (ino >> 32) as u32];
    for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// Whether files of the file system are found again by their handles.
fn finds_again(sb: &SuperBlock) -> bool {
    matches!(sb.kind(), "tmpfs" | "devtmpfs" | "rootfs")
}

/// The handle of the file at `path` and its type; `to_tell` does without finding it again.
///
/// # Errors
/// `EOPNOTSUPP` where files have no handles.
pub fn encode(path: &Path, to_tell: bool) -> Result<([u8; LEN], i32)> {
    let sb = path.mount().sb();
    let ino = path.inode().attr().ino();
    if !finds_again(sb) {
        if !to_tell {
            return Err(Errno::EOPNOTSUPP);
        }
        // The number, and the generation there is none of.
        let mut bytes = [0; LEN];
        for (to, byte) in bytes.iter_mut().zip(ino.to_ne_bytes()) {
            *to = byte;
        }
        return Ok((bytes, KIND_FOR_TELLING));
    }
    let mut table = TABLE.lock();
    let table = table.get_or_insert_default();
    if table.given.len() >= table.sweep_at {
        table
            .given
            .retain(|_, given: &mut Given| given.inode.strong_count() > 0);
        table.sweep_at = (table.given.len() * 2).max(64);
    }
    let given = Given {
        inode: Arc::downgrade(path.inode()),
        dentry: Arc::downgrade(path.dentry()),
    };
    table.given.insert((sb.dev(), ino), given);
    Ok((bytes_of(sb, ino), KIND))
}

/// The file of a handle, seen through the mount of `at`.
///
/// # Errors
/// `ESTALE` when there is none any more, or never was.
pub fn decode(at: &Path, handle: &[u8]) -> Result<Path> {
    let words = handle.get(..LEN).ok_or(Errno::ESTALE)?;
    let mut low = [0; 8];
    low.copy_from_slice(words.get(4..).ok_or(Errno::ESTALE)?);
    let ino = u64::from_ne_bytes(low);
    let sb = at.mount().sb();
    if bytes_of(sb, ino).as_slice() != words {
        return Err(Errno::ESTALE);
    }
    let (inode, dentry) = {
        let table = TABLE.lock();
        let given = table.as_ref().and_then(|it| it.given.get(&(sb.dev(), ino)));
        let given = given.ok_or(Errno::ESTALE)?;
        let inode = given.inode.upgrade().ok_or(Errno::ESTALE)?;
        (inode, given.dentry.upgrade())
    };
    let dentry = dentry.filter(|dentry| same_inode(dentry.inode(), &inode));
    let dentry = dentry.unwrap_or_else(|| {
        let name = alloc::format!("#{ino}").into_bytes();
        Dentry::unlinked(sb.root(), Arc::from(name), inode)
    });
    Ok(Path::new(at.mount().clone(), dentry))
}
