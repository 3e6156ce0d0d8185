//! `stat`, `statm`, `wchan`: a process in numbers (`man 5 proc_pid_stat`).

use abi::{Errno, Result};
use core::fmt::Write as _;
use drivers::tty::Tty;
use fs::proc::Text;
use hal::{PAGE_SHIFT, PAGE_SIZE};
use sync::Resource;

use super::subject::Subject;
use crate::process::Process;
use crate::signal::JobState;
use crate::thread::Thread;
use crate::tree;
use crate::usage::Usage;

/// Nanoseconds of a clock tick as programs count them (`sysconf(_SC_CLK_TCK)` is 100).
pub(super) const TICK_NS: u64 = 10_000_000;

/// Task flags (`PF_*`) that are so here.
const EXITING: u32 = 0x4;
const FORKED_NOT_EXECED: u32 = 0x40;
const RANDOMIZED: u32 = 0x0040_0000;

/// What a thread is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Sleeping,
    /// For a moment, in the kernel: not in the wait that its call is for.
    Blocked,
    Stopped,
    Zombie,
}

impl State {
    pub(super) fn of(subject: &Subject) -> Self {
        let Some(thread) = subject.thread() else {
            return Self::Zombie;
        };
        let task = thread.task();
        let parked = task.as_ref().is_some_and(|task| task.is_parked());
        let blocked = task.as_ref().is_some_and(|task| task.waits_for_lock());
        let job = subject.process().signals().lock().job;
        match job {
            _ if !parked => Self::Running,
            _ if blocked => Self::Blocked,
            JobState::Running => Self::Sleeping,
            _ => Self::Stopped,
        }
    }

    pub(super) fn letter(self) -> char {
        match self {
            Self::Running => 'R',
            Self::Sleeping => 'S',
            Self::Blocked => 'D',
            Self::Stopped => 'T',
            Self::Zombie => 'Z',
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::Blocked => "disk sleep",
            Self::Stopped => "stopped",
            Self::Zombie => "zombie",
        }
    }
}

/// How many threads there are; an ended leader counts.
pub(super) fn thread_count(process: &Process) -> usize {
    let threads = process.threads();
    let leader = threads.iter().any(|thread| thread.is_leader());
    threads.len() + usize::from(!leader)
}

/// Device number of the controlling terminal as `stat` shows it, and its foreground group.
fn terminal(process: &Process) -> (u64, i64) {
    let tty = process.tty().and_then(|tty| tty.downcast::<Tty>().ok());
    match tty {
        Some(tty) => (tty.device(), i64::from(tty.foreground())),
        None => (0, -1),
    }
}

/// What the subject has used: the process with its ended threads, or one thread.
fn usage(of: &Subject) -> Usage {
    if of.is_whole() {
        return of.process().usage();
    }
    of.thread()
        .map_or_else(Usage::default, |thread| Usage::of_thread(&thread))
}

fn flags(of: &Subject) -> u32 {
    let node_flags = tree::lock().node(of.process().pid()).map_or(0, |node| {
        if node.has_execed {
            0
        } else {
            FORKED_NOT_EXECED
        }
    });
    let mut flags = node_flags;
    if of.thread().is_none() {
        flags |= EXITING;
    } else if crate::machine::randomizes() {
        flags |= RANDOMIZED;
    }
    flags
}

/// Numbers separated by blanks, one before each.
struct Row<'a>(&'a mut Text);

impl Row<'_> {
    fn put(&mut self, value: impl core::fmt::Display) {
        // Text does not fail before its end.
        let _ = write!(self.0, " {value}");
    }

    fn all<T: core::fmt::Display>(&mut self, values: impl IntoIterator<Item = T>) {
        for value in values {
            self.put(value);
        }
    }
}

