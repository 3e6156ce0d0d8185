//! The one wait of system-call handlers: try, register, try again, sleep until an object speaks, the
//! deadline passes or a signal comes.

use abi::{Errno, Result};
use sync::{Events, Instant, Pollee, Sleep, Stop};

use crate::thread::{RestartBlock, Thread};

/// What becomes of a call that a signal interrupts before it got anywhere (`man 7 signal`,
/// "Interruption of system calls").
pub enum Restart<'a> {
    /// Made again if the handler has `SA_RESTART`, or there was none.
    Sys,
    /// Made again if there was no handler.
    NoHand,
    /// Always made again: the caller has only been kicked.
    NoIntr,
    /// If there was no handler, goes on by `restart_syscall` with what this makes.
    Block(&'a dyn Fn() -> RestartBlock),
    /// `EINTR`, whatever `SA_RESTART` says.
    Never,
}

/// Which signals end a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interruptible {
    /// Any that is not blocked.
    Yes,
    /// Deadly ones only.
    Killable,
}

/// How to wait.
pub struct WaitOptions<'a> {
    /// When to give up with `ETIMEDOUT`.
    pub deadline: Option<Instant>,
    /// What an interruption means.
    pub restart: Restart<'a>,
    /// Which signals interrupt.
    pub interruptible: Interruptible,
    /// One of those who wait is woken at a time.
    pub exclusive: bool,
    /// Who waits has just seen that there is nothing yet: the look before it registers is left out.
    pub idle: bool,
}

impl Default for WaitOptions<'_> {
    /// For ever, restarted by `SA_RESTART`, interruptible, woken with the others.
    fn default() -> Self {
        Self {
            deadline: None,
            restart: Restart::Sys,
            interruptible: Interruptible::Yes,
            exclusive: false,
            idle: false,
        }
    }
}

/// Tries until the answer is something else than `EAGAIN`. `thread` is the current one. A call that has
/// got part of the way answers with that part from its try, or makes of an error here what it has.
///
/// # Errors
/// What the try says; `ETIMEDOUT` when the deadline passes; by `restart`, `EINTR` or one of the kernel's
/// own restart codes when interrupted.
#[inline]
pub fn wait<T>(
    thread: &Thread,
    options: &WaitOptions<'_>,
    on: &[(&Pollee, Events)],
    attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let any = options.interruptible == Interruptible::Yes;
    let sleep = Sleep {
        deadline: options.deadline,
        exclusive: options.exclusive,
        idle: options.idle,
        interrupted: &|| {
            if any {
                thread.is_interrupted()
            } else {
                thread.is_killed()
            }
        },
    };
    match sync::wait_on(&sleep, on, attempt) {
        Ok(answer) => answer,
        Err(Stop::TimedOut) => Err(Errno::ETIMEDOUT),
        Err(Stop::Interrupted) => Err(interruption(thread, &options.restart)),
    }
}

#[cold]
fn interruption(thread: &Thread, restart: &Restart<'_>) -> Errno {
    match restart {
        Restart::Sys => Errno::ERESTARTSYS,
        Restart::NoHand => Errno::ERESTARTNOHAND,
        Restart::NoIntr => Errno::ERESTARTNOINTR,
        Restart::Never => Errno::EINTR,
        Restart::Block(block) => {
            thread.set_restart(block());
            Errno::ERESTART_RESTARTBLOCK
        }
    }
}
