//! What the entries of an archive become. An entry that cannot be made (its directory is missing) is
//! left out, as on Linux.

use abi::stat::{S_IALLUGO, makedev};
use alloc::sync::Arc;
use alloc::vec::Vec;
use hal::UFrame;
use hashbrown::HashMap;
use mm::{IoSrc, MemObject};
use sync::Credentials;
use vfs::ops::{create, remove};
use vfs::{
    FileType, FsContext, Inode, LookupFlags, NewNode, Path, SetAttr, Start, Timestamp, lookup,
};

use super::cpio::Entry;

/// What tells the hard links of an archive: device, inode number, type.
type LinkKey = ((u32, u32), u32, u32);

/// The longest target of a symbolic link.
const PATH_MAX: usize = abi::fcntl::PATH_MAX;

struct Open {
    path: Path,
    object: Arc<MemObject>,
    at: u64,
    mtime: Timestamp,
}

enum Current {
    /// Nothing to be done with the data.
    None,
    File(Open),
    Symlink {
        entry: Entry,
        text: Vec<u8>,
    },
}

/// The tree an archive is unpacked into.
pub struct Tree<'a> {
    fs: &'a FsContext,
    cred: &'a Credentials,
    current: Current,
    links: HashMap<LinkKey, Vec<u8>>,
    /// Times of directories, set when all is in them.
    times: Vec<(Path, Timestamp)>,
    /// Bytes adopted without a copy, for the log.
    adopted: u64,
    entries: u64,
}

impl<'a> Tree<'a> {
    /// Unpacks below the root of `fs` as `cred`.
    #[must_use]
    pub fn new(fs: &'a FsContext, cred: &'a Credentials) -> Self {
        Self {
            fs,
            cred,
            current: Current::None,
            links: HashMap::new(),
            times: Vec::new(),
            adopted: 0,
            entries: 0,
        }
    }

