//! The thread that takes frames from the cards and gives them to the IP stack.

use super::device::Frame;
use super::events::{self, Cause};
use super::interface::Interface;
use abi::Result;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use sync::{Events, Instant, Once, Waiter};

/// Frames taken from one card before the next one's turn.
const BUDGET: usize = 64;

/// What is done with frames. Called by the worker's thread alone, with no lock held.
#[derive(Clone, Copy)]
pub struct Stack {
    /// A frame came for this machine.
    pub input: fn(&Arc<Interface>, Frame<'_>),
    /// A round is over: answers may go, timers are looked at. When to come again at the latest.
    pub settle: fn() -> Option<Instant>,
}

static STACK: Once<Stack> = Once::new();
static CARRIER: AtomicBool = AtomicBool::new(false);

/// Says what is done with frames; the first one stays. Without one only packet sockets see them.
pub fn install_stack(stack: Stack) {
    let _ = STACK.set(stack);
    events::news().notify(Events::READABLE);
}

/// A card's carrier came or went. May come from an interrupt.
pub(super) fn carrier_changed() {
    CARRIER.store(true, Ordering::Release);
    events::news().notify(Events::READABLE);
}

/// Wakes the worker: something is to be settled.
pub fn kick() {
    events::news().notify(Events::READABLE);
}

/// Starts the thread. Once.
///
/// # Errors
/// `ENOMEM`.
pub(super) fn start() -> Result<()> {
    sync::spawn_kernel("netrx", run)?;
    Ok(())
}

fn run() {
    let waiter = Waiter::new();
    let _registered = waiter.register(events::news(), Events::READABLE | Events::WRITABLE);
    loop {
        waiter.clear();
        if CARRIER.swap(false, Ordering::Acquire) {
            tell_carrier();
        }
        let mut more = false;
        for interface in super::interfaces() {
            let mut input = |frame: Frame<'_>| {
                if let Some(stack) = STACK.get() {
                    (stack.input)(&interface, frame);
                }
            };
            more |= interface.port.receive(BUDGET, &mut input) == BUDGET;
        }
        let again = STACK.get().and_then(|stack| (stack.settle)());
        if more {
            sync::yield_now();
        } else {
            waiter.wait(again);
        }
    }
}

/// Tells who listens that carriers may have changed.
fn tell_carrier() {
    // Nothing in it fails.
    let _ = super::change(Cause::default(), |table| {
        let cards: alloc::vec::Vec<u32> = table
            .interfaces()
            .iter()
            .filter(|one| one.device().is_some())
            .map(|one| one.index)
            .collect();
        for index in cards {
            table.touch(index);
        }
        Ok(())
    });
}
