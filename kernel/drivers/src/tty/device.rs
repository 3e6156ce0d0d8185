//! Terminals as files: `/dev/ttyAMA0` and its kin, `/dev/console`, `/dev/tty`.

use super::pty::Master;
use super::{ReadMode, Tty, console, ioctl, jobs, ldisc::ReadOutcome, session, signal};
use abi::termios::LocalFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;
use mm::io::{IoDst, IoSrc};
use sync::SortedMap;
use sync::{Capability, Events, Instant, Pollee, SpinLock, rank};
use vfs::{Caller, FileOps, OpenFile};

/// Terminals by device number.
static TERMINALS: SpinLock<SortedMap<u64, Arc<Tty>>, { rank::LEAF }> =
    SpinLock::new(SortedMap::new());

/// Makes a terminal known under its device number.
pub fn install(tty: &Arc<Tty>) {
    TERMINALS.lock().insert(tty.device(), tty.clone());
    console::offer(tty);
}

/// The terminal with a device number.
#[must_use]
pub fn find(device: u64) -> Option<Arc<Tty>> {
    TERMINALS.lock().get(&device).cloned()
}

/// The foreground group of the terminal behind an open file, 0 for none, as for a master; `None` for a file of another
/// kind.
#[must_use]
pub fn group_of(file: &OpenFile) -> Option<u32> {
    if let Some(terminal) = file.ops_as::<TtyFile>() {
        return Some(terminal.tty.foreground());
    }
    file.ops_as::<Master>().map(|_| 0)
}

/// An open file of a terminal.
pub struct TtyFile {
    pub(super) tty: Arc<Tty>,
    generation: u32,
    console: bool,
}

impl TtyFile {
    /// Opens a terminal. `claims`: a session leader may gain it as its controlling terminal.
    ///
    /// # Errors
    /// `EBUSY` when somebody has it for himself alone (TIOCEXCL), `EIO` when the other side is gone.
    pub fn open(tty: &Arc<Tty>, caller: Option<&dyn Caller>, claims: bool) -> Result<Arc<Self>> {
        Self::open_as(tty, caller, claims, false)
    }

    fn open_as(
        tty: &Arc<Tty>,
        caller: Option<&dyn Caller>,
        claims: bool,
        console: bool,
    ) -> Result<Arc<Self>> {
        let admin = caller.is_none_or(|caller| caller.cred().has(Capability::SYS_ADMIN));
        if tty.exclusive.load(Ordering::Relaxed) && !admin {
            return Err(Errno::EBUSY);
        }
        tty.line.opened()?;
        if let Some(caller) = caller
            && claims
        {
            tty.claim_at_open(caller);
        }
        let generation = tty.generation.load(Ordering::SeqCst);
        Ok(Arc::new(Self {
            tty: tty.clone(),
            generation,
            console,
        }))
    }

    /// The terminal.
    #[must_use]
    pub fn tty(&self) -> &Arc<Tty> {
        &self.tty
    }

    /// A hang-up came after this file was opened. The console's own files outlive it.
    fn hung_up(&self) -> bool {
        !self.console && self.generation != self.tty.generation.load(Ordering::SeqCst)
    }

    fn check(&self, signal: u32) -> Result<()> {
        let mut answer = Ok(());
        if !self.console
            && let Some(jobs) = jobs::jobs()
        {
            jobs.with_caller(&mut |caller| answer = self.tty.check_foreground(caller, signal));
        }
        answer
    }

    fn drain(&self, dst: &mut IoDst<'_>, least: usize) -> ReadOutcome {
        self.tty
            .read(dst.remaining(), least, &mut |bytes| dst.put(bytes))
    }
}

/// Opens `/dev/console`. It never becomes a controlling terminal this way.
///
/// # Errors
/// `ENODEV` when the machine has none.
pub fn open_console(caller: Option<&dyn Caller>) -> Result<Arc<TtyFile>> {
    let tty = console::console().ok_or(Errno::ENODEV)?;
    TtyFile::open_as(&tty, caller, false, true)
}

/// Opens `/dev/tty`: the caller's controlling terminal.
///
/// # Errors
/// `ENXIO` when there is none.
pub fn open_controlling(caller: &dyn Caller) -> Result<Arc<TtyFile>> {
    let tty = session::controlling(caller).ok_or(Errno::ENXIO)?;
    TtyFile::open(&tty, Some(caller), false)
}

