//! Which terminal `/dev/console` is: the last one the command line names that is there, without names the first.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use sync::{Events, Instant, Pollee, SpinLock, rank};

use super::Tty;
use super::chardev;

struct Choice {
    /// Names the command line gives, without settings.
    wanted: Vec<String>,
    /// The terminal, and how good a choice it is.
    chosen: Option<(Arc<Tty>, usize)>,
}

static CHOICE: SpinLock<Choice, { rank::LEAF }> = SpinLock::new(Choice {
    wanted: Vec::new(),
    chosen: None,
});

/// Told when the choice changes.
static NEWS: Pollee = Pollee::new();

/// Says what the command line names (`hvc0`, `ttyAMA0,115200n8`); called before terminals are installed.
pub fn want(names: &[String]) {
    let plain = |name: &String| name.split(',').next().unwrap_or_default().into();
    CHOICE.lock().wanted = names.iter().map(plain).collect();
}

/// A terminal is there: perhaps it is the one.
pub(super) fn offer(tty: &Arc<Tty>) {
    let mut choice = CHOICE.lock();
    // With names, a terminal that has none is no console; without, the first one is.
    let place = match choice.wanted.iter().rposition(|name| name == tty.name()) {
        Some(at) => at + 1,
        None if choice.wanted.is_empty() => 0,
        None => return,
    };
    if choice
        .chosen
        .as_ref()
        .is_some_and(|(_, best)| *best >= place)
    {
        return;
    }
    let old = choice.chosen.replace((tty.clone(), place));
    drop(choice);
    drop(old);
    chardev::publish_console(tty.name());
    NEWS.notify(Events::READABLE);
}

/// The console's terminal.
#[must_use]
pub fn console() -> Option<Arc<Tty>> {
    let choice = CHOICE.lock();
    choice.chosen.as_ref().map(|(tty, _)| tty.clone())
}

/// Waits, at most so long, until no better choice is to be expected: terminals of a virtio device come a moment after
/// the device, all others are there when the drivers are.
pub fn await_console(patience: Duration) {
    let settled = || {
        let choice = CHOICE.lock();
        let best = choice.chosen.as_ref().map_or(0, |(_, place)| *place);
        let better = choice.wanted.get(best..).unwrap_or_default();
        (!better.iter().any(|name| name.starts_with("hvc"))).then_some(())
    };
    sync::wait_until(
        &[(&NEWS, Events::READABLE)],
        Some(Instant::after(patience)),
        settled,
    );
}
