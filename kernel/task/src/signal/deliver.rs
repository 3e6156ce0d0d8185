//! Taking the next signal, on the way back to the program.

use alloc::sync::Arc;

use abi::signal::{SIG_DFL, SIG_IGN, SIGKILL, SIGSTOP, SigAction, SigSet};

use super::{SigInfo, stop};
use crate::thread::{Thread, flag};
use crate::{timers, tree};

/// What is to be done before the program goes on.
pub enum Delivery {
    /// Nothing.
    None,
    /// A handler is to run.
    Handler {
        /// What it is told.
        info: SigInfo,
        /// Its action; `SA_RESETHAND` has taken effect.
        action: SigAction,
    },
    /// The thread is to end.
    Exit,
}

/// Takes signals until one has a handler, the thread is to end, or none is left. Stops here when job
/// control says so.
pub fn next(thread: &Arc<Thread>) -> Delivery {
    let process = thread.process();
    loop {
        let mut group = process.signals().lock();
        if group.end.is_some() || thread.has(flag::EXIT) {
            return Delivery::Exit;
        }
        if let Some(change) = group.untold.take() {
            drop(group);
            stop::tell_parent(process, change);
            continue;
        }
        if thread.has(flag::STOP) {
            drop(group);
            stop::stay(thread);
            continue;
        }
        let mask = thread.mask();
        let mut own = thread.signals().lock();
        let taken = own.pending.take(mask).or_else(|| group.pending.take(mask));
        let left = own.pending.set();
        drop(own);
        group.recalculate_with(thread, left);
        let continued = group.continued;
        let Some(mut info) = taken else {
            return Delivery::None;
        };
        let action = group.sighand.take(info.signo);
        if timers::concerns(&info) {
            drop(group);
            timers::taken(process, &mut info);
            group = process.signals().lock();
        }
        match action.handler {
            SIG_IGN => continue,
            SIG_DFL => {}
            _ => return Delivery::Handler { info, action },
        }
        if SigSet::IGNORED.has(info.signo) {
            continue;
        }
        let only = info.signo == SIGKILL || info.signo == SIGSTOP;
        if group.unkillable && !only {
            continue;
        }
        if SigSet::STOP.has(info.signo) {
            drop(group);
            // Only SIGSTOP stops a process whom nobody could continue.
            if info.signo == SIGSTOP || !tree::lock().is_orphaned(process.group(), None) {
                stop::begin(thread, info.signo, continued);
            }
            continue;
        }
        group.begin_end(info.signo);
        return Delivery::Exit;
    }
}
