//! When memory runs out: who has to go (`man 5 proc`, `oom_score_adj`).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use abi::signal::SIGKILL;
use sync::Instant;

use crate::process::Process;
use crate::signal::{Origin, SigInfo, send_to_process};
use crate::thread::{Thread, flag, try_current};
use crate::tree;

/// Value of `oom_score_adj` that means never.
const NEVER: i32 = -1000;
/// Between two looks at memory.
const PAUSE: Duration = Duration::from_millis(20);
/// How long those on their way out get before another is chosen: one of them may wait for what the asking thread holds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Processes that are judged at least, where there is no room to list them all.
const SOME: usize = 64;
/// When memory was asked for last, and since when those are waited for that are on their way out: nanoseconds.
static ASKED: AtomicU64 = AtomicU64::new(0);
static WAITED_SINCE: AtomicU64 = AtomicU64::new(0);

/// How bad a process is: pages it holds, shifted by its adjustment of thousandths of all memory.
/// `None` when it may not be killed.
pub fn badness(process: &Process) -> Option<i64> {
    let adj = process.oom_score_adj();
    if process.pid() == 1 || adj == NEVER || process.is_ending() {
        return None;
    }
    let thread = process.any_thread()?;
    if thread.is_killed() {
        return None;
    }
    let mm = thread.mm().ok()?;
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
    let now = Instant::now();
    let is_old = |at: u64| now.saturating_since(Instant::from_nanos(at)) > PATIENCE;
    if is_old(ASKED.swap(now.as_nanos(), Relaxed)) {
        WAITED_SINCE.store(now.as_nanos(), Relaxed);
    }
    let dying = someone_is_dying();
    if !dying || is_old(WAITED_SINCE.load(Relaxed)) {
        if let Some(victim) = choose() {
            WAITED_SINCE.store(now.as_nanos(), Relaxed);
            kill(&thread, &victim);
        } else if !dying {
            return false;
        }
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
        .any(|thread| !thread.has(flag::GONE) && (thread.is_killed() || !thread.has_mm()));
    drop(tree);
    dying
}

/// The worst process that is not on its way out yet.
fn choose() -> Option<Arc<Process>> {
    let mut all = Vec::new();
    let tree = tree::lock();
    let count = tree.processes().count();
    all.try_reserve_exact(count)
        .or_else(|_| all.try_reserve_exact(count.min(SOME)))
        .ok()?;
    let room = all.capacity();
    all.extend(tree.processes().take(room).map(|node| node.process.clone()));
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
    let until = Instant::now().saturating_add(PAUSE);
    while !until.is_past() {
        sync::park(Some(until));
    }
}
