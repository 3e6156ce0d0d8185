//! The loop: requests in, bytes both ways, replies out.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use channel::{Frames, Outcome, Put, Reply, Request, Run, VERSION, frame};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Timespec;
use rustix::io::Errno;

use crate::job::{Job, Output};
use crate::ports::Ports;
use crate::pump::{Pump, Step, read_some};

/// While a program runs, orphans are buried this often. Only where no pidfd tells of the program's end does it
/// matter for anything else.
const TICK: Duration = Duration::from_millis(50);
const TICK_WITHOUT_PIDFD: Duration = Duration::from_millis(5);

/// At most so much of a terminal's output is told in one frame.
const TERMINAL_PIECE: usize = 16 * 1024;

/// The agent's whole state.
#[derive(Debug)]
pub struct Server {
    ports: Ports,
    frames: Frames,
    replies: Pump,
    job: Option<Job>,
    /// Bytes the last program left on the standard input port, counted as taken.
    stdin_taken: u64,
    done: bool,
}

impl Server {
    /// A server on these ports.
    pub fn new(ports: Ports) -> Self {
        let mut server = Self {
            ports,
            frames: Frames::default(),
            replies: Pump::default(),
            job: None,
            stdin_taken: 0,
            done: false,
        };
        server.reply(&Reply::Ready(VERSION));
        server
    }

    /// Serves until it is told to power off, or nobody is there any more.
    ///
    /// # Errors
    /// A message when a port fails or says what makes no sense.
    pub fn serve(mut self) -> Result<(), String> {
        while !self.done {
            self.wait().map_err(|error| format!("poll: {error}"))?;
            self.take_requests()?;
            self.move_bytes();
            if self.replies.drain(&self.ports.control) == Step::Ended {
                return Err("the control port is gone".into());
            }
            self.finish_job();
        }
        Ok(())
    }

    fn reply(&mut self, reply: &Reply) {
        self.replies.load(&frame(&reply.encode()));
    }

