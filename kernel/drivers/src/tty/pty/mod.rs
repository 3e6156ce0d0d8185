//! Pseudo-terminals (`man 7 pty`): a terminal whose wire ends at a file of a program, the master.
//!
//! The slave is a [`Tty`](super::Tty) like any other; [`Pty`] is its wire: a queue of what the slave has put out. The other
//! direction has none of its own, the master writes straight into the slave's discipline. Who names slaves is devpts,
//! behind [`PtyNames`].

mod chardev;
mod ioctl;
mod master;
mod names;

use abi::termios::{ControlFlags, Termios2, ioctl::*};
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use sync::{Events, Pollee, SpinLock, rank};

use super::Line;

pub use chardev::register;
pub use master::Master;
pub use names::{PtyName, PtyNames};

/// Bytes of output that wait for the master; Linux's buffers hold 8192 before the master's discipline and 4096 in it.
const OUTPUT: usize = 12288;

/// Bytes at the front of those that count as arrived at the master.
const ARRIVED: usize = 4095;

/// Status bits that undo each other.
const FLOW: u8 = TIOCPKT_STOP | TIOCPKT_START;
const FLOW_KEYS: u8 = TIOCPKT_NOSTOP | TIOCPKT_DOSTOP;

struct State {
    /// What the slave has put out and the master has not read.
    output: VecDeque<u8>,
    /// The master wants to be told what happens to the slave (TIOCPKT).
    packet: bool,
    /// What has happened, for it.
    status: u8,
    /// Files of the slave.
    slaves: u32,
    /// The slave was open and is no more.
    slave_gone: bool,
    master_gone: bool,
    /// What the master's waiters are still to be told.
    news: Events,
}

/// The wire between a master and its slave.
pub struct Pty {
    name: Arc<dyn PtyName>,
    state: SpinLock<State, { rank::LEAF }>,
    locked: AtomicBool,
    /// The master's.
    pollee: Pollee,
}

impl Pty {
    pub(super) fn new(name: Arc<dyn PtyName>) -> Result<Arc<Self>> {
        let mut output = VecDeque::new();
        output
            .try_reserve_exact(OUTPUT)
            .map_err(|_| Errno::ENOMEM)?;
        Ok(Arc::new(Self {
            name,
            state: SpinLock::new(State {
                output,
                packet: false,
                status: 0,
                slaves: 0,
                slave_gone: false,
                master_gone: false,
                news: Events::empty(),
            }),
            locked: AtomicBool::new(true),
            pollee: Pollee::new(),
        }))
    }

    /// The settings a slave begins with.
    pub(super) fn termios() -> Termios2 {
        let mut termios = Termios2::STANDARD;
        termios.cflag.remove(ControlFlags::HUPCL);
        termios
    }

    fn tell(&self, events: Events) {
        self.state.lock().news |= events;
        self.settle();
    }

    /// Lets the slave be opened (TIOCSPTLCK).
    pub(super) fn set_locked(&self, locked: bool) {
        self.locked.store(locked, Ordering::Relaxed);
    }

    /// Packet mode on or off (TIOCPKT).
    pub(super) fn set_packet(&self, on: bool) {
        let mut state = self.state.lock();
        if on && !state.packet {
            state.status = 0;
        }
        state.packet = on;
    }

    /// Copies unread output to `to`, leaving it; how many bytes.
    fn peek(&self, to: &mut [u8]) -> usize {
        let state = self.state.lock();
        let mut done = 0;
        let (front, back) = state.output.as_slices();
        for (to, from) in to.iter_mut().zip(front.iter().chain(back)) {
            *to = *from;
            done += 1;
        }
        done
    }

    fn consume(&self, bytes: usize) {
        let mut state = self.state.lock();
        let bytes = bytes.min(state.output.len());
        state.output.drain(..bytes);
    }

    /// The slave has no file any more.
    fn slave_left(&self) {
        let mut state = self.state.lock();
        state.slaves = 0;
        state.slave_gone = true;
        state.packet = false;
        state.status = 0;
        drop(state);
        self.tell(Events::READABLE | Events::WRITABLE | Events::HUP);
    }
}

impl Line for Pty {
    fn room(&self) -> usize {
        OUTPUT.saturating_sub(self.state.lock().output.len())
    }

    fn send(&self, bytes: &[u8]) -> usize {
        let mut state = self.state.lock();
        let room = OUTPUT.saturating_sub(state.output.len());
        let taken = bytes.get(..bytes.len().min(room)).unwrap_or(bytes);
        state.output.extend(taken);
        if !taken.is_empty() {
            state.news |= Events::READABLE;
        }
        taken.len()
    }

    fn discard(&self) {
        // Linux leaves what has reached the master's own discipline.
        self.state.lock().output.truncate(ARRIVED);
    }

    fn input_room(&self) {
        self.state.lock().news |= Events::WRITABLE;
    }

    fn adjust(&self, termios: &mut Termios2) {
        termios
            .cflag
            .remove(ControlFlags::CSIZE | ControlFlags::PARENB);
        termios
            .cflag
            .insert(ControlFlags::CS8 | ControlFlags::CREAD);
    }

    fn status(&self, bits: u8) {
        let mut state = self.state.lock();
        if !state.packet || bits == 0 {
            return;
        }
        for pair in [FLOW, FLOW_KEYS] {
            if bits & pair != 0 {
                state.status &= !pair;
            }
        }
        state.status |= bits;
        state.news |= Events::READABLE | Events::PRI;
    }

    fn opened(&self) -> Result<()> {
        let mut state = self.state.lock();
        if state.master_gone || self.locked.load(Ordering::Relaxed) {
            return Err(Errno::EIO);
        }
        state.slaves += 1;
        state.slave_gone = false;
        Ok(())
    }

    fn closed_one(&self) {
        let mut state = self.state.lock();
        state.slaves = state.slaves.saturating_sub(1);
        let last = state.slaves == 0;
        drop(state);
        if last {
            self.slave_left();
        }
    }

    fn settle(&self) {
        let news = core::mem::take(&mut self.state.lock().news);
        if !news.is_empty() {
            self.pollee.notify(news);
        }
    }

    fn is_pty(&self) -> bool {
        true
    }

    fn closed(&self) -> bool {
        self.state.lock().master_gone
    }
}
