//! What a terminal asks of the process tree: signals for groups, and who is in which session.
//!
//! The tree stands in a crate above; it installs itself at start-up.

use abi::{Errno, Result};
use sync::Once;
use vfs::Caller;

/// Signals a terminal sends (asm-generic numbers).
pub mod signal {
    #![allow(missing_docs, reason = "names of signal(7)")]
    pub const SIGHUP: u32 = 1;
    pub const SIGINT: u32 = 2;
    pub const SIGQUIT: u32 = 3;
    pub const SIGCONT: u32 = 18;
    pub const SIGTSTP: u32 = 20;
    pub const SIGTTIN: u32 = 21;
    pub const SIGTTOU: u32 = 22;
    pub const SIGWINCH: u32 = 28;
}

/// The process tree as terminals see it. Called without a terminal's locks held.
pub trait Jobs: Send + Sync {
    /// Sends a signal of the kernel to all processes of a group; nothing happens when it is gone.
    fn signal_group(&self, pgrp: u32, signal: u32);
    /// Sends a signal of the kernel to the process that leads `session`, if it lives.
    fn signal_leader(&self, session: u32, signal: u32);
    /// Whether no member of the group has its parent in another group of the same session (setpgid(2)).
    fn group_is_orphaned(&self, pgrp: u32) -> bool;
    /// The session a group belongs to; `None` when there is no such group.
    fn session_of_group(&self, pgrp: u32) -> Option<u32>;
    /// Runs `f` with the calling thread; not at all in a kernel thread.
    fn with_caller(&self, f: &mut dyn FnMut(&dyn Caller));
    /// Whether the calling thread blocks or ignores a signal.
    fn caller_shuns(&self, signal: u32) -> bool;
    /// Takes the controlling terminal from every process of a session.
    fn clear_session_tty(&self, session: u32);
}

static JOBS: Once<&'static dyn Jobs> = Once::new();

/// Names the process tree; called once at start-up. A second call is ignored.
pub fn install_jobs(jobs: &'static dyn Jobs) {
    let _ = JOBS.set(jobs);
}

/// The process tree, if there is one already.
pub(super) fn jobs() -> Option<&'static dyn Jobs> {
    JOBS.get().copied()
}

pub(super) fn signal_group(pgrp: u32, signal: u32) {
    if pgrp != 0
        && let Some(jobs) = jobs()
    {
        jobs.signal_group(pgrp, signal);
    }
}

/// Whether a process of the terminal's session may go on with what only the foreground group may do
/// (`man 4 tty_ioctl`, job control). `foreground` is the terminal's group, 0 when it has none.
///
/// # Errors
/// `ERESTARTSYS` after the caller's group got `signal`; `EIO` when nobody could continue it, or when it reads and
/// shuns SIGTTIN.
pub(super) fn check_foreground(caller: &dyn Caller, foreground: u32, signal: u32) -> Result<()> {
    let group = caller.pgrp();
    if foreground == 0 || group == foreground {
        return Ok(());
    }
    let Some(jobs) = jobs() else { return Ok(()) };
    if jobs.caller_shuns(signal) {
        return if signal == signal::SIGTTIN {
            Err(Errno::EIO)
        } else {
            Ok(())
        };
    }
    if jobs.group_is_orphaned(group) {
        return Err(Errno::EIO);
    }
    jobs.signal_group(group, signal);
    Err(Errno::ERESTARTSYS)
}
