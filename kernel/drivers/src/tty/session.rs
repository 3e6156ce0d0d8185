//! Which session a terminal controls, and what happens when one lets go of the other
//! (`man 2 ioctl_tty`, "Controlling terminal"; `man 3 vhangup`).

use super::{Tty, jobs, signal};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use sync::{Capability, Events};
use vfs::Caller;

/// The caller's controlling terminal.
pub(super) fn controlling(caller: &dyn Caller) -> Option<Arc<Tty>> {
    caller.controlling_tty()?.downcast().ok()
}

impl Tty {
    /// Whether this is the caller's controlling terminal.
    pub(super) fn controls(&self, caller: &dyn Caller) -> bool {
        controlling(caller).is_some_and(|tty| core::ptr::eq(&*tty, self))
    }

    /// The foreground group, 0 when there is none.
    #[must_use]
    pub fn foreground(&self) -> u32 {
        self.claim.lock().foreground
    }

    /// The session, 0 when there is none.
    #[must_use]
    pub fn session(&self) -> u32 {
        self.claim.lock().session
    }

    /// Stops a background process of the terminal's session that asks for what the foreground may do.
    ///
    /// # Errors
    /// `ERESTARTSYS` with the signal sent, `EIO`.
    pub(super) fn check_foreground(&self, caller: &dyn Caller, signal: u32) -> Result<()> {
        if !self.controls(caller) {
            return Ok(());
        }
        jobs::check_foreground(caller, self.foreground(), signal)
    }

    /// What opening a terminal for reading without O_NOCTTY does: a session leader without terminal takes a terminal
    /// without session.
    pub(super) fn claim_at_open(self: &Arc<Self>, caller: &dyn Caller) {
        if caller.leads_session() && caller.controlling_tty().is_none() && self.session() == 0 {
            let _ = self.give_to(caller);
        }
    }

    fn give_to(self: &Arc<Self>, caller: &dyn Caller) -> Result<()> {
        let mut claim = self.claim.lock();
        claim.session = caller.session();
        claim.foreground = caller.pgrp();
        drop(claim);
        caller.set_controlling_tty(Some(self.clone()))
    }

    /// TIOCSCTTY. `steal` is its argument; `readable`: the descriptor may be read.
    ///
    /// # Errors
    /// `EPERM`.
    pub(super) fn acquire(
        self: &Arc<Self>,
        caller: &dyn Caller,
        steal: bool,
        readable: bool,
    ) -> Result<()> {
        let session = self.session();
        if caller.leads_session() && session == caller.session() {
            return Ok(());
        }
        if !caller.leads_session() || caller.controlling_tty().is_some() {
            return Err(Errno::EPERM);
        }
        let admin = caller.cred().has(Capability::SYS_ADMIN);
        if session != 0 {
            if !(steal && admin) {
                return Err(Errno::EPERM);
            }
            if let Some(jobs) = jobs::jobs() {
                jobs.clear_session_tty(session);
            }
        }
        if !readable && !admin {
            return Err(Errno::EPERM);
        }
        self.give_to(caller)
    }

    /// TIOCNOTTY: the caller gives its terminal up; with a leader the whole session does.
    ///
    /// # Errors
    /// `ENOTTY` when it is not the caller's terminal.
    pub(super) fn release(&self, caller: &dyn Caller) -> Result<()> {
        if !self.controls(caller) {
            return Err(Errno::ENOTTY);
        }
        if caller.leads_session() {
            self.disassociate(caller.session(), false);
        } else {
            caller.set_controlling_tty(None)?;
        }
        Ok(())
    }

    /// The session's leader gave the terminal up, or exited: the foreground group hears of it and the session has no
    /// terminal any more. A terminal that is no pty is hung up when its leader exits.
    pub fn disassociate(&self, session: u32, exiting: bool) {
        if self.session() != session {
            return;
        }
        if exiting && !self.line.is_pty() {
            self.hang_up_session(true);
            return;
        }
        let foreground = self.foreground();
        jobs::signal_group(foreground, signal::SIGHUP);
        if !exiting {
            jobs::signal_group(foreground, signal::SIGCONT);
        }
        self.forget_session();
    }

    fn forget_session(&self) {
        let mut claim = self.claim.lock();
        let session = core::mem::take(&mut *claim).session;
        drop(claim);
        if session != 0
            && let Some(jobs) = jobs::jobs()
        {
            jobs.clear_session_tty(session);
        }
    }

    /// Hangs the terminal up: the leader gets SIGHUP and SIGCONT, every file opened before is dead (reads end, the rest
    /// is EIO), the session has no terminal any more.
    pub fn hang_up(&self) {
        self.hang_up_session(false);
    }

    fn hang_up_session(&self, leader_exits: bool) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        let claim = *self.claim.lock();
        if claim.session != 0
            && let Some(jobs) = jobs::jobs()
        {
            jobs.signal_leader(claim.session, signal::SIGHUP);
            jobs.signal_leader(claim.session, signal::SIGCONT);
        }
        if leader_exits {
            jobs::signal_group(claim.foreground, signal::SIGHUP);
        }
        self.forget_session();
        self.exclusive.store(false, Ordering::Relaxed);
        self.reset();
        self.pollee
            .notify(Events::READABLE | Events::WRITABLE | Events::ALWAYS);
    }

    /// TIOCSPGRP.
    ///
    /// # Errors
    /// `ENOTTY`, `EINVAL`, `ESRCH`, `EPERM`, in Linux's order.
    pub(super) fn set_foreground(&self, caller: &dyn Caller, group: i32) -> Result<()> {
        let group = u32::try_from(group).map_err(|_| Errno::EINVAL)?;
        if !self.controls(caller) || self.session() != caller.session() {
            return Err(Errno::ENOTTY);
        }
        let session = jobs::jobs()
            .and_then(|jobs| jobs.session_of_group(group))
            .ok_or(Errno::ESRCH)?;
        if session != caller.session() {
            return Err(Errno::EPERM);
        }
        self.claim.lock().foreground = group;
        Ok(())
    }
}
