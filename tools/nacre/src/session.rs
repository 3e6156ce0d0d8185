//! A booted guest with the agent in it, and running programs there one after the other.

mod pumps;

use std::fs;
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use channel::{Outcome, Reply, Request, Run, VERSION, frame, port};
use tempfile::TempDir;

use crate::qemu::{self, Machine};
pub use pumps::{Event, Stream};

/// A boot that takes longer has failed.
const BOOT_LIMIT: Duration = Duration::from_secs(600);

/// QEMU gets this long to end after the guest was told to power off.
const POWER_OFF_LIMIT: Duration = Duration::from_secs(60);

/// Why a program has no outcome.
#[derive(Debug)]
pub enum Lost {
    /// The machine ended, or its agent did, before the program.
    Died,
    /// The machine says nothing any more.
    Hung,
    /// The user wants out.
    Quit,
}

/// Where a program's standard input comes from.
#[derive(Debug, Clone)]
pub enum Input {
    /// Somebody else feeds the port and says when it ends.
    Elsewhere,
    /// These bytes, then its end.
    Bytes(Vec<u8>),
}

/// A running machine whose agent answers.
#[derive(Debug)]
pub struct Guest {
    qemu: Child,
    control: UnixStream,
    stdin: UnixStream,
    events: Receiver<Event>,
    to_events: std::sync::mpsc::SyncSender<Event>,
    folder: TempDir,
}

impl Guest {
    /// A folder for a boot's files, in memory or wherever temporary files go.
    pub fn folder() -> Result<TempDir> {
        tempfile::Builder::new()
            .prefix("nacre-")
            .tempdir()
            .context("a temporary folder")
    }

