//! The machine's files: a tree that only grows, the same in every mount.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use sync::{Once, SpinLock, rank};
use vfs::Inode;

use super::dir::{Dir, Entry, Names};
use super::file::{Content, File, Owner};
use super::link::{Link, Target};
use super::text::Text;

/// Where the numbers of the machine's inodes begin, as on Linux.
const FIRST_INO: u64 = 0xf000_0000;

static NEXT_INO: AtomicU64 = AtomicU64::new(FIRST_INO);

fn next_ino() -> u64 {
    NEXT_INO.fetch_add(1, Ordering::Relaxed)
}

struct Leaf {
    name: &'static str,
    inode: Arc<dyn Inode>,
    /// What is below, for a directory.
    below: Option<Branch>,
}

/// A directory of the tree. Entries stay where they are: a listing's position is an index.
#[derive(Clone)]
pub(super) struct Branch(Arc<SpinLock<Vec<Leaf>, { rank::LEAF }>>);

impl Branch {
    fn new() -> Self {
        Self(Arc::new(SpinLock::new(Vec::new())))
    }

    fn enter(&self, leaf: Leaf) {
        let mut leaves = self.0.lock();
        let old = match leaves.iter_mut().find(|old| old.name == leaf.name) {
            Some(old) => Some(core::mem::replace(old, leaf)),
            None => {
                leaves.push(leaf);
                None
            }
        };
        drop(leaves);
        drop(old);
    }

    /// The directory `name` of this one, made when it is not there.
    fn directory(&self, name: &'static str, owner: Owner) -> Branch {
        let there = self
            .0
            .lock()
            .iter()
            .find(|leaf| leaf.name == name)
            .and_then(|leaf| leaf.below.clone());
        if let Some(there) = there {
            return there;
        }
        let below = Self::new();
        self.enter(Leaf {
            name,
            inode: Dir::new(next_ino(), 0o555, owner, below.clone()),
            below: Some(below.clone()),
        });
        below
    }
}

impl Names for Branch {
    fn find(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        self.0
            .lock()
            .iter()
            .find(|leaf| leaf.name.as_bytes() == name)
            .map(|leaf| leaf.inode.clone())
            .ok_or(Errno::ENOENT)
    }

    fn list(&self, from: u64, take: &mut dyn FnMut(&Entry<'_>) -> bool) -> Result<()> {
        let mut at = from;
        loop {
            let index = usize::try_from(at).unwrap_or(usize::MAX);
            let leaf = self
                .0
                .lock()
                .get(index)
                .map(|leaf| (leaf.name, leaf.inode.clone()));
            let Some((name, inode)) = leaf else {
                return Ok(());
            };
            at += 1;
            let entry = Entry {
                name: name.as_bytes(),
                ino: inode.attr().ino(),
                kind: inode.attr().file_type(),
                next: at,
            };
            if !take(&entry) {
                return Ok(());
            }
        }
    }

    fn directories(&self) -> u32 {
        let leaves = self.0.lock();
        leaves.iter().filter(|leaf| leaf.below.is_some()).count() as u32
    }
}

struct Roots {
    top: Branch,
    /// What `/proc/net` leads to: each process has it below its own directory.
    net: Branch,
    net_dir: Arc<Dir>,
}

static ROOTS: Once<Roots> = Once::new();

fn roots() -> &'static Roots {
    ROOTS.get_or_init(|| {
        let net = Branch::new();
        Roots {
            top: Branch::new(),
            net_dir: Dir::new(next_ino(), 0o555, Owner::Machine, net.clone()),
            net,
        }
    })
}

pub(super) fn top() -> Branch {
    roots().top.clone()
}

/// The directory that `/proc/net` leads to.
#[must_use]
pub fn net() -> Arc<dyn Inode> {
    roots().net_dir.clone()
}

/// The rules of what hangs at `path`: below `sys` they are those of settings.
fn owner(path: &str) -> Owner {
    if path.split('/').next() == Some("sys") {
        Owner::Setting
    } else {
        Owner::Machine
    }
}

/// The directory of `path` and the name in it. `net/` is the network's own tree.
fn place(path: &'static str) -> (Branch, &'static str) {
    let owner = owner(path);
    let (mut at, path) = match path.strip_prefix("net/") {
        Some(rest) => (roots().net.clone(), rest),
        None => (top(), path),
    };
    let mut words = path.split('/').peekable();
    while let Some(word) = words.next() {
        if words.peek().is_none() {
            return (at, word);
        }
        at = at.directory(word, owner);
    }
    (at, path)
}

fn enter(path: &'static str, inode: Arc<dyn Inode>) {
    let (branch, name) = place(path);
    branch.enter(Leaf {
        name,
        inode,
        below: None,
    });
}

/// Hangs a file in at `path` (below `/proc`, without a slash in front); the directories on the way are
/// made. What hung there goes.
pub fn register(path: &'static str, permissions: u32, content: impl Content) {
    enter(
        path,
        File::new(next_ino(), permissions, owner(path), content),
    );
}

/// Hangs in a file that everybody may read and nobody write.
pub fn show(
    path: &'static str,
    show: impl Fn(&mut Text) -> core::fmt::Result + Send + Sync + 'static,
) {
    register(path, 0o444, show);
}

/// Hangs a symbolic link in.
pub fn link(path: &'static str, target: impl Target) {
    enter(path, Link::new(next_ino(), 0o777, Owner::Machine, target));
}

/// Makes a directory (others are mounted there: `fs/binfmt_misc` and its kin).
pub fn directory(path: &'static str) {
    let (branch, name) = place(path);
    let _ = branch.directory(name, owner(path));
}
