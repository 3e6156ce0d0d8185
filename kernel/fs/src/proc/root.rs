//! The root directory: the machine's files, `self`, and a directory for each process.

use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write as _;
use vfs::{FileType, Inode};

use super::dir::{Dir, Entry, Names};
use super::file::Owner;
use super::link::{Link, Target};
use super::options::Rules;
use super::text::Text;
use super::{number, processes, tree};

/// Numbers of the inodes that are not registered.
const ROOT_INO: u64 = 1;
const SELF_INO: u64 = 0xefff_fffe;
const THREAD_SELF_INO: u64 = 0xefff_ffff;

/// Positions in a listing: the machine's files below this one, then `self` and `thread-self`, then
/// the processes.
const SELF: u64 = 256;
const THREAD_SELF: u64 = SELF + 1;
const FIRST_PROCESS: u64 = THREAD_SELF + 1;

pub(super) fn new(rules: &Arc<Rules>) -> Arc<Dir> {
    let names = Root {
        rules: rules.clone(),
    };
    Dir::new(ROOT_INO, 0o555, Owner::Machine, names)
}

struct Root {
    rules: Arc<Rules>,
}

impl Names for Root {
    fn find(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        match name {
            b"self" => {
                return Ok(Link::new(SELF_INO, 0o777, Owner::Machine, Myself::Process));
            }
            b"thread-self" => {
                return Ok(Link::new(
                    THREAD_SELF_INO,
                    0o777,
                    Owner::Machine,
                    Myself::Thread,
                ));
            }
            _ => {}
        }
        if !self.rules.only_processes()
            && let Ok(found) = tree::top().find(name)
        {
            return Ok(found);
        }
        let pid = number(name)?;
        processes()
            .and_then(|processes| processes.process(pid, &self.rules))
            .ok_or(Errno::ENOENT)
    }

    fn list(&self, from: u64, take: &mut dyn FnMut(&Entry<'_>) -> bool) -> Result<()> {
        let mut full = false;
        if from < SELF && !self.rules.only_processes() {
            tree::top().list(from, &mut |entry| {
                full = !take(entry);
                !full
            })?;
        }
        for (at, name, ino) in [
            (SELF, "self", SELF_INO),
            (THREAD_SELF, "thread-self", THREAD_SELF_INO),
        ] {
            if from <= at && !full {
                full = !take(&Entry {
                    name: name.as_bytes(),
                    ino,
                    kind: FileType::Symlink,
                    next: at + 1,
                });
            }
        }
        let Some(processes) = processes() else {
            return Ok(());
        };
        if full {
            return Ok(());
        }
        let first = u32::try_from(from.saturating_sub(FIRST_PROCESS)).unwrap_or(u32::MAX);
        for pid in processes.numbers(first) {
            let Some(ino) = processes.listed(pid, &self.rules) else {
                continue;
            };
            let mut name = Text::default();
            let _ = write!(name, "{pid}");
            let entry = Entry {
                name: &name.finish()?,
                ino,
                kind: FileType::Directory,
                next: FIRST_PROCESS + u64::from(pid) + 1,
            };
            if !take(&entry) {
                break;
            }
        }
        Ok(())
    }

    fn directories(&self) -> u32 {
        tree::top().directories() + processes().map_or(0, |processes| processes.count() as u32)
    }
}

/// `self` and `thread-self`: the directory of who reads.
enum Myself {
    Process,
    Thread,
}

impl Target for Myself {
    fn text(&self) -> Result<Arc<[u8]>> {
        let (pid, tid) = processes()
            .and_then(super::Processes::current)
            .ok_or(Errno::ENOENT)?;
        let mut text = Text::default();
        let _ = match self {
            Self::Process => write!(text, "{pid}"),
            Self::Thread => write!(text, "{pid}/task/{tid}"),
        };
        text.finish().map(Arc::from)
    }
}
