//! The process tree as terminals see it, and terminals as ending sessions see them.

use drivers::tty::{Jobs, Tty};
use task::jobs::{self, Terminal};
use task::{caller, tree};
use vfs::Caller;

/// The one process tree there is.
struct Processes;

impl Jobs for Processes {
    fn signal_group(&self, pgrp: u32, signal: u32) {
        jobs::signal_group(pgrp, signal as i32);
    }

    fn signal_leader(&self, session: u32, signal: u32) {
        jobs::signal_leader(session, signal as i32);
    }

    fn group_is_orphaned(&self, pgrp: u32) -> bool {
        tree::lock().is_orphaned(pgrp, None)
    }

    fn session_of_group(&self, pgrp: u32) -> Option<u32> {
        tree::lock().group_session(pgrp)
    }

    fn with_caller(&self, f: &mut dyn FnMut(&dyn Caller)) {
        caller::with(f);
    }

    fn caller_shuns(&self, signal: u32) -> bool {
        jobs::caller_shuns(signal as i32)
    }

    fn clear_session_tty(&self, session: u32) {
        jobs::clear_session_tty(session);
    }
}

/// Lets terminals ask.
pub fn install() {
    drivers::tty::install_jobs(&Processes);
    drivers::tty::register();
}

/// The leader of a session with this terminal has ended.
pub fn session_ended(terminal: &Terminal, session: u32) {
    if let Ok(tty) = terminal.clone().downcast::<Tty>() {
        tty.disassociate(session, true);
    }
}
