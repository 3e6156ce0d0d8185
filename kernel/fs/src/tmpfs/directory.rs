//! The names in a directory.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use hashbrown::HashTable;
use vfs::name_hash::hash;

use super::inode::TmpInode;

/// Cookies below this stand for `.` and `..`.
pub(super) const FIRST_COOKIE: u64 = 2;

pub(super) struct Entry {
    pub(super) name: Arc<[u8]>,
    pub(super) inode: Arc<TmpInode>,
}

struct Slot {
    hash: u64,
    cookie: u64,
}

/// A directory's entries, by name and in the order they were made.
pub(super) struct Directory {
    entries: BTreeMap<u64, Entry>,
    index: HashTable<Slot>,
    next: u64,
}

impl Directory {
    pub(super) fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            index: HashTable::new(),
            next: FIRST_COOKIE,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn cookie(&self, name: &[u8]) -> Option<u64> {
        let hash = hash(name);
        let named = |slot: &Slot| {
            slot.hash == hash
                && self
                    .entries
                    .get(&slot.cookie)
                    .is_some_and(|entry| *entry.name == *name)
        };
        self.index.find(hash, named).map(|slot| slot.cookie)
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&Arc<TmpInode>> {
        self.entries
            .get(&self.cookie(name)?)
            .map(|entry| &entry.inode)
    }

    /// Adds a name that is not there.
    pub(super) fn insert(&mut self, name: Arc<[u8]>, inode: Arc<TmpInode>) {
        let (hash, cookie) = (hash(&name), self.next);
        self.next += 1;
        self.index
            .insert_unique(hash, Slot { hash, cookie }, |slot| slot.hash);
        self.entries.insert(cookie, Entry { name, inode });
    }

    /// Puts another inode behind a name; the one it had.
    pub(super) fn replace(&mut self, name: &[u8], inode: Arc<TmpInode>) -> Option<Arc<TmpInode>> {
        let cookie = self.cookie(name)?;
        let entry = self.entries.get_mut(&cookie)?;
        Some(core::mem::replace(&mut entry.inode, inode))
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Arc<TmpInode>> {
        let cookie = self.cookie(name)?;
        if let Ok(slot) = self
            .index
            .find_entry(hash(name), |slot| slot.cookie == cookie)
        {
            slot.remove();
        }
        self.entries.remove(&cookie).map(|entry| entry.inode)
    }

    /// The entries whose cookie is `from` or later.
    pub(super) fn from(&self, from: u64) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries
            .range(from..)
            .map(|(cookie, entry)| (*cookie, entry))
    }

    /// All inodes, leaving the directory empty.
    pub(super) fn take(&mut self) -> Vec<Arc<TmpInode>> {
        self.index.clear();
        core::mem::take(&mut self.entries)
            .into_values()
            .map(|entry| entry.inode)
            .collect()
    }
}
