//! What a device did that no device may: told once, to whom the kernel named.

use super::Kind;
use crate::irq::IrqLine;

/// A device broke the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What it is.
    pub kind: Kind,
    /// Its line, by which it is found in `/proc/interrupts`.
    pub line: IrqLine,
    /// What it did.
    pub what: Wrong,
}

/// What a device may not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// It gave back what it was not lent. The queue is used no more.
    NotLent {
        /// The queue's number.
        queue: u16,
        /// What it gave back.
        id: u16,
    },
    /// It wants to be reset: it works no more.
    NeedsReset,
}

static TOLD: spin::Once<fn(Fault)> = spin::Once::new();

/// Names who is told; the first one stays. He may be called from an interrupt and with a driver's locks held.
pub fn on_fault(tell: fn(Fault)) {
    TOLD.call_once(|| tell);
}

#[cold]
#[inline(never)]
pub(super) fn tell(kind: Kind, line: IrqLine, what: Wrong) {
    if let Some(told) = TOLD.get() {
        told(Fault { kind, line, what });
    }
}
