//! sysfs: directories, files of text and links that subsystems put up (`man 5 sysfs`).
//!
//! There is one tree, and every mount shows it. A subsystem names what it shows by its path below the root; directories
//! above it are made. What it takes away is gone at once; a file that is open still reads.

mod file;
mod node;
#[cfg(test)]
mod tests;

use abi::mount::SYSFS_MAGIC;
use abi::stat::Statfs;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::{Mutex, Once, rank};
use vfs::{Dentry, FileSystem, FileSystemType, Inode, SuperBlock};

use node::{Body, Node};

const NAME: &str = "sysfs";

/// A file's text, and what writing it does.
pub trait Attribute: Send + Sync {
    /// The text now.
    fn show(&self, out: &mut String);

    /// The bytes now, where they are no text.
    fn bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        self.show(&mut text);
        text.into_bytes()
    }

    /// Takes what a program wrote in one go.
    ///
    /// # Errors
    /// `EINVAL` for what makes no sense; `EIO` by default, as on Linux for what cannot be set.
    fn store(&self, _text: &[u8]) -> Result<()> {
        Err(Errno::EIO)
    }
}

impl<F: Fn(&mut String) + Send + Sync> Attribute for F {
    fn show(&self, out: &mut String) {
        self(out);
    }
}

struct Tree {
    sb: Arc<SuperBlock>,
    /// Held while the tree changes.
    change: Mutex<(), { rank::INODE - 1 }>,
}

static TREE: Once<Tree> = Once::new();

/// Directories that are always there.
const ALWAYS: [&str; 10] = [
    "block",
    "bus",
    "class",
    "dev/block",
    "dev/char",
    "devices/system",
    "devices/virtual",
    "firmware",
    "fs",
    "kernel",
];

fn tree() -> Result<&'static Tree> {
    if TREE.get().is_none() {
        let fs = SysFs {
            root: Node::new(0o755, Body::directory()),
        };
        // Who comes second uses what the first one made.
        let _ = TREE.set(Tree {
            sb: SuperBlock::new(NAME, Box::new(fs), 0),
            change: Mutex::new(()),
        });
        for path in ALWAYS {
            directory(path)?;
        }
    }
    TREE.get().ok_or(Errno::ENOMEM)
}

/// Makes a directory and those above it.
///
/// # Errors
/// `ENOTDIR` when something else stands there.
pub fn directory(path: &str) -> Result<()> {
    let tree = tree()?;
    let _change = tree.change.lock();
    descend(tree, path).map(drop)
}

/// Puts up a file with permission bits `mode`, in place of what stood there.
///
/// # Errors
/// As [`directory`].
pub fn file(path: &str, mode: u32, text: Arc<dyn Attribute>) -> Result<()> {
    put(path, Node::new(mode, Body::File(text)))
}

/// Puts up a file whose text does not change.
///
/// # Errors
/// As [`directory`].
pub fn text(path: &str, text: &str) -> Result<()> {
    let text = String::from(text);
    file(
        path,
        0o444,
        Arc::new(move |out: &mut String| out.push_str(&text)),
    )
}

/// Puts up a symbolic link to the place `target` below the root.
///
/// # Errors
/// As [`directory`].
pub fn link(path: &str, target: &str) -> Result<()> {
    let text = relative(path, target);
    put(
        path,
        Node::new(0o777, Body::Link(Arc::from(text.into_bytes()))),
    )
}

/// What a link at `path` says to lead to `target`: up as far as where both are below, then down, as Linux has it.
fn relative(path: &str, target: &str) -> String {
    let folders = |path: &str| path.matches('/').count();
    let shared = path
        .split_inclusive('/')
        .zip(target.split_inclusive('/'))
        .take_while(|(one, other)| one == other && one.ends_with('/'))
        .map(|(one, _)| one.len())
        .sum::<usize>();
    let (path, target) = (path.get(shared..), target.get(shared..));
    let mut text = "../".repeat(folders(path.unwrap_or_default()));
    text.push_str(target.unwrap_or_default());
    text
}

/// Takes away what stands at a path, and what is below it. Nothing there: nothing happens.
pub fn remove(path: &str) {
    let Ok(tree) = tree() else { return };
    let _change = tree.change.lock();
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut directory = tree.sb.root().clone();
    for part in above.split('/').filter(|part| !part.is_empty()) {
        match directory.lookup(part.as_bytes()) {
            Ok(next) => directory = next,
            Err(_) => return,
        }
    }
    let Some(node) = node::of(directory.inode()) else {
        return;
    };
    if node.detach(name.as_bytes()).is_some() {
        // It is a directory: it had a child.
        let _ = directory.vanished(name.as_bytes());
    }
}

/// The directory at a path, made where it is missing; the tree is held against change.
fn descend(tree: &Tree, path: &str) -> Result<Arc<Dentry>> {
    let mut at = tree.sb.root().clone();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let part = part.as_bytes();
        at = match at.lookup(part) {
            Ok(next) => next,
            Err(Errno::ENOENT) => {
                attach(&at, part, Node::new(0o755, Body::directory()))?;
                at.lookup(part)?
            }
            Err(error) => return Err(error),
        };
    }
    Ok(at)
}

fn put(path: &str, new: Arc<Node>) -> Result<()> {
    let tree = tree()?;
    let _change = tree.change.lock();
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    let directory = descend(tree, above)?;
    attach(&directory, name.as_bytes(), new)
}

fn attach(directory: &Arc<Dentry>, name: &[u8], new: Arc<Node>) -> Result<()> {
    let node = node::of(directory.inode()).ok_or(Errno::ENOTDIR)?;
    if node.attach(name, new.clone())?.is_some() {
        directory.vanished(name)?;
    }
    directory.appeared(name, new)
}

/// The mounted tree.
struct SysFs {
    root: Arc<Node>,
}

impl FileSystem for SysFs {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Result<Statfs> {
        Ok(Statfs {
            f_type: SYSFS_MAGIC,
            f_bsize: 4096,
            f_frsize: 4096,
            f_namelen: 255,
            ..Statfs::default()
        })
    }
}

/// The kind `sysfs`.
pub struct SysFsType;

impl FileSystemType for SysFsType {
    fn name(&self) -> &'static str {
        NAME
    }

    fn mount(&self, _source: &[u8], data: &[u8], _flags: u32) -> Result<Arc<SuperBlock>> {
        if !data.is_empty() {
            return Err(Errno::EINVAL);
        }
        Ok(tree()?.sb.clone())
    }
}
