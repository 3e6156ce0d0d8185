//! Terminals: the discipline, the wire and the job control between them.
//!
//! A [`Tty`] owns the line discipline, the window size and the claim of one session on the terminal. Device code feeds
//! [`Tty::receive`] and takes output through [`Line`]. Signals and wake-ups leave after the terminal's lock is let go.

mod chardev;
pub mod console;
mod device;
mod ioctl;
mod jobs;
pub mod ldisc;
mod line;
mod modes;
pub mod pty;
mod session;
#[cfg(test)]
mod tests;

use abi::Result;
use abi::termios::{LocalFlags, Termios2, WinSize};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use ldisc::{Effects, KeySignal, LineDiscipline, ReadOutcome, Received};
use sync::{Events, Mutex, MutexGuard, Pollee, SpinLock, rank};

pub use chardev::register;
pub use device::{TtyFile, group_of, install, open_console, open_controlling};
pub use ioctl::waits_for_output;
pub use jobs::{Jobs, install_jobs, signal};
pub use line::Line;

/// Bytes that wait in front of a full discipline; Linux's pty and serial buffers hold as many or more.
const BACKLOG: usize = 8192;

/// Most bytes of output processed under one hold of the lock.
const CHUNK: usize = 1024;

/// Who has the terminal: session and foreground group, 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Claim {
    session: u32,
    foreground: u32,
}

struct State {
    discipline: LineDiscipline,
    backlog: VecDeque<u8>,
    window: WinSize,
    scratch: Vec<u8>,
    initial: Termios2,
}

/// One terminal.
pub struct Tty {
    name: String,
    device: u64,
    line: Arc<dyn Line>,
    state: Mutex<State, { rank::TTY }>,
    claim: SpinLock<Claim, { rank::LEAF }>,
    /// Hang-ups so far; a file opened before the last one is dead.
    generation: AtomicU32,
    exclusive: core::sync::atomic::AtomicBool,
    last_input: core::sync::atomic::AtomicU64,
    pollee: Pollee,
}

impl Tty {
    /// A terminal over `line`. `name` is its name under `/dev`, `device` its device number.
    #[must_use]
    pub fn new(name: String, device: u64, line: Arc<dyn Line>, termios: Termios2) -> Arc<Self> {
        Arc::new(Self {
            name,
            device,
            line,
            state: Mutex::new(State {
                discipline: LineDiscipline::new(termios),
                backlog: VecDeque::new(),
                window: WinSize::default(),
                scratch: Vec::new(),
                initial: termios,
            }),
            claim: SpinLock::new(Claim::default()),
            generation: AtomicU32::new(0),
            exclusive: core::sync::atomic::AtomicBool::new(false),
            last_input: core::sync::atomic::AtomicU64::new(0),
            pollee: Pollee::new(),
        })
    }

    /// The name under `/dev`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The device number.
    #[must_use]
    pub fn device(&self) -> u64 {
        self.device
    }

    /// Tells of readiness.
    #[must_use]
    pub fn pollee(&self) -> &Pollee {
        &self.pollee
    }

    /// Takes bytes from the wire; says how many. The rest must be offered again after [`Line::input_room`].
    pub fn receive(&self, bytes: &[u8]) -> usize {
        let mut effects = Effects::default();
        let mut state = self.state.lock();
        let mut taken = 0;
        if state.backlog.is_empty() {
            taken = state.discipline.receive(bytes, &mut effects);
        }
        let rest = bytes.get(taken..).unwrap_or(&[]);
        let queued = rest.len().min(BACKLOG - state.backlog.len().min(BACKLOG));
        state.backlog.extend(rest.iter().take(queued));
        self.after_input(state, &effects);
        taken + queued
    }

    /// Bytes [`Self::receive`] takes for certain.
    #[must_use]
    pub fn receive_room(&self) -> usize {
        BACKLOG.saturating_sub(self.state.lock().backlog.len())
    }

    /// A break or a damaged byte came over the wire.
    pub fn receive_event(&self, event: Received) {
        let mut effects = Effects::default();
        let mut state = self.state.lock();
        state.discipline.receive_one(event, &mut effects);
        self.after_input(state, &effects);
    }

