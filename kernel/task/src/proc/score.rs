//! Small files: `oom_score` and its adjustment, `personality`, and Nacre's own count of calls.

use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write as _;
use fs::proc::{Content, Style, Text};
use sync::Capability;

use super::directory::Guarded;
use super::subject::Subject;
use crate::oom;
use crate::thread::with_current;

/// The bounds of `oom_adj`.
const OLD_LEAST: i32 = -17;
const OLD_MOST: i32 = 15;

/// `oom_score`: badness in thousandths of all memory, as Linux scales it.
pub(super) fn show(of: &Subject, out: &mut Text) -> Result<()> {
    let total = hal::frame::total() as i64;
    let points = oom::badness(of.process())
        .map_or(0, |points| (1000 + points * 1000 / total.max(1)) * 2 / 3);
    // Text does not fail before its end.
    let _ = writeln!(out, "{points}");
    Ok(())
}

pub(super) fn show_adjustment(of: &Subject, out: &mut Text) -> Result<()> {
    let _ = writeln!(out, "{}", of.process().oom_score_adj());
    Ok(())
}

/// Anybody who may write the file may make the process likelier to be killed than it ever was; the other
/// way takes `CAP_SYS_RESOURCE`.
pub(super) fn set_adjustment(of: &Subject, bytes: &[u8]) -> Result<()> {
    let text = core::str::from_utf8(bytes).map_err(|_| Errno::EINVAL)?;
    let adjustment: i32 = text.trim().parse().map_err(|_| Errno::EINVAL)?;
    if !(-1000..=1000).contains(&adjustment) {
        return Err(Errno::EINVAL);
    }
    let process = of.process();
    let privileged = with_current(|thread| thread.cred().has(Capability::SYS_RESOURCE));
    if adjustment < process.oom_score_adj_min() && privileged == Some(false) {
        return Err(Errno::EACCES);
    }
    process.set_oom_score_adj(adjustment);
    if privileged == Some(true) {
        process.set_oom_score_adj_min(adjustment);
    }
    Ok(())
}

/// `oom_adj`: the adjustment by the older scale, of -17 to 15.
pub(super) fn show_old_adjustment(of: &Subject, out: &mut Text) -> Result<()> {
    let adjustment = match of.process().oom_score_adj() {
        1000 => OLD_MOST,
        other => other * -OLD_LEAST / 1000,
    };
    let _ = writeln!(out, "{adjustment}");
    Ok(())
}

/// As [`set_adjustment`], by the older scale.
pub(super) fn set_old_adjustment(of: &Subject, bytes: &[u8]) -> Result<()> {
    let text = core::str::from_utf8(bytes).map_err(|_| Errno::EINVAL)?;
    let old: i32 = text.trim().parse().map_err(|_| Errno::EINVAL)?;
    if !(OLD_LEAST..=OLD_MOST).contains(&old) {
        return Err(Errno::EINVAL);
    }
    let new = match old {
        OLD_MOST => 1000,
        other => other * 1000 / -OLD_LEAST,
    };
    set_adjustment(of, alloc::format!("{new}").as_bytes())
}

fn show_personality(of: &Subject, out: &mut Text) -> Result<()> {
    let _ = writeln!(out, "{:08x}", of.process().personality());
    Ok(())
}

pub(super) fn personality(of: Subject) -> Arc<dyn Content> {
    Arc::new(Guarded {
        style: Style::Sequence { written: false },
        of,
        show: show_personality,
        refusal: Errno::EPERM,
        of_memory: false,
    })
}

/// `syscalls`: each call made, how often, then how often it failed with each error. Nacre's own.
fn show_calls(of: &Subject, out: &mut Text) -> Result<()> {
    let counts = &of.process().counts;
    let errors = counts.errors();
    for (number, count) in counts.calls() {
        let _ = match abi::nr::name(number) {
            Some(name) => write!(out, "{name} {count}"),
            None => write!(out, "{number} {count}"),
        };
        for (_, errno, count) in errors.iter().filter(|(of, ..)| usize::from(*of) == number) {
            let _ = match Errno::from_number(i32::from(*errno)) {
                Some(errno) => write!(out, " {errno}:{count}"),
                None => write!(out, " {errno}:{count}"),
            };
        }
        out.push(b"\n");
    }
    Ok(())
}

pub(super) fn calls(of: Subject) -> Arc<dyn Content> {
    Arc::new(Guarded {
        style: Style::Sequence { written: false },
        of,
        show: show_calls,
        refusal: Errno::EACCES,
        of_memory: false,
    })
}

/// Whether the current thread may see and set `of`'s timer slack: its own, or by `CAP_SYS_NICE`.
fn check_slack(of: &Subject) -> Result<()> {
    let may =
        with_current(|thread| thread.tid() == of.tid() || thread.cred().has(Capability::SYS_NICE));
    if may == Some(false) {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// `timerslack_ns`.
pub(super) fn show_slack(of: &Subject, out: &mut Text) -> Result<()> {
    check_slack(of)?;
    let thread = of.thread().ok_or(Errno::ESRCH)?;
    let _ = writeln!(out, "{}", thread.timer_slack());
    Ok(())
}

/// Sets the timer slack; 0 is the default.
pub(super) fn set_slack(of: &Subject, bytes: &[u8]) -> Result<()> {
    /// What a first process has.
    const DEFAULT: u64 = 50_000;
    let text = core::str::from_utf8(bytes).map_err(|_| Errno::EINVAL)?;
    let ns: u64 = text.trim_end().parse().map_err(|_| Errno::EINVAL)?;
    check_slack(of)?;
    let thread = of.thread().ok_or(Errno::ESRCH)?;
    thread.set_timer_slack(if ns == 0 { DEFAULT } else { ns });
    Ok(())
}
