//! `status` and `comm` (`man 5 proc_pid_status`).

use abi::{Errno, Result};
use core::fmt::Write as _;
use fs::proc::Text;
use hal::PAGE_SIZE;
use sync::{Credentials, Resource, TaskName};

use super::stat::{State, thread_count};
use super::subject::Subject;
use crate::thread::with_current;

const KIB: usize = PAGE_SIZE / 1024;

/// `status`: a line for each thing known.
pub(super) fn show(of: &Subject, out: &mut Text) -> Result<()> {
    let (name, cred) = of.name_and_cred();
    out.push(b"Name:\t");
    out.push_escaped(name.as_bytes(), b"\n\\");
    out.push(b"\n");
    identity(of, &cred, out);
    memory(of, out);
    signals(of, out);
    capabilities(&cred, out);
    scheduling(of, out);
    Ok(())
}

/// Writes formatted text, which does not fail before its end.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {{ let _ = writeln!($out, $($format)*); }};
}

fn identity(of: &Subject, cred: &Credentials, out: &mut Text) {
    let process = of.process();
    let thread = of.thread();
    let state = State::of(of);
    if let Some(fs) = thread.as_ref().and_then(|thread| thread.fs().ok()) {
        put!(out, "Umask:\t{:04o}", fs.umask());
    }
    put!(out, "State:\t{} ({})", state.letter(), state.name());
    put!(out, "Tgid:\t{}", process.pid());
    // No memory is nearer than other, so no groups of threads that share it.
    put!(out, "Ngid:\t0");
    put!(out, "Pid:\t{}", of.tid());
    put!(out, "PPid:\t{}", process.parent_pid());
    put!(out, "TracerPid:\t0");
    put!(
        out,
        "Uid:\t{}\t{}\t{}\t{}",
        cred.uid,
        cred.euid,
        cred.suid,
        cred.fsuid
    );
    put!(
        out,
        "Gid:\t{}\t{}\t{}\t{}",
        cred.gid,
        cred.egid,
        cred.sgid,
        cred.fsgid
    );
    let files = thread.as_ref().and_then(|thread| thread.files().ok());
    put!(
        out,
        "FDSize:\t{}",
        files.map_or(0, |files| files.capacity())
    );
    out.push(b"Groups:\t");
    for (at, group) in cred.groups.iter().enumerate() {
        let before = if at == 0 { "" } else { " " };
        let _ = write!(out, "{before}{group}");
    }
    put!(out, " ");
    put!(out, "NStgid:\t{}", process.pid());
    put!(out, "NSpid:\t{}", of.tid());
    put!(out, "NSpgid:\t{}", process.group());
    put!(out, "NSsid:\t{}", process.session());
    put!(out, "Kthread:\t0");
}

fn memory(of: &Subject, out: &mut Text) {
    let Some(mm) = of.mm() else {
        put!(out, "CoreDumping:\t0");
        return;
    };
    let stats = mm.stats();
    let (start, end) = mm.layout().code;
    let code = hal::addr::page_up(end).unwrap_or(end) - hal::addr::page_down(start);
    let code = code / PAGE_SIZE;
    for (name, pages) in [
        ("VmPeak", stats.peak_total),
        ("VmSize", stats.total),
        ("VmLck", stats.locked),
        ("VmPin", 0),
        ("VmHWM", stats.peak_resident),
        ("VmRSS", stats.resident),
        ("RssAnon", stats.anon),
        // Every file that can be mapped is one of tmpfs.
        ("RssFile", 0),
        ("RssShmem", stats.resident.saturating_sub(stats.anon)),
        ("VmData", stats.data),
        ("VmStk", stats.stack),
        ("VmExe", code.min(stats.exec)),
        ("VmLib", stats.exec.saturating_sub(code)),
    ] {
        put!(out, "{name}:\t{:8} kB", pages * KIB);
    }
    put!(out, "VmPTE:\t{:8} kB", stats.table_bytes / 1024);
    put!(out, "VmSwap:\t{:8} kB", 0);
    put!(out, "HugetlbPages:\t{:8} kB", 0);
    put!(out, "CoreDumping:\t0");
    put!(out, "THP_enabled:\t0");
}

