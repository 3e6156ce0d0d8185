//! procfs: what the kernel tells of itself and of its processes, as files (`man 5 proc`).
//!
//! The room for: how such files behave, and where they hang. What a file shows is written by whoever
//! has the thing it shows, and hung in here: [`show`] and [`register`] for the machine's files,
//! [`setting`] for `/proc/sys`, [`install`] for the one who knows the processes.
//!
//! A file's text is made when it is read from its beginning, and kept for the reads that follow, so
//! that a program that reads in pieces sees one state of things.

mod cpuinfo;
mod dir;
mod file;
mod interrupts;
mod limits;
mod link;
mod locks;
mod machine;
mod options;
mod root;
pub mod setting;
mod text;
mod tree;

use abi::mount::PROC_SUPER_MAGIC;
use abi::stat::Statfs;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use sync::Once;
use vfs::{FileSystem, FileSystemType, Inode, SuperBlock};

pub use dir::{Dir, Entry, Names, names_of};
pub use file::{Content, File, Opened, Owner, Style};
pub use interrupts::summary as interrupts;
pub use link::{Link, Target};
pub use locks::row as lock_row;
pub use options::{Hide, Rules};
pub use text::Text;
pub use tree::{directory, link, net, register, show};

/// Who knows the processes.
pub trait Processes: Send + Sync {
    /// The directory of a process, as a mount with these rules shows it; `None` when there is none, or
    /// none to be seen.
    fn process(&self, pid: u32, rules: &Arc<Rules>) -> Option<Arc<dyn Inode>>;

    /// The numbers of processes from `from` on, in order.
    fn numbers(&self, from: u32) -> Vec<u32>;

    /// The number of the inode of a process's directory; `None` when a mount with these rules does not
    /// list it.
    fn listed(&self, pid: u32, rules: &Rules) -> Option<u64>;

    /// Process and thread number of who asks.
    fn current(&self) -> Option<(u32, u32)>;

    /// How many processes there are.
    fn count(&self) -> usize;
}

static PROCESSES: Once<&'static dyn Processes> = Once::new();

/// Says who knows the processes. The first one stays.
pub fn install(processes: &'static dyn Processes) {
    let _ = PROCESSES.set(processes);
}

fn processes() -> Option<&'static dyn Processes> {
    PROCESSES.get().copied()
}

/// A mounted procfs. The machine's files are the same in each; who is seen is each one's own.
struct ProcFs {
    root: Arc<Dir>,
    rules: Arc<Rules>,
}

impl FileSystem for ProcFs {
    fn root(&self) -> Arc<dyn Inode> {
        self.root.clone()
    }

    fn statfs(&self) -> Result<Statfs> {
        Ok(Statfs {
            f_type: PROC_SUPER_MAGIC,
            f_bsize: hal::PAGE_SIZE as i64,
            f_frsize: hal::PAGE_SIZE as i64,
            f_namelen: 255,
            ..Statfs::default()
        })
    }

    fn remount(&self, data: &[u8]) -> Result<()> {
        self.rules.change(data)
    }

    fn show_options(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.rules.show(out)
    }
}

/// The kind `proc`.
pub struct ProcFsType;

impl FileSystemType for ProcFsType {
    fn name(&self) -> &'static str {
        "proc"
    }

    fn mount(&self, _source: &[u8], data: &[u8], flags: u32) -> Result<Arc<SuperBlock>> {
        machine::register_once();
        let rules = Arc::new(Rules::default());
        rules.change(data)?;
        let fs = ProcFs {
            root: root::new(&rules),
            rules,
        };
        Ok(SuperBlock::new("proc", Box::new(fs), flags))
    }
}

/// The number of a process or thread that a name is: decimal, without zeroes in front.
///
/// # Errors
/// `ENOENT` for another name.
pub fn number(name: &[u8]) -> Result<u32> {
    match name {
        [b'0'] => Ok(0),
        [b'1'..=b'9', ..] if name.len() < 11 => name.iter().try_fold(0u32, |sum, digit| {
            let digit = u32::from(digit.wrapping_sub(b'0'));
            let sum = sum.checked_mul(10).filter(|_| digit < 10);
            sum.and_then(|sum| sum.checked_add(digit))
                .ok_or(Errno::ENOENT)
        }),
        _ => Err(Errno::ENOENT),
    }
}

#[cfg(test)]
mod tests;