    /// Starts a machine and waits for its agent. `folder` holds its sockets and its console's log.
    ///
    /// # Errors
    /// When QEMU does not start or the agent does not answer; what the kernel said is in the message.
    pub fn boot(machine: &Machine, folder: TempDir) -> Result<Self> {
        crate::doctor::ensure_commands(&[qemu::PROGRAM])?;
        let listen = |nr| {
            let path = qemu::socket_path(folder.path(), nr);
            UnixListener::bind(&path).with_context(|| path.display().to_string())
        };
        let listeners = [
            listen(port::CONTROL)?,
            listen(port::STDIN)?,
            listen(port::STDOUT)?,
            listen(port::STDERR)?,
        ];
        let log = console_log(folder.path());
        let errors = fs::File::create(folder.path().join("qemu.err")).context("QEMU's log")?;
        let mut command = machine.command();
        qemu::add_ports(&mut command, folder.path());
        qemu::console_to_file(&mut command, &log);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors);
        // Ctrl-C on our terminal is for the program in the guest, not for QEMU.
        command.process_group(0);
        let mut qemu = command.spawn().context("cannot start QEMU")?;
        let streams = pumps::accept(&listeners, &mut qemu).with_context(|| {
            fs::read_to_string(folder.path().join("qemu.err")).unwrap_or_default()
        });
        let [control, stdin, stdout, stderr] = match streams {
            Ok(streams) => streams,
            Err(error) => {
                let _ = qemu.kill();
                let _ = qemu.wait();
                return Err(error);
            }
        };
        let (to_events, events) = std::sync::mpsc::sync_channel(64);
        pumps::read_control(control.try_clone()?, to_events.clone());
        pumps::read_stream(stdout, Stream::Stdout, to_events.clone());
        pumps::read_stream(stderr, Stream::Stderr, to_events.clone());
        let guest = Self {
            qemu,
            control,
            stdin,
            events,
            to_events,
            folder,
        };
        guest.wait_until_ready()?;
        Ok(guest)
    }

    fn wait_until_ready(&self) -> Result<()> {
        match self.events.recv_timeout(BOOT_LIMIT) {
            Ok(Event::Reply(Reply::Ready(VERSION))) => Ok(()),
            Ok(Event::Reply(Reply::Ready(other))) => {
                bail!("the agent in the guest speaks version {other}, this tool {VERSION}")
            }
            Ok(Event::Gone) => bail!(
                "the kernel ended before it had started a program; {}",
                self.log_tail()
            ),
            Ok(other) => bail!("the agent's first word is {other:?}"),
            Err(_) => bail!(
                "no word from the guest within {} s; {}",
                BOOT_LIMIT.as_secs(),
                self.log_tail()
            ),
        }
    }

    /// Sends a request.
    pub fn send(&self, request: &Request) -> Result<()> {
        (&self.control)
            .write_all(&frame(&request.encode()))
            .context("the guest does not listen any more")
    }

    /// A second hold on the control port, for threads that have something to say.
    pub fn control(&self) -> Result<UnixStream> {
        self.control.try_clone().context("the control port")
    }

    /// The standard input port, and where to say what happens with it.
    pub fn stdin(&self) -> Result<(UnixStream, std::sync::mpsc::SyncSender<Event>)> {
        Ok((
            self.stdin.try_clone().context("the standard input port")?,
            self.to_events.clone(),
        ))
    }

    /// Runs a program to its end; what it says goes to `hear`, what it reads comes from `input`. `patience` is how long the machine may stay without
    /// ending it, where that is limited.
    pub fn run(
        &self,
        run: &Run,
        input: Input,
        patience: Option<Duration>,
        hear: &mut dyn FnMut(Stream, &[u8]),
    ) -> std::result::Result<Outcome, Lost> {
        self.run_within(run, input, [patience, None], hear)
    }

    /// The same of a program that is lost as soon as nothing was heard of it for so long.
    pub fn run_while_heard(
        &self,
        run: &Run,
        input: Input,
        patience: Duration,
        silence: Duration,
        hear: &mut dyn FnMut(Stream, &[u8]),
    ) -> std::result::Result<Outcome, Lost> {
        self.run_within(run, input, [Some(patience), Some(silence)], hear)
    }

    fn run_within(
        &self,
        run: &Run,
        input: Input,
        [patience, silence]: [Option<Duration>; 2],
        hear: &mut dyn FnMut(Stream, &[u8]),
    ) -> std::result::Result<Outcome, Lost> {
        self.send(&Request::Run(run.clone()))
            .map_err(|_| Lost::Died)?;
        if let Input::Bytes(bytes) = input {
            let total = bytes.len() as u64;
            self.send(&Request::StdinEnds(total))
                .map_err(|_| Lost::Died)?;
            let mut port = self.stdin.try_clone().map_err(|_| Lost::Died)?;
            // The agent takes them all, whether or not the program does.
            std::thread::spawn(move || port.write_all(&bytes));
        }
        let until = patience.map(|patience| Instant::now() + patience);
        let (mut out, mut err) = (0_u64, 0_u64);
        let mut exit = None;
        loop {
            if let Some((outcome, stdout, stderr)) = exit
                && out >= stdout
                && err >= stderr
            {
                return Ok(outcome);
            }
            let silent = silence.map(|silence| Instant::now() + silence);
            let next = [until, silent].into_iter().flatten().min();
            match self.next_event(next)? {
                Event::Bytes(stream, bytes) => {
                    let count = if stream == Stream::Stdout {
                        &mut out
                    } else {
                        &mut err
                    };
                    *count = count.saturating_add(bytes.len() as u64);
                    hear(stream, &bytes);
                }
                Event::Reply(Reply::Terminal(bytes)) => hear(Stream::Terminal, &bytes),
                Event::Reply(Reply::Exit {
                    outcome,
                    stdout,
                    stderr,
                }) => exit = Some((outcome, stdout, stderr)),
                Event::Reply(Reply::Ready(_) | Reply::Put(_)) => {}
                Event::Gone => return Err(Lost::Died),
                Event::Quit => return Err(Lost::Quit),
            }
        }
    }

    fn next_event(&self, until: Option<Instant>) -> std::result::Result<Event, Lost> {
        let Some(until) = until else {
            return self.events.recv().map_err(|_| Lost::Died);
        };
        match self
            .events
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            Ok(event) => Ok(event),
            Err(RecvTimeoutError::Timeout) => Err(Lost::Hung),
            Err(RecvTimeoutError::Disconnected) => Err(Lost::Died),
        }
    }

    /// What the kernel said on its console.
    pub fn log(&self) -> String {
        read_log(&console_log(self.folder.path()))
    }

    /// Where that is kept while the machine runs.
    pub fn log_path(&self) -> PathBuf {
        console_log(self.folder.path())
    }

    /// The end of what the kernel said, for a message.
    pub fn log_tail(&self) -> String {
        tail(&self.log(), 40)
    }

    /// Copies the console's log to a file that stays.
    pub fn settle_log(&self, to: &Path) -> Result<()> {
        fs::write(to, self.log()).with_context(|| to.display().to_string())
    }

    /// Powers the machine off, or kills it when it does not go.
    pub fn power_off(mut self) {
        if self.send(&Request::PowerOff).is_ok() {
            let until = Instant::now() + POWER_OFF_LIMIT;
            while Instant::now() < until {
                if matches!(self.qemu.try_wait(), Ok(Some(_)) | Err(_)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Waits a moment for a dying machine to have said all.
    pub fn settle(&mut self) {
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until && matches!(self.qemu.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn console_log(folder: &Path) -> PathBuf {
    folder.join("console")
}

fn read_log(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).replace('\r', "")
}

/// The last lines of a kernel log, under a heading.
pub fn tail(log: &str, count: usize) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.len().saturating_sub(count);
    let heading = if from == 0 {
        "the kernel's log:"
    } else {
        "the end of the kernel's log:"
    };
    format!(
        "{heading}\n{}",
        lines.get(from..).unwrap_or_default().join("\n")
    )
}