fn signals(of: &Subject, out: &mut Text) {
    let process = of.process();
    let thread = of.thread();
    let own = thread
        .as_ref()
        .map_or(0, |thread| thread.signals().lock().pending.set().0);
    let blocked = thread.as_ref().map_or(0, |thread| thread.mask().0);
    let queued = thread
        .as_ref()
        .map_or(0, |thread| thread.user().queued_signals());
    let group = process.signals().lock();
    let shared = group.pending.set().0;
    let (ignored, caught) = group.sighand.ignored_and_caught();
    drop(group);
    put!(out, "Threads:\t{}", thread_count(process));
    let limit = process.limits().soft(Resource::SignalsPending);
    put!(out, "SigQ:\t{queued}/{limit}");
    for (name, set) in [
        ("SigPnd", own),
        ("ShdPnd", shared),
        ("SigBlk", blocked),
        ("SigIgn", ignored.0),
        ("SigCgt", caught.0),
    ] {
        put!(out, "{name}:\t{set:016x}");
    }
}

fn capabilities(cred: &Credentials, out: &mut Text) {
    for (name, set) in [
        ("CapInh", cred.inheritable),
        ("CapPrm", cred.permitted),
        ("CapEff", cred.effective),
        ("CapBnd", cred.bounding),
        ("CapAmb", cred.ambient),
    ] {
        put!(out, "{name}:\t{:016x}", set.bits());
    }
    put!(out, "NoNewPrivs:\t{}", u8::from(cred.no_new_privs));
    put!(out, "Seccomp:\t0");
    put!(out, "Seccomp_filters:\t0");
}

fn scheduling(of: &Subject, out: &mut Text) {
    let task = of.thread().and_then(|thread| thread.task());
    if let Some(task) = &task {
        let mask = task.entity().affinity().and(hal::cpu::online());
        put!(out, "Cpus_allowed:\t{:x}", mask.bits());
        out.push(b"Cpus_allowed_list:\t");
        ranges(mask.bits(), out);
    }
    put!(out, "Mems_allowed:\t1");
    put!(out, "Mems_allowed_list:\t0");
    let (own, forced) = task.map_or((0, 0), |task| task.entity().switches());
    put!(out, "voluntary_ctxt_switches:\t{own}");
    put!(out, "nonvoluntary_ctxt_switches:\t{forced}");
}

/// Bits as a list of ranges: `0-3,5`.
fn ranges(bits: u64, out: &mut Text) {
    let is_set = |at: u32| at < 64 && bits >> at & 1 != 0;
    let mut before = "";
    let mut at = 0;
    while at < 64 {
        if !is_set(at) {
            at += 1;
            continue;
        }
        let first = at;
        while is_set(at) {
            at += 1;
        }
        let _ = match at - 1 {
            last if last == first => write!(out, "{before}{first}"),
            last => write!(out, "{before}{first}-{last}"),
        };
        before = ",";
    }
    out.push(b"\n");
}

/// `comm`: the name.
pub(super) fn show_comm(of: &Subject, out: &mut Text) -> Result<()> {
    out.push(of.name_and_cred().0.as_bytes());
    out.push(b"\n");
    Ok(())
}

/// Threads of a process may rename each other, nobody else.
pub(super) fn set_comm(of: &Subject, bytes: &[u8]) -> Result<()> {
    let mine = with_current(|thread| thread.process().pid()) == Some(of.process().pid());
    if !mine {
        return Err(Errno::EINVAL);
    }
    let thread = of.thread().ok_or(Errno::ESRCH)?;
    thread.set_name(TaskName::new(bytes).as_bytes());
    Ok(())
}
