//! Tests of the front door: `nacre run` at a terminal, as a person sees it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pty_process::Size;
use pty_process::blocking::{Command, Pts, Pty, open};
use rustix::termios::{Termios, tcgetattr};

use super::report::{Failure, Report};
use super::tap::Verdict;

/// No case waits longer for one thing, on any machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// What stands at the end of the prompt, colours and all.
const PROMPT: &str = ":~# ";

/// The name these cases go by.
pub const NAME: &str = "front_door";

type Case = (&'static str, fn(&mut Session) -> Result<()>);

const CASES: [Case; 6] = [
    ("poweroff_ends_with_status_0", poweroff_ends_with_status_0),
    ("exit_ends_with_status_0", exit_ends_with_status_0),
    (
        "ctrl_a_x_leaves_a_sane_terminal",
        ctrl_a_x_leaves_a_sane_terminal,
    ),
    ("size_is_the_windows", size_is_the_windows),
    ("size_follows_the_window", size_follows_the_window),
    ("keys_control_jobs", keys_control_jobs),
];

/// Boots a kernel to its shell for each case and tries the case at the prompt.
///
/// # Errors
/// When there is no terminal or program to try with.
pub fn run(
    kernel: &Path,
    wanted: impl Fn(&[String]) -> Vec<String>,
    again: &str,
    report: &mut Report,
) -> Result<()> {
    let all: Vec<String> = CASES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let wanted = wanted(&all);
    let cases = CASES
        .iter()
        .filter(|(name, _)| wanted.iter().any(|its| its == name));
    for (name, case) in cases {
        let mut session = Session::begin(kernel)?;
        let outcome = session.until(PROMPT).and_then(|_| case(&mut session));
        match outcome {
            Ok(()) => report.tally.count(Verdict::Passed),
            Err(error) => {
                report.tally.count(Verdict::Failed);
                report.failures.push(Failure {
                    name: format!("{NAME}/{name}"),
                    output: format!("{error:#}"),
                    kernel_log: session.seen.clone(),
                    command: format!("{again} --filter {NAME}/{name}"),
                });
            }
        }
    }
    Ok(())
}

/// `nacre run` on a terminal of its own.
struct Session {
    child: Child,
    pty: Pty,
    /// Kept open: how the terminal is can be asked when the program has ended.
    pts: Pts,
    before: Termios,
    said: Receiver<Vec<u8>>,
    /// All that was said.
    seen: String,
    /// So much of it was looked at.
    looked: usize,
}

impl Session {
    fn begin(kernel: &Path) -> Result<Self> {
        let (pty, pts) = open().context("a terminal")?;
        pty.resize(Size::new(31, 97))?;
        let before = tcgetattr(&pts)?;
        let tool: PathBuf = std::env::current_exe().context("this program's path")?;
        let child = Command::new(tool)
            .args(["run", "--kernel"])
            .arg(kernel)
            .spawn_borrowed(&pts)
            .context("starting it again")?;
        let (to, said) = channel();
        let reader = rustix::io::dup(&pty)?;
        std::thread::spawn(move || {
            let mut reader = std::fs::File::from(reader);
            let mut space = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut space) {
                let bytes = space.get(..count).unwrap_or_default().to_vec();
                if to.send(bytes).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            pty,
            pts,
            before,
            said,
            seen: String::new(),
            looked: 0,
        })
    }

    fn type_keys(&mut self, keys: &str) -> Result<()> {
        self.pty.write_all(keys.as_bytes()).context("typing")
    }

    /// Waits until `text` is said, and gives what came before it since the last time.
    fn until(&mut self, text: &str) -> Result<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let rest = self.seen.get(self.looked..).unwrap_or_default();
            if let Some(at) = rest.find(text) {
                let before = rest.get(..at).unwrap_or_default().to_owned();
                self.looked += at + text.len();
                return Ok(before);
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) => bail!("{text:?} is not said"),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended before it said {text:?}"),
            }
        }
    }

    /// Types a line and gives what the shell says to it, the echo left out.
    fn command(&mut self, line: &str) -> Result<String> {
        self.type_keys(&format!("{line}\r"))?;
        self.until(line)?;
        let answer = self.until("\x1b[36m")?;
        self.until(PROMPT)?;
        Ok(answer.trim().replace('\r', ""))
    }

    /// The end, with the terminal as it was before.
    fn end(&mut self) -> Result<ExitStatus> {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let after = tcgetattr(&self.pts)?;
        ensure!(
            after.local_modes == self.before.local_modes
                && after.input_modes == self.before.input_modes
                && after.output_modes == self.before.output_modes,
            "the terminal is not as it was: {after:?}"
        );
        Ok(status)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.type_keys("\x01x");
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn poweroff_ends_with_status_0(session: &mut Session) -> Result<()> {
    session.type_keys("poweroff\r")?;
    let status = session.end()?;
    ensure!(status.success(), "{status}");
    Ok(())
}

fn exit_ends_with_status_0(session: &mut Session) -> Result<()> {
    session.type_keys("exit\r")?;
    let status = session.end()?;
    ensure!(status.success(), "{status}");
    Ok(())
}

fn ctrl_a_x_leaves_a_sane_terminal(session: &mut Session) -> Result<()> {
    session.type_keys("vi /tmp/draft\r")?;
    session.until("/tmp/draft")?;
    session.type_keys("\x01x")?;
    session.end().map(|_| ())
}

fn size_is_the_windows(session: &mut Session) -> Result<()> {
    let size = session.command("stty size")?;
    ensure!(size == "31 97", "{size:?}");
    Ok(())
}

fn size_follows_the_window(session: &mut Session) -> Result<()> {
    let script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done";
    session.type_keys(&format!("sh -c \"{script}\"\r"))?;
    session.until("ready\r")?;
    session.pty.resize(Size::new(44, 133))?;
    session.until("44 133\r").map(|_| ())
}

fn keys_control_jobs(session: &mut Session) -> Result<()> {
    // It says so when it has the terminal, first and again.
    let script = "trap 'echo goes on' CONT; echo begun; while :; do sleep 0.05; done";
    session.type_keys(&format!("sh -c \"{script}\"\r"))?;
    session.until("begun\r")?;
    session.type_keys("\x1a")?;
    session.until("Stopped")?;
    session.until(PROMPT)?;
    session.type_keys("fg\r")?;
    session.until("goes on\r")?;
    session.type_keys("\x03")?;
    session.until(PROMPT)?;
    let status = session.command("echo status $?")?;
    ensure!(status == "status 130", "{status:?}");
    Ok(())
}
