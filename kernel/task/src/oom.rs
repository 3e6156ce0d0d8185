//! When memory runs out: who has to go (`man 5 proc`, `oom_score_adj`).

use alloc::sync::Arc;

use abi::signal::SIGKILL;
use sync::Instant;

use crate::process::Process;
use crate::signal::{Origin, SigInfo, send_to_process};
use crate::thread::{Thread, flag, try_current};
use crate::tree;

/// Value of `oom_score_adj` that means never.
const NEVER: i32 = -1000;
/// How long a victim gets before another is chosen.
const PATIENCE_MS: u64 = 20;

/// How bad a process is: pages it holds, shifted by its adjustment of thousandths of all memory.
/// `None` when it may not be killed.
pub fn badness(process: &Process) -> Option<i64> {
    let adj = process.oom_score_adj();
    if process.pid() == 1 || adj == NEVER || process.is_ending() {
        return None;
    }
    let mm = process.any_thread()?.mm().ok()?;
    let pages = mm.resident_pages() as i64;
    let total = hal::frame::total() as i64;
    Some(pages + i64::from(adj) * (total / 1000))
}

/// The hook of `mm::pressure`: kills the worst process and waits a moment. Answers whether to try
/// again; a thread that is itself being killed must not wait for others.
pub fn relieve() -> bool {
    let Some(thread) = try_current() else {
        return false;
    };
    if thread.is_killed() {
        return false;
    }
    if let Some(victim) = choose() {
        kill(&thread, &victim);
    } else if !someone_is_dying() {
        return false;
    }
    wait_a_moment();
    !thread.is_killed()
}

/// The kernel's own objects have used up half of what is kept for them, and the running thread made the last of them: it
/// goes on when there is room again, or it is the one that ends.
#[cold]
pub fn make_room() {
    while hal::frame::is_short() && relieve() {}
}

/// Whether a thread is on its way out: its files may hold more memory than its pages did.
fn someone_is_dying() -> bool {
    let tree = tree::lock();
    let dying = tree
        .threads()
        .any(|thread| !thread.has(flag::GONE) && (thread.is_killed() || thread.mm().is_err()));
    drop(tree);
    dying
}

/// The worst process, unless one is dying already.
fn choose() -> Option<Arc<Process>> {
    if someone_is_dying() {
        return None;
    }
    let tree = tree::lock();
    let all: alloc::vec::Vec<Arc<Process>> =
        tree.processes().map(|node| node.process.clone()).collect();
    drop(tree);
    all.into_iter()
        .filter_map(|process| badness(&process).map(|score| (score, process)))
        .max_by_key(|(score, process)| (*score, process.pid()))
        .map(|(_, process)| process)
}

fn kill(thread: &Thread, victim: &Arc<Process>) {
    let name = victim.any_thread().map(|thread| thread.name());
    let resident = victim
        .any_thread()
        .and_then(|thread| thread.mm().ok())
        .map_or(0, |mm| mm.resident_pages() * (hal::PAGE_SIZE / 1024));
    let text = |name: Option<sync::TaskName>| {
        name.map_or_else(Default::default, |name| {
            alloc::string::String::from_utf8_lossy(name.as_bytes()).into_owned()
        })
    };
    log::error!(
        "Out of memory: Killed process {} ({}) anon-rss:{}kB, asked for by {}",
        victim.pid(),
        text(name),
        resident,
        text(Some(thread.name())),
    );
    // From the kernel nothing is refused.
    let _ = send_to_process(victim, SigInfo::kernel(SIGKILL), Origin::Kernel);
}

fn wait_a_moment() {
    let until = Instant::now().saturating_add(core::time::Duration::from_millis(PATIENCE_MS));
    while !until.is_past() {
        sync::park(Some(until));
    }
}