    /// Entries seen, and bytes adopted without a copy.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.entries, self.adopted)
    }

    fn start(&self) -> Start<'_> {
        Start {
            fs: self.fs,
            base: None,
            cred: self.cred,
        }
    }

    fn find(&self, name: &[u8]) -> Option<Path> {
        lookup(&self.start(), name, LookupFlags::empty()).ok()
    }

    /// An entry begins.
    pub(super) fn begin(&mut self, entry: Entry) {
        self.entries += 1;
        self.current = Current::None;
        let Some(kind) = FileType::from_mode(entry.mode) else {
            return;
        };
        self.clear_way(&entry.name, kind);
        match kind {
            FileType::Symlink => {
                self.current = Current::Symlink {
                    entry,
                    text: Vec::new(),
                }
            }
            FileType::Directory => self.directory(&entry),
            FileType::Regular => self.file(&entry),
            FileType::Char | FileType::Block | FileType::Fifo | FileType::Socket => {
                self.special(&entry, kind)
            }
        }
    }

    /// What stands in the way with another type goes.
    fn clear_way(&self, name: &[u8], kind: FileType) {
        let Some(found) = self.find(name) else { return };
        let there = found.inode().attr().file_type();
        if there == kind {
            return;
        }
        // What cannot be removed shows in what follows.
        let _ = match there {
            FileType::Directory => remove::rmdir(&self.start(), name),
            _ => remove::unlink(&self.start(), name),
        };
    }

    fn own(&self, path: &Path, entry: &Entry) {
        let change = SetAttr {
            mode: Some(entry.mode & S_IALLUGO),
            uid: Some(entry.uid),
            gid: Some(entry.gid),
            ..SetAttr::default()
        };
        let _ = path.inode().set_attr(&change);
    }

    fn directory(&mut self, entry: &Entry) {
        let mode = entry.mode & S_IALLUGO;
        let made = create::create(&self.start(), &entry.name, NewNode::Directory, mode);
        let Some(path) = made.ok().or_else(|| self.find(&entry.name)) else {
            return;
        };
        self.own(&path, entry);
        self.times.push((path, mtime(entry)));
    }

    /// The first name of a hard-linked file, or the link to it.
    fn linked(&mut self, entry: &Entry) -> bool {
        if entry.nlink < 2 {
            return false;
        }
        let key = (entry.dev, entry.ino, entry.mode & abi::stat::S_IFMT);
        let Some(first) = self.links.get(&key) else {
            self.links.insert(key, entry.name.clone());
            return false;
        };
        let Some(first) = self.find(first) else {
            return false;
        };
        let _ = remove::unlink(&self.start(), &entry.name);
        create::link(&first, &self.start(), &entry.name).is_ok()
    }

    fn file(&mut self, entry: &Entry) {
        let linked = self.linked(entry);
        let path = match self.find(&entry.name) {
            Some(path) => path,
            None => match create::create(
                &self.start(),
                &entry.name,
                NewNode::Regular,
                entry.mode & S_IALLUGO,
            ) {
                Ok(path) => path,
                Err(_) => return,
            },
        };
        self.own(&path, entry);
        let Some(object) = path.inode().object().cloned() else {
            return;
        };
        // The data of a linked file comes with one of its names; the others must not cut it.
        if !linked || entry.size > 0 {
            let _ = path.inode().truncate(u64::from(entry.size));
        }
        self.current = Current::File(Open {
            path,
            object,
            at: 0,
            mtime: mtime(entry),
        });
    }

    fn special(&mut self, entry: &Entry, kind: FileType) {
        if self.linked(entry) {
            return;
        }
        let dev = makedev(entry.rdev.0, entry.rdev.1);
        let node = match kind {
            FileType::Char => NewNode::Char(dev),
            FileType::Block => NewNode::Block(dev),
            FileType::Fifo => NewNode::Fifo,
            _ => NewNode::Socket,
        };
        let made = create::create(&self.start(), &entry.name, node, entry.mode & S_IALLUGO);
        if let Some(path) = made.ok().or_else(|| self.find(&entry.name)) {
            self.own(&path, entry);
            set_time(path.inode(), mtime(entry));
        }
    }

    /// Whether the data of this entry is kept.
    pub(super) fn wants_data(&self) -> bool {
        matches!(self.current, Current::File(_))
    }

    /// A page of data that can be adopted.
    pub(super) fn page(&mut self, frame: UFrame) {
        if let Current::File(open) = &mut self.current {
            if open.at % u64::from(super::PAGE) == 0 {
                let index = open.at / u64::from(super::PAGE);
                // Past a full file system the data is lost, as with a copy.
                if open.object.insert_frame(index, frame).is_ok() {
                    self.adopted += u64::from(super::PAGE);
                }
            } else {
                let mut bytes = alloc::vec![0; hal::PAGE_SIZE];
                frame.read(0, &mut bytes);
                let _ = open.object.write_at(open.at, &mut IoSrc::kernel(&bytes));
            }
            open.at += u64::from(super::PAGE);
        }
    }

    /// Data of the entry.
    pub(super) fn data(&mut self, bytes: &[u8]) {
        match &mut self.current {
            Current::None => {}
            Current::File(open) => {
                let _ = open.object.write_at(open.at, &mut IoSrc::kernel(bytes));
                open.at += bytes.len() as u64;
            }
            Current::Symlink { text, .. } => {
                let room = PATH_MAX.saturating_sub(text.len());
                text.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
            }
        }
    }

    /// The entry is complete.
    pub(super) fn end(&mut self) {
        match core::mem::replace(&mut self.current, Current::None) {
            Current::None => {}
            Current::File(open) => set_time(open.path.inode(), open.mtime),
            Current::Symlink { entry, text } => self.symlink(&entry, &text),
        }
    }

    fn symlink(&mut self, entry: &Entry, text: &[u8]) {
        let end = text
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(text.len());
        let target = text.get(..end).unwrap_or_default();
        if target.is_empty() || text.len() >= PATH_MAX || self.linked(entry) {
            return;
        }
        let Ok(path) = create::create(&self.start(), &entry.name, NewNode::Symlink(target), 0o777)
        else {
            return;
        };
        let change = SetAttr {
            uid: Some(entry.uid),
            gid: Some(entry.gid),
            ..SetAttr::default()
        };
        let _ = path.inode().set_attr(&change);
        set_time(path.inode(), mtime(entry));
    }

    /// The archive ends: its inode numbers mean nothing to the next one.
    pub(super) fn end_of_archive(&mut self) {
        self.links.clear();
    }
}

impl Drop for Tree<'_> {
    /// Directories get their times when nothing is put into them any more.
    fn drop(&mut self) {
        for (path, time) in self.times.iter().rev() {
            set_time(path.inode(), *time);
        }
    }
}

fn mtime(entry: &Entry) -> Timestamp {
    Timestamp {
        sec: i64::from(entry.mtime),
        nsec: 0,
    }
}

fn set_time(inode: &Arc<dyn Inode>, time: Timestamp) {
    let change = SetAttr {
        accessed: Some(time),
        modified: Some(time),
        ..SetAttr::default()
    };
    let _ = inode.set_attr(&change);
}
