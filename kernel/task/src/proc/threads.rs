//! `/proc/<pid>/task`.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write as _;
use fs::proc::{Entry, Names, Text};
use vfs::{FileType, Inode};

use super::directory;
use super::subject::Subject;
use crate::tree;

pub(super) fn names(of: Subject) -> Arc<dyn Names> {
    Arc::new(Threads { of })
}

struct Threads {
    of: Subject,
}

impl Threads {
    /// The numbers of the threads, in order; a leader that has ended is there while its process is.
    fn numbers(&self) -> Result<Vec<u32>> {
        let process = self.of.alive().map_err(|_| Errno::ENOENT)?;
        let mut all: Vec<u32> = process
            .threads()
            .iter()
            .map(|thread| thread.tid())
            .collect();
        all.push(process.pid());
        sync::order::sort(&mut all);
        all.dedup();
        Ok(all)
    }
}

impl Names for Threads {
    fn find(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        let tid = fs::proc::number(name)?;
        self.of.alive().map_err(|_| Errno::ENOENT)?;
        let thread = self.of.thread_of(tid).ok_or(Errno::ENOENT)?;
        Ok(directory::of_thread(thread))
    }

    fn list(&self, from: u64, take: &mut dyn FnMut(&Entry<'_>) -> bool) -> Result<()> {
        for tid in self.numbers()? {
            let Some(thread) = self.of.thread_of(tid).filter(|_| u64::from(tid) >= from) else {
                continue;
            };
            let mut name = Text::default();
            let _ = write!(name, "{tid}");
            let listed = Entry {
                name: &name.finish()?,
                ino: directory::ino(&thread),
                kind: FileType::Directory,
                next: u64::from(tid) + 1,
            };
            if !take(&listed) {
                break;
            }
        }
        Ok(())
    }

    fn directories(&self) -> u32 {
        self.numbers().map_or(0, |numbers| numbers.len() as u32)
    }
}

/// `task/<tid>/children`: the children this thread has made, oldest first.
pub(super) fn show_children(of: &Subject, out: &mut Text) -> Result<()> {
    let tree = tree::lock();
    let children: Vec<u32> = tree
        .node(of.process().pid())
        .map(|node| node.children.clone())
        .unwrap_or_default();
    let mine = |child: &u32| {
        tree.node(*child)
            .is_some_and(|node| node.forker == of.tid())
    };
    let children: Vec<u32> = children.into_iter().filter(mine).collect();
    drop(tree);
    for child in children {
        // Text does not fail before its end.
        let _ = write!(out, "{child} ");
    }
    Ok(())
}