    /// Sleeps until something can be done.
    fn wait(&self) -> rustix::io::Result<()> {
        let mut fds = Vec::with_capacity(10);
        let control = if self.replies.is_full() {
            PollFlags::IN | PollFlags::OUT
        } else {
            PollFlags::IN
        };
        fds.push(PollFd::new(&self.ports.control, control));
        let mut timeout = None;
        if let Some(job) = &self.job {
            if job.stdin_pump.is_full() {
                let sink = if job.types { &job.terminal } else { &job.stdin };
                fds.extend(sink.as_ref().map(|sink| PollFd::new(sink, PollFlags::OUT)));
            } else if job.outcome.is_none() && stdin_left(job) > 0 {
                fds.push(PollFd::new(&self.ports.stdin, PollFlags::IN));
            }
            for (output, port) in [
                (&job.stdout, &self.ports.stdout),
                (&job.stderr, &self.ports.stderr),
            ] {
                if output.pump.is_full() {
                    fds.push(PollFd::new(port, PollFlags::OUT));
                } else if let Some(source) = &output.source {
                    fds.push(PollFd::new(source, PollFlags::IN));
                }
            }
            if let Some(terminal) = &job.terminal
                && !self.replies.is_full()
                && !job.terminal_hung_up
            {
                fds.push(PollFd::new(terminal, PollFlags::IN));
            }
            fds.extend(
                job.watch
                    .as_ref()
                    .map(|watch| PollFd::new(watch, PollFlags::IN)),
            );
            let tick = if job.watch.is_some() {
                TICK
            } else {
                TICK_WITHOUT_PIDFD
            };
            let left = job
                .deadline
                .map_or(tick, |at| at.saturating_duration_since(Instant::now()));
            timeout = Timespec::try_from(tick.min(left)).ok();
        }
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn take_requests(&mut self) -> Result<(), String> {
        let mut space = vec![0; 64 * 1024];
        match read_some(self.ports.control.as_fd(), &mut space) {
            Step::Moved(count) => self.frames.push(space.get(..count).unwrap_or_default()),
            Step::Later => return Ok(()),
            Step::Ended => {
                self.done = true;
                return Ok(());
            }
        }
        while let Some(body) = self
            .frames
            .next_frame()
            .map_err(|error| error.to_string())?
        {
            let request = Request::decode(&body).map_err(|error| error.to_string())?;
            self.obey(request);
        }
        Ok(())
    }

    fn obey(&mut self, request: Request) {
        match request {
            Request::Run(run) => self.run(&run),
            Request::Signal(number) => {
                if let Some(job) = &self.job {
                    job.signal(number);
                }
            }
            Request::Resize(size) => {
                if let Some(job) = &self.job {
                    job.resize(size);
                }
            }
            Request::StdinEnds(total) => match &mut self.job {
                Some(job) => job.stdin_ends = Some(total),
                None => self.discard_stdin(total),
            },
            Request::Put(put) => {
                let errno = write_piece(&put).err().map_or(0, |error| {
                    eprintln!("agent: {}: {error}", String::from_utf8_lossy(&put.path));
                    error.raw_os_error().unwrap_or(5)
                });
                self.reply(&Reply::Put(errno.cast_unsigned()));
            }
            Request::PowerOff => self.done = true,
        }
    }

    fn run(&mut self, run: &Run) {
        let failure = match Job::start(run) {
            _ if self.job.is_some() => Some(16),
            Ok(job) => {
                self.job = Some(job);
                None
            }
            Err(error) => {
                eprintln!("agent: cannot start: {error}");
                Some(error.raw_os_error().unwrap_or(5))
            }
        };
        if let Some(errno) = failure {
            self.stdin_taken = 0;
            let outcome = Outcome::NotStarted(errno.cast_unsigned());
            self.reply(&Reply::Exit {
                outcome,
                stdout: 0,
                stderr: 0,
            });
        }
    }

    /// Takes what a program that is gone did not read.
    fn discard_stdin(&mut self, total: u64) {
        let mut rest = Pump::default();
        while self.stdin_taken < total {
            match rest.fill(&self.ports.stdin, total.saturating_sub(self.stdin_taken)) {
                Step::Moved(count) => {
                    self.stdin_taken = self.stdin_taken.saturating_add(count as u64)
                }
                Step::Later => {
                    let mut fds = [PollFd::new(&self.ports.stdin, PollFlags::IN)];
                    if poll(&mut fds, None).is_err_and(|error| error != Errno::INTR) {
                        return;
                    }
                }
                Step::Ended => return,
            }
            rest.clear();
        }
    }

    fn move_bytes(&mut self) {
        let Some(job) = &mut self.job else { return };
        job.check_deadline();
        job.reap();
        move_stdin(job, &self.ports);
        move_output(&mut job.stdout, &self.ports.stdout);
        move_output(&mut job.stderr, &self.ports.stderr);
        let mut said = Vec::new();
        if !self.replies.is_full()
            && let Some(terminal) = &job.terminal
        {
            let mut space = vec![0; TERMINAL_PIECE];
            match read_some(terminal.as_fd(), &mut space) {
                Step::Moved(count) => {
                    job.terminal_hung_up = false;
                    said.extend_from_slice(space.get(..count).unwrap_or_default());
                }
                // While the program lives it may open its terminal again; afterwards this is the end.
                Step::Ended if job.outcome.is_some() => job.terminal = None,
                Step::Ended => job.terminal_hung_up = true,
                Step::Later => job.terminal_hung_up = false,
            }
        }
        if job.is_overdue() {
            job.terminal = None;
            job.stdout.source = None;
            job.stderr.source = None;
        }
        if !said.is_empty() {
            self.reply(&Reply::Terminal(said));
        }
    }

    /// Tells of the program's end once all it said has gone.
    fn finish_job(&mut self) {
        let Some(job) = &self.job else { return };
        let Some(outcome) = job.outcome else { return };
        let silent = |output: &Output| output.source.is_none() && !output.pump.is_full();
        if !silent(&job.stdout) || !silent(&job.stderr) || job.terminal.is_some() {
            return;
        }
        let reply = Reply::Exit {
            outcome,
            stdout: job.stdout.total,
            stderr: job.stderr.total,
        };
        let (taken, ends) = (job.stdin_taken, job.stdin_ends);
        self.job = None;
        self.stdin_taken = taken;
        if let Some(total) = ends {
            self.discard_stdin(total);
        }
        self.reply(&reply);
    }
}

/// How much more may be taken from the standard input port for this program.
fn stdin_left(job: &Job) -> u64 {
    job.stdin_ends
        .map_or(u64::MAX, |total| total.saturating_sub(job.stdin_taken))
}

fn move_stdin(job: &mut Job, ports: &Ports) {
    if job.outcome.is_some() {
        return;
    }
    let left = stdin_left(job);
    if left > 0
        && let Step::Moved(count) = job.stdin_pump.fill(&ports.stdin, left)
    {
        job.stdin_taken = job.stdin_taken.saturating_add(count as u64);
    }
    let sink = if job.types {
        &mut job.terminal
    } else {
        &mut job.stdin
    };
    match sink {
        Some(fd) if job.stdin_pump.is_full() => {
            if job.stdin_pump.drain(&*fd) == Step::Ended {
                job.stdin_pump.clear();
                if !job.types {
                    *sink = None;
                }
            }
        }
        Some(_) => {}
        // Nobody reads any more: what still comes is dropped.
        None => job.stdin_pump.clear(),
    }
    if !job.types && stdin_left(job) == 0 && !job.stdin_pump.is_full() {
        job.stdin = None;
    }
}

fn move_output(output: &mut Output, port: &std::fs::File) {
    if let Some(source) = &output.source
        && output.pump.fill(source, u64::MAX) == Step::Ended
    {
        output.source = None;
    }
    match output.pump.drain(port) {
        Step::Moved(count) => output.total = output.total.saturating_add(count as u64),
        Step::Later => {}
        Step::Ended => output.pump.clear(),
    }
}

fn write_piece(put: &Put) -> std::io::Result<()> {
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(&put.path));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .append(put.append)
        .truncate(!put.append)
        .mode(put.mode)
        .open(path)?;
    file.write_all(&put.data)?;
    file.set_permissions(std::fs::Permissions::from_mode(put.mode))
}
