//! One running program: its process, its streams, its time.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use channel::{Outcome, Run, Size};
use rustix::fs::OFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::child::{self, Streams};
use crate::pump::Pump;

/// After the program's end its leftovers get this long to die.
const BURIAL: Duration = Duration::from_secs(120);

/// A stream from the program to a port: the side to read, and how much went.
#[derive(Debug, Default)]
pub struct Output {
    /// Open until its end was read.
    pub source: Option<OwnedFd>,
    /// What waits for the port.
    pub pump: Pump,
    /// Bytes given to the port.
    pub total: u64,
}

/// A program, from its start until everything about it has been told.
#[derive(Debug)]
pub struct Job {
    pid: Pid,
    /// Readable when the program has ended; not every kernel has it.
    pub watch: Option<OwnedFd>,
    /// The write side of its standard input pipe.
    pub stdin: Option<OwnedFd>,
    /// What waits for its standard input.
    pub stdin_pump: Pump,
    /// Bytes taken from the standard input port.
    pub stdin_taken: u64,
    /// Where its standard input ends, once that is known.
    pub stdin_ends: Option<u64>,
    /// Its standard output.
    pub stdout: Output,
    /// Its standard error.
    pub stderr: Output,
    /// The other side of its terminal, and whether its standard input is that.
    pub terminal: Option<OwnedFd>,
    /// Whether input goes to the terminal.
    pub types: bool,
    /// When it will be killed.
    pub deadline: Option<Instant>,
    timed_out: bool,
    /// How it ended, once it did.
    pub outcome: Option<Outcome>,
    ended: Option<Instant>,
    /// The terminal said that nobody holds its other side, which a living program may yet change.
    pub terminal_hung_up: bool,
}

impl Job {
    /// Starts a program.
    ///
    /// # Errors
    /// When the system lacks pipes, terminals or processes.
    pub fn start(run: &Run) -> io::Result<Self> {
        let terminal = if run.terminals.any() {
            Some(open_terminal(run.size)?)
        } else {
            None
        };
        let slave = |wanted: bool| {
            terminal
                .as_ref()
                .filter(|_| wanted)
                .map(|(_, slave)| slave.try_clone())
        };
        let (stdin, feed) = match slave(run.terminals.stdin) {
            Some(slave) => (slave?, None),
            None => {
                let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
                (File::from(read), Some(write))
            }
        };
        let (stdout, stdout_source) = output_end(slave(run.terminals.stdout))?;
        let (stderr, stderr_source) = output_end(slave(run.terminals.stderr))?;
        for fd in [&feed, &stdout_source, &stderr_source]
            .into_iter()
            .flatten()
        {
            rustix::fs::fcntl_setfl(fd, OFlags::NONBLOCK)?;
        }
        let pid = child::start(
            run,
            Streams {
                stdin,
                stdout,
                stderr,
            },
        )?;
        let pid = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::InvalidData)?;
        let limit = Duration::from_millis(run.limit_ms.into());
        Ok(Self {
            pid,
            watch: rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok(),
            stdin: feed,
            stdin_pump: Pump::default(),
            stdin_taken: 0,
            stdin_ends: None,
            stdout: Output {
                source: stdout_source,
                ..Output::default()
            },
            stderr: Output {
                source: stderr_source,
                ..Output::default()
            },
            terminal: terminal.map(|(master, _)| master),
            types: run.terminals.stdin,
            deadline: (run.limit_ms != 0).then(|| Instant::now() + limit),
            timed_out: false,
            outcome: None,
            ended: None,
            terminal_hung_up: false,
        })
    }

    /// Sends the program's process group a signal; one that is no signal, or comes too late, does nothing.
    pub fn signal(&self, number: u32) {
        if let Some(signal) = Signal::from_named_raw(number.cast_signed())
            && self.outcome.is_none()
            && let Err(error) = rustix::process::kill_process_group(self.pid, signal)
        {
            eprintln!("agent: signal {number}: {error}");
        }
    }

    /// Gives the terminal a new size; the kernel tells the program.
    pub fn resize(&self, size: Size) {
        if let Some(terminal) = &self.terminal
            && let Err(error) = tcsetwinsize(terminal, winsize(size))
        {
            eprintln!("agent: terminal size: {error}");
        }
    }

    /// Kills the program if its time is over.
    pub fn check_deadline(&mut self) {
        if self.outcome.is_none()
            && self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
        {
            self.deadline = None;
            self.timed_out = true;
            // The process itself too: it may have left its group.
            let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
            let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        }
    }

    /// Whether its streams had their time to end after it did. They end by themselves, unless something that cannot
    /// be killed holds them.
    pub fn is_overdue(&self) -> bool {
        self.ended.is_some_and(|at| at.elapsed() > BURIAL)
    }

    /// Buries whoever has died. When the program itself is among them, its leftovers are killed and buried too.
    pub fn reap(&mut self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if pid != self.pid || self.outcome.is_some() {
                continue;
            }
            let number = |value: Option<i32>| value.unwrap_or(0).cast_unsigned();
            self.outcome = Some(if self.timed_out {
                Outcome::TimedOut
            } else if status.exited() {
                Outcome::Exited(number(status.exit_status()))
            } else {
                Outcome::Signaled(number(status.terminating_signal()))
            });
            self.ended = Some(Instant::now());
            self.watch = None;
            self.stdin = None;
            bury_leftovers();
        }
    }
}

/// Kills every other process of the machine and waits for it to be gone.
fn bury_leftovers() {
    let until = Instant::now() + BURIAL;
    while Instant::now() < until {
        // Process group 1 stands for everybody but ourselves (kill(-1)).
        if rustix::process::kill_process_group(Pid::INIT, Signal::KILL).is_err() {
            // Nobody left to kill; the dead are buried below.
        }
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Err(_) => return,
        }
    }
    eprintln!("agent: some processes do not die");
}

fn output_end(slave: Option<io::Result<File>>) -> io::Result<(File, Option<OwnedFd>)> {
    match slave {
        Some(slave) => Ok((slave?, None)),
        None => {
            let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
            Ok((File::from(write), Some(read)))
        }
    }
}

fn winsize(size: Size) -> Winsize {
    Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// A new pty: the agent's side, which does not wait, and the program's.
fn open_terminal(size: Size) -> io::Result<(OwnedFd, File)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let path = std::ffi::OsStr::from_bytes(name.as_bytes());
    let no_control = OFlags::NOCTTY.bits().cast_signed();
    let slave = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(no_control)
        .open(path)?;
    tcsetwinsize(&master, winsize(size))?;
    rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK)?;
    Ok((master, slave))
}