    fn after_input(&self, mut state: MutexGuard<'_, State, { rank::TTY }>, effects: &Effects) {
        if effects.flush_output {
            self.line.discard();
        }
        if effects.flushed_input {
            state.backlog.clear();
            self.line.status(abi::termios::ioctl::TIOCPKT_FLUSHREAD);
        }
        self.flush_echo(&mut state);
        let ready = effects.readable && state.discipline.input_queued();
        if ready {
            self.last_input
                .store(sync::Instant::now().as_nanos(), Ordering::Relaxed);
        }
        if effects.flow_changed {
            self.line.status(flow_status(state.discipline.stopped()));
        }
        drop(state);
        self.line.settle();
        let foreground = self.claim.lock().foreground;
        for key in &effects.signals {
            jobs::signal_group(foreground, key_signal(*key));
        }
        let mut events = Events::empty();
        events.set(Events::READABLE, ready);
        events.set(
            Events::WRITABLE,
            effects.flow_changed || effects.flush_output,
        );
        if !events.is_empty() {
            self.pollee.notify(events);
        }
    }

    /// The wire has room again.
    pub fn output_room(&self) {
        let mut state = self.state.lock();
        self.flush_echo(&mut state);
        drop(state);
        self.line.settle();
        self.pollee.notify(Events::WRITABLE);
    }

    /// The other side has come or gone.
    pub fn line_changed(&self) {
        self.pollee
            .notify(Events::READABLE | Events::WRITABLE | Events::HUP);
    }

    fn flush_echo(&self, state: &mut State) {
        while !state.discipline.stopped() && !state.discipline.pending_echo().is_empty() {
            let sent = self.line.send(state.discipline.pending_echo());
            if sent == 0 {
                break;
            }
            state.discipline.echo_written(sent);
        }
    }

    /// Writes a program's output; says how many of its bytes were taken, 0 when there is no room.
    pub fn write(&self, bytes: &[u8]) -> usize {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        self.flush_echo(state);
        let mut taken = 0;
        while taken < bytes.len()
            && !state.discipline.stopped()
            && state.discipline.pending_echo().is_empty()
        {
            let room = self.line.room().min(CHUNK);
            let rest = bytes.get(taken..).unwrap_or(&[]);
            state.scratch.clear();
            let processed = state
                .discipline
                .process_output(rest, room, &mut state.scratch);
            if processed == 0 {
                break;
            }
            // Only the holder of the lock sends, so the room seen above is still there.
            self.line.send(&state.scratch);
            taken += processed;
        }
        drop(guard);
        self.line.settle();
        taken
    }

    /// Reads at most `want` bytes into `sink` (which says how many it took); see [`LineDiscipline::read`].
    pub fn read(
        &self,
        want: usize,
        least: usize,
        sink: &mut dyn FnMut(&[u8]) -> usize,
    ) -> ReadOutcome {
        let mut effects = Effects::default();
        let mut state = self.state.lock();
        let outcome = state.discipline.read(want, least, sink);
        let was_full = !state.backlog.is_empty();
        if was_full {
            let (front, _) = state.backlog.as_slices();
            let front: Vec<u8> = front.to_vec();
            let moved = state.discipline.receive(&front, &mut effects);
            state.backlog.drain(..moved);
        }
        if was_full || outcome != ReadOutcome::Empty {
            self.line.input_room();
        }
        self.after_input(state, &effects);
        outcome
    }

    /// The settings in force.
    #[must_use]
    pub fn termios(&self) -> Termios2 {
        *self.state.lock().discipline.termios()
    }

    /// Puts settings in force.
    pub fn set_termios(&self, mut new: Termios2) {
        self.line.adjust(&mut new);
        let mut state = self.state.lock();
        let old = *state.discipline.termios();
        let restarted = state.discipline.set_termios(new);
        self.flush_echo(&mut state);
        let ready = state.discipline.input_ready();
        self.line.status(modes::packet_status(&old, &new));
        drop(state);
        self.line.settle();
        let mut events = Events::empty();
        events.set(Events::READABLE, ready);
        events.set(Events::WRITABLE, restarted);
        self.pollee.notify(events);
    }

