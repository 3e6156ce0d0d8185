//! `/proc/<pid>`: what the kernel tells of processes and threads (`man 5 proc`).

mod directory;
mod fd;
#[cfg(target_os = "none")]
mod kmsg;
mod limits;
mod links;
#[cfg(target_os = "none")]
mod machine;
mod maps;
mod memory;
mod mounts;
mod namespaces;
mod score;
mod smaps;
mod stat;
mod status;
mod subject;
mod threads;

pub use directory::process_of;

use alloc::sync::Arc;
use alloc::vec::Vec;

use fs::proc::{Hide, Processes, Rules};
use vfs::Inode;

use crate::access;
use crate::thread::{Thread, with_current};
use crate::tree;
use subject::Subject;

/// Makes processes, and what is known here of the machine, appear in `/proc`. Once, at start-up.
pub fn install() {
    fs::proc::install(&Known);
    #[cfg(target_os = "none")]
    machine::register();
}

struct Known;

/// Whether a mount with `rules` lets the reader see `subject` where `least` is hidden or more.
fn may_see(subject: &Subject, rules: &Rules, least: Hide) -> bool {
    let hide = rules.hide();
    if hide != Hide::Ptraceable {
        if hide < least {
            return true;
        }
        let in_group = |thread: &Thread| thread.cred().in_group(rules.gid());
        if with_current(in_group).unwrap_or(true) {
            return true;
        }
    }
    subject.may_be_seen()
}

impl Processes for Known {
    fn process(&self, pid: u32, rules: &Arc<Rules>) -> Option<Arc<dyn Inode>> {
        let subject = Subject::of_any(pid)?;
        if rules.hide() == Hide::Ptraceable && !subject.may_be_seen() {
            return None;
        }
        Some(directory::of_process(subject, rules))
    }

    fn numbers(&self, from: u32) -> Vec<u32> {
        let tree = tree::lock();
        let mut all: Vec<u32> = tree
            .processes()
            .map(|node| node.process.pid())
            .filter(|pid| *pid >= from)
            .collect();
        drop(tree);
        sync::order::sort(&mut all);
        all
    }

    fn listed(&self, pid: u32, rules: &Rules) -> Option<u64> {
        let subject = Subject::of_process(pid)?;
        may_see(&subject, rules, Hide::Invisible).then(|| directory::ino(&subject))
    }

    fn current(&self) -> Option<(u32, u32)> {
        with_current(|thread| (thread.process().pid(), thread.tid()))
    }

    fn count(&self) -> usize {
        tree::lock().processes().count()
    }
}

/// Whether the current thread may look into `subject`'s process.
fn reader_may_see(process: &crate::Process) -> bool {
    with_current(|thread| access::may_see(thread, process)).unwrap_or(true)
}