impl FileOps for TtyFile {
    fn read(&self, file: &OpenFile, dst: &mut IoDst<'_>, _pos: &mut u64) -> Result<usize> {
        if self.hung_up() {
            return Ok(0);
        }
        self.check(signal::SIGTTIN)?;
        if dst.remaining() == 0 {
            return Ok(0);
        }
        let mode = self.tty.read_mode();
        let (least, empty) = match mode {
            ReadMode::Lines => (1, Err(Errno::EAGAIN)),
            ReadMode::Bytes {
                least: 0,
                tenths: 0,
            } => (1, Ok(0)),
            ReadMode::Bytes { least: 0, .. } => (1, Err(Errno::EAGAIN)),
            ReadMode::Bytes { least, .. } if !file.nonblocking() => (least, Err(Errno::EAGAIN)),
            ReadMode::Bytes { .. } => (1, Err(Errno::EAGAIN)),
        };
        match self.drain(dst, least) {
            ReadOutcome::Bytes(bytes) | ReadOutcome::Short(bytes) => Ok(bytes),
            ReadOutcome::Empty if self.tty.line.closed() => Err(Errno::EIO),
            ReadOutcome::Empty => empty,
        }
    }

    fn read_deadline(&self, _file: &OpenFile, began: Instant) -> Option<Instant> {
        let ReadMode::Bytes {
            least,
            tenths: tenths @ 1..,
        } = self.tty.read_mode()
        else {
            return None;
        };
        let patience = Duration::from_millis(tenths * 100);
        if least == 0 {
            return Some(began.saturating_add(patience));
        }
        let queued = self.tty.state.lock().discipline.input_queued();
        let last = Instant::from_nanos(self.tty.last_input.load(Ordering::Relaxed));
        queued.then(|| last.max(began).saturating_add(patience))
    }

    fn read_rest(&self, _file: &OpenFile, dst: &mut IoDst<'_>) -> usize {
        match self.tty.read_mode() {
            ReadMode::Lines => 0,
            ReadMode::Bytes { .. } => match self.drain(dst, 1) {
                ReadOutcome::Bytes(bytes) | ReadOutcome::Short(bytes) => bytes,
                ReadOutcome::Empty => 0,
            },
        }
    }

    fn read_ended(&self, _file: &OpenFile) -> Result<usize> {
        // Who waited while the master went sees an error, who comes later the end.
        if self.hung_up() && self.tty.line.closed() {
            Err(Errno::EIO)
        } else {
            Ok(0)
        }
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, _pos: &mut u64) -> Result<usize> {
        if self.hung_up() || self.tty.line.closed() {
            return Err(Errno::EIO);
        }
        if self.tty.termios().lflag.contains(LocalFlags::TOSTOP) {
            self.check(signal::SIGTTOU)?;
        }
        let mut done = 0;
        let mut chunk = [0u8; 512];
        while src.remaining() > 0 {
            let mark = src.mark();
            let got = src.take(&mut chunk);
            let written = self.tty.write(chunk.get(..got).unwrap_or(&[]));
            done += written;
            if written < got || got == 0 {
                src.rewind(mark);
                if let Some(used) = chunk.get_mut(..written) {
                    src.take(used);
                }
                break;
            }
        }
        if done == 0 && !src.faulted() && src.remaining() > 0 {
            return Err(Errno::EAGAIN);
        }
        Ok(done)
    }

    fn writes_all(&self) -> bool {
        true
    }

    fn signals(&self) -> bool {
        true
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        if self.hung_up() {
            return Events::READABLE | Events::WRITABLE | Events::ALWAYS;
        }
        self.tty.ready()
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(self.tty.pollee())
    }

    fn ioctl(&self, file: &OpenFile, cmd: u32, arg: usize, caller: &dyn Caller) -> Result<usize> {
        if self.hung_up() {
            let gone = cmd == abi::termios::ioctl::TIOCSPGRP;
            return Err(if gone { Errno::ENOTTY } else { Errno::EIO });
        }
        ioctl::own(self, file.readable(), cmd, arg, caller)
    }

    fn release(&self, _file: &OpenFile) {
        self.tty.line.closed_one();
    }
}
