//! A queue of pending signals: one of each standard signal, any number of real-time ones.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use abi::signal::{SI_TIMER, SIGRTMIN, SigSet};

use super::info::SigInfo;
use crate::user::User;

/// One queued signal and the user whose `RLIMIT_SIGPENDING` it counts against.
struct Queued {
    info: SigInfo,
    _charge: Option<Charge>,
}

/// A unit of a user's pending signals, given back when the signal leaves the queue.
pub struct Charge(Arc<User>);

impl Charge {
    /// Counts one more signal of the user; `None` past the limit.
    pub fn take(user: &Arc<User>, limit: u64) -> Option<Self> {
        user.charge_signal(limit).then(|| Self(user.clone()))
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.0.uncharge_signal();
    }
}

/// Signals waiting for a thread or for a process.
#[derive(Default)]
pub struct Pending {
    set: SigSet,
    list: VecDeque<Queued>,
}

/// Why a signal could not be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The user's limit or memory is exhausted.
    NoRoom,
}

impl Pending {
    /// The signals that wait.
    pub fn set(&self) -> SigSet {
        self.set
    }

    /// Whether a standard signal is already there and would be dropped.
    pub fn holds_standard(&self, signo: i32) -> bool {
        signo < SIGRTMIN && self.set.has(signo)
    }

    /// Adds a signal. Without room the bit is set and the details are lost, as Linux does for
    /// signals that must not fail; the caller decides beforehand which may.
    pub fn push(&mut self, info: SigInfo, charge: Option<Charge>) -> Result<(), Full> {
        self.set = self.set.with(info.signo);
        if self.list.try_reserve(1).is_err() {
            return Err(Full::NoRoom);
        }
        self.list.push_back(Queued {
            info,
            _charge: charge,
        });
        Ok(())
    }

    /// Gives a timer's signal that is still queued a new serial and one more overrun; whether there is one.
    pub(crate) fn renew_timer(&mut self, new: &SigInfo) -> bool {
        let queued = self
            .list
            .iter_mut()
            .map(|queued| &mut queued.info)
            .find(|info| {
                (info.code, info.signo, info.timer_id()) == (SI_TIMER, new.signo, new.timer_id())
            });
        let Some(info) = queued else { return false };
        info.fields[2] = new.fields[2];
        let overrun = (info.fields[0] >> 32) as i32;
        info.set_timer_overrun(overrun.saturating_add(1));
        true
    }

    /// Drops what timers have sent.
    pub(crate) fn discard_timers(&mut self) {
        let mut gone = SigSet::EMPTY;
        self.list.retain(|queued| {
            let timer = queued.info.code == SI_TIMER;
            if timer {
                gone = gone.with(queued.info.signo);
            }
            !timer
        });
        for queued in &self.list {
            gone = gone.without(queued.info.signo);
        }
        self.set = self.set.minus(gone);
    }

    /// Marks a signal pending without details.
    pub fn mark(&mut self, signo: i32) {
        self.set = self.set.with(signo);
    }

    /// Takes the next signal outside `blocked`: synchronous ones first, then the lowest number.
    pub fn take(&mut self, blocked: SigSet) -> Option<SigInfo> {
        let ready = self.set.minus(blocked);
        let signo = ready
            .and(SigSet::SYNCHRONOUS)
            .first()
            .or_else(|| ready.first())?;
        Some(self.take_one(signo))
    }

    /// Takes one signal of a number that is pending.
    fn take_one(&mut self, signo: i32) -> SigInfo {
        let mut places = self
            .list
            .iter()
            .enumerate()
            .filter(|(_, queued)| queued.info.signo == signo)
            .map(|(at, _)| at);
        let first = places.next();
        if places.next().is_none() {
            self.set = self.set.without(signo);
        }
        first.and_then(|at| self.list.remove(at)).map_or(
            // The details were lost: Linux shows SI_USER and zeros.
            SigInfo {
                signo,
                ..SigInfo::default()
            },
            |queued| queued.info,
        )
    }

    /// Drops every pending signal of a set.
    pub fn discard(&mut self, signals: SigSet) {
        if self.set.and(signals).is_empty() {
            return;
        }
        self.set = self.set.minus(signals);
        self.list.retain(|queued| !signals.has(queued.info.signo));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_signals_come_in_numeric_order_faults_first() {
        let mut pending = Pending::default();
        for signo in [34, 15, 11, 2, 34] {
            pending.push(SigInfo::user(signo, 1, 0), None).unwrap();
        }
        let order: Vec<i32> = core::iter::from_fn(|| pending.take(SigSet::EMPTY))
            .map(|info| info.signo)
            .collect();
        assert_eq!(order, [11, 2, 15, 34, 34]);
        assert!(pending.set().is_empty());
    }

    #[test]
    fn real_time_signals_keep_their_order_and_values() {
        let mut pending = Pending::default();
        for value in 0..3 {
            let mut info = SigInfo::user(40, 1, 0);
            info.fields[1] = value;
            pending.push(info, None).unwrap();
        }
        for value in 0..3 {
            assert_eq!(pending.take(SigSet::EMPTY).unwrap().fields[1], value);
        }
    }

    #[test]
    fn blocked_signals_stay() {
        let mut pending = Pending::default();
        pending.mark(10);
        assert!(pending.take(SigSet::of(10)).is_none());
        assert_eq!(pending.take(SigSet::EMPTY).unwrap().signo, 10);
        pending.push(SigInfo::kernel(18), None).unwrap();
        pending.discard(SigSet::of(18));
        assert!(pending.set().is_empty());
    }
}
