//! What a process does with each signal; shared by its threads, and by processes under
//! `CLONE_SIGHAND`.

use abi::signal::{NSIG, SIG_DFL, SIG_IGN, SaFlags, SigAction, SigSet};
use sync::{IrqLock, rank};

/// The table of actions.
pub struct SigHand {
    table: IrqLock<Table, { rank::SIGNAL + 1 }>,
}

#[derive(Clone)]
struct Table {
    actions: [SigAction; NSIG as usize],
    /// Signals whose handler is `SIG_IGN`, so that senders need one word.
    ignored: SigSet,
    /// Signals that have a handler.
    caught: SigSet,
}

impl Table {
    fn set(&mut self, signo: i32, action: SigAction) -> Option<SigAction> {
        let place = self.actions.get_mut(usize::try_from(signo - 1).ok()?)?;
        let old = core::mem::replace(place, action);
        self.ignored = self.ignored.without(signo);
        self.caught = self.caught.without(signo);
        match action.handler {
            SIG_DFL => {}
            SIG_IGN => self.ignored = self.ignored.with(signo),
            _ => self.caught = self.caught.with(signo),
        }
        Some(old)
    }
}

impl Default for SigHand {
    fn default() -> Self {
        Self {
            table: IrqLock::new(Table {
                actions: [SigAction::default(); NSIG as usize],
                ignored: SigSet::EMPTY,
                caught: SigSet::EMPTY,
            }),
        }
    }
}

impl SigHand {
    /// A copy, for fork.
    pub fn fork(&self) -> Self {
        Self {
            table: IrqLock::new(self.table.lock().clone()),
        }
    }

    /// The action of a signal; the default for a number that is none.
    pub fn get(&self, signo: i32) -> SigAction {
        let at = usize::try_from(signo - 1).unwrap_or(usize::MAX);
        self.table
            .lock()
            .actions
            .get(at)
            .copied()
            .unwrap_or_default()
    }

    /// Sets an action; answers the old one, `None` for a number that is no signal.
    pub fn set(&self, signo: i32, action: SigAction) -> Option<SigAction> {
        self.table.lock().set(signo, action)
    }

    /// The action of a signal about to be delivered; `SA_RESETHAND` takes effect here.
    pub fn take(&self, signo: i32) -> SigAction {
        let mut table = self.table.lock();
        let at = usize::try_from(signo - 1).unwrap_or(usize::MAX);
        let action = table.actions.get(at).copied().unwrap_or_default();
        let flags = SaFlags::from_bits_retain(action.flags);
        if action.handler > SIG_IGN && flags.contains(SaFlags::RESETHAND) {
            table.set(
                signo,
                SigAction {
                    handler: SIG_DFL,
                    ..action
                },
            );
        }
        action
    }

    /// Whether a signal of this action would be dropped: it is ignored, or by default of no effect.
    pub const fn has_no_effect(signo: i32, action: &SigAction) -> bool {
        match action.handler {
            SIG_IGN => true,
            SIG_DFL => SigSet::IGNORED.has(signo),
            _ => false,
        }
    }

    /// Whether the signal, unblocked, would be dropped: ignored, or by default of no effect.
    pub fn ignores(&self, signo: i32) -> bool {
        let table = self.table.lock();
        table.ignored.has(signo) || (!table.caught.has(signo) && SigSet::IGNORED.has(signo))
    }

    /// Signals with `SIG_IGN` and signals with a handler (`/proc/[pid]/status`).
    pub fn ignored_and_caught(&self) -> (SigSet, SigSet) {
        let table = self.table.lock();
        (table.ignored, table.caught)
    }

    /// What exec leaves: handlers become defaults, ignored signals stay ignored, flags go.
    pub fn reset_for_exec(&self) {
        let mut table = self.table.lock();
        let ignored = table.ignored;
        for (signo, action) in (1..).zip(table.actions.iter_mut()) {
            *action = SigAction {
                handler: if ignored.has(signo) { SIG_IGN } else { SIG_DFL },
                ..SigAction::default()
            };
        }
        table.caught = SigSet::EMPTY;
    }
}