    /// Stops or restarts output (TCXONC).
    pub fn set_stopped(&self, stopped: bool) {
        let mut state = self.state.lock();
        if !state.discipline.set_stopped(stopped) {
            return;
        }
        self.flush_echo(&mut state);
        self.line.status(flow_status(stopped));
        drop(state);
        self.line.settle();
        self.pollee.notify(Events::WRITABLE);
    }

    /// Drops queued input (TCIFLUSH).
    pub fn flush_input(&self) {
        let mut state = self.state.lock();
        state.discipline.flush_input();
        state.backlog.clear();
        self.line.input_room();
        self.line.status(abi::termios::ioctl::TIOCPKT_FLUSHREAD);
        drop(state);
        self.line.settle();
    }

    /// Drops unsent output (TCOFLUSH).
    pub fn flush_output(&self) {
        let state = self.state.lock();
        self.line.discard();
        self.line.status(abi::termios::ioctl::TIOCPKT_FLUSHWRITE);
        drop(state);
        self.line.settle();
        self.pollee.notify(Events::WRITABLE);
    }

    /// What poll sees.
    #[must_use]
    pub fn ready(&self) -> Events {
        let state = self.state.lock();
        let mut events = Events::empty();
        events.set(Events::READABLE, state.discipline.input_ready());
        let writable =
            !state.discipline.stopped() && self.line.room() > 0 && self.line.unsent() < 256;
        events.set(Events::WRITABLE, writable);
        events.set(Events::HUP, self.line.closed());
        events
    }

    /// How VMIN and VTIME shape a read now.
    #[must_use]
    pub fn read_mode(&self) -> ReadMode {
        let state = self.state.lock();
        let discipline = &state.discipline;
        let lines = discipline.termios().lflag;
        if lines.contains(LocalFlags::ICANON) && !lines.contains(LocalFlags::EXTPROC) {
            return ReadMode::Lines;
        }
        ReadMode::Bytes {
            least: discipline.vmin(),
            tenths: discipline.vtime(),
        }
    }

    /// The window's size.
    #[must_use]
    pub fn window(&self) -> WinSize {
        self.state.lock().window
    }

    /// Sets the window's size and tells the foreground group; true if it changed.
    pub fn set_window(&self, size: WinSize) -> bool {
        let mut state = self.state.lock();
        if core::mem::replace(&mut state.window, size) == size {
            return false;
        }
        drop(state);
        let foreground = self.claim.lock().foreground;
        jobs::signal_group(foreground, signal::SIGWINCH);
        true
    }

    /// Forgets everything about the last use (the last close of a pty, a hang-up).
    fn reset(&self) {
        let mut state = self.state.lock();
        let initial = state.initial;
        state.discipline = LineDiscipline::new(initial);
        state.backlog.clear();
    }

    /// Signals the foreground group (TIOCSIG).
    ///
    /// # Errors
    /// None today; the signature is the ioctl's.
    pub fn signal_foreground(&self, signal: u32) -> Result<()> {
        let foreground = self.claim.lock().foreground;
        jobs::signal_group(foreground, signal);
        Ok(())
    }
}

/// How a read waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// For a line.
    Lines,
    /// For VMIN bytes, or VTIME tenths of a second.
    Bytes {
        /// VMIN.
        least: usize,
        /// VTIME.
        tenths: u64,
    },
}

fn flow_status(stopped: bool) -> u8 {
    if stopped {
        abi::termios::ioctl::TIOCPKT_STOP
    } else {
        abi::termios::ioctl::TIOCPKT_START
    }
}

fn key_signal(key: KeySignal) -> u32 {
    match key {
        KeySignal::Interrupt => signal::SIGINT,
        KeySignal::Quit => signal::SIGQUIT,
        KeySignal::Suspend => signal::SIGTSTP,
    }
}

impl core::fmt::Debug for Tty {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.name)
    }
}