/// `stat`: 52 fields.
pub(super) fn show(of: &Subject, out: &mut Text) -> Result<()> {
    let process = of.process();
    let thread = of.thread();
    let seen = of.may_be_seen();
    let mm = of.mm();
    let (used, waited) = (usage(of), process.children_usage());
    let (name, _) = of.name_and_cred();
    let state = State::of(of);
    let (tty, foreground) = terminal(process);

    let _ = write!(out, "{} (", of.tid());
    out.push_escaped(name.as_bytes(), b"\n\\");
    let _ = write!(out, ") {}", state.letter());
    let mut row = Row(out);
    row.all([process.parent_pid(), process.group(), process.session()]);
    row.put(tty_number(tty));
    row.put(foreground);
    row.put(flags(of));
    row.all([used.minor_faults, waited.minor_faults]);
    row.all([used.major_faults, waited.major_faults]);
    row.all(
        [
            used.user_ns,
            used.system_ns,
            waited.user_ns,
            waited.system_ns,
        ]
        .map(|ns| ns / TICK_NS),
    );
    let nice = thread.as_ref().and_then(|thread| thread.task());
    let nice = nice.map_or(0, |task| task.entity().nice());
    row.all([20 + nice, nice]);
    row.put(thread_count(process));
    // The interval timer's value has been 0 since 2.6.17.
    row.put(0);
    let start = match &thread {
        Some(thread) if !of.is_whole() => thread.start_ns(),
        _ => process.start_ns(),
    };
    row.put(start / TICK_NS);
    let stats = mm.as_ref().map(|mm| mm.stats()).unwrap_or_default();
    row.put(stats.total * PAGE_SIZE);
    row.put(stats.resident);
    row.put(process.limits().soft(Resource::Rss));
    let layout = mm.as_ref().map(|mm| mm.layout()).unwrap_or_default();
    let code = match (&mm, seen) {
        (Some(_), true) => layout.code,
        (Some(_), false) => (1, 1),
        (None, _) => (0, 0),
    };
    row.all([code.0, code.1, if seen { layout.stack } else { 0 }]);
    // Stack and instruction pointer are shown of who dumps core only.
    row.all([0, 0]);
    row.all(signal_words(process, thread.as_deref()));
    row.put(u8::from(seen && state != State::Running));
    row.all([0, 0]);
    row.put(exit_signal(of));
    let cpu = thread.as_ref().and_then(|thread| thread.task());
    row.put(
        cpu.and_then(|task| task.entity().cpu())
            .map_or(0, |cpu| cpu.index()),
    );
    let policy = thread.as_ref().and_then(|thread| thread.task());
    row.all([0, policy.map_or(0, |task| task.entity().policy())]);
    // Waits for devices and guests: not counted, as nothing here does either.
    row.all([0, 0, 0]);
    let known = if seen { layout } else { mm::Layout::default() };
    row.all([known.data.0, known.data.1, known.brk]);
    row.all([known.args.0, known.args.1, known.env.0, known.env.1]);
    let code = if seen && thread.is_none() {
        process.wait_status()
    } else {
        0
    };
    row.put(code);
    out.push(b"\n");
    Ok(())
}

/// Minor and major number of a terminal in one word (`new_encode_dev`).
fn tty_number(device: u64) -> u64 {
    let (major, minor) = (abi::stat::major(device), abi::stat::minor(device));
    u64::from(minor & 0xff | major << 8 | (minor & !0xff) << 12)
}

/// The first 31 signals pending, blocked, ignored, caught.
fn signal_words(process: &Process, thread: Option<&Thread>) -> [u64; 4] {
    let (ignored, caught) = process.signals().lock().sighand.ignored_and_caught();
    let pending = thread.map_or(0, |thread| thread.signals().lock().pending.set().0);
    let blocked = thread.map_or(0, |thread| thread.mask().0);
    [pending, blocked, ignored.0, caught.0].map(|set| set & 0x7fff_ffff)
}

/// What the parent gets at the end; -1 for a thread that is not the leader.
fn exit_signal(of: &Subject) -> i32 {
    let pid = of.process().pid();
    if of.tid() != pid {
        return -1;
    }
    tree::lock().node(pid).map_or(0, |node| node.exit_signal)
}

/// `io`: what went through `read`, `write` and the calls like them. Nothing was ever fetched from a disk.
pub(super) fn show_io(of: &Subject, out: &mut Text) -> Result<()> {
    if !of.may_be_seen() {
        return Err(Errno::EACCES);
    }
    let mut all = usage(of);
    if of.is_whole() {
        // Those of the children that were waited for, too.
        all.add(&of.process().children_usage());
    }
    let [read, written, reads, writes] = all.io.0;
    let _ = write!(
        out,
        "rchar: {read}\nwchar: {written}\nsyscr: {reads}\nsyscw: {writes}\n\
         read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"
    );
    Ok(())
}

/// `statm`: sizes in pages.
pub(super) fn show_statm(of: &Subject, out: &mut Text) -> Result<()> {
    let mm = of.mm();
    let stats = mm.as_ref().map(|mm| mm.stats()).unwrap_or_default();
    let (start, end) = mm.as_ref().map(|mm| mm.layout().code).unwrap_or_default();
    let text = (hal::addr::page_up(end).unwrap_or(end) - hal::addr::page_down(start)) >> PAGE_SHIFT;
    let shared = stats.resident.saturating_sub(stats.anon);
    let _ = writeln!(
        out,
        "{} {} {shared} {text} 0 {} 0",
        stats.total,
        stats.resident,
        stats.data + stats.stack
    );
    Ok(())
}

/// `wchan`: where in the kernel a thread waits is not told by name.
pub(super) fn show_wchan(_of: &Subject, out: &mut Text) -> Result<()> {
    out.push(b"0");
    Ok(())
}
